"""What is in a collection of tunes, what of it was not read, and what looks wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np

from rhapsode.data.statistics import Range, Spread, Statistics, shown
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.instruments import DRUMS, name_of
from rhapsode.modalities.music.pitch import ABOVE, MODES, accidental, name, named
from rhapsode.modalities.music.tune import Key, Tune

GRIDS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
"""Steps in a quarter note, the coarsest first."""
ROUNDED = (4, 12, 24)
"""Steps in a quarter note, for which it is told how many notes they move: sixteenths, these and triplets, and finer."""
ON_GRID = 0.99
"""The share of notes that must begin on a grid."""
SHOWN = 12
"""Kinds that are listed, the commonest first."""
SHORT = 4
"""Bars that a tune should have at least, to be learnt from."""

Kind = TypeVar("Kind", str, int)


@dataclass(frozen=True)
class TuneStatistics(Statistics):
    """Of a collection of tunes.

    metres, keys: those that tunes begin with, by the number of tunes; "none" where none is known.
    pitches:      the lowest and the highest, drums left out.
    lengths:      of notes, in quarters such as "1/2", by their number.
    grid:         steps in a quarter of the coarsest grid on which 99 % of the notes begin; None if there is none.
    moved:        the share of notes that begin elsewhere when they are rounded to so many steps in a quarter.
    instruments:  of General MIDI, and drums, by their notes.
    polyphony:    the most notes that sound at once, by the number of tunes.
    chords:       symbols by their number; unknown_chords: those that have no meaning.
    skipped, left_out: see `Refusals`.
    """

    tunes: int = 0
    notes: int = 0
    notes_per_tune: Range = (0, 0, 0)
    bars_per_tune: Range = (0, 0, 0)
    seconds_per_tune: Range = (0, 0, 0)
    metres: dict[str, int] = field(default_factory=dict)
    metre_changes: int = 0
    keys: dict[str, int] = field(default_factory=dict)
    key_changes: int = 0
    tempos: Range | None = None
    pitches: tuple[int, int] | None = None
    lengths: dict[str, int] = field(default_factory=dict)
    grid: int | None = None
    moved: dict[int, float] = field(default_factory=dict)
    instruments: dict[str, int] = field(default_factory=dict)
    polyphony: dict[int, int] = field(default_factory=dict)
    parts: dict[int, int] = field(default_factory=dict)
    drums: int = 0
    chords: dict[str, int] = field(default_factory=dict)
    unknown_chords: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def facts(self) -> Iterator[str]:
        yield f"tunes           {self.tunes:,}"
        if not self.tunes:
            return
        yield f"notes           {self.notes:,}, {shown(self.notes_per_tune)} a tune"
        yield f"bars            {shown(self.bars_per_tune)} a tune"
        yield f"seconds         {shown(self.seconds_per_tune)} a tune"
        yield f"metres          {_listed(self.metres)}; {self.metre_changes:,} tunes change it"
        yield f"keys            {_listed(self.keys)}; {self.key_changes:,} tunes change it"
        if self.tempos:
            yield f"quarters/minute {shown(self.tempos)}"
        if self.pitches:
            low, high = self.pitches
            yield f"pitches         {_pitch(low)} … {_pitch(high)} ({low} … {high})"
        yield f"note lengths    {_listed(self.lengths)} (in quarter notes)"
        yield f"grid            {f'{self.grid} steps in a quarter note' if self.grid else 'none'}"
        rounded = [f"to {steps} steps {100 * share:.1f} %" for steps, share in self.moved.items() if share]
        if rounded:
            yield f"notes moved     by rounding their beginnings: {', '.join(rounded)}"
        yield f"instruments     {_listed(self.instruments)} (by notes)"
        yield f"notes at once   {_listed(self.polyphony)}"
        yield f"parts           {_listed(self.parts)}; {self.drums:,} tunes with drums"
        if self.chords:
            count = sum(self.chords.values())
            yield f"chords          {count:,}, of {len(self.chords):,} kinds: {_listed(self.chords)}"


def describe(tunes: Iterable[Tune], refused: Refusals | None = None) -> TuneStatistics:
    """Goes through the tunes once and keeps none. refused: what their reader counted, looked at afterwards."""
    counted = _TuneCounts()
    for tune in tunes:
        counted.add(tune)
    return counted.result(refused or Refusals())


class _TuneCounts:
    def __init__(self) -> None:
        self.notes, self.bars, self.seconds, self.tempos = Spread(), Spread(), Spread(), Spread()
        self.metres: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.lengths: Counter[str] = Counter()
        self.polyphony: Counter[int] = Counter()
        self.instruments: Counter[str] = Counter()
        self.parts: Counter[int] = Counter()
        self.chords: Counter[str] = Counter()
        self.metre_changes = self.key_changes = self.drums = self.short = 0
        self.on_grid = np.zeros(len(GRIDS), np.int64)
        self.low, self.high = 128, -1

    def add(self, tune: Tune) -> None:
        self.notes.add(len(tune))
        self.bars.add(tune.length / tune.bar)
        self.short += tune.length < SHORT * tune.bar
        self.seconds.add(tune.seconds)
        for tempo in tune.tempos:
            self.tempos.add(tempo.quarters)
        self.metres[f"{tune.metres[0].beats}/{tune.metres[0].unit}" if tune.metres else "none"] += 1
        self.metre_changes += len({(each.beats, each.unit) for each in tune.metres}) > 1
        self.keys[key_name(tune.keys[0]) if tune.keys else "none"] += 1
        self.key_changes += len(tune.keys) > 1
        self.parts[len(tune.parts)] += 1
        self.drums += any(part.drums for part in tune.parts)
        self.chords.update(chord.symbol for chord in tune.chords)
        starts = tune.notes["start"].astype(np.int64)
        if not len(starts):
            return
        self.on_grid += [int((starts * steps % tune.ticks == 0).sum()) for steps in GRIDS]
        for length, count in zip(*np.unique(tune.notes["length"], return_counts=True), strict=True):
            self.lengths[str(Fraction(int(length), tune.ticks))] += int(count)
        for part, count in zip(*np.unique(tune.notes["part"], return_counts=True), strict=True):
            played = tune.parts[part]
            self.instruments[name_of(DRUMS if played.drums else played.program)] += int(count)
        stops = np.sort(starts + tune.notes["length"])
        sounding = np.searchsorted(starts, starts, "right") - np.searchsorted(stops, starts, "right")
        self.polyphony[int(sounding.max())] += 1
        drums = np.array([part.drums for part in tune.parts], bool)
        pitches = tune.notes["pitch"][~drums[tune.notes["part"]]]
        self.low = min(self.low, int(pitches.min(initial=self.low)))
        self.high = max(self.high, int(pitches.max(initial=self.high)))

    def result(self, refused: Refusals) -> TuneStatistics:
        unknown = {symbol: count for symbol, count in self.chords.items() if not chords.is_known(symbol)}
        total = int(self.notes.total)
        grid = next(
            (steps for steps, on in zip(GRIDS, self.on_grid, strict=True) if total and on >= ON_GRID * total), None
        )
        return TuneStatistics(
            tunes=self.notes.count,
            notes=total,
            notes_per_tune=self.notes.result(),
            bars_per_tune=self.bars.result(),
            seconds_per_tune=self.seconds.result(),
            metres=_ordered(self.metres),
            metre_changes=self.metre_changes,
            keys=_ordered(self.keys),
            key_changes=self.key_changes,
            tempos=self.tempos.result() if self.tempos.count else None,
            pitches=(self.low, self.high) if self.high >= 0 else None,
            lengths=_ordered(self.lengths),
            grid=grid,
            moved={n: (total - int(self.on_grid[GRIDS.index(n)])) / total for n in ROUNDED} if total else {},
            instruments=_ordered(self.instruments),
            polyphony=_ordered(self.polyphony),
            parts=_ordered(self.parts),
            drums=self.drums,
            chords=_ordered(self.chords),
            unknown_chords=unknown,
            skipped=dict(refused.skipped),
            left_out=dict(refused.left_out),
            warnings=tuple(self._warnings(grid, unknown, refused)),
        )

    def _warnings(self, grid: int | None, unknown: dict[str, int], refused: Refusals) -> Iterator[str]:
        yield from refused.lines()
        if not self.notes.count:
            yield "there are no tunes."
        elif grid is None:
            yield (
                f"fewer than {ON_GRID:.0%} of the notes begin on a grid of {GRIDS[-1]} steps in a quarter note: these "
                "are played, not written. Their bars and metres may mean nothing."
            )
        if 0 < self.metres["none"] < self.notes.count:
            yield f"{self.metres['none']:,} of {self.notes.count:,} tunes have no metre."
        if self.short:
            yield f"{self.short:,} tunes are shorter than {SHORT} bars."
        if unknown:
            yield f"{sum(unknown.values()):,} chord symbols have no known meaning: {_listed(unknown)}."


def key_name(key: Key) -> str:
    """As ABC writes it: `Dm`."""
    letter, alteration = named(key.sharps + ABOVE[key.mode])
    return f"{letter}{accidental(alteration)}{MODES[key.mode]}"


def _pitch(pitch: int) -> str:
    return f"{name(pitch % 12, flats=False)}{pitch // 12 - 1}"


def _ordered(counts: Counter[Kind]) -> dict[Kind, int]:
    """The commonest first."""
    return dict(counts.most_common())


def _listed(counts: dict[Any, int]) -> str:
    first = "  ".join(f"{each if each != '' else 'none'} {count:,}" for each, count in list(counts.items())[:SHOWN])
    return f"{first}  and {len(counts) - SHOWN} more" if len(counts) > SHOWN else first
