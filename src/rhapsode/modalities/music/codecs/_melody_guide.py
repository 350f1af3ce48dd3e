"""What is known along a melody that is read or drawn: bars, density, what of an outline is kept."""

from __future__ import annotations

import copy
from bisect import bisect_right
from typing import Self

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.codecs._bars import PLACES, Bars
from rhapsode.modalities.music.codecs._lookback import LOOKBACK, Lookback
from rhapsode.modalities.music.codecs._pitches import END, FIRST, HELD, REST
from rhapsode.modalities.music.codecs._repertoire import Repertoire, Segment, density
from rhapsode.modalities.music.line import melody
from rhapsode.modalities.music.outline import Outline, outlined
from rhapsode.modalities.music.tune import Tune

COVARIATES = PLACES + 1 + LOOKBACK


class MelodyGuide(Guide):
    """A place in a melody along an outline. Subclasses say how steps tell it.

    tune:   the outline's, in the key without accidentals, in frames.
    kept:   of pieces of the melody that are not to be drawn, by their frame: frames and value. A note that is held on
            from what is drawn into what is kept begins there.
    values: [FIRST + places] bool: which values may be drawn.
    again:  of a loop, the frame at which it begins again: what is heard in its first bar is kept from there.
    chords: of what is kept from there, the chord of the repertoire, by frame.
    """

    def __init__(self, repertoire: Repertoire, record: Tune | Outline, form: bool = True) -> None:
        """form: whether the place in the bar and in the form is given."""
        outline = outlined(record)
        self._form = form
        self._outline = outline
        self.tune = tune = repertoire.usual.natural(outline.drawn_along, repertoire.grid)
        self.bars = Bars(tune, repertoire.grid, tune.keys[0].mode if tune.keys else None, outline.beyond)
        self.kept = self._keep(repertoire.segments(tune, self.bars) if len(tune.notes) else [])
        if self.kept and len(melody(tune)) and (reason := repertoire.refusal(tune)):
            raise UserError(f"{tune.name or 'outline'}: a tune {reason}, and some of it is to be kept. Transpose it.")
        self.again = int(self.bars.starts[-2]) if outline.loop else None
        if outline.density is not None:
            dense = doubles.log(max(outline.density, 1e-3)) * doubles.PER_LN_2
        else:
            dense = density(tune) if len(tune.notes) else repertoire.density
        self._fixed = np.append(np.float32(dense), repertoire.usual.place(outline.tune))
        scale = outline.scale(tune)
        self.values = np.ones(FIRST + repertoire.places, bool)
        self.values[FIRST:] = [(repertoire.lowest + n) % 12 in scale for n in range(repertoire.places)]
        self.values[END] = False
        self.frame = 0
        self.chords: dict[int, int] = {}
        self._lowest = repertoire.lowest
        self._roots = [chords.parse(each).root for each in repertoire.harmonies]
        self._lookback = Lookback(self.bars, repertoire.grid)
        self._pitch = self._last = -1
        self._pieces, self._cuts = (
            repertoire.lengths,
            {*self.bars.starts.tolist(), *(each.tick for each in tune.chords)},
        )
        self._room = 0  # frames below which a piece that only goes on is one that encoding writes

    def _keep(self, found: list[Segment]) -> dict[int, tuple[int, int]]:
        kept = {}
        sounding, drawn = HELD, False
        for frame, length, value in found:
            sounding = sounding if value == HELD else value
            before, drawn = drawn, self._outline.drawn(self.bars.number(frame), 0)
            if not drawn:
                kept[frame] = length, sounding if before else value
        return kept

    def covariates(self) -> np.ndarray:
        """[COVARIATES + Usual.placed] float32."""
        found = np.concatenate([self.bars.covariates(self.frame), self._lookback.covariates(self.frame), self._fixed])
        if not self._form:
            found[: PLACES + LOOKBACK] = 0
        return found

    def free(self) -> np.ndarray:
        """[FIRST + places] bool: which values may be drawn here. A loop begins with a note: the rests before a pick-up
        would be heard in each round."""
        found = self.values.copy()
        found[REST] &= self.again is None or self.frame > 0
        return found

    def room(self, value: int, chord: int) -> int | None:
        """Frames below which a piece of this value is one that encoding writes, over this chord; None for any.

        Encoding writes the longest pieces that there are (`Repertoire.segments`). So a piece that only goes on, with no
        bar line or change of chord before it, is there only where no longer one could have stood before it.
        """
        goes_on = value == HELD or (value == REST and self._pitch < 0)
        return self._room if goes_on and self.frame not in self._cuts and chord == self._last else None

    def advance(self, length: int, value: int, chord: int) -> None:
        """Go on by a piece, over a chord of the repertoire."""
        if self.again is not None and self.frame < int(self.bars.starts[1]):
            self.kept[self.again + self.frame], self.chords[self.again + self.frame] = (length, value), chord
        room = self.room(value, chord)
        longer = bisect_right(self._pieces, length)
        most = self._pieces[longer] if longer < len(self._pieces) else 1 << 30
        self._room = (most if room is None else min(room, most)) - length
        self._last = chord
        self._pitch = self._lowest + value - FIRST if value >= FIRST else self._pitch if value == HELD else -1
        self._lookback.add(self.frame, length, self._pitch, value != HELD, self._roots[chord])
        self.frame += length

    def copy(self) -> Self:
        other = copy.copy(self)
        other._lookback, other.kept, other.chords = self._lookback.copy(), self.kept.copy(), self.chords.copy()
        return other
