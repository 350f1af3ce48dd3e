"""Files whose y axis is upside down with respect to their format. The user names them (`--flip`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePath

from rhapsode.errors import UserError

_patterns: ContextVar[dict[str, bool]] = ContextVar("flipped", default={})  # noqa: B039 — never written to
"""For each pattern, whether it has matched a name."""


@contextmanager
def flipping(patterns: Sequence[str]) -> Iterator[None]:
    """While this context is open, files whose names match a pattern are turned upside down. Raises `UserError`."""
    if not all(patterns):
        raise UserError("flip: an empty name. Give that of a file, or a pattern such as '*.dat', or '*' for all files.")
    before = _patterns.set(dict.fromkeys(patterns, False))
    try:
        yield
    finally:
        _patterns.reset(before)


def flips() -> list[str]:
    """The patterns that apply now."""
    return list(_patterns.get())


def flipped(name: str) -> bool:
    """Whether a file, or a member of an archive (`archive.zip/member`), is to be turned upside down.

    A pattern is compared with the last parts of a name (`PurePath.match`): `*.dat` matches `a/b.dat`, `*` all files.
    """
    fits = [pattern for pattern in _patterns.get() if PurePath(name).match(pattern)]
    for pattern in fits:
        _patterns.get()[pattern] = True
    return bool(fits)


def unused() -> str:
    """A message about the patterns that have matched no file so far; empty if there are none."""
    found = [pattern for pattern, fits in _patterns.get().items() if not fits]
    if not found:
        return ""
    return f"--flip {' and '.join(map(repr, found))} fits no file that was read and can be turned. Is it right?"
