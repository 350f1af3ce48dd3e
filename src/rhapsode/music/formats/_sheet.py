"""Written music on its way to a tune: times are exact fractions of a quarter note."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import lcm

import numpy as np

from rhapsode.exchange.refusals import Unreadable
from rhapsode.music.tune import (
    NOTE,
    Chord,
    Key,
    Metre,
    Part,
    Tempo,
    Tune,
    changing_keys,
    changing_metres,
    changing_tempos,
    separate,
)

TICKS = 480
FINEST = 40320
"""Ticks in a quarter, at most: what no so fine a grid holds is rounded to one of `TICKS`."""
LONGEST = 1 << 30
"""Ticks of a tune, at most."""
SHARES = 1 << 48
"""Parts of a quarter that times are exact to, at most. Tuplets of all sizes up to 13, in one another, need no more.
Without a bound, each odd length would make all times after it longer to write down, and sums slower."""
PARTS = 1024
"""Parts of a tune, at most."""
VELOCITY = 80
"""Of notes whose loudness is not known."""

Mark = Metre | Key | Tempo | Chord


def later(time: Fraction, length: Fraction, place: str) -> Fraction:
    """A time and what lasts from there on. Raises `Unreadable` where no music has such times."""
    found = time + length
    if found.denominator > SHARES:
        raise Unreadable("lengths that have no beat in common", place)
    if found > LONGEST // TICKS:
        raise Unreadable(f"longer than {LONGEST // TICKS:,} quarter notes", place)
    return found


@dataclass
class Sheet:
    """notes: (start, length, pitch, part) each. marks: (time, what holds from there on), their ticks to be filled in.

    bars: times of bar lines, in order, as they are written: not all bars are as long as their metre says.
    """

    notes: list[tuple[Fraction, Fraction, int, int]] = field(default_factory=list)
    marks: list[tuple[Fraction, Mark]] = field(default_factory=list)
    bars: list[Fraction] = field(default_factory=list)
    length: Fraction = Fraction(0)

    def tune(self, parts: tuple[Part, ...], title: str, name: str) -> Tune:
        """Raises `Unreadable` if there are no notes, or some that cannot be."""
        if not self.notes:
            raise Unreadable("no notes", name)
        if len(parts) > PARTS:
            raise Unreadable(f"more than {PARTS:,} parts", name)
        if not all(0 <= pitch <= 127 for _, _, pitch, _ in self.notes):
            raise Unreadable("pitches beyond MIDI's 0 … 127", name)
        shift = self._pickup()
        # Key, metre and tempo hold from the silence before a pick-up on; a chord begins with its note.
        marks = [
            (time + shift if time or isinstance(mark, Chord) else time, mark)
            for time, mark in sorted(self.marks, key=lambda each: each[0])
        ]
        marks += [(time, metre) for time, metre in self._begun_anew(marks, shift)]
        marks.sort(key=lambda each: each[0])
        times = [time for start, length, _, _ in self.notes for time in (start, start + length)]
        times += [shift, self.length, *(time for time, _ in marks)]
        ticks = _grid({time.denominator for time in times})
        if max(times) * ticks > LONGEST:
            raise Unreadable(f"longer than {LONGEST // TICKS:,} quarter notes", name)

        def at(time: Fraction) -> int:
            return round(time * ticks)

        rows = [
            (at(start + shift), at(start + shift + length) - at(start + shift), pitch, VELOCITY, part)
            for start, length, pitch, part in self.notes
        ]
        notes = separate(np.array(rows, NOTE))
        placed = [replace(mark, tick=at(time)) for time, mark in marks]
        return Tune(
            notes,
            ticks,
            max(at(self.length + shift), int((notes["start"] + notes["length"]).max())),
            parts,
            changing_metres([each for each in placed if isinstance(each, Metre)], ticks),
            changing_keys([each for each in placed if isinstance(each, Key)]),
            changing_tempos([each for each in placed if isinstance(each, Tempo)]),
            tuple({each.tick: each for each in placed if isinstance(each, Chord)}.values()),
            title,
            name,
        )

    def _pickup(self) -> Fraction:
        """How much the first bar is too short, if others follow."""
        metres = [mark for time, mark in self.marks if isinstance(mark, Metre) and time == 0]
        first = next((time for time in self.bars if time > 0), None)
        if not metres or first is None or first >= self.length:
            return Fraction(0)
        return max(_bar(metres[-1]) - first, Fraction(0))

    def _begun_anew(self, marks: list[tuple[Fraction, Mark]], shift: Fraction) -> list[tuple[Fraction, Metre]]:
        """Metres, the same again, where whole bars go on after one that was longer or shorter."""
        waiting = deque((time, mark) for time, mark in marks if isinstance(mark, Metre))
        bars = [time + shift for time in self.bars]
        found: list[tuple[Fraction, Metre]] = []
        known: tuple[Fraction, Metre] | None = None
        for line, following in pairwise(bars):
            while waiting and waiting[0][0] <= line:
                first = waiting.popleft()
                # Of several at one time, the first one counts.
                known = first if known is None or first[0] > known[0] else known
            if known is not None and line > 0:
                time, metre = known
                if (line - time) % _bar(metre) and following - line == _bar(metre):
                    known = (line, metre)
                    found.append(known)
        return found


def _grid(denominators: set[int]) -> int:
    """Ticks in a quarter with which all of these are exact, or `TICKS` if there are none so few."""
    ticks = TICKS
    for each in denominators:
        ticks = lcm(ticks, each)
        if ticks > FINEST:
            return TICKS
    return ticks


def _bar(metre: Metre) -> Fraction:
    """Quarter notes in a bar."""
    return Fraction(4 * metre.beats, metre.unit)
