"""The codec `pianoroll`: a step is a moment of music, the set of notes that sound in it.

Time is cut into frames of equal length, `grid` to a quarter note. With `holds`, a frame says of each pitch whether it
begins and whether it is held on; without, only whether it sounds, as benchmarks have it, and a note that is struck
again is lost. Drums, loudness and which part plays are not kept.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any, Self

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Records
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.modalities.music.codecs._bars import Bars
from rhapsode.modalities.music.codecs._tunes import TuneCodec, roll
from rhapsode.modalities.music.codecs._usual import Usual, UsualCounts
from rhapsode.modalities.music.outline import Outline, outlined
from rhapsode.modalities.music.tune import NOTE, Part, Tune, ordered, pitched, rescaled
from rhapsode.steps.sets import Sets

VELOCITY = 80
LONGEST = 1 << 22
"""Frames of a tune."""
LISTENED, FURTHEST, NAMED = 200, 17, 3
"""Tunes in which echoes are sought, bars between a frame and its echo, and distances that each tune names, at most."""
LIKE, SOME = 0.5, 0.07


class PianoRoll(TuneCodec):
    """Tunes ⇄ sets of pitches."""

    name = "pianoroll"
    summary = "a step is the set of notes that sound for a moment: music of any number of voices"
    keeps = "its key, metre, tempo and range"
    head = "nade"
    unit = "frame"
    rank = 2
    loops = True
    options = {"grid": 4, "holds": 1, "shift": 5, "echoes": 12}
    limits = {"grid": (1, 96), "holds": (0, 1), "shift": (0, 24), "echoes": (0, 16)}
    meanings = {
        "grid": "Frames in a quarter note.",
        "holds": "1 to tell notes that begin from those that are held.",
        "shift": "Training presents each tune in other keys, up to so many semitones higher or lower.",
        "echoes": "With each frame are given so many earlier ones: those at the distances at which tunes are most like "
        'themselves, a bar or eight (the lookback of Waite, "Generating Long-Term Structure in Songs and Stories", '
        "2016).",
    }

    def __init__(
        self, grid: int, holds: bool, lowest: int, places: int, shift: int, usual: Usual, lookback: tuple[int, ...]
    ) -> None:
        self.grid, self.holds, self.lowest = grid, holds, lowest
        self._steps = Sets(places, 1 + holds, shift)
        self.usual, self.lookback = usual, lookback

    @property
    def steps(self) -> Sets:
        return self._steps

    @property
    def covariates(self) -> int:
        return self._steps.size * len(self.lookback)

    @classmethod
    def fit(cls, records: Records, **options: Any) -> PianoRoll:
        chosen = cls.checked(options)
        low, high, count = 128, -1, 0
        census = UsualCounts(cls.keyed)
        for tune in records():
            pitches = pitched(tune)["pitch"]
            if len(pitches):
                low, high = min(low, int(pitches.min())), max(high, int(pitches.max()))
            census.add(tune)
            count += 1
        if high < 0:
            raise UserError("the tunes have no notes (drums are not counted): there is nothing to learn from.")
        shift = chosen["shift"]
        low, high = max(0, low - shift), min(127, high + shift)
        grid, holds, usual = chosen["grid"], bool(chosen["holds"]), census.usual()
        codec = cls(grid, holds, low, high - low + 1, shift, usual, ())
        if not chosen["echoes"]:
            return codec
        rolls = (
            codec.encode(tune) for tune in islice(records(), 0, None, -(-count // LISTENED)) if not codec.refusal(tune)
        )
        lookback = distances(rolls, usual.bar(grid), chosen["echoes"])
        return cls(grid, holds, low, high - low + 1, shift, usual, lookback)

    def refusal(self, record: Tune) -> str:
        pitches = pitched(record)["pitch"]
        if not len(pitches):
            return "without notes"
        if pitches.min() < self.lowest or pitches.max() >= self.lowest + self._steps.places:
            return "with notes beyond the range of the training data"
        return ""

    def encode(self, record: Tune, whole: bool = True) -> np.ndarray:
        found, frame = pitched(record), record.ticks / self.grid
        count = max(1, math.ceil(record.length / frame - 1e-9))
        if count > LONGEST:
            raise UserError(f"{record.name or 'tune'}: {count:,} frames; at most {LONGEST:,} can be kept. Cut it.")
        places = self._steps.places
        begins = np.rint(found["start"] / frame).astype(np.int64).clip(0, count - 1)
        ends = np.rint((found["start"] + found["length"]) / frame).astype(np.int64).clip(begins + 1, count)
        rows = found["pitch"].astype(np.int64) - self.lowest
        edges = np.zeros((count + 1, places), np.int32)
        np.add.at(edges, (begins, rows), 1)
        np.add.at(edges, (ends, rows), -1)
        sounding = edges.cumsum(axis=0)[:count] > 0
        if not self.holds:
            return sounding.astype(np.uint8)
        struck = np.zeros((count, places), bool)
        struck[begins, rows] = True
        return np.concatenate([struck, sounding & ~struck], axis=1).astype(np.uint8)

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Outline | None = None
    ) -> Tune:
        places = self._steps.places
        on = np.asarray(steps, bool).reshape(-1, self._steps.size)
        struck, held = (on[:, :places], on[:, places:]) if self.holds else (np.zeros_like(on), on)
        sounding = struck | held
        before = np.pad(sounding, ((1, 0), (0, 0)))[:-1]
        # What is held without having begun begins there.
        times, rows = np.nonzero(struck | (held & ~before))
        begins = np.zeros((len(on) + 1, places), bool)
        begins[times, rows] = True
        stops = begins | ~np.pad(sounding, ((0, 1), (0, 0)))
        found = np.zeros(len(times), NOTE)
        for n, (time, row) in enumerate(zip(times.tolist(), rows.tolist(), strict=True)):
            found[n] = time, 1 + int(stops[time + 1 :, row].argmax()), self.lowest + row, VELOCITY, 0
        tune = Tune(ordered(found), self.grid, max(len(on), 1), (Part(),), (self.usual.metre,), (), (self.usual.tempo,))
        return tune if outline is None else outline.timed(tune)

    def guide(self, record: Tune | Outline) -> RollGuide:
        return RollGuide(self, outlined(record))

    def show(self, record: Tune) -> str:
        """Pitches from the highest to the lowest, a character a frame: ● where a note begins, ─ where it is held."""
        steps = self.encode(record)
        places = self._steps.places
        struck, held = (steps[:, :places], steps[:, places:]) if self.holds else (steps, np.zeros_like(steps))
        return roll(struck, held, self.lowest)

    def to_json(self) -> dict[str, Any]:
        return {
            "grid": self.grid,
            "holds": self.holds,
            "lowest": self.lowest,
            "places": self._steps.places,
            "shift": self._steps.shift,
            "lags": list(self.lookback),
            **self.usual.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PianoRoll:
        grid, holds, lowest, places, shift, lags, *usual = fields(
            cls, data, "grid", "holds", "lowest", "places", "shift", "lags", *Usual.fields, optional=Usual.optional
        )
        whole = [grid, lowest, places, shift, *(lags if isinstance(lags, list) else [None])]
        if not all(type(n) is int for n in whole) or not isinstance(holds, bool):
            raise damaged(cls, f"expected whole numbers, found {str(whole)[:80]}")
        if not (1 <= grid <= 96 and 0 <= lowest <= 127 and 1 <= places <= 128 - lowest and 0 <= shift <= 24):
            raise damaged(cls, f"grid {grid}, lowest pitch {lowest}, {places} pitches and shift {shift} cannot be")
        if len(lags) > 16 or sorted({*lags}) != lags or (lags and not 1 <= lags[0] <= lags[-1] <= LONGEST):
            raise damaged(cls, f"echoes {str(lags)[:80]} must be in order, from 1")
        return cls(grid, holds, lowest, places, shift, Usual.from_json(cls, *usual), tuple(lags))


class RollGuide(Guide):
    """A place in a tune that is read or drawn along an outline, whose bars it can keep; it keeps no single parts."""

    def __init__(self, codec: PianoRoll, outline: Outline) -> None:
        tune = rescaled(outline.drawn_along, codec.grid)
        self._bars = Bars(tune, codec.grid)
        self._kept = np.zeros((0, codec.steps.size), np.uint8)
        if len(tune.notes) and not all(outline.drawn(bar, 0) for bar in range(len(self._bars.starts) - 1)):
            if reason := codec.refusal(tune):
                raise UserError(
                    f"{tune.name or 'outline'}: a tune {reason}, and some of it is to be kept. Transpose it."
                )
            self._kept = codec.encode(tune)
        self._outline, self._holds, self._places = outline, codec.holds, codec.steps.places
        scale = outline.scale(outline.tune)
        begins = np.array([(codec.lowest + n) % 12 in scale for n in range(self._places)])
        self._into = np.concatenate([begins, np.zeros_like(begins)]) if codec.holds else begins
        self._sounding: np.ndarray = np.zeros(self._places, bool)
        self._frame = 0
        self._again = int(self._bars.starts[-2]) if outline.loop else None  # there the first bar is kept again
        self._first = list[np.ndarray]()
        self._start, self._lookback, self._before = codec.steps.start, codec.lookback, list[np.ndarray]()

    def covariates(self) -> np.ndarray:
        silence, past = self._start, self._before
        parts = [past[-back] if back <= len(past) else silence for back in self._lookback]
        return np.concatenate(parts) if parts else silence[:0]

    def mask(self) -> np.ndarray | None:
        frame, kept = self._frame, None
        if self._again is not None and frame >= self._again:
            kept = self._first[frame - self._again]
        elif frame < len(self._kept) and not self._outline.drawn(self._bars.number(frame), 0):
            kept = self._kept[frame]
        if kept is not None:
            into = (np.asarray(kept) == 1).reshape(-1, self._places)
            if self._holds:  # what goes on from what was drawn, and is not there, begins here
                into = np.stack([into[0] | (into[1] & ~self._sounding), into[1] & self._sounding])
            into = into.ravel()
            return np.stack([~into, into], axis=1).ravel()
        into = self._into.copy()
        if self._holds:
            into[self._places :] = self._sounding  # what did not sound cannot be held
        return np.stack([np.ones_like(into), into], axis=1).ravel()

    def most(self) -> int:
        return max(0, self._bars.end - self._frame)

    def read(self, step: np.ndarray) -> None:
        on = np.asarray(step).reshape(-1, self._places) > 0
        self._sounding = np.asarray(on.any(axis=0))
        if self._again is not None and self._frame < self._bars.starts[1]:
            self._first = [*self._first, np.asarray(step)]
        self._frame += 1
        if self._lookback:
            self._before.append(np.asarray(step, np.float32))

    def copy(self) -> Self:
        other = copy.copy(self)
        other._before = self._before[:]
        return other


def distances(rolls: Iterable[np.ndarray], bar: int, count: int) -> tuple[int, ...]:
    """The distances [frames], in order, at which rolls [N, places] are most like themselves.

    Each tune names `NAMED` of those up to `FURTHEST` bars at which it is more so than at their neighbours, and at least
    as much as `LIKE`: tunes may be in several metres. Of those that `SOME` of all tunes name, the `count` that are
    named most are taken. Likeness is the share of notes that both frames have, of all that either has.
    """
    named = Counter[int]()
    tunes = 0
    for each in rolls:
        tunes += 1
        on = each.astype(bool)
        alike = np.zeros(min(FURTHEST * bar, len(on)) + 1)
        alike[0] = 1
        for lag in range(1, len(alike) - 1):
            either = np.count_nonzero(on[lag:] | on[:-lag])
            alike[lag] = np.count_nonzero(on[lag:] & on[:-lag]) / either if either else 0
        peak = (alike[1:-1] > alike[:-2]) & (alike[1:-1] >= alike[2:]) & (alike[1:-1] >= LIKE)
        peaks = np.flatnonzero(peak) + 1
        named.update(peaks[np.argsort(-alike[peaks], kind="stable")][:NAMED].tolist())
    return tuple(sorted(lag for lag, names in named.most_common(count) if names >= SOME * tunes))
