"""Choosing the part of the data that is held out for validation.

For a long text such as a book, it is the end of the data: the *tail*. The order of many documents, or of lines that are
units, means nothing, or it is sorted: the tail of an alphabetical list is the letter Z. So whole documents or lines are
held out, chosen by a hash of their contents. The hash chooses the same ones each time; equal ones are all held out, or
all not.
"""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np

from rhapsode.data.encode import CharCounter, offset_of
from rhapsode.errors import UserError

By = Literal["tail", "document"]
WEIGHED = 1 << 16
"""The choice considers the sizes of up to this many documents or lines. With more, the hash alone decides."""
NEAR = 0.9
"""Documents are chosen until they make up this part of the wanted size."""
FEW = 0.5
"""If the chosen documents or lines make up less than this part of the wanted size (since there are few, or all are
alike), the tail is taken instead, unless the user asked otherwise."""


class Dealt(NamedTuple):
    """Some bytes of a document: whether they are for validation, and whether the document ends after them.

    whole: the document really ends there. If false, it ends only in this part, and goes on in the other.
    lines: the numbers of its lines in the document, from 1, where some are left out between them; else empty.
    """

    valid: bool
    data: bytes
    ends: bool
    whole: bool = True
    lines: Sequence[int] = ()


class Split(ABC):
    """Divides the documents into training and validation. note: a message for the user; may be empty."""

    note = ""

    @abstractmethod
    def deal(self, pieces: Iterable[tuple[bytes, bool]]) -> Iterator[Dealt]:
        """The same pieces, each marked as training or validation. A piece that belongs to both is cut in two."""


class Nothing(Split):
    """All data is for training; the data for validation comes from other sources."""

    def deal(self, pieces: Iterable[tuple[bytes, bool]]) -> Iterator[Dealt]:
        return (Dealt(False, data, ends) for data, ends in pieces)


class Tail(Split):
    """The data from byte number `at` on is for validation."""

    def __init__(self, at: int) -> None:
        self.at = at

    def deal(self, pieces: Iterable[tuple[bytes, bool]]) -> Iterator[Dealt]:
        room = self.at
        begun = False  # a document that belongs to training so far
        for data, ends in pieces:
            head, rest = data[:room], data[room:]
            room -= len(head)
            if rest and (head or begun):
                yield Dealt(False, head, True, whole=False)
                head, begun = b"", False
            if head or begun:
                yield Dealt(False, head, ends)
                begun = not ends
            else:
                yield Dealt(True, rest, ends)


class Documents(Split):
    """Whole documents are for validation. chosen: for each document, in order, whether it is."""

    def __init__(self, chosen: Sequence[int]) -> None:
        self._chosen = chosen
        count = sum(chosen)
        self.note = (
            f"Held out to validate: {count:,} of {len(chosen):,} documents, chosen by a hash of their text; "
            "--valid-by tail holds out the end of the data instead."
        )

    def deal(self, pieces: Iterable[tuple[bytes, bool]]) -> Iterator[Dealt]:
        number = 0
        for data, ends in pieces:
            yield Dealt(bool(self._chosen[number]), data, ends)
            number += ends


class Lines(Split):
    """Lines whose hash is less than `below` are for validation. Both parts keep the order of lines."""

    note = (
        "Held out to validate: lines chosen by a hash of their text; --valid-by tail holds out the end of the data "
        "instead."
    )

    def __init__(self, below: float) -> None:
        self._below = below

    def deal(self, pieces: Iterable[tuple[bytes, bool]]) -> Iterator[Dealt]:
        before = 0
        for lines, ends in _lines(pieces):
            sides: tuple[list[bytes], list[bytes]] = [], []
            numbers: tuple[list[int], list[int]] = [], []
            for number, line in enumerate(lines, before + 1):
                side = split_hash(line) < self._below
                sides[side].append(line)
                numbers[side].append(number)
            before = 0 if ends else before + len(lines)
            # Both parts must know that the next line begins a document. Neither has the end of this document.
            for valid, (texts, which) in enumerate(zip(sides, numbers, strict=True)):
                yield Dealt(bool(valid), b"".join(texts), ends, whole=False, lines=which)


