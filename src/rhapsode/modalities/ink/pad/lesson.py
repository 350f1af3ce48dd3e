"""One lesson, as a process of its own: `python -m rhapsode.modalities.ink.pad.lesson FILE BASE FOLDER MINUTES`.

So the page stays quick while the model learns. What it does, it says on stdout, one JSON object a line. It learns until
the time is over or its stdin has something to say: `keep` ends the lesson, what was learnt stays; a stdin that is
closed, also since the page's program has died, ends it with nothing kept.
"""

from __future__ import annotations

import _thread
import json
import math
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

from rhapsode.errors import NotFinite, UserError
from rhapsode.files import checkpoint
from rhapsode.files.place import sweep, synced, temporary
from rhapsode.files.source import of_file
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.formats import own
from rhapsode.report import Report

KEEP = "keep"
EVERY = 8
"""One line of so many is held out: the best weights are those that fit such lines best."""


def say(**values: Any) -> None:
    numbers = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
    print(json.dumps(numbers), flush=True)


class _Told(Report):
    """What training tells, for the page. Its notes are for who knows networks."""

    def stage(self, what: str, fraction: float | None = None) -> None:
        say(stage=what)

    def warn(self, text: str) -> None:
        say(warning=text)

    def progress(self, done: float, **values: Any) -> None:
        say(done=done, **{key: values[key] for key in ("train", "valid", "best", "eta") if key in values})


def lesson(file: Path, base: str, folder: Path, minutes: float, commands: list[str]) -> None:
    """Fine-tune `base` on the lines of `file`, and put the model into `folder`, where the old one stays until then.

    commands: what was said on stdin, filled in by `_listen`. Raises `UserError`.
    """
    say(stage="preparing")
    from rhapsode.training.folder import RECORDS
    from rhapsode.training.run import train

    folder.parent.mkdir(parents=True, exist_ok=True)
    sweep(folder.parent)
    desk = temporary(folder)
    try:
        desk.mkdir()
        learnt, held_out = _dealt(file, base, desk)
        result = train([learnt], desk, valid=[held_out], base=base, minutes=minutes, report=_Told())
        kept = result.finished or KEEP in commands
        if kept:
            folder.mkdir(exist_ok=True)
            (folder / checkpoint.RESUME).unlink(missing_ok=True)  # another run's: it must not go on with this model
            for name in (*RECORDS, checkpoint.MODEL):
                if (desk / name).exists():  # of a short lesson, there are no samples
                    os.replace(desk / name, folder / name)
            synced(folder)
        say(end="finished" if result.finished else "stopped", kept=kept, seconds=result.seconds)
    finally:
        shutil.rmtree(desk, ignore_errors=True)


def _dealt(file: Path, base: str, desk: Path) -> tuple[Path, Path]:
    """The lines that the base can learn, in two files on the desk; in the second are those it is tried on.

    `train` would deal them by chance, and of so few lines hold out none at times.
    """
    codec = Model.load(base).record_codec
    lines = [line for line in own.read(of_file(file, str(file))) if not codec.refusal(line)]
    parts = {"learnt": [line for n, line in enumerate(lines) if n % EVERY != 1], "held-out": lines[1::EVERY]}
    for name, part in parts.items():
        (desk / f"{name}.jsonl").write_text("".join(f"{own.dumps(line)}\n" for line in part), "utf-8")
    return desk / "learnt.jsonl", desk / "held-out.jsonl"


def _listen(commands: list[str]) -> None:
    """Wait for stdin's word or end, then interrupt as Ctrl-C would: training ends after its step."""
    commands.append(os.read(sys.stdin.fileno(), 64).decode().strip())  # sys.stdin would be locked when Python ends
    _thread.interrupt_main()


def main() -> None:
    file, base, folder, minutes = sys.argv[1:]
    commands: list[str] = []
    threading.Thread(target=_listen, args=(commands,), daemon=True).start()
    try:
        lesson(Path(file), base, Path(folder), float(minutes), commands)
    except (UserError, NotFinite, OSError) as error:
        say(end="failed", error=str(error))
    except KeyboardInterrupt:  # before training had begun
        say(end="stopped", kept=False)


if __name__ == "__main__":
    main()
