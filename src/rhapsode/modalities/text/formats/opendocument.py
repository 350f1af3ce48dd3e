"""OpenDocument texts and presentations (LibreOffice and others): paragraphs, tables and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zipfile import ZipFile

from rhapsode.errors import UserError
from rhapsode.files.archive import members, opened
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.xml import Node, parse
from rhapsode.modalities.text.formats._paragraphs import joined

KINDS = ("text", "presentation", "text-master", "text-template")
SPACE = re.compile(r"[ \t\r\n]+")
SPACES = 100
"""The most spaces in a row."""
SKIPPED = frozenset(("tracked-changes", "annotation", "annotation-end", "note-citation", "ruby-text", "scripts"))


def read(source: Source, refused: Refusals) -> Iterator[str]:
    with opened(source) as archive:
        content = next((each for each in members(archive, source.name) if str(each.path) == "content.xml"), None)
        if content is None:
            raise UserError(f"{source.name}: an OpenDocument file without content.xml. Save it again.")
        notes: list[str] = []
        paragraphs = list(_paragraphs(parse(content, mixed=True), notes))
    yield joined([*paragraphs, *notes])


def _paragraphs(node: Node, notes: list[str]) -> Iterator[str]:
    """The paragraphs in an element, and the rows of its tables. notes: takes the paragraphs of notes."""
    for child in node.children:
        if child.name in ("p", "h"):
            pieces: list[str] = []
            inner: list[str] = []
            _inline(child, pieces, inner, notes)
            yield "".join(pieces).strip(" ")
            yield from inner
        elif child.name == "table-row":
            cells = [" ".join(_paragraphs(cell, notes)).strip() for cell in child.children if cell.name == "table-cell"]
            yield "\t".join(cells)
        elif child.name and child.name not in SKIPPED:
            yield from _paragraphs(child, notes)


def _inline(node: Node, pieces: list[str], inner: list[str], notes: list[str]) -> None:
    for child in node.children:
        if not child.name:
            pieces.append(SPACE.sub(" ", child.text))
        elif child.name == "s":
            count = child.attributes.get("text:c", "1")
            pieces.append(" " * (min(int(count), SPACES) if count.isdecimal() and len(count) < 9 else 1))
        elif child.name in ("tab", "line-break"):
            pieces.append("\t" if child.name == "tab" else "\n")
        elif child.name == "note":
            notes += _paragraphs(child, notes=[])
        elif child.name in ("text-box", "table"):
            inner += _paragraphs(child, notes)
        elif child.name not in SKIPPED:
            _inline(child, pieces, inner, notes)


def packed(archive: ZipFile) -> bool:
    if "mimetype" not in archive.namelist():
        return False
    with archive.open("mimetype") as file:
        kind = file.read(100).decode("latin-1").strip()
    return kind.removeprefix("application/vnd.oasis.opendocument.") in KINDS


FORMAT = Format(title="OpenDocument", packed=packed, read=read)
