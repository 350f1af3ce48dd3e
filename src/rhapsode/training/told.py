"""The messages and samples of a training run, kept in the model's folder: `log.txt` and `samples.txt`.

Both files only grow. If a run was stopped and then resumed, the log says so, and a sample may occur twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from rhapsode.errors import NotFinite, UserError
from rhapsode.report import Report, figures, nats

TOLD, SAMPLES = "log.txt", "samples.txt"
HEADING = re.compile(r"^--- update ([\d,]+), valid (.+?)(?: \(.*\))? ---$", re.MULTILINE)
"""The line above each sample: see `Told.sample`."""
QUALITY = "quality.json"
"""The file of what was measured after the training, see `Codec.quality`."""


class Told(Report):
    """Passes reports on, and writes them to the files. As soon as the folder is known, earlier reports are written,
    too."""

    def __init__(self, report: Report, silent: bool = False) -> None:
        """silent: write nothing. (Of several processes, only one writes.)"""
        self._report, self._silent = report, silent
        self._folder: Path | None = None
        self._waiting: list[str] = []
        self._latest: dict[str, Any] = {}

    @contextmanager
    def written(self, folder: Path) -> Iterator[None]:
        """The context of a run in this folder. If the run fails, the reason is written to the log, too."""
        self._folder = folder
        self._append(TOLD, "".join(self._waiting))
        self._waiting.clear()
        try:
            yield
        except (UserError, NotFinite) as error:
            self.write(f"ended: {error}")
            raise

    def write(self, text: str) -> None:
        """Write a line to the log only."""
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


class Sample(NamedTuple):
    """What a model wrote at an update of its training, and the validation loss then."""

    update: str
    valid: str
    text: str


def samples(folder: Path, size: int) -> list[Sample]:
    """Those in the last so many bytes of a run's samples, the latest last."""
    parts = HEADING.split(ending(folder / SAMPLES, size))[1:]
    every = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return [Sample(update, valid, text.strip("\n")) for update, valid, text in every]


def ending(path: Path, size: int) -> str:
    """The last so many bytes of a text; nothing if there is no such file."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read().decode("utf-8", "replace")