def _lines(pieces: Iterable[tuple[bytes, bool]]) -> Iterator[tuple[list[bytes], bool]]:
    """Some complete lines at a time, with their newlines, and whether a document ends after them."""
    rest: list[bytes] = []
    for data, ends in pieces:
        *whole, last = data.split(b"\n")
        lines = [line + b"\n" for line in whole]
        if lines:
            lines[0] = b"".join((*rest, lines[0]))
            rest = []
        rest.append(last)
        if ends:
            end, rest = b"".join(rest), []
            lines += [end] if end else []
        yield lines, ends


def split_hash(data: bytes) -> float:
    """A hash of the data, as a number from 0 to 1."""
    return _fraction(hashlib.blake2b(data, digest_size=8).digest())


def _fraction(digest: bytes) -> float:
    return int.from_bytes(digest) / 2.0**64


def held_out(hashes: Iterable[float], fraction: float) -> float:
    """The threshold: records or lines with a smaller hash are for validation, about this fraction of them. If there
    were none, the one with the smallest hash is taken, if another is left for training. Reads no more hashes than
    necessary."""
    lowest, highest = math.inf, -math.inf
    for each in hashes:
        if each < fraction:
            return fraction
        lowest, highest = min(lowest, each), max(highest, each)
    return math.nextafter(lowest, math.inf) if lowest < highest else fraction


def divided(
    pieces: Callable[[str], Iterator[tuple[bytes, bool]]], fraction: float, by: By | None, lines: bool
) -> tuple[Split, int]:
    """How the data is split, and how many documents there are.

    pieces: name of the pass, for reports → the pieces of all documents. It is called once, twice or three times.
    fraction: the part of the characters to hold out, about.
    by: None chooses what suits the data.
    lines: each line is a unit.
    Raises `UserError`.
    """
    census = _Census(pieces("counting"), fraction)
    every = (line for found, _ in _lines(pieces("splitting")) for line in found)
    if lines and by == "document":
        return Lines(held_out(map(split_hash, every), fraction)), census.documents
    if lines and by is None:
        some = list(islice(every, WEIGHED))
        share = sum(len(line) for line in some if split_hash(line) < fraction) / max(1, sum(map(len, some)))
        if FEW * fraction <= share <= fraction / FEW:
            return Lines(fraction), census.documents
    if by == "document" and census.documents < 2:
        raise UserError(
            "validation by document needs at least 2 documents, and there is only one. Give more files, a "
            "document separator, or validate on the tail."
        )
    if by != "tail" and not lines and census.documents > 1:
        chosen = census.choose(fraction, least=FEW if by is None else 0)
        if chosen is not None:
            return Documents(chosen), census.documents
    at = int((1 - fraction) * census.chars)
    return Tail(at if census.chars == census.bytes else offset_of(pieces("splitting"), at)), census.documents


class _Census:
    """Counts the documents, and finds which of them their hashes would choose.

    chosen: one byte for each document: 1 where its hash is less than `fraction`.
    hashes, sizes: of the first `WEIGHED` documents; sizes in bytes.
    """

    def __init__(self, pieces: Iterable[tuple[bytes, bool]], fraction: float) -> None:
        self.bytes = self.chars = 0
        self.chosen, self.hashes, self.sizes = bytearray(), array("d"), array("q")
        counter, mark, begun = CharCounter(), hashlib.blake2b(digest_size=8), 0
        for data, ends in pieces:
            self.bytes += len(data)
            self.chars += counter.feed(data, ends)
            mark.update(data)
            if ends:
                found = _fraction(mark.digest())
                self.chosen.append(found < fraction)
                if len(self.hashes) < WEIGHED:
                    self.hashes.append(found)
                    self.sizes.append(self.bytes - begun)
                mark, begun = hashlib.blake2b(digest_size=8), self.bytes

    @property
    def documents(self) -> int:
        return len(self.chosen)

    def choose(self, fraction: float, least: float) -> Sequence[int] | None:
        """For each document, whether it is chosen: those with the smallest hashes that fit into `fraction` of the
        bytes. None if they make up less than `least` of that. If `least` is 0, at least one document is chosen."""
        if self.documents > len(self.hashes):
            return self.chosen
        wanted = fraction * self.bytes
        room, chosen = wanted, bytearray(self.documents)
        for n in np.argsort(self.hashes, kind="stable").tolist():
            if self.sizes[n] <= room:
                chosen[n], room = 1, room - self.sizes[n]
            if room < (1 - NEAR) * wanted:
                break
        if not any(chosen) and not least:
            chosen[self.sizes.index(min(self.sizes))] = 1
        return chosen if wanted - room >= least * wanted else None
