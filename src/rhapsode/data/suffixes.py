"""Suffix arrays: where a string stands in a text that is known, and how much of it does.

A suffix array has the places of a text in the alphabetical order of what follows them (Manber & Myers 1990). So all
places where a string stands are neighbours, and are found by bisection. The *matching statistic* of a place in another
text is how many of the bytes that follow it stand somewhere in the known text (Chang & Lawler 1994).
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property

import numpy as np

from rhapsode.errors import UserError

PAD = 8
"""Zero bytes after a text, so that eight bytes can be read at each of its places."""
LARGEST = 2**31 - 1
"""The most bytes of a text: places are int32."""
PATIENCE = 2_000_000
"""Texts of more bytes are sorted with the library only: numpy needs some seconds for this many."""
BLOCK = 1 << 16
"""Places looked up at a time: what they need stays in the processor's cache."""
STARTS = 7
"""The first bytes of suffixes by which `_doubled` begins: as many as fit into 63 bits with one value for the end."""
_BYTES = np.array([1 << 8 * n for n in range(8)], np.uint64)


def library() -> bool:
    """Whether the library that sorts large texts is installed."""
    try:
        import pydivsufsort  # noqa: F401
    except ImportError:
        return False
    return True


def suffix_array(text: np.ndarray) -> np.ndarray:
    """The order [N] int32 of the suffixes of a text [N] uint8. A suffix comes before those that it begins.

    By libdivsufsort (Mori 2006), or by numpy for texts of up to `PATIENCE` bytes where it is not installed. Raises
    `UserError` for larger ones.
    """
    if len(text) > LARGEST:
        raise UserError(f"a text of {len(text):,} bytes is too large for a training index; {LARGEST:,} are allowed.")
    if len(text) and library():
        from pydivsufsort import divsufsort

        order: np.ndarray = divsufsort(text.tobytes())
        return order.view(np.int32)
    if len(text) > PATIENCE:
        raise UserError(
            f"a training index of {len(text):,} bytes of text needs the library pydivsufsort. Install it with: "
            "pip install rhapsode[novelty]"
        )
    return _doubled(text)


def _doubled(text: np.ndarray) -> np.ndarray:
    """By numpy alone: suffixes ordered by their first bytes, then by twice as many, and so on (Manber & Myers 1990)."""
    count = len(text)
    rank = np.zeros(count, np.int64)
    padded = np.concatenate([text.astype(np.int64) + 1, np.zeros(STARTS, np.int64)])
    for n in range(STARTS):
        rank = rank * 257 + padded[n : n + count]
    length = STARTS
    while True:
        order = np.argsort(rank, kind="stable")
        ordered = rank[order]
        new = np.empty(count, np.int64)
        new[order] = np.concatenate([[0], ordered[1:] != ordered[:-1]]).cumsum()[:count]
        if length >= count or new.max(initial=0) == count - 1:
            return order.astype(np.int32)
        rank = new * (count + 1)
        rank[: count - length] += new[length:] + 1
        length *= 2


