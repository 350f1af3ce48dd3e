"""Texts that go with recordings, which must be read as they are meant: what is said is not guessed."""

from __future__ import annotations

from pathlib import Path

from rhapsode.errors import UserError


def contents(path: Path, name: str) -> str:
    """A file in UTF-8, or in UTF-16 with its mark, as Praat writes it. Raises `UserError`."""
    data = path.read_bytes()
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name}, line {line}: not UTF-8. Save the file as UTF-8.") from None
