"""Files that other files name: unless they are trusted, they are in the folder of the file that names them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_trusted: ContextVar[bool] = ContextVar("trusted", default=False)
ADVICE = (
    "A file from elsewhere could name any file of yours. If you trust it, allow that with --trust-paths "
    "(trust_paths=True in Python); or put what it names into its folder"
)
"""For whoever meets a path that leads out of its folder."""


@contextmanager
def trusting(paths: bool) -> Iterator[None]:
    """Whether paths in files may lead anywhere while this is open."""
    before = _trusted.set(paths)
    try:
        yield
    finally:
        _trusted.reset(before)


def inside(folder: Path, named: str) -> Path | None:
    """Where a path leads from a folder on; None for one that leads out of it, unless it is trusted.

    That is decided by what is written. A link in the folder is followed wherever it leads: who made the folder made it.
    """
    plain = Path(named)
    if _trusted.get() or not (plain.anchor or ".." in plain.parts):
        return folder / plain
    path = Path(os.path.normpath(folder / named))
    return path if Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)) else None
