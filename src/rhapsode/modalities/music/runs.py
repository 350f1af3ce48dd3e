"""Which runs of one sequence are in others, whatever their length: exactly, in a time that depends on what is found.

Runs of 1, 2, 4 … symbols are named by whole numbers, equal runs alike: a name is a pair of names of half the length
(Karp, Miller and Rosenberg 1972). A run of any length is a pair, too: of the names of its beginning and of its end,
which overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class _Level:
    """Names of all runs of one length.

    codes:  [U] int64, ascending: name n is that of the pair codes[n].
    names:  [N] int32: of the run that begins here; -1 where its sequence is too short.
    places: int32: where runs begin, by name, then by place; those of name n are from begins[n] to begins[n + 1].
    """

    codes: np.ndarray
    names: np.ndarray
    places: np.ndarray
    begins: np.ndarray

    def contains(self, codes: np.ndarray) -> np.ndarray:
        """Names [M] int64 of pairs; -1 for those that are not there, and for codes below 0."""
        at = np.searchsorted(self.codes, codes)
        at[at == len(self.codes)] = 0
        return np.where(self.codes[at] == codes, at, -1)


class Runs:
    """Sequences, ready for runs to be looked up."""

    def __init__(self, symbols: np.ndarray, sizes: np.ndarray) -> None:
        """symbols: [N] int64, from 0, of all sequences in a row; sizes: how many each has."""
        self._room = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(symbols))
        self._levels: list[_Level] = []
        if len(symbols):
            self._levels.append(self._named(symbols, np.arange(len(symbols))))

    def longest(self, symbols: np.ndarray) -> tuple[int, int, int]:
        """The longest run of these symbols [M] that is contains: its length, and where it begins in them and among the
        known, the first of several. All 0 if there is none."""
        names = self._names(symbols)
        if not names:
            return 0, 0, 0
        level = len(names) - 1
        low, high = 1 << level, min(2 << level, len(symbols) + 1)
        own, places = self._matches(names, level, low)
        while high - low > 1:
            middle = (low + high) // 2
            found = self._matches(names, level, middle, own, places)
            if len(found[0]):
                low, (own, places) = middle, found
            else:
                high = middle
        first = own[:1]
        return low, int(first[0]), int(self._matches(names, level, low, first, places)[1].min())

    def contains(self, symbols: np.ndarray, length: int) -> np.ndarray:
        """Where in these symbols runs of `length` that are known begin: [K] places, ascending."""
        level = length.bit_length() - 1
        names = self._names(symbols, level)
        return self._matches(names, level, length)[0] if len(names) > level else np.empty(0, np.int64)

    def _matches(
        self,
        names: list[np.ndarray],
        level: int,
        length: int,
        own: np.ndarray | None = None,
        places: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where runs of `length`, 2 ** level to twice that, begin that are on both sides: in the query, whose names
        these are, and among the known. own, places: where to look; everywhere by default."""
        contains, shift = self._levels[level], length - (1 << level)
        if own is None or places is None:
            own = np.flatnonzero(names[level] >= 0)
            kinds = np.unique(names[level][own])
            places = np.concatenate([contains.places[contains.begins[n] : contains.begins[n + 1]] for n in kinds])
        own = own[own + length <= len(names[level]) + (1 << level) - 1]
        own = own[names[level][own + shift] >= 0]
        places = places[self._room[places] >= length]
        count = len(contains.codes)
        mine = names[level][own] * count + names[level][own + shift]
        theirs = contains.names[places].astype(np.int64) * count + contains.names[places + shift]
        return own[np.isin(mine, theirs)], places[np.isin(theirs, mine)]

    def _names(self, symbols: np.ndarray, most: int = 64) -> list[np.ndarray]:
        """Names of the query's runs, a level each, as far as some are known and up to level `most`."""
        found: list[np.ndarray] = []
        codes = symbols
        while len(codes) and len(found) <= most and self._has(len(found)):
            names = self._levels[len(found)].contains(codes)
            if names.max() < 0:
                break
            found.append(names)
            codes = self._paired(len(found), names)
        return found

    def _has(self, level: int) -> bool:
        """Makes the levels up to this one, when they are first asked for; false where no sequence is so long."""
        while 0 < len(self._levels) <= level:
            places = np.flatnonzero(self._room >= 1 << len(self._levels))
            if not len(places):
                return False
            paired = self._paired(len(self._levels), self._levels[-1].names.astype(np.int64))
            self._levels.append(self._named(paired[places], places))
        return bool(self._levels)

    def _paired(self, level: int, names: np.ndarray) -> np.ndarray:
        """Codes of runs of `level` from the names of those of half the length; -1 where one of the halves has none."""
        half = 1 << (level - 1)
        left, right = names[:-half], names[half:]
        return np.where((left < 0) | (right < 0), -1, left * len(self._levels[level - 1].codes) + right)

    def _named(self, codes: np.ndarray, places: np.ndarray) -> _Level:
        """The level in which the runs that begin at these places [V] have these codes [V]."""
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
        names = np.full(len(self._room), -1, np.int32)
        names[places[order]] = np.repeat(np.arange(len(begins)), np.diff([*begins, len(codes)]))
        return _Level(ordered[begins], names, places[order].astype(np.int32), np.append(begins, len(codes)))
