"""Commands in processes of their own: the studio says what the command line says, and a model that is too large for the
memory ends a command, not the studio."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from rhapsode.errors import UserError

NAME = "rhapsode: "
"""What commands begin an error with."""
MISTAKE = 2
"""The exit status of a command that could not do what it was asked."""


class Said(NamedTuple):
    """What a command has said, and its exit status."""

    out: str
    err: str
    status: int


def said(words: Sequence[str], seconds: float) -> Said:
    """Run `rhapsode` with these arguments. Raises `UserError` if it takes longer."""
    command = [sys.executable, "-m", "rhapsode", *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise UserError(f"it takes longer than {seconds:.0f} seconds. Use the command: rhapsode {words[0]}") from None
    out, err = (part.decode("utf-8", "replace").strip() for part in (done.stdout, done.stderr))
    return Said(out, err, done.returncode)


def answered(words: Sequence[str], seconds: float) -> Any:
    """The JSON of a command. Raises `UserError`, also for what the command calls a mistake."""
    return json.loads(checked(words, seconds).out)


def checked(words: Sequence[str], seconds: float) -> Said:
    """What a command has said. Raises `UserError`, also for what the command calls a mistake."""
    found = said(words, seconds)
    if found.status == MISTAKE:
        raise UserError(found.err.rpartition(NAME)[2])
    if found.status:
        raise RuntimeError(f"rhapsode {' '.join(words)}: {found.err}")
    return found
