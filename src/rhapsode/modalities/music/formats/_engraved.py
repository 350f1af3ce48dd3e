"""A part cut into stretches that one sign can write: what writers of notation have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import accumulate, pairwise
from math import lcm

import numpy as np

from rhapsode.modalities.music.tune import Chord, Key, Metre, Tempo, Tune

PARTS = 15
"""Of a tuplet, at most. Ticks that no such has are written as they are."""


@dataclass(frozen=True)
class Tuplet:
    """`parts` of its signs last as long as `normal` do elsewhere. count: how many signs it has here."""

    parts: int
    normal: int
    count: int


@dataclass(frozen=True)
class Stretch:
    """Ticks in which the same pitches sound, or none. notes: (pitch, did it begin before, does it go on).

    tuplet: that it is in; at: its place there, from 0.
    """

    begin: int
    end: int
    notes: tuple[tuple[int, bool, bool], ...]
    tuplet: Tuplet | None = None
    at: int = 0

    def sign(self, ticks: int) -> Fraction:
        """The length of the sign that writes it, in quarters."""
        length = Fraction(self.end - self.begin, ticks)
        return length * self.tuplet.parts / self.tuplet.normal if self.tuplet else length


def bars(tune: Tune, part: int, *, whole: bool = False) -> Iterator[list[Stretch]]:
    """The stretches of each bar of a part, which also end where anything changes above it. whole: see `pickup`."""
    starts = tune.bars()
    notes = tune.notes[tune.notes["part"] == part]
    stops = notes["start"] + notes["length"]
    skipped = pickup(tune, whole=whole)
    fixed = np.array([*starts, *_changes(tune), skipped, tune.length], np.int64)
    cuts = np.unique(np.concatenate([fixed, notes["start"], stops]))
    for begin, end in pairwise([*starts, tune.length]):
        inside = cuts[(cuts >= max(begin, skipped)) & (cuts <= end)].tolist()
        found = []
        for first, last, tuplet, place in _signs(inside, begin, tune.ticks):
            here = np.flatnonzero((notes["start"] <= first) & (stops > first))
            sounding = tuple(
                (int(notes["pitch"][each]), bool(notes["start"][each] < first), bool(stops[each] > last))
                for each in here
            )
            found.append(Stretch(first, last, sounding, tuplet, place))
        yield found


def pickup(tune: Tune, *, whole: bool = False) -> int:
    """Ticks of silence before a pick-up, which is written without them: its bar is known to be a short one. Else 0.

    whole: there is to be none, all bars are written in full.
    """
    if whole or not tune.metres or tune.metres[0].tick:
        return 0
    first = int(tune.notes["start"].min(initial=tune.length))
    starts = tune.bars()
    if len(starts) < 2 or first >= starts[1] or any(0 < tick < first for tick in _changes(tune)):
        return 0
    return 0 if any(each.tick < first for each in tune.chords) else first


def _changes(tune: Tune) -> list[int]:
    """Ticks from which on anything holds that stands above the notes."""
    marks: tuple[tuple[Key | Metre | Tempo | Chord, ...], ...] = (tune.keys, tune.metres, tune.tempos, tune.chords)
    return [each.tick for kind in marks for each in kind]


def _signs(cuts: list[int], bar: int, ticks: int) -> Iterator[tuple[int, int, Tuplet | None, int]]:
    """(begin, end, tuplet, place in it) of the signs between these ticks of a bar that begins at `bar`."""
    waiting = cuts[::-1]
    while len(waiting) > 1:
        # As far as the next tick that needs no tuplet.
        run = [waiting.pop()]
        while waiting and (len(run) == 1 or _odd(run[-1] - bar, ticks) > 1):
            run.append(waiting.pop())
        parts = lcm(*(_odd(end - begin, ticks) for begin, end in pairwise(run)))
        beats = range(run[0] + (bar - run[0]) % ticks, run[-1], ticks)
        if parts > 1 and not set(beats) <= set(run) and not _one_tuplet(run, parts, ticks):
            # Cut at the beats, too.
            waiting += sorted({*run, *beats}, reverse=True)
            continue
        normal = 1 << (parts.bit_length() - 1)
        scale = Fraction(parts, normal * ticks)
        pieces = [run[0]]
        for begin, end in pairwise(run):
            lengths = _pieces((end - begin) * scale) if parts <= PARTS else ()
            pieces += [int(each / scale) for each in accumulate(lengths[:-1], initial=begin * scale)][1:] + [end]
        tuplet = Tuplet(parts, normal, len(pieces) - 1) if 1 < parts <= PARTS else None
        for at, (begin, end) in enumerate(pairwise(pieces)):
            yield begin, end, tuplet, at if tuplet else 0
        waiting.append(run[-1])


def _odd(length: int, ticks: int) -> int:
    """Into how many parts, an odd number, what has single signs is divided by this length."""
    parts = Fraction(length, ticks).denominator
    return parts // (parts & -parts)


def _one_tuplet(cuts: list[int], parts: int, ticks: int) -> bool:
    """Whether each is a single sign of one tuplet."""
    scale = Fraction(parts, (1 << (parts.bit_length() - 1)) * ticks)
    return parts < 10 and all(len(_pieces((end - begin) * scale)) == 1 for begin, end in pairwise(cuts))


@cache
def _pieces(length: Fraction) -> tuple[Fraction, ...]:
    """A length in quarters as lengths that single signs have: 1, 1½ or 1¾ times a power of two, the longest first."""
    found = []
    units = length.numerator
    while units:
        power = 1 << (units.bit_length() - 1)
        sign = next(each for each in (power * 7 // 4, power * 3 // 2, power) if each <= units)
        found.append(Fraction(sign, length.denominator))
        units -= sign
    return tuple(found)
