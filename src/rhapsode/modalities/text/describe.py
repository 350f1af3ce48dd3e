"""What is in a collection of texts, how they may be cut into documents, and what looks wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from rhapsode.data.encode import Tally
from rhapsode.data.sources import Sources
from rhapsode.data.statistics import Statistics, visible
from rhapsode.data.streams import fields

SHOWN = 60
"""Characters that are listed, the commonest first."""
SEPARATORS = ("\n\n", "\n\n\n", "\r\n\r\n", "\n---\n", "\f", "<|endoftext|>")
"""What often stands between documents."""
LINE = 1 << 16
"""Bytes that a first line is looked for in."""
CODES = 0x110000
MARK = 0xFEFF
BYTES = slice(0xDC80, 0xDD00)
"""Codes of bytes that are not UTF-8."""


@dataclass(frozen=True)
class TextStatistics(Statistics):
    """Of texts.

    documents:  as they come: a file each, unless there is something else that divides them.
    characters: each byte that is not UTF-8 counts as one. kinds: how often each comes, the commonest first.
    words:      what white space divides.
    not_utf8:   bytes.
    separators: for each that comes, into how many documents it divides the texts.
    fields:     of lines of JSON, those with text, by the first line; none where it is no JSON.
    """

    documents: int = 0
    bytes: int = 0
    characters: int = 0
    words: int = 0
    text_lines: int = 0
    encoding: str = ""
    not_utf8: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    separators: dict[str, int] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()

    def facts(self) -> Iterator[str]:
        yield f"bytes           {self.bytes:,}, {self.encoding}"
        shown = " ".join(map(visible, list(self.kinds)[:SHOWN]))
        more = " …" if len(self.kinds) > SHOWN else ""
        yield f"characters      {self.characters:,}, of {len(self.kinds):,} kinds: {shown}{more}"
        yield f"words           {self.words:,}"
        yield f"lines           {self.text_lines:,}"
        yield f"documents       {self.documents:,}"
        for separator, count in self.separators.items():
            yield f"                {count:,} with --document-separator {_escaped(separator)}"
        if self.fields:
            yield f"                {self.text_lines:,} lines of JSON, with --field {' or '.join(self.fields)}"


def describe(texts: Sources) -> TextStatistics:
    """Goes through the texts some times and keeps none. Raises `UserError` for what cannot be read."""
    counted = _TextCounts()
    for data, ends in texts.pieces():
        counted.add(data, ends)
    divided = {each: _documents(texts, each) for each in SEPARATORS}
    return TextStatistics(
        documents=counted.documents,
        bytes=counted.tally.bytes,
        characters=int(counted.codes.sum()),
        words=counted.tally.words,
        text_lines=counted.text_lines,
        encoding=counted.encoding,
        not_utf8=counted.not_utf8,
        kinds=counted.kinds,
        separators={each: count for each, count in divided.items() if count > counted.documents},
        fields=_fields(texts),
        warnings=tuple(counted.warnings()),
    )


class _TextCounts:
    def __init__(self) -> None:
        self.documents = self.text_lines = 0
        self.codes = np.zeros(CODES, np.int64)
        self.tally = Tally()
        self._line_begun = False

    def add(self, data: bytes, ends: bool) -> None:
        text = self.tally.feed(data, ends)
        counts = np.bincount(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4"))
        self.codes[: len(counts)] += counts
        if text:
            self.text_lines += text.count("\n")
            self._line_begun = text[-1] != "\n"
        if ends:
            self.documents += 1
            self.text_lines += self._line_begun
            self._line_begun = False

    @property
    def not_utf8(self) -> int:
        return int(self.codes[BYTES].sum())

    @property
    def encoding(self) -> str:
        if self.not_utf8:
            return "not UTF-8"
        return "UTF-8" if self.codes[128:].any() else "ASCII"

    @property
    def kinds(self) -> dict[str, int]:
        codes = np.flatnonzero(self.codes)
        order = codes[np.argsort(-self.codes[codes], kind="stable")]
        return {_character(code): int(self.codes[code]) for code in order.tolist()}

    def warnings(self) -> Iterator[str]:
        if self.not_utf8:
            yield (
                f"{self.not_utf8:,} bytes are not UTF-8, and are learnt one by one. If they are of another encoding, "
                "give --encoding NAME, e.g. windows-1252"
            )
        if self.codes[0]:
            yield f"{self.codes[0]:,} bytes are zero: is this text?"
        if self.codes[MARK]:
            yield f"{self.codes[MARK]:,} byte order marks (U+FEFF): they are learnt as characters."
        if self.codes[13]:
            yield f"{self.codes[13]:,} carriage returns: lines that end with them teach a model to end lines so, too."


def _documents(texts: Sources, separator: str) -> int:
    return sum(ends for _, ends in Sources(texts.files, {}, separator, None).pieces())


def _fields(texts: Sources) -> list[str]:
    """Those with text of the first line, if the first two are objects of JSON."""
    first = next((data for data, _ in texts.pieces() if data), b"").removeprefix(b"\xef\xbb\xbf")
    try:
        values = [json.loads(line) for line in first[:LINE].split(b"\n")[:-1][:2]]
    except (ValueError, RecursionError):
        return []
    if not values or not all(isinstance(value, dict) for value in values):
        return []
    return fields(values[0])


def _character(code: int) -> str:
    """The character, or the byte that is not UTF-8 as `<FF>`."""
    return f"<{code - BYTES.start + 0x80:02X}>" if BYTES.start <= code < BYTES.stop else chr(code)


def _escaped(separator: str) -> str:
    return "'" + separator.encode("unicode_escape").decode() + "'"
