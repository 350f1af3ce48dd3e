"""A tune: notes in time, and what is known of their metre, key, tempo and harmony."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeVar

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.music import chords as symbols
from rhapsode.modalities.music.pitch import shifted

NOTE = np.dtype([("start", "<i4"), ("length", "<i4"), ("pitch", "<i2"), ("velocity", "<i2"), ("part", "<i2")])
"""start and length in ticks; pitch as in MIDI, 60 is middle C; velocity 1 to 127; part: which of `Tune.parts`."""

UNITS = (1, 2, 4, 8, 16, 32, 64)
"""Of metres."""


@dataclass(frozen=True)
class Part:
    """A voice or an instrument. program: General MIDI's, 0 is a piano; drums: pitches are drums."""

    name: str = ""
    program: int = 0
    drums: bool = False


@dataclass(frozen=True)
class Metre:
    """From `tick` on, bars have `beats` notes of one `unit`-th each: 6/8 is beats 6, unit 8."""

    tick: int
    beats: int
    unit: int


@dataclass(frozen=True)
class Key:
    """From `tick` on: sharps (or, negative, flats) of the signature, -7 to 7; and whether the mode is minor.

    Church modes are what their signature and final make of them: `mode` is 0 for major, 9 for minor, and in general the
    final's distance above the major key of the signature, in semitones: D dorian is sharps 0, mode 2.
    """

    tick: int
    sharps: int
    mode: int = 0

    @property
    def tonic(self) -> int:
        """Pitch class of the final, 0 is C."""
        return (7 * self.sharps + self.mode) % 12


@dataclass(frozen=True)
class Tempo:
    """From `tick` on, quarter notes a minute."""

    tick: int
    quarters: float


@dataclass(frozen=True)
class Chord:
    """From `tick` on, the harmony as one would write it above the staff, e.g. `Dm7`; empty for none."""

    tick: int
    symbol: str


Mark = TypeVar("Mark", Metre, Key, Tempo, Chord)


