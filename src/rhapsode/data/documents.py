"""Documents whose text is packed in something else (Word, PDF, EPUB, mail), as files of plain text.

The formats are those of the modality `text`, one module each. A document is read once, into a temporary file, since
training reads its data several times.
"""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from rhapsode.errors import UserError
from rhapsode.files.formats import Format, Formats
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import of_file, reading


@cache
def formats() -> Formats[str]:
    return Formats("text", "a document")


def format_of(path: Path, head: bytes, as_text: bool) -> Format[str] | None:
    """The format of a document; None for other files. as_text: also if the file is itself text, with signs in it: a web
    page, a notebook."""
    found = formats().of(path, head)
    return found if found is not None and (as_text or not found.markup) else None


def marked_up(path: Path, head: bytes) -> str:
    """The title of the format of a file that `format_of` finds only with `as_text`; "" for other files."""
    found = formats().of(path, head)
    return found.title if found is not None and found.markup else ""


def converted(path: Path, name: str, format: Format[str], refused: Refusals) -> tuple[Path, tuple[int, ...]]:
    """A new temporary file with the texts of a document in UTF-8, and how many bytes each of them has. Raises
    `UserError`."""
    handle, made = tempfile.mkstemp(prefix="rhapsode-")
    try:
        with os.fdopen(handle, "wb") as file, reading(name):
            lengths = tuple(
                file.write(text.encode("utf-8", "replace")) for text in format.read(of_file(path, name), refused)
            )
        if not sum(lengths):
            raise UserError(f"{name}: there is no text in it. Leave it out.")
    except BaseException:
        os.unlink(made)
        raise
    return Path(made), tuple(filter(None, lengths))
