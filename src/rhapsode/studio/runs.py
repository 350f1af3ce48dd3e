"""Trainings: each is `rhapsode train` in a process of its own, which is kind to other programs, in a folder of its own.

What is shown of one is in its folder: metrics, notes, samples. So a training goes on when the page is closed, and what
was trained elsewhere can be looked at, too.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.studio.command import said
from rhapsode.training.folder import over, stopped_run
from rhapsode.training.log import LOG, records
from rhapsode.training.told import TOLD, ending, samples

MODELS, UPLOADS = "models", "uploads"
"""Folders of new models, and of files that were dropped."""
NAME = re.compile(r"\w[\w.-]{0,59}")
SHOWN = 12
"""Samples that are shown, from the first to the last one."""
LAST = 20_000
"""Bytes of notes, and of samples, from the end."""
PROGRESS = re.compile(r"^\d+% update ")
KIND = 10
"""How much a training gives way to other programs (`nice`)."""
PATIENCE = 60.0
"""Seconds that a training may take to save itself when the studio ends."""
LOOK = 60.0
"""Seconds for a look at files."""


class Run:
    """One training. folder: of its model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None  # while it runs
        self._told = ""

    def start(self, words: Sequence[str]) -> None:
        """Train, with these arguments. Raises `UserError` if it trains already."""
        if self.state == "running":
            raise UserError(f"{self.folder.name} is being trained already.")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the run is known)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rhapsode", "train", *words, "-o", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            start_new_session=True,  # Ctrl-C in the terminal is for the studio, which tells the training
        )
        with suppress(OSError, AttributeError):  # there are systems without it
            os.setpriority(os.PRIO_PROCESS, self._process.pid, KIND)

    def stop(self) -> None:
        """End it as Ctrl-C does: all is kept, and it can go on."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End it, and wait until it has."""
        self.stop()
        if self._process is not None:
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._hear()

    @property
    def state(self) -> str:
        """running, finished, stopped (it can go on), or failed."""
        status = None if self._process is None else self._process.poll()
        if self._process is not None and status is None:
            return "running"
        self._hear()
        if status not in (None, 0, 130):
            return "failed"
        with suppress(UserError):  # of a checkpoint that is damaged; the model may be there all the same
            if not over(self.folder) and stopped_run(self.folder):
                return "stopped"
        return "finished" if (self.folder / checkpoint.MODEL).is_file() else "failed"

    def about(self, begin: int = 0) -> dict[str, Any]:
        """What is shown of it. begin: the metrics from this line on."""
        state = self.state
        metrics = records(self.folder)
        log = ending(self.folder / TOLD, LAST).splitlines()
        notes = [line[21:] for line in log if not PROGRESS.match(line[21:].lstrip())]
        progress = [line[21:].strip() for line in log if PROGRESS.match(line[21:].lstrip())]
        return {
            "name": self.folder.name,
            "state": state,
            "metrics": metrics[begin:],
            "count": len(metrics),
            "notes": notes[-50:],
            "progress": progress[-1] if progress and state == "running" else "",
            "samples": [one._asdict() for one in samples(self.folder, LAST)[-SHOWN:]],
            "error": self._error if state == "failed" else "",
        }

    def _hear(self) -> None:
        """Keep the last words of a process that has ended."""
        said, self._said = self._said, None
        if said is not None:
            with said:
                said.seek(0)
                self._told = said.read()[-LAST:].decode("utf-8", "replace").strip()

    @property
    def _error(self) -> str:
        lines = self._told.splitlines()
        return next((line for line in reversed(lines) if line.startswith("rhapsode: ")), "\n".join(lines[-3:]))


class Runs:
    """The trainings below a folder. One at a time: two would take each other's cores."""

    def __init__(self, below: Path) -> None:
        self.below = below
        self._known: dict[str, Run] = {}

    def get(self, name: str) -> Run:
        """Raises `UserError` if there is none."""
        if name not in self._known:
            folder = self._folder(name)
            if not (folder / LOG).is_file():
                raise UserError(f"there is no training {name!r} here.")
            self._known[name] = Run(folder)
        return self._known[name]

    def every(self) -> list[dict[str, Any]]:
        """Name and state of each, the last one first."""
        models = self.below / MODELS
        found = {path.parent for path in models.glob(f"*/{LOG}")} if models.is_dir() else set()
        found |= {run.folder for run in self._known.values()}
        order = sorted(found, key=lambda one: -(one.stat().st_mtime if one.exists() else time.time()))
        runs = [self._known.get(folder.name) or Run(folder) for folder in order]
        return [{"name": run.folder.name, "state": run.state} for run in runs]

    def start(self, name: str, sources: Sequence[str], minutes: float) -> Run:
        """Train a new model. Raises `UserError`."""
        folder = self._folder(name)
        if folder.exists():
            raise UserError(f"there is a model {name!r} already. Choose another name.")
        self._alone()
        run = self._known[name] = Run(folder)
        run.start([*self._sources(sources), "--minutes", str(minutes)])
        return run

    def resume(self, name: str, minutes: float | None) -> Run:
        """Go on with a training that was stopped; or train longer, for so many more minutes. Raises `UserError`."""
        run = self.get(name)
        self._alone()
        run.start(["--resume", *([] if minutes is None else ["--minutes", str(minutes)])])
        return run

    def look(self, sources: Sequence[str]) -> list[dict[str, str]]:
        """What `train` would make of each of the sources: the words of `inspect`, or why it can make nothing of it."""
        found = []
        for source in self._sources(sources):
            try:
                told, wrong, _ = said(["inspect", source], LOOK)
            except UserError as error:
                told, wrong = "", str(error)
            found.append({"source": source, "found": told, "wrong": wrong})
        return found

    def uploads(self, name: str) -> Path:
        """The folder of the files that were dropped for a model. Raises `UserError`."""
        self._folder(name)
        return self.below / UPLOADS / name

    def close(self) -> None:
        """End all."""
        for run in self._known.values():
            run.stop()
        for run in self._known.values():
            run.close()

    def _alone(self) -> None:
        running = [name for name, run in self._known.items() if run.state == "running"]
        if running:
            raise UserError(f"{running[0]} is being trained. Stop it first, or wait until it is finished.")

    def _folder(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise UserError(
                f"{name[:80]!r} cannot be the name of a model: letters, digits, `_`, `-` and `.`, 60 at the most."
            )
        return self.below / MODELS / name

    def _sources(self, sources: Sequence[str]) -> list[str]:
        """Sources as arguments: a name that looks like an option is no option."""
        return [f"./{one}" if one.startswith("-") else one for one in sources]
