"""What a training run tells, kept in the model's folder for people: `log.txt`, and `samples.txt` of what it wrote.

Both only grow: where a run was stopped or killed and went on, its log says so, and a sample may stand there twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from rhapsode.errors import NotFinite, UserError
from rhapsode.report import Report, figures, nats

TOLD, SAMPLES = "log.txt", "samples.txt"
QUALITY = "quality.json"
"""What was measured of the model when its training was over, see `Codec.quality`."""


class Told(Report):
    """Passes on what it hears, and writes it down: once it is known where, all that was heard before, too."""

    def __init__(self, report: Report, silent: bool = False) -> None:
        """silent: nothing is written; of several processes, one does that."""
        self._report, self._silent = report, silent
        self._folder: Path | None = None
        self._waiting: list[str] = []
        self._latest: dict[str, Any] = {}

    @contextmanager
    def written(self, folder: Path) -> Iterator[None]:
        """While a run goes on in this folder. Why it failed, if it does, is written, too: for who was not there."""
        self._folder = folder
        self._append(TOLD, "".join(self._waiting))
        self._waiting.clear()
        try:
            yield
        except (UserError, NotFinite) as error:
            self.write(f"ended: {error}")
            raise

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
        if self._silent:
            return
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
            heading = f"--- update {self._latest['update']:,}, valid {nats(self._latest['valid'])} ---"
            self._append(SAMPLES, f"{heading}\n{text}\n\n")
        self._report.sample(text)
