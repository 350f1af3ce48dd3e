"""Notebooks of Jupyter: the text and the code of their cells, without what the code printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.json import parsed
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import mapping, sequence

CUT = "A notebook is one JSON object; if it was cut off, fetch it again."


def read(source: Source, refused: Refusals) -> Iterator[str]:
    book = mapping(parsed(source.data().removeprefix(b"\xef\xbb\xbf"), source.name, CUT), source.name)
    cells = book.get("cells")
    if cells is None:  # before version 4
        sheets = sequence(book.get("worksheets", []), f"{source.name}, worksheets")
        cells = [cell for sheet in sheets for cell in mapping(sheet, source.name).get("cells") or []]
    if not cells:
        raise UserError(f"{source.name}: a notebook without cells. Leave it out.")
    texts = []
    for number, cell in enumerate(sequence(cells, f"{source.name}, cells"), 1):
        about = mapping(cell, f"{source.name}, cell {number}")
        texts.append(_text(about.get("source", about.get("input", ""))))
    yield "\n\n".join(text for each in texts if (text := each.strip("\n"))) + "\n"


def _text(value: Any) -> str:
    return "".join(line for line in value if isinstance(line, str)) if isinstance(value, list) else str(value)


FORMAT = Format(
    title="notebook",
    recognises=lambda head: head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"),
    read=read,
    markup=True,
    suffixes=(".ipynb",),
)
