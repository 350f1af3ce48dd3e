"""A tune: notes in time, and what is known of their metre, key, tempo and harmony."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

NOTE = np.dtype([("start", "<i4"), ("length", "<i4"), ("pitch", "<i2"), ("velocity", "<i2"), ("part", "<i2")])
"""start and length in ticks; pitch as in MIDI, 60 is middle C; velocity 1 to 127; part: which of `Tune.parts`."""


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


@dataclass(frozen=True, eq=False)
class Tune:
    """One piece of music.

    notes:   [N] of `NOTE`, sorted by start, then pitch, then part.
    ticks:   in a quarter note.
    length:  ticks to the end; no note is sounding after it.
    metres, keys, tempos: each sorted by tick; what holds before the first is not known. `chords` the same; they may be
             many.
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


def ordered(found: np.ndarray) -> np.ndarray:
    """Notes [N] of `NOTE` by start, then pitch, then part."""
    return found[np.lexsort((found["part"], found["pitch"], found["start"]))]


def rescaled(tune: Tune, ticks: int) -> Tune:
    """The same with `ticks` in a quarter; what falls between two is rounded, but no note to length 0."""
    if ticks == tune.ticks:
        return tune

    def at(tick: int) -> int:
        return round(tick * ticks / tune.ticks)

    found = tune.notes.copy()
    begin = np.rint(found["start"] * (ticks / tune.ticks)).astype(np.int32)
    end = np.rint((found["start"] + found["length"]) * (ticks / tune.ticks)).astype(np.int32)
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
