"""What constraints share that walk along the characters of a text: UTF-8, lines and columns, and what is open."""

from __future__ import annotations

import re
from abc import abstractmethod
from codecs import utf_8_decode
from collections.abc import Callable
from typing import Any, NoReturn

from rhapsode.data.constraint import Constraint, Verdict

DEEPEST = 200
"""So many constructs may be open within one another. libxml2 refuses more than 256, Python for JSON about 1000."""
PIECE = 4096
"""A long text is walked along in pieces of so many bytes, so that a place in it costs no more than its piece."""


class Refused(Exception):
    """The text is impossible from the character `at` of the piece on, counted from 0."""

    def __init__(self, at: int, words: str) -> None:
        super().__init__(words)
        self.at = at


class Walk(Constraint):
    """A subclass is a machine whose state is `_mode`, one of its methods, and what that needs. A mode gets a piece of
    text and a place in it, reads at least one character or changes the mode, and returns the place behind what it has
    read. All of the state is immutable values, so a copy is a copy of a few references."""

    _illegal: re.Pattern[str] | None = None
    """Characters that may stand nowhere."""

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        self._mode: Callable[[Any, str, int], int]
        self._impossible = False
        self._bytes = b""  # of a character that is not complete
        self._line = self._column = 1
        self._last = ""  # the last character; empty before the first
        self._count = 0  # of signs that have just been read

    @property
    def verdict(self) -> Verdict:
        if self._impossible:
            return Verdict.IMPOSSIBLE
        return Verdict.VALID if not self._bytes and self._whole() else Verdict.INCOMPLETE

    @abstractmethod
    def _whole(self) -> bool:
        """Whether the text may end here."""

    @property
    def settled(self) -> bool:
        return not self._impossible and not self._bytes and self._rests()

    @abstractmethod
    def _rests(self) -> bool:
        """Whether this is a place to come back to."""

    def closing(self) -> bytes | None:
        if self._impossible or self._bytes:
            return None
        if self._whole():
            return b""
        text = self._end()
        if text is None or self.copy().read(text.encode()) is not Verdict.VALID:  # another place has a simpler one
            return None
        return text.encode()

    @abstractmethod
    def _end(self) -> str | None:
        """What `closing` says of a text that may not end here."""

    def read(self, data: bytes) -> Verdict:
        if len(data) == 1 and 32 <= data[0] < 127 and not self._bytes and not self._impossible:
            # The usual case when a model writes, without what else a piece may be.
            text = chr(data[0])
            try:
                i = 0
                while not i:
                    i = self._mode(self, text, 0)
            except Refused as error:
                self._refuse(str(error))
                return Verdict.IMPOSSIBLE
            self._column += 1
            self._last = text
            return Verdict.VALID if self._whole() else Verdict.INCOMPLETE
        for start in range(0, len(data), PIECE):
            if self._impossible:
                break
            self._piece(data[start : start + PIECE])
        return self.verdict

    def _piece(self, data: bytes) -> None:
        data, bad = self._bytes + data, ""
        try:
            text, used = utf_8_decode(data, "strict", False)
        except UnicodeDecodeError as error:
            text, used, bad = data[: error.start].decode(), 0, f"byte {data[error.start]} is no UTF-8"
        self._bytes = b"" if bad else data[used:]
        if self._bytes[:1] == b"\xed" and self._bytes[1:] >= b"\xa0":  # a surrogate; Python waits for its last byte
            bad = "byte 237 is no UTF-8"
        if self._illegal is not None and (found := self._illegal.search(text)):
            bad, text = f"the character U+{ord(found[0]):04X} may not stand here", text[: found.start()]
        try:
            i, n = 0, len(text)
            while i < n:
                step = self._mode
                i = step(self, text, i)
        except Refused as error:
            text, bad = text[: error.at], str(error)
        lines = text.count("\n")
        self._line += lines
        self._column = len(text) - text.rfind("\n") if lines else self._column + len(text)
        self._last = text[-1] if text else self._last
        if bad:
            self._refuse(bad)

    def _section(self, text: str, i: int, sign: str, most: int, behind: Callable[[Any, str, int], int]) -> int:
        """The mode of a section in which nothing counts but its end: so many signs, and a >. behind: the mode there."""
        if text[i] == sign:
            self._count = min(self._count + 1, most)
        elif text[i] == ">" and self._count == most:
            self._mode = behind
        else:
            self._count = 0
            end = text.find(sign, i)
            return len(text) if end < 0 else end
        return i + 1

    def _refuse(self, words: str) -> None:
        self._impossible = True
        self.reason = f"line {self._line}, column {self._column}: {words}"


def deeper(at: int, depth: int) -> int:
    """One more construct is open. Raises `Refused`."""
    if depth >= DEEPEST:
        raise Refused(at, f"more than {DEEPEST} constructs would be open within one another")
    return depth + 1


def unexpected(text: str, at: int, wanted: str) -> NoReturn:
    """Raises `Refused`: another character than those that may stand here."""
    raise Refused(at, f"{text[at]!r} stands where {wanted} must")


def names(text: str) -> frozenset[str]:
    """The names in a list with spaces between them."""
    return frozenset(text.split())
