"""Breaking a text into the lines in which it will be written."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Generic, TypeVar

from rhapsode.errors import UserError

Line = TypeVar("Line")
BLANKS = re.compile(r"[^\S\u00a0\u2007\u202f]+")
"""What lines may be broken at: white space other than that which is there to prevent it."""
TAB = 4
"""Characters from one tab stop to the next, at the beginning of a line."""


@dataclass(frozen=True)
class Paragraph(Generic[Line]):
    """What is written up to the end of a line that was given: all of its lines but the last one are full.

    lines:  texts, or what was drawn for them.
    above:  empty lines between it and the paragraph before; infinity begins a new page.
    indent: how far its first line is moved to the right: of texts, in characters; of drawings, in mm.
    """

    lines: tuple[Line, ...]
    above: float = 0
    indent: float = 0


def wrap(text: str, columns: int | None = None, reflow: bool = False) -> list[Paragraph[str]]:
    """The text in lines of at most `columns` characters, accents that combine not counted; None for no limit.

    Line ends stay, of whatever system, and so do blank lines; a form feed begins a page. Blanks before a line indent
    it, with tab stops every `TAB` characters, by half of the columns at most. Other blanks in a row are one space, and
    those after a line nothing. A word is broken only where it alone is too long.
    reflow: only blank lines and form feeds part paragraphs; other line ends count as spaces.
    Raises `UserError` if not even a character fits.
    """
    if columns is not None and columns < 1:
        raise UserError("not even one character fits in a line: give a smaller x-height or a wider page.")
    given: list[tuple[list[str], float, int]] = []
    above = 0.0
    for number, page in enumerate(text.split("\f")):
        if number:
            above = math.inf
        for line in page.splitlines():
            words = line.strip()
            if not words:
                above += 1
                continue
            if reflow and given and not above:
                given[-1][0].append(words)
            else:
                indent = len(line[: len(line) - len(line.lstrip())].expandtabs(TAB))
                given.append(([words], above if given else 0, indent))
            above = 0
    room = columns or len(text.expandtabs(TAB))
    return [_set(" ".join(parts), room, above, indent) for parts, above, indent in given]


def _set(text: str, columns: int, above: float, indent: int) -> Paragraph[str]:
    """One paragraph in lines."""
    pieces = [piece for word in BLANKS.split(text) for piece in _pieces(word, columns)]
    indent = min(indent, columns // 2, columns - pieces[0][1])
    lines: list[list[str]] = [[]]
    room = columns - indent + 1
    for piece, width in pieces:
        if width + 1 > room:
            lines.append([])
            room = columns + 1
        lines[-1].append(piece)
        room -= width + 1
    return Paragraph(tuple(map(" ".join, lines)), above, indent)


def _pieces(word: str, columns: int) -> list[tuple[str, int]]:
    """A word with its width; if that is more than `columns`, in pieces."""
    starts = [at for at, character in enumerate(word) if not (at and unicodedata.combining(character))]
    cuts = [*starts[::columns], len(word)]
    return [
        (word[a:b], min(columns, len(starts) - n * columns))
        for n, (a, b) in enumerate(zip(cuts[:-1], cuts[1:], strict=True))
    ]
