"""The constraint that no more than so many characters in a row are copied from the training text."""

from __future__ import annotations

import codecs
import json
import re
from typing import ClassVar, Self

from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.data.shallow import shallow
from rhapsode.data.text_index import TextIndex

IDEOGRAPHS = 0x2E80
"""From this code point on, there are scripts without spaces: each character is a place to come back to."""


class Uncopied(Constraint):
    """A place in a text of which no more than so many characters in a row stand in the training text. A prompt does not
    count: it may well be copied."""

    name: ClassVar[str] = "max-copy"
    breaks = re.compile(rb"[^A-Za-z0-9]")

    def __init__(self, known: TextIndex, most: int) -> None:
        """most: so many characters in a row are allowed."""
        super().__init__(str(most))
        self._known, self._most = known, most
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text, self._count = "", 0
        """Its last characters, and how many there were in all."""
        self._block = False
        """Whether the last block of half as many characters as are too many stands in the training text."""
        self._verdict = Verdict.VALID

    @property
    def verdict(self) -> Verdict:
        return self._verdict

    @property
    def settled(self) -> bool:
        """At the beginning of a word, from which it can be another one."""
        last = self._text[-1:]
        free = not last.isalnum() or ord(last) >= IDEOGRAPHS
        return free and self._verdict is Verdict.VALID and not self._decoder.getstate()[0]

    def prompted(self, data: bytes) -> Verdict:
        return self._verdict

    def read(self, data: bytes) -> Verdict:
        new = self._decoder.decode(data)
        if len(new) <= self._room:
            self._text = (self._text + new)[-self._most - 1 :]
            self._count += len(new)
            return self._verdict
        for character in new:
            if self._verdict is Verdict.IMPOSSIBLE:
                break
            self._next(character)
        return self._verdict

    @property
    def _room(self) -> int:
        """So many more characters are not looked up."""
        if self._block or self._verdict is Verdict.IMPOSSIBLE:
            return 0
        half = (self._most + 1) // 2
        return half - 1 - self._count % half

    def _next(self, character: str) -> None:
        size = self._most + 1
        half = size // 2
        self._text = text = self._text[1 - size :] + character
        self._count += 1
        if self._count % half == 0:  # any `size` characters contain a whole block of half as many
            self._block = self._stands(text[-half:])
        if self._block and len(text) == size and self._stands(text):
            place = self._known.where(self._known.suffixes.find(_encoded(text)))
            shown = json.dumps(_encoded(text).decode("utf-8", "replace"), ensure_ascii=False)
            self._verdict = Verdict.IMPOSSIBLE
            self.reason = f"{size:,} characters in a row stand in the training text ({place}): {shown}"

    def _stands(self, text: str) -> bool:
        return self._known.known(_encoded(text))

    def copy(self) -> Self:
        other = shallow(self)
        other._decoder = shallow(self._decoder)
        return other


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
