"""The text of Office Open XML: paragraphs, tables and notes; what was deleted is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zipfile import ZipFile

from rhapsode.files.archive import members, opened
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.xml import Node, parse
from rhapsode.modalities.text.formats._paragraphs import joined

PARTS = (
    re.compile(r"word/document\d*\.xml"),
    re.compile(r"word/(?:footnotes|endnotes)\.xml"),
    re.compile(r"ppt/slides/slide(\d+)\.xml"),
)
"""The parts with text, in the order in which they are read; slides by their numbers."""
SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
SKIPPED = frozenset(("del", "moveFrom", "rPr", "pPr", "tblPr", "Fallback", "sectPr", "instrText"))


def read(source: Source, refused: Refusals) -> Iterator[str]:
    with opened(source) as archive:
        found = [(key, member) for member in members(archive, source.name) if (key := _key(str(member.path)))]
        paragraphs = [
            line for _, member in sorted(found, key=lambda each: each[0]) for line in _paragraphs(parse(member))
        ]
    yield joined(paragraphs)


def _key(name: str) -> tuple[int, int] | None:
    """The place of a part among those with text."""
    for place, pattern in enumerate(PARTS):
        if match := pattern.fullmatch(name):
            return place + 1, int(match[1][:9]) if match.groups() else 0
    return None


def _paragraphs(node: Node) -> Iterator[str]:
    """The paragraphs in an element, and the rows of its tables."""
    for child in node.children:
        if child.name == "p":
            pieces: list[str] = []
            inner: list[str] = []
            _inline(child, pieces, inner)
            yield "".join(pieces)
            yield from inner
        elif child.name == "tr":
            cells = [" ".join(_paragraphs(cell)).strip() for cell in child.children if cell.name == "tc"]
            yield "\t".join(cells)
        elif child.name not in SKIPPED:
            yield from _paragraphs(child)


def _inline(node: Node, pieces: list[str], inner: list[str]) -> None:
    """The text of a paragraph; and paragraphs of text boxes that are anchored in it."""
    for child in node.children:
        if child.name == "t":
            pieces.append(child.text)
        elif child.name in SIGNS:
            pieces.append(SIGNS[child.name])
        elif child.name in ("txbxContent", "txBody"):
            inner += _paragraphs(child)
        elif child.name not in SKIPPED:
            _inline(child, pieces, inner)


def packed(folder: str, archive: ZipFile) -> bool:
    """Whether an archive is such a document, whose text is in this folder."""
    names = archive.namelist()
    return "[Content_Types].xml" in names and any(name.startswith(f"{folder}/") and _key(name) for name in names)
