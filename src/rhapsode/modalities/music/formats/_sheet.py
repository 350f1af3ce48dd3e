"""Written music on its way to a tune: times are exact fractions of a quarter note."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any, NamedTuple, TypeVar

import numpy as np

from rhapsode.files.refusals import Refusals, Unreadable
from rhapsode.modalities.music.formats._form import BarLine, Sign, Stretch, labels, played
from rhapsode.modalities.music.tune import (
    NOTE,
    UNITS,
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
BEATS = 64
"""In a bar, at most."""
MOST = 300_000
"""Notes, marks and bar lines of a tune after its repeats, at most."""
PARTS = 1024
"""Parts of a tune, at most."""
VELOCITY = 80
"""Of notes whose loudness is not known."""

Mark = Metre | Key | Tempo | Chord
Timed = TypeVar("Timed", bound=tuple[Any, ...])
"""The first of which is a time."""


def metre(parts: Sequence[tuple[int, int]]) -> Metre:
    """A bar made of (beats, unit) one after another: 3/4 and 2/8 are 8/8. Raises `ValueError` if there is none such."""
    if not parts or any(beats < 1 or unit not in UNITS for beats, unit in parts):
        raise ValueError
    finest = max(unit for _, unit in parts)
    beats = sum(beats * (finest // unit) for beats, unit in parts)
    if beats > BEATS:
        raise ValueError
    return Metre(0, beats, finest)


def later(time: Fraction, length: Fraction, place: str) -> Fraction:
    """A time and what lasts from there on. Raises `Unreadable` where no music has such times."""
    found = time + length
    if found.denominator > SHARES:
        raise Unreadable("lengths that have no beat in common", place)
    if found > LONGEST // TICKS:
        raise Unreadable(f"longer than {LONGEST // TICKS:,} quarter notes", place)
    return found


class Note(NamedTuple):
    """In quarters; pitch as in MIDI. goes_on: whether a tie leads from it, to the next note of its pitch, which should
    begin as it ends; goes_from: whether it says that one leads to it, so that it comes before others that do not."""

    start: Fraction
    length: Fraction
    pitch: int
    part: int
    goes_on: bool = False
    goes_from: bool = False


@dataclass
class WrittenMusic:
    """Music as it is written: repeats once, notes with ties as several.

    marks: (time, what holds from there on), their ticks to be filled in.
    signs: (time, bar lines and what says what is played when): not all bars are as long as their metre says.
    order: of the parts that signs name; () for that in which they are written.
    """

    notes: list[Note] = field(default_factory=list)
    marks: list[tuple[Fraction, Mark]] = field(default_factory=list)
    signs: list[tuple[Fraction, Sign]] = field(default_factory=list)
    length: Fraction = Fraction(0)
    order: tuple[str, ...] = ()

    def tune(self, parts: tuple[Part, ...], title: str, name: str, refused: Refusals) -> Tune:
        """As it sounds. Raises `Unreadable` if there are no notes, or some that cannot be."""
        if not self.notes:
            raise Unreadable("no notes", name)
        if not set(self.order) <= set(labels(self.signs)):
            refused.leave_out("an order of parts, of which some are not there", name)
            self.order = ()
        self.notes.sort(key=lambda note: (note.start, not note.goes_from))
        try:
            stretches = played(self.signs, self.length, self.order)
            whole = stretches in ([], [(Fraction(0), self.length)])
            sounding, sources = (self, self.notes) if whole else self._unfolded(stretches)
        except ValueError:
            raise Unreadable("too many repeats", name) from None
        notes, unfinished = _untied(sounding.notes, sources)
        for note in unfinished:
            refused.leave_out("ties to no note of their pitch", f"{name}, at quarter note {float(note.start):g}")
        return sounding._tune(notes, parts, title, name)

    def _unfolded(self, stretches: list[Stretch]) -> tuple[WrittenMusic, list[Note]]:
        """These stretches one after the other, with plain bar lines; and of each note, which it is here. Raises
        `ValueError` if they are too much."""
        found, sources = WrittenMusic(), list[Note]()
        lines = [(time, BarLine()) for time, sign in self.signs if isinstance(sign, BarLine)]
        chords, *others = (
            sorted((each for each in self.marks if isinstance(each[1], kind)), key=_time)
            for kind in (Chord, Key, Metre, Tempo)
        )
        held: list[Mark | None] = [None] * len(others)
        for begin, end in stretches:
            shift = found.length - begin
            notes = _from(self.notes, begin, end)
            sources += notes
            found.notes += [
                note._replace(start=note.start + shift, length=min(note.length, end - note.start)) for note in notes
            ]
            inside = lines[bisect_right(lines, begin, key=_time) : bisect_right(lines, end, key=_time)]
            found.signs += [(time + shift, sign) for time, sign in inside]
            found.marks += [(time + shift, mark) for time, mark in _from(chords, begin, end)]
            for at, marks in enumerate(others):
                before = bisect_right(marks, begin, key=_time)
                # What changed on the way has to change back.
                if before and marks[before - 1][1] != held[at]:
                    found.marks.append((found.length, marks[before - 1][1]))
                known = bisect_left(marks, end, key=_time)
                found.marks += [(time + shift, mark) for time, mark in marks[before:known]]
                held[at] = marks[known - 1][1] if known else held[at]
            found.length += end - begin
            if len(found.notes) + len(found.marks) + len(found.signs) > MOST:
                raise ValueError
        return found, sources

    def _tune(
        self, notes: list[tuple[Fraction, Fraction, int, int]], parts: tuple[Part, ...], title: str, name: str
    ) -> Tune:
        """notes: (start, length, pitch, part) each, without ties. Raises `Unreadable`."""
        if len(parts) > PARTS:
            raise Unreadable(f"more than {PARTS:,} parts", name)
        if not all(0 <= pitch <= 127 for _, _, pitch, _ in notes):
            raise Unreadable("pitches beyond MIDI's 0 … 127", name)
        shift = self._pickup()
        # Key, metre and tempo hold from the silence before a pick-up on; a chord begins with its note.
        marks = [
            (time + shift if time or isinstance(mark, Chord) else time, mark)
            for time, mark in sorted(self.marks, key=lambda each: each[0])
        ]
        marks += [(time, metre) for time, metre in self._begun_anew(marks, shift)]
        marks.sort(key=lambda each: each[0])
        times = [time for start, length, _, _ in notes for time in (start, start + length)]
        times += [shift, self.length, *(time for time, _ in marks)]
        ticks = _grid({time.denominator for time in times})
        if max(times) * ticks > LONGEST:
            raise Unreadable(f"longer than {LONGEST // TICKS:,} quarter notes", name)

        def at(time: Fraction) -> int:
            return round(time * ticks)

        rows = [
            (at(start + shift), at(start + shift + length) - at(start + shift), pitch, VELOCITY, part)
            for start, length, pitch, part in notes
        ]
        found = separate(np.array(rows, NOTE))
        placed = [replace(mark, tick=at(time)) for time, mark in marks]
        return Tune(
            found,
            ticks,
            max(at(self.length + shift), int((found["start"] + found["length"]).max())),
            parts,
            changing_metres([each for each in placed if isinstance(each, Metre)], ticks),
            changing_keys([each for each in placed if isinstance(each, Key)]),
            changing_tempos([each for each in placed if isinstance(each, Tempo)]),
            tuple({each.tick: each for each in placed if isinstance(each, Chord)}.values()),
            title,
            name,
        )

    @property
    def bars(self) -> list[Fraction]:
        """The times of bar lines."""
        return sorted({time for time, sign in self.signs if isinstance(sign, BarLine)})

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


def _untied(notes: list[Note], sources: list[Note]) -> tuple[list[tuple[Fraction, Fraction, int, int]], list[Note]]:
    """(start, length, pitch, part) of notes with ties as one; and of `sources`, those whose tie never leads to one."""
    found: list[tuple[Fraction, Fraction, int, int]] = []
    waiting: dict[tuple[int, int, Fraction], deque[tuple[int, Note]]] = defaultdict(deque)  # by part, pitch and end
    led: set[int] = set()
    for note, source in zip(notes, sources, strict=True):
        tied = waiting.get((note.part, note.pitch, note.start))
        if tied:
            known, before = tied.popleft()
            led.add(id(before))
            start, length, pitch, part = found[known]
            found[known] = (start, length + note.length, pitch, part)
        else:
            known = len(found)
            found.append(note[:4])
        if note.goes_on:
            waiting[note.part, note.pitch, note.start + note.length].append((known, source))
    return found, [
        each for each in {id(each): each for each in sources}.values() if each.goes_on and id(each) not in led
    ]


def _time(each: tuple[Any, ...]) -> Fraction:
    found: Fraction = each[0]
    return found


def _from(found: list[Timed], begin: Fraction, end: Fraction) -> list[Timed]:
    """What begins between these times, of what is in order."""
    return found[bisect_left(found, begin, key=_time) : bisect_left(found, end, key=_time)]


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
