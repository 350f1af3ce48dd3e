"""Breaking a text into the lines in which it will be written."""

from __future__ import annotations

import re
import unicodedata

from rhapsode.errors import UserError

BLANKS = re.compile(r"[^\S\u00a0\u2007\u202f]+")
"""What lines may be broken at: white space other than that which is there to prevent it."""


def wrap(text: str, columns: int, keep: bool = False) -> list[list[str]]:
    """The lines of each paragraph, each of at most `columns` characters, accents that combine not counted.

    Blank lines end paragraphs. Other line ends count as spaces, or with `keep` stay as they are. A word is broken only
    where it alone is too long. Raises `UserError` if not even a character fits.
    """
    if columns < 1:
        raise UserError("not even one character fits in a line: give a smaller x-height or a wider page.")
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(text.splitlines())):
        lines = [line for given in (paragraph.split("\n") if keep else [paragraph]) for line in _lines(given, columns)]
        if lines:
            paragraphs.append(lines)
    return paragraphs


def _lines(text: str, columns: int) -> list[str]:
    lines: list[str] = []
    room = 0
    for word in BLANKS.split(text):
        for piece, width in _pieces(word, columns):
            if lines and width + 1 <= room:
                lines[-1] += f" {piece}"
                room -= width + 1
            else:
                lines.append(piece)
                room = columns - width
    return lines


def _pieces(word: str, columns: int) -> list[tuple[str, int]]:
    """A word with its width; if that is more than `columns`, in pieces."""
    pieces: list[tuple[str, int]] = []
    for character in word:
        wide = not unicodedata.combining(character)
        if not pieces or wide and pieces[-1][1] == columns:
            pieces.append(("", 0))
        piece, width = pieces[-1]
        pieces[-1] = piece + character, width + wide
    return pieces
