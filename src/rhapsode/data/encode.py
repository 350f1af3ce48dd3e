"""Encoding text: pieces of documents → steps and the beginnings of units on disk, in bounded memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.resets import ResetPolicy
from rhapsode.files.place import on_disk

BATCH = 1 << 16


class CharCounter:
    """Counts the characters of UTF-8 data that comes in pieces. Each byte that is not UTF-8 counts as one character."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._held = 0

    @property
    def held(self) -> int:
        """How many of the last bytes are not counted yet, because their character may not be complete."""
        return self._held

    def feed(self, data: bytes, ends: bool) -> int:
        """Add the next bytes. Returns how many characters they complete; where the document `ends`, none stays open."""
        if not self._held and data.isascii():
            return len(data)
        return len(self.decode(data, ends))

    def decode(self, data: bytes, ends: bool) -> str:
        """The characters that `feed` would count."""
        text = self._decoder.decode(data, ends)
        self._held = len(self._decoder.getstate()[0])
        return text


class Tally:
    """Counts the bytes, characters, words and line ends of texts that come in pieces."""

    def __init__(self) -> None:
        self.bytes = self.chars = self.words = self.lines = 0
        self._characters = CharCounter()
        self._in_word = False

    def feed(self, data: bytes, ends: bool = False) -> str:
        """Add the next bytes. ends: a text ends with them. Returns the characters that they complete."""
        text = self._characters.decode(data, ends)  # bytes that are not UTF-8 become one character each
        self.bytes += len(data)
        self.lines += data.count(b"\n")
        self.chars += len(text)
        if text:
            self.words += len(text.split()) - (self._in_word and not text[0].isspace())
            self._in_word = not text[-1].isspace()
        self._in_word = self._in_word and not ends
        return text


@dataclass(frozen=True)
class Counts:
    """The size of one part of the data."""

    bytes: int
    chars: int
    steps: int
    units: int
    documents: int


def offset_of(pieces: Iterable[tuple[bytes, bool]], char: int) -> int:
    """How many bytes are before the character numbered `char`, counted from 0."""
    counter = CharCounter()
    chars = fed = 0
    for data, ends in pieces:
        begun = fed - counter.held
        fed += len(data)
        text = counter.decode(data, ends)
        if chars + len(text) >= char:
            return begun + len(text[: char - chars].encode("utf-8", "surrogateescape"))
        chars += len(text)
    return fed


class PartWriter:
    """Writes `steps.bin` and `units.bin` of one part (training or validation) of the data.

    A unit begins at the first step of the part, at the first step of each document (unless the policy is `never`), and
    at the boundaries that the policy finds: at the first step that begins at or after such a byte.
    If the codec has an end symbol, and the policy is not `line`, the last step of each document is that symbol.
    """

    def __init__(self, folder: Path, codec: TextCodec, reset: ResetPolicy) -> None:
        folder.mkdir()
        self._codec = codec
        self._reset = reset
        self._dtype = codec.steps.dtype
        self._widths = codec.widths
        self._end = None if reset.lines else codec.end
        self._values = open(folder / "steps.bin", "wb")  # noqa: SIM115 — closed by `close`
        self._places = open(folder / "units.bin", "wb")  # noqa: SIM115
        self._bytes = self._chars = self._steps = self._units = self._documents = 0
        self._last_unit = -1
        self._single_units: list[int] = []  # to be written together
        self._counter = CharCounter()
        self._begin_document()

    def _begin_document(self) -> None:
        self._scanner = self._reset.scanner()
        self._rest = b""  # bytes that are not encoded yet, because their symbol may not be complete
        self._boundaries: list[int] = []  # boundaries that the scanner found, and that no step has reached yet
        self._encoded = 0  # bytes of this document
        self._first_step = self._steps  # of this document

    def feed(self, data: bytes, ends: bool, whole: bool = True) -> None:
        """Add some bytes of a document. ends: the document ends with them. whole: it really ends, and does not go on in
        the other part of the data."""
        self._bytes += len(data)
        self._chars += self._counter.feed(data, ends)
        if self._reset.rule is not None:
            self._boundaries += self._scanner.feed(data)
        held = self._rest + data if self._rest else data
        n = len(held) if ends else self._codec.cut(held)
        if n:
            self._write(self._codec.encode(held[:n]))
            self._encoded += n
        self._rest = held[n:]
        if ends:
            if self._encoded and whole and self._end is not None:
                self._write(np.array([self._end]))
            self._documents += self._encoded > 0
            self._begin_document()

    def _write(self, symbols: np.ndarray) -> None:
        in_document = self._steps - self._first_step
        if not in_document and (self._reset.documents or not self._steps):
            # With many small documents, this is by far the most frequent case. It needs no arrays.
            self._last_unit = self._steps
            self._single_units.append(self._steps)
            self._units += 1
        if self._reset.every:
            every = self._reset.every
            self._add_units(np.arange(-in_document % every, len(symbols), every) + self._steps)
        if self._boundaries:
            widths = self._widths[symbols]
            begins = np.cumsum(widths) - widths + self._encoded
            ready = int(np.searchsorted(self._boundaries, begins[-1], "right"))
            self._add_units(np.searchsorted(begins, self._boundaries[:ready], "left") + self._steps)
            del self._boundaries[:ready]
        self._values.write(np.ascontiguousarray(symbols, self._dtype).data)
        self._steps += len(symbols)
        if len(self._single_units) >= BATCH:
            self._flush_single_units()

    def _add_units(self, places: np.ndarray) -> None:
        """Units begin at these steps, in order. Several boundaries may lie within one step."""
        places = np.unique(places)
        places = places[places > self._last_unit]
        if len(places):
            self._flush_single_units()
            self._last_unit = int(places[-1])
            self._places.write(places.astype(np.int64).data)
            self._units += len(places)

    def _flush_single_units(self) -> None:
        self._places.write(np.array(self._single_units, np.int64).data)
        self._single_units.clear()

    def close(self) -> Counts:
        """Write everything to the disk, after the last document has ended. Returns the sizes."""
        self._flush_single_units()
        for file in (self._values, self._places):
            on_disk(file)
        self.abandon()
        return Counts(self._bytes, self._chars, self._steps, self._units, self._documents)

    def abandon(self) -> None:
        """Close the files, complete or not."""
        self._values.close()
        self._places.close()