@dataclass(frozen=True, eq=False)
class Tune:
    """One piece of music.

    notes:   [N] of `NOTE`, sorted by start, then pitch, then part.
    ticks:   in a quarter note.
    length:  ticks to the end; no note is sounding after it.
    metres, keys, tempos: each sorted by tick; what holds before the first is not known. `chords` the same; they may be
             many. Bars are counted anew from each metre. A pick-up is the end of a whole bar that begins with silence,
             so that bar lines are where the first metre has them.
    title:   as its file gives it.
    name:    where it comes from, for messages: a file's name, perhaps with `#number`.
    """

    notes: np.ndarray
    ticks: int
    length: int
    parts: tuple[Part, ...] = (Part(),)
    metres: tuple[Metre, ...] = ()
    keys: tuple[Key, ...] = ()
    tempos: tuple[Tempo, ...] = ()
    chords: tuple[Chord, ...] = field(default=(), repr=False)
    title: str = ""
    name: str = ""

    def __len__(self) -> int:
        return len(self.notes)

    @property
    def bar(self) -> int:
        """Ticks of the first metre's bar; of 4/4 if none is known."""
        metre = self.metres[0] if self.metres else Metre(0, 4, 4)
        return metre.beats * 4 * self.ticks // metre.unit

    def bars(self) -> list[int]:
        """The tick at which each bar begins; bars of 4/4 where no metre is known."""
        return list(chain.from_iterable(self._bars()))

    @property
    def bar_count(self) -> int:
        """Its bars."""
        return sum(map(len, self._bars()))

    def _bars(self) -> Iterator[range]:
        """The ticks of bars of each metre."""
        marks = self.metres if self.metres and self.metres[0].tick == 0 else (Metre(0, 4, 4), *self.metres)
        for metre, stop in zip(marks, [*(each.tick for each in marks[1:]), self.length], strict=True):
            yield range(metre.tick, min(stop, self.length), max(metre.beats * 4 * self.ticks // metre.unit, 1))

    @property
    def seconds(self) -> float:
        """How long it is, at its tempos; 120 quarters a minute where none is known."""
        return float(self.time(np.array([self.length]))[0])

    def time(self, at: np.ndarray) -> np.ndarray:
        """Seconds from the beginning to each of these ticks."""
        marks = [Tempo(0, 120.0), *self.tempos]
        begins = np.array([mark.tick for mark in marks], np.float64)
        pace = 60 / (np.array([mark.quarters for mark in marks]) * self.ticks)
        passed = np.concatenate([[0.0], np.cumsum(np.diff(begins) * pace[:-1])])
        which = np.searchsorted(begins, at, side="right") - 1
        return np.asarray(passed[which] + (at - begins[which]) * pace[which])


def notes(rows: list[tuple[int, int, int, int, int]]) -> np.ndarray:
    """(start, length, pitch, velocity, part) each, as `Tune.notes` wants them: an array in their order."""
    return ordered(np.array(rows, NOTE))


def pitched(tune: Tune) -> np.ndarray:
    """Its notes but drums."""
    drums = np.array([part.drums for part in tune.parts], bool)
    return tune.notes[~drums[tune.notes["part"]]] if drums.any() else tune.notes


def ordered(rows: np.ndarray) -> np.ndarray:
    """Notes [N] of `NOTE` by start, then pitch, then part."""
    return rows[np.lexsort((rows["part"], rows["pitch"], rows["start"]))]


def separate(rows: np.ndarray) -> np.ndarray:
    """Notes [N] of `NOTE` in order, such that no two of one part and pitch sound at once.

    A note ends where the next of its pitch begins; of those that begin together the longest is kept. Length is at
    least a tick.
    """
    rows = rows[np.lexsort((-rows["length"], rows["start"], rows["pitch"], rows["part"]))]
    np.maximum(rows["length"], 1, out=rows["length"])
    same = (rows["part"][1:] == rows["part"][:-1]) & (rows["pitch"][1:] == rows["pitch"][:-1])
    apart = rows["start"][1:] - rows["start"][:-1]
    kept = np.concatenate([np.ones(min(len(rows), 1), bool), ~same | (apart > 0)])
    if not kept.all():
        return separate(rows[kept])
    rows["length"][:-1] = np.where(same, np.minimum(rows["length"][:-1], apart), rows["length"][:-1])
    return ordered(rows)


def changing_metres(metres: list[Metre], ticks: int) -> tuple[Metre, ...]:
    """Metres by tick, without those that say at a bar line what holds already."""
    found: list[Metre] = []
    for metre in {each.tick: each for each in metres}.values():
        last = found[-1] if found else Metre(-1, 0, 1)
        bar = max(4 * ticks * last.beats // last.unit, 1)
        if (last.beats, last.unit) != (metre.beats, metre.unit) or (metre.tick - last.tick) % bar:
            found.append(metre)
    return tuple(found)


def changing_keys(keys: list[Key]) -> tuple[Key, ...]:
    """Keys by tick, without those that say what holds already."""
    found: list[Key] = []
    for key in {each.tick: each for each in keys}.values():
        if not found or (found[-1].sharps, found[-1].mode) != (key.sharps, key.mode):
            found.append(key)
    return tuple(found)


def changing_tempos(tempos: list[Tempo]) -> tuple[Tempo, ...]:
    """Tempos by tick, without those that say what holds already."""
    found: list[Tempo] = []
    for tempo in {each.tick: each for each in tempos}.values():
        if not found or found[-1].quarters != tempo.quarters:
            found.append(tempo)
    return tuple(found)


def transposed(tune: Tune, semitones: int, keys: tuple[Key, ...] = ()) -> Tune:
    """The same so many semitones higher: notes (but for drums), keys and chords. Raises `UserError`.

    keys: what its keys then are, where D sharp minor is to be E flat minor; without them, those of fewest accidentals.
    Chords are spelled as in the key they stand in.
    """
    drums = np.array([part.drums for part in tune.parts], bool)
    found = tune.notes.copy()
    moved = ~drums[found["part"]]
    pitches = found["pitch"][moved] + semitones
    if len(pitches) and not 0 <= pitches.min() <= pitches.max() <= 127:
        raise UserError(
            f"{tune.name or 'tune'}: {semitones:+d} semitones would take pitches to {pitches.min()} … {pitches.max()}; "
            "0 … 127 can be written. Transpose it less."
        )
    found["pitch"][moved] = pitches
    renamed = bool(keys) or semitones % 12 > 0
    keys = keys or tuple(replace(each, sharps=shifted(each.sharps, semitones)) for each in tune.keys)
    # Where there is no key, flats stay flats and sharps sharps.
    unknown = 0 if any("b" in each.symbol[1:2] for each in tune.chords) else 4

    def spelled(chord: Chord) -> Chord:
        sharps = next((key.sharps for key in reversed(keys) if key.tick <= chord.tick), unknown)
        return replace(chord, symbol=symbols.transposed(chord.symbol, semitones, sharps))

    chords = tuple(map(spelled, tune.chords)) if renamed else tune.chords
    return replace(tune, notes=ordered(found), keys=keys, chords=chords)


def rescaled(tune: Tune, ticks: int) -> Tune:
    """The same with `ticks` in a quarter; what falls between two is rounded, but no note to length 0."""
    if ticks == tune.ticks:
        return tune

    def at(tick: int) -> int:
        return round(tick * ticks / tune.ticks)

    found = tune.notes.copy()
    begin = np.rint(found["start"] * (ticks / tune.ticks)).astype(np.int32)
    end = np.rint((found["start"] + found["length"]) * (ticks / tune.ticks)).astype(np.int32)
    begin = np.minimum(begin, max(at(tune.length) - 1, 0))
    found["start"], found["length"] = begin, np.maximum(end - begin, 1)
    length = max(at(tune.length), int((found["start"] + found["length"]).max(initial=0)))
    return replace(
        tune,
        notes=ordered(found),
        ticks=ticks,
        length=length,
        metres=tuple(replace(each, tick=at(each.tick)) for each in tune.metres),
        keys=tuple(replace(each, tick=at(each.tick)) for each in tune.keys),
        tempos=tuple(replace(each, tick=at(each.tick)) for each in tune.tempos),
        chords=tuple(replace(each, tick=at(each.tick)) for each in tune.chords),
    )


def after(tune: Tune, tick: int) -> Tune:
    """What begins from a tick on, as a tune of its own; first holds what holds there of metre, key, tempo, harmony."""

    def moved(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
        first = max(sum(each.tick <= tick for each in marks) - 1, 0)
        return tuple(replace(each, tick=max(each.tick - tick, 0)) for each in marks[first:])

    found = tune.notes[tune.notes["start"] >= tick].copy()
    found["start"] -= tick
    return replace(
        tune,
        notes=found,
        length=max(tune.length - tick, 1),
        metres=moved(tune.metres),
        keys=moved(tune.keys),
        tempos=moved(tune.tempos),
        chords=moved(tune.chords),
    )
