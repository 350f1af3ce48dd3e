"""What a training run tells, kept in the model's folder for people: `log.txt`, and `samples.txt` of what it wrote.

Both only grow: where a run was stopped or killed and went on, its log says so, and a sample may stand there twice.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from rhapsode.report import Report, figures, nats

TOLD, SAMPLES = "log.txt", "samples.txt"


class Told(Report):
    """Passes on what it hears, and writes it down: once `begin` has said where, all that was heard before, too."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._folder: Path | None = None
        self._waiting: list[str] = []
        self._latest: dict[str, Any] = {}

    def begin(self, folder: Path) -> None:
        """There is a run in this folder now."""
        self._folder = folder
        self._append(TOLD, "".join(self._waiting))
        self._waiting.clear()

    def write(self, text: str) -> None:
        """A line of the log that nobody hears."""
        lines = "\n    ".join(text.splitlines())
        line = f"{datetime.now():%Y-%m-%d %H:%M:%S}  {lines}\n"
        if self._folder is None:
            self._waiting.append(line)
        else:
            self._append(TOLD, line)

    def _append(self, name: str, text: str) -> None:
        assert self._folder is not None
        with (
            suppress(OSError),  # a full disk stops what matters more, and that says so
            (self._folder / name).open("a", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.write(text)

    def stage(self, what: str, fraction: float | None = None) -> None:
        self._report.stage(what, fraction)

    def note(self, text: str) -> None:
        self.write(text)
        self._report.note(text)

    def warn(self, text: str) -> None:
        self.write(f"warning: {text}")
        self._report.warn(text)

    def progress(self, done: float, **values: Any) -> None:
        if "valid" in values:
            self._latest = values
            self.write(f"{done:4.0%} {figures(values)}")
        self._report.progress(done, **values)

    def sample(self, text: str) -> None:
        if self._folder is not None and self._latest:
            heading = f"--- step {self._latest['step']:,}, valid {nats(self._latest['valid'])} ---"
            self._append(SAMPLES, f"{heading}\n{text}\n\n")
        self._report.sample(text)
