"""What codecs of melodies know of the tunes they were fitted on, and how a melody is cut into pieces for them.

Tunes are in the key without accidentals, and time is in frames. Notes that pass a bar line or a change of chord are cut
there and held on: so a piece lies in one bar and over one chord.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.data.codecs.codec import Codec, damaged
from rhapsode.data.codecs.records import Records
from rhapsode.errors import UserError
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.codecs._bars import Bars
from rhapsode.modalities.music.codecs._pitches import FIRST, HELD, REST
from rhapsode.modalities.music.codecs._usual import Usual, UsualCounts
from rhapsode.modalities.music.keys import natural
from rhapsode.modalities.music.line import melody
from rhapsode.modalities.music.tune import Tune

NO_CHORD = ""
LONGEST = 1 << 15
"""Frames of a bar, and so of a note."""
Segment = tuple[int, int, int]
"""Frame, frames, value (see `_pitches`)."""


@dataclass(frozen=True, eq=False)
class Repertoire:
    """grid: frames in a quarter. lowest, places: pitches from the lowest one on. lengths: of pieces of notes, in
    frames, in order, from 1. harmonies: chords, the first one is none. density: log2 of notes a quarter, in the mean.
    """

    grid: int
    lowest: int
    places: int
    lengths: list[int]
    harmonies: list[str]
    density: float
    usual: Usual
    fields: ClassVar = ("grid", "lowest", "places", "lengths", "harmonies", "density", *Usual.fields)

    @staticmethod
    def fit(records: Records, grid: int) -> Repertoire:
        """Raises `UserError` if there are no notes."""
        low, high = 128, -1
        lengths, harmonies = Counter[int](), Counter[str]()
        census, densities = UsualCounts(), list[float]()
        for tune in records():
            line = natural(tune, grid)
            notes = melody(line)
            if not len(notes):
                continue
            low, high = min(low, int(notes["pitch"].min())), max(high, int(notes["pitch"].max()))
            lengths.update(length for _, length, _ in segments(line, Bars(line, grid), low))
            harmonies.update({chords.plain(each.symbol) for each in line.chords})
            census.add(tune)
            densities.append(density(line))
        if high < 0:
            raise UserError("the tunes have no notes (drums are not counted): there is nothing to learn from.")
        harmonies.pop(NO_CHORD, None)
        return Repertoire(
            grid,
            low,
            high - low + 1,
            sorted({1, *lengths}),  # with 1, whatever is left of a bar can be filled
            [NO_CHORD, *(each for each, _ in sorted(harmonies.items(), key=lambda item: (-item[1], item[0])))],
            round(float(np.mean(densities)), 4),
            census.usual(),
        )

    def refusal(self, record: Tune) -> str:
        """As `RecordCodec.refusal`."""
        pitches = melody(self.usual.natural(record, self.grid))["pitch"]
        if not len(pitches):
            return "without notes"
        if pitches.min() < self.lowest or pitches.max() >= self.lowest + self.places:
            return "with notes beyond the range of the training data"
        return ""

    def segments(self, tune: Tune, bars: Bars) -> list[Segment]:
        """Those of a tune in frames, in lengths that there are: others in several pieces, held on."""
        out: list[Segment] = []
        for frame, length, value in segments(tune, bars, self.lowest):
            while length:
                part = self.lengths[bisect_right(self.lengths, length) - 1]
                out.append((frame, part, value))
                frame, length, value = frame + part, length - part, value if value == REST else HELD
        return out

    def harmony(self, symbol: str) -> int:
        """The number of the chord that is most like this one."""
        return chords.nearest(symbol, tuple(self.harmonies))

    def to_json(self) -> dict[str, Any]:
        return {
            "grid": self.grid,
            "lowest": self.lowest,
            "places": self.places,
            "lengths": self.lengths,
            "harmonies": self.harmonies,
            "density": self.density,
            **self.usual.to_json(),
        }

    @staticmethod
    def from_json(codec: type[Codec], *values: Any) -> Repertoire:
        """values: those of `fields` and `Usual.optional`. Raises `UserError`, for the codec."""
        grid, lowest, places, lengths, harmonies, dense, *usual = values
        whole = [grid, lowest, places, *(lengths if isinstance(lengths, list) else [None])]
        if not all(type(n) is int for n in whole):
            raise damaged(codec, f"expected whole numbers, found {str(whole)[:80]}")
        if not (1 <= grid <= 96 and 0 <= lowest <= 127 and 1 <= places <= 128 - lowest):
            raise damaged(codec, f"grid {grid}, lowest pitch {lowest} and {places} pitches cannot be")
        if not lengths or sorted({*lengths}) != lengths or lengths[0] != 1 or lengths[-1] > LONGEST:
            raise damaged(codec, "lengths of notes must be in order, from 1")
        if not isinstance(harmonies, list) or not all(isinstance(each, str) for each in harmonies):
            raise damaged(codec, f"expected chords, found {str(harmonies)[:80]}")
        if (
            harmonies[:1] != [NO_CHORD]
            or len({*harmonies}) != len(harmonies)
            or not all(map(chords.is_known, harmonies))
        ):
            raise damaged(codec, "chords must be known and all differ, and the first one be none")
        if not isinstance(dense, int | float) or isinstance(dense, bool) or not -64 <= dense <= 64:
            raise damaged(codec, f"density {dense!r} is none")
        return Repertoire(grid, lowest, places, lengths, harmonies, float(dense), Usual.from_json(codec, *usual))


def segments(tune: Tune, bars: Bars, lowest: int) -> list[Segment]:
    """The melody of a tune in frames, without gaps, cut at bar lines and changes of chords.

    Values of pitches count from `lowest`.
    """
    edges = {*bars.starts.tolist(), *(each.tick for each in tune.chords)}
    pieces: list[Segment] = []
    end = 0
    for note in melody(tune):
        start, length, pitch = int(note["start"]), int(note["length"]), int(note["pitch"])
        if start > end:
            pieces.append((end, start - end, REST))
        pieces.append((start, length, FIRST + pitch - lowest))
        end = start + length
    if end < bars.end:
        pieces.append((end, bars.end - end, REST))
    cuts = sorted(edges)
    found: list[Segment] = []
    for start, length, value in pieces:
        stop = start + length
        inner = cuts[bisect_right(cuts, start) : bisect_right(cuts, stop - 1)]
        for a, b in zip([start, *inner], [*inner, stop], strict=True):
            found.append((a, b - a, value if a == start or value == REST else HELD))
    return found


def density(tune: Tune) -> float:
    """log2 of notes a quarter, of the melody."""
    return doubles.log(max(len(melody(tune)), 1) * tune.ticks / max(tune.length, 1)) * doubles.PER_LN_2