class Suffixes:
    """A text and its suffix array, ready for strings to be looked up."""

    def __init__(self, text: np.ndarray, order: np.ndarray) -> None:
        """text: [N + PAD] uint8, the last ones zeros; order: [N] int32, each from 0 to N - 1. They may be mapped files.

        An order that is wrong makes answers wrong, but breaks nothing.
        """
        self.text, self.order, self._size = text, order, len(order)
        self._words = _words(text)
        self._bytes, self._places = text[: self._size].data, order.data  # faster than arrays for one at a time

    def find(self, data: bytes) -> int:
        """A place where these bytes stand; -1 if there is none."""
        at, text, size = self._bisected(data), self._bytes, len(data)
        place = self._places[at] if at < self._size else self._size
        return place if place + size <= self._size and text[place : place + size] == data else -1

    def longest(self, data: bytes) -> tuple[int, int]:
        """How many of the first of these bytes stand in the text, and where."""
        at, best = self._bisected(data), (0, 0)
        sought = np.frombuffer(data, np.uint8)
        for place in self.order[max(at - 1, 0) : at + 1].tolist():
            there = self.text[place : min(place + len(data), self._size)]
            differ = np.flatnonzero(there != sought[: len(there)])
            best = max(best, (int(differ[0]) if len(differ) else len(there), place))
        return best

    def _bisected(self, data: bytes) -> int:
        """How many suffixes come before these bytes."""
        text, size = self._bytes, len(data)
        low, high = self._within(data) if size > 1 else (0, self._size)
        return bisect_left(self._places, data, low, high, key=lambda place: bytes(text[place : place + size]))

    def _within(self, data: bytes) -> tuple[int, int]:
        """Between which suffixes these bytes belong, two at least."""
        pair = data[0] << 8 | data[1]
        return self._pairs[pair], self._pairs[pair + 1]

    @cached_property
    def _pairs(self) -> list[int]:
        """[2 ** 16 + 1] how many suffixes come before those that begin with each pair of bytes."""
        counts = np.zeros(1 << 16, np.int64)
        for begin in range(0, self._size, BLOCK):
            some = self.text[begin : min(begin + BLOCK, self._size) + 1].astype(np.int64)
            counts += np.bincount(some[:-1] * 256 + some[1:], minlength=1 << 16)
        return [0, *counts.cumsum().tolist()]

    def matched(self, data: np.ndarray, at: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each place `at` [K] in `data` [M] uint8, how many of the bytes that follow stand somewhere in the text,
        but no more than `limits` [K]; and where: [K] int64 both. Time grows with the limits, in the worst case."""
        words = _words(np.concatenate([data, np.zeros(PAD, np.uint8)]))
        lengths, places = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
        for begin in range(0, len(at) if self._size else 0, BLOCK):
            some = slice(begin, begin + BLOCK)
            lengths[some], places[some] = self._searched(words, at[some], limits[some])
        return lengths, places

    def _searched(self, words: np.ndarray, at: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By bisection of all at once. What the two borders of a bisection have in common with the string, all between
        them has, so nothing is compared twice."""
        low, high = np.full(len(at), -1, np.int64), np.full(len(at), self._size, np.int64)
        below, above = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)  # bytes in common with the borders
        live = np.flatnonzero(limits > 0)
        while len(live):
            middle = (low[live] + high[live]) >> 1
            places = self.order[middle].astype(np.int64)
            sought, limit = at[live], limits[live]
            common = self._common(words, sought, places, np.minimum(below[live], above[live]), limit)
            ended = common >= self._size - places
            ended[~ended] = self._first(places[~ended] + common[~ended]) < (
                words[sought[~ended] + common[~ended]] >> np.uint64(56)
            )
            before = ended & (common < limit)
            lower, upper = live[before], live[~before]
            low[lower], below[lower] = middle[before], common[before]
            high[upper], above[upper] = middle[~before], common[~before]
            live = live[(high[live] - low[live] > 1) & (above[live] < limit)]
        length = np.maximum(below, above)
        border = np.where(above >= below, np.minimum(high, self._size - 1), np.maximum(low, 0))
        return length, np.where(length > 0, self.order[border], 0).astype(np.int64)

    def _first(self, places: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.text[places].astype(np.uint64)
        return found

    def _common(
        self, words: np.ndarray, at: np.ndarray, places: np.ndarray, begun: np.ndarray, limits: np.ndarray
    ) -> np.ndarray:
        """How many bytes the strings `at` and the suffixes at `places` have in common: those `begun`, or more."""
        room = np.minimum(limits, self._size - places)
        common = np.minimum(begun, room)
        live = np.flatnonzero(common < room)
        while len(live):
            offset = common[live]
            differ = words[at[live] + offset] ^ self._words[places[live] + offset]
            equal = 8 - np.searchsorted(_BYTES, differ, "right")
            common[live] = offset + equal
            live = live[(equal == 8) & (common[live] < room[live])]
        found: np.ndarray = np.minimum(common, room)
        return found


def _words(padded: np.ndarray) -> np.ndarray:
    """[N + 1]: at each place of a text [N + PAD], the next eight bytes as one number, the first byte highest."""
    count = max(len(padded) - PAD + 1, 0)
    return np.ndarray((count,), ">u8", padded, strides=(1,)) if count else np.zeros(0, ">u8")
