"""Paths in files: unless the user trusts the file, they must not lead out of the file's own folder."""

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
"""The advice for a path that leads out of its folder."""


@contextmanager
def trusting(paths: bool) -> Iterator[None]:
    """While this context is open, paths in files may lead anywhere (`paths` is true), or not."""
    before = _trusted.set(paths)
    try:
        yield
    finally:
        _trusted.reset(before)


def inside(folder: Path, named: str) -> Path | None:
    """The path `named`, relative to a folder; None if it leads out of the folder, and paths are not trusted.

    Only the written path counts. A symbolic link inside the folder is followed wherever it leads, since whoever made
    the folder made the link.
    """
    plain = Path(named)
    if _trusted.get() or not (plain.anchor or ".." in plain.parts):
        return folder / plain
    path = Path(os.path.normpath(folder / named))
    return path if Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)) else None
