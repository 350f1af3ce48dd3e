"""What a command of the user's accepts: a compiler, a linter, a test.

The command gets the text so far, prompt included, at the end of each line, and says by its exit status whether it is
valid. It cannot say that a text will never be valid: so some lines may follow that it does not accept, as those of a
function that is not yet whole; but after `PATIENCE` of them, they are taken for a mistake.

Each look is a process: a compiler needs some hundredths of a second, so it has most of the time.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.errors import UserError

PATIENCE = 20
"""So many lines in a row may be incomplete."""
LIMIT = 10.0
"""Seconds after which a command is ended; the text is then not valid."""
PLACE = "{}"
"""Stands in the command for a file with the text."""
KNOWN = 4096
"""The most texts of which the answer is kept."""
ENDS = b";}.>)]\"'"
"""Behind these, a text may end within a line."""


class Check(Constraint):
    """A place in a text that a command must accept. It runs a program: take it from the user only."""

    name = "check"
    argument = "COMMAND"
    local = True
    breaks = re.compile(rb"\n")

    def __init__(self, argument: str) -> None:
        """argument: the command, in words as a shell would cut them; no shell runs it. Raises `UserError`."""
        super().__init__(argument)
        try:
            self._command = shlex.split(argument)
        except ValueError as error:
            raise UserError(f"check: {argument!r} cannot be cut into words: {error}.") from None
        if not self._command:
            raise UserError("check: the command is empty. Give a program, and what follows it.")
        self._answers: dict[bytes, str] = {}  # shared by all copies: text → why not, empty if it is valid
        self._text, self._waiting = b"", 0
        self._accepted: bool | None = None  # of the text as it is now; None if the command was not asked

    @property
    def verdict(self) -> Verdict:
        if self.reason:
            return Verdict.IMPOSSIBLE
        if self._accepted is None and not self._text:
            self._accepted = not self._refusal(b"")
        return Verdict.VALID if self._accepted else Verdict.INCOMPLETE

    def read(self, data: bytes) -> Verdict:
        for line in data.splitlines(keepends=True):
            if self.reason:
                break
            self._text += line
            self._accepted = None if self._text else self._accepted
            if line.endswith(b"\n"):
                why = self._refusal(self._text)
                self._accepted, self._waiting = not why, self._waiting + 1 if why else 0
                if self._waiting >= PATIENCE:
                    self.reason = f"{PATIENCE} lines later, {self._command[0]} still refuses it: {why}"
        return self.verdict

    def closing(self) -> bytes | None:
        if self.verdict is Verdict.VALID:
            return b""
        if self.reason or self._text.endswith(b"\n") or self._text[-1:] not in ENDS:
            return None
        return b"\n" if not self._refusal(self._text + b"\n") else None

    def _refusal(self, text: bytes) -> str:
        """Why the command refuses the text; empty if it accepts it. Raises `UserError` if it cannot run."""
        key = hashlib.sha256(text).digest()
        if key not in self._answers:
            while len(self._answers) >= KNOWN:
                del self._answers[next(iter(self._answers))]
            self._answers[key] = self._run(text)
        return self._answers[key]

    def _run(self, text: bytes) -> str:
        with tempfile.TemporaryDirectory(prefix="rhapsode-check-") as folder:
            file = Path(folder, "text")
            file.write_bytes(text)
            command = [word.replace(PLACE, str(file)) for word in self._command]
            with file.open("rb") as given, tempfile.TemporaryFile() as said:
                stdin = subprocess.DEVNULL if command != self._command else given
                own = os.name == "posix"  # a group of processes that can be ended together
                try:
                    process = subprocess.Popen(
                        command,
                        stdin=stdin,
                        stdout=said,
                        stderr=subprocess.STDOUT,
                        start_new_session=own,
                    )
                except OSError as error:
                    raise UserError(
                        f"check: {self._command[0]!r} cannot be run: {error.strerror}. Give a program that is there."
                    ) from None
                try:
                    status = process.wait(LIMIT)
                except subprocess.TimeoutExpired:
                    return f"it needs more than {LIMIT:g} seconds"
                finally:
                    _end(process)
                if not status:
                    return ""
                said.seek(max(0, said.seek(0, os.SEEK_END) - 2000))
                lines = said.read().decode("utf-8", "replace").replace(str(file), "text").split("\n")
        found = [line.strip() for line in lines if line.strip()]
        return found[-1][:200] if found else f"exit status {status}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it has begun."""
    if process.poll() is None and sys.platform != "win32":
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()
