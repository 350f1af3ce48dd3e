"""Files whose y axis goes the other way than their format has it: whoever gives them says so, by their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePath

from rhapsode.errors import UserError

_patterns: ContextVar[dict[str, bool]] = ContextVar("flipped", default={})  # noqa: B039 — never written to
"""Whether a name has fitted each pattern."""


@contextmanager
def flipping(patterns: Sequence[str]) -> Iterator[None]:
    """Files of names that fit one of the patterns are turned upside down while this is open. Raises `UserError`."""
    if not all(patterns):
        raise UserError("flip: an empty name. Give that of a file, or a pattern such as '*.dat', or '*' for all files.")
    before = _patterns.set(dict.fromkeys(patterns, False))
    try:
        yield
    finally:
        _patterns.reset(before)


def flips() -> list[str]:
    """The patterns that hold."""
    return list(_patterns.get())


def flipped(name: str) -> bool:
    """Whether a file, or a member of an archive (`archive.zip/member`), is to be turned.

    A pattern fits the last parts of a name (`PurePath.match`): `*.dat` fits `a/b.dat`, and `*` all files.
    """
    fits = [pattern for pattern in _patterns.get() if PurePath(name).match(pattern)]
    for pattern in fits:
        _patterns.get()[pattern] = True
    return bool(fits)


def unused() -> str:
    """A sentence about patterns that fitted no file so far; empty if there is none."""
    found = [pattern for pattern, fits in _patterns.get().items() if not fits]
    if not found:
        return ""
    return f"--flip {' and '.join(map(repr, found))} fits no file that was read and can be turned. Is it right?"
