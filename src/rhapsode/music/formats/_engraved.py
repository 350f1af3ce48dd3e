"""A part cut into stretches that one sign can write: what writers of notation have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np

from rhapsode.music.tune import Chord, Key, Metre, Tempo, Tune


@dataclass(frozen=True)
class Stretch:
    """Ticks in which the same pitches sound, or none. notes: (pitch, did it begin before, does it go on)."""

    begin: int
    end: int
    notes: tuple[tuple[int, bool, bool], ...]


def bars(tune: Tune, part: int) -> Iterator[list[Stretch]]:
    """The stretches of each bar of a part, which also end where anything changes above it."""
    starts = tune.bars()
    notes = tune.notes[tune.notes["part"] == part]
    stops = notes["start"] + notes["length"]
    skipped = pickup(tune)
    fixed = np.array([*starts, *_changes(tune), skipped, tune.length], np.int64)
    cuts = np.unique(np.concatenate([fixed, notes["start"], stops]))
    for begin, end in pairwise([*starts, tune.length]):
        inside = cuts[(cuts >= max(begin, skipped)) & (cuts <= end)].tolist()
        found = []
        for first, last in pairwise(inside):
            here = np.flatnonzero((notes["start"] <= first) & (stops > first))
            for at, stop in _pieces(first, last, tune.ticks):
                sounding = tuple(
                    (int(notes["pitch"][each]), bool(notes["start"][each] < at), bool(stops[each] > stop))
                    for each in here
                )
                found.append(Stretch(at, stop, sounding))
        yield found


def pickup(tune: Tune) -> int:
    """Ticks of silence before a pick-up, which is written without them: its bar is known to be a short one. Else 0."""
    if not tune.metres or tune.metres[0].tick:
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


def is_triplet(stretches: list[Stretch], ticks: int) -> bool:
    """Whether these are three, each a third shorter than one sign could write."""
    lengths = [Fraction(each.end - each.begin, ticks) for each in stretches]
    return len(lengths) == 3 and all(
        length.denominator % 3 == 0 and _signs(length * 3 / 2) == (length * 3 / 2,) for length in lengths
    )


def _pieces(begin: int, end: int, ticks: int) -> Iterator[tuple[int, int]]:
    for length in _signs(Fraction(end - begin, ticks)):
        begin, before = begin + int(length * ticks), begin
        yield before, begin


@cache
def _signs(length: Fraction) -> tuple[Fraction, ...]:
    """A length in quarters as lengths that single signs have: 1, 1½ or 1¾ times a power of two, the longest first.

    What is no sum of such stays whole.
    """
    if length.denominator & (length.denominator - 1):
        return (length,)
    found = []
    units = length.numerator
    while units:
        power = 1 << (units.bit_length() - 1)
        sign = next(each for each in (power * 7 // 4, power * 3 // 2, power) if each <= units)
        found.append(Fraction(sign, length.denominator))
        units -= sign
    return tuple(found)
