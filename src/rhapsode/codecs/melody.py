"""The codec `melody`: a step is a note of one voice, its pitch and length, with the chord that it sounds over.

Tunes are moved into the key without accidentals (C major, A minor, D dorian), so that all keys are alike. Notes that
pass a bar line or a change of chord are cut there and held on: so a step lies in one bar and over one chord. The chord
is the first field of a step: it is drawn like the others, or fixed by an outline that has chords; the pitch knows it,
and the length knows both (head `chain`). Given with each step is its place in the bar and in the form, how many bars
are to come, the mode, and how many notes a quarter has in the mean: what a composer knows before the first note.
"""

from __future__ import annotations

import copy
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from rhapsode.codecs._bars import PLACES, Bars
from rhapsode.codecs._codec import damaged, fields
from rhapsode.codecs._pitches import END, FIRST, HELD, REST, Pitches
from rhapsode.codecs._records import Records
from rhapsode.codecs._tunes import TuneCodec
from rhapsode.codecs._usual import Census, Usual
from rhapsode.errors import UserError
from rhapsode.guide import Guide
from rhapsode.music import chords
from rhapsode.music.keys import natural
from rhapsode.music.line import alone, melody
from rhapsode.music.outline import Outline, outlined
from rhapsode.music.tune import NOTE, Chord, Key, Part, Tune, ordered, pitched
from rhapsode.steps import Tuples

VELOCITY = 90
Segment = tuple[int, int, int]
"""Frame, frames, value (see `_pitches`)."""
NO_CHORD = ""


class Melody(TuneCodec):
    """Tunes of one voice ⇄ tuples of chord, pitch and length."""

    name = "melody"
    summary = "a step is a note with its length and chord: tunes of one voice, lead sheets"
    head = "chain"
    unit = "note"
    rank = 0
    harmonic = True
    options = {"grid": 24, "thirds": 0, "form": 1}
    limits = {"grid": (1, 96), "thirds": (0, 1), "form": (0, 1)}
    """grid: frames in a quarter note. thirds: 1 to write pitches in circles of thirds. form: 0 to give no place in
    the bar and in the form."""
    given = PLACES + 1

    def __init__(
        self,
        grid: int,
        pitches: Pitches,
        lengths: list[int],
        harmonies: list[str],
        usual: Usual,
        density: float,
        form: bool,
    ) -> None:
        """lengths: in frames, in order; harmonies: chords, the first one is none; density: log2 of notes a quarter, in
        the mean."""
        self.grid, self.pitches, self.lengths, self.harmonies = grid, pitches, lengths, harmonies
        self.usual, self.density, self.form = usual, density, form
        self._steps = Tuples((len(harmonies), *pitches.sizes, len(lengths)))

    @property
    def steps(self) -> Tuples:
        return self._steps

    # --- fitting ---

    @classmethod
    def suits(cls, records: Sequence[Tune]) -> bool:
        """Nearly all have one part, with one note at a time."""
        return sum(alone(pitched(tune)) for tune in records) > 0.9 * len(records)

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Melody:
        chosen = cls.checked(options)
        low, high = 128, -1
        lengths, harmonies = Counter[int](), Counter[str]()
        census, densities = Census(), list[float]()
        for tune in records():
            line = natural(tune, chosen["grid"])
            notes = melody(line)
            if not len(notes):
                continue
            low, high = min(low, int(notes["pitch"].min())), max(high, int(notes["pitch"].max()))
            lengths.update(length for _, length, _ in segments(line, Bars(line, chosen["grid"]), low))
            harmonies.update({chords.plain(each.symbol) for each in line.chords})
            census.add(tune)
            densities.append(density(line))
        if high < 0:
            raise UserError("the tunes have no notes (drums are not counted): there is nothing to learn from.")
        harmonies.pop(NO_CHORD, None)
        return cls(
            chosen["grid"],
            Pitches(low, high - low + 1, bool(chosen["thirds"])),
            sorted({1, *lengths}),  # with 1, whatever is left of a bar can be filled
            [NO_CHORD, *(each for each, _ in sorted(harmonies.items(), key=lambda item: (-item[1], item[0])))],
            census.usual(),
            round(float(np.mean(densities)), 4),
            bool(chosen["form"]),
        )

    # --- tunes ⇄ steps ---

    def refusal(self, record: Tune) -> str:
        pitches = melody(natural(record, self.grid))["pitch"]
        if not len(pitches):
            return "without notes"
        if pitches.min() < self.pitches.lowest or pitches.max() >= self.pitches.lowest + self.pitches.places:
            return "with notes beyond the range of the training data"
        return ""

    def encode(self, record: Tune, whole: bool = True) -> np.ndarray:
        line = natural(record, self.grid)
        found = self._spread(segments(line, Bars(line, self.grid), self.pitches.lowest))
        harmony = self._harmony(line)
        rows = [(harmony.at(frame), value, self.lengths.index(length)) for frame, length, value in found]
        if whole:
            rows.append((0, END, 0))
        chord, value, length = np.array(rows, np.int64).reshape(-1, 3).T
        steps = np.concatenate([chord[:, None], self.pitches.fields(value), length[:, None]], axis=1)
        return steps.astype(self.steps.dtype)

    def _spread(self, found: list[Segment]) -> list[Segment]:
        """In lengths that there are: others in several steps, held on."""
        out: list[Segment] = []
        for frame, length, value in found:
            while length:
                part = self.lengths[bisect_right(self.lengths, length) - 1]
                out.append((frame, part, value))
                frame, length, value = frame + part, length - part, value if value == REST else HELD
        return out

    def _harmony(self, tune: Tune) -> Harmony:
        return Harmony(tune.chords, self.harmonies)

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Outline | None = None
    ) -> Tune:
        """In the key without accidentals, or as the outline has it."""
        steps = np.asarray(steps).reshape(-1, *self.steps.shape)
        rows: list[list[int]] = []
        changes: list[Chord] = []
        frame, sounding = 0, False
        for chord, value, place in zip(
            steps[:, 0].tolist(), self.pitches.values(steps[:, 1:-1]).tolist(), steps[:, -1].tolist(), strict=True
        ):
            if value == END:
                break
            length = self.lengths[place]
            symbol = self.harmonies[chord]
            if symbol != (changes[-1].symbol if changes else NO_CHORD):
                changes.append(Chord(frame, symbol))
            if value == HELD and sounding:
                rows[-1][1] += length
            elif value >= FIRST:
                rows.append([frame, length, self.pitches.lowest + value - FIRST, VELOCITY, 0])
            sounding = value >= FIRST or (value == HELD and sounding)
            frame += length
        found = Tune(
            ordered(np.array([tuple(row) for row in rows], NOTE)),
            self.grid,
            max(frame, 1),
            (Part("melody"),),
            (self.usual.metre,),
            (Key(0, 0, self.usual.key.mode),),
            (self.usual.tempo,),
            tuple(changes),
        )
        return found if outline is None else outline.placed(found)

    def ends(self, step: np.ndarray) -> bool:
        return bool(step[1] == END)

    def may_end(self, step: np.ndarray) -> bool:
        return True

    def guide(self, record: Tune | Outline) -> Course:
        return Course(self, outlined(record))

    def show(self, record: Tune) -> str:
        """As ABC, which a terminal can show."""
        from rhapsode.music.formats import abc

        return abc.dumps(record)

    # --- files ---

    def to_json(self) -> dict[str, Any]:
        return {
            "grid": self.grid,
            "lowest": self.pitches.lowest,
            "places": self.pitches.places,
            "thirds": self.pitches.thirds,
            "lengths": self.lengths,
            "harmonies": self.harmonies,
            "density": self.density,
            "form": self.form,
            **self.usual.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Melody:
        grid, lowest, places, thirds, lengths, harmonies, metre, tempo, key, dense, form = fields(
            cls,
            data,
            *("grid", "lowest", "places", "thirds", "lengths", "harmonies", "metre", "tempo", "key", "density", "form"),
        )
        whole = [grid, lowest, places, *_list(lengths)]
        if (
            not all(isinstance(n, int) and not isinstance(n, bool) for n in whole)
            or not isinstance(thirds, bool)
            or not isinstance(form, bool)
        ):
            raise damaged(cls, f"expected whole numbers, found {str(whole)[:80]}")
        if not (1 <= grid <= 96 and 0 <= lowest <= 127 and 1 <= places <= 128 - lowest):
            raise damaged(cls, f"grid {grid}, lowest pitch {lowest} and {places} pitches cannot be")
        if not lengths or sorted({*lengths}) != lengths or lengths[0] != 1 or lengths[-1] > 1 << 20:
            raise damaged(cls, "lengths of notes must be in order, from 1")
        if not isinstance(dense, int | float) or isinstance(dense, bool) or not math.isfinite(dense):
            raise damaged(cls, f"density {dense!r} is no number")
        if not _list(harmonies) or harmonies[0] != NO_CHORD or len({*map(str, harmonies)}) != len(harmonies):
            raise damaged(cls, "chords must all differ, and the first one be none")
        for each in harmonies:
            chords.parse(str(each))
        pitches = Pitches(lowest, places, thirds)
        return cls(grid, pitches, lengths, harmonies, Usual.from_json(cls, metre, tempo, key), float(dense), form)


class Course(Guide):
    """A place in a melody that is read or drawn along an outline."""

    def __init__(self, codec: Melody, outline: Outline) -> None:
        tune = natural(outline.tune, codec.grid)
        self._codec, self._outline = codec, outline
        self._bars = Bars(tune, codec.grid, tune.keys[0].mode if tune.keys else None)
        self._harmony = codec._harmony(tune) if tune.chords else None
        kept = codec._spread(segments(tune, self._bars, codec.pitches.lowest)) if len(tune.notes) else []
        self._kept = {frame: (length, value) for frame, length, value in kept if not self._drawn(frame)}
        if len(tune.notes) and outline.density is None:
            dense = density(tune)
        else:
            dense = codec.density if outline.density is None else math.log2(max(outline.density, 1e-3))
        self._dense = np.array([dense], np.float32)
        scale = Outline(tune).scale if outline.in_key else frozenset(range(12))
        self._values = np.ones(codec.pitches.size, bool)
        self._values[FIRST:] = [(codec.pitches.lowest + n) % 12 in scale for n in range(codec.pitches.places)]
        self._values[END] = False
        self._lengths = np.array(codec.lengths)
        self._frame, self._sounding = 0, False

    def _drawn(self, frame: int) -> bool:
        return self._outline.drawn(self._bars.number(frame), 0)

    def given(self) -> np.ndarray:
        places = self._bars.numbers(self._frame)
        return np.concatenate([places if self._codec.form else np.zeros_like(places), self._dense])

    def allowed(self) -> np.ndarray:
        codec, frame = self._codec, self._frame
        chord = np.ones(len(codec.harmonies), bool)
        if self._harmony is not None:
            chord = np.arange(len(chord)) == self._harmony.at(frame)
        if frame >= self._bars.end:
            chord = np.arange(len(chord)) == 0
            value = np.arange(codec.pitches.size) == END
            length = self._lengths == 1
        elif frame in self._kept:
            kept, what = self._kept[frame]
            value, length = np.arange(codec.pitches.size) == what, self._lengths == kept
        else:
            value = self._values.copy()
            value[HELD] = self._sounding
            left = self._bars.left(frame)
            if self._harmony is not None:
                left = min(left, self._harmony.left(frame))
            length = self._lengths <= left
        return np.concatenate([chord, *codec.pitches.allowed(value), length])

    def most(self) -> int:
        return max(0, self._bars.end - self._frame) + 1

    def read(self, step: np.ndarray) -> None:
        codec = self._codec
        value = int(codec.pitches.values(np.asarray(step)[None, 1:-1])[0])
        self._sounding = value >= FIRST or (value == HELD and self._sounding)
        if value != END:
            self._frame += codec.lengths[int(step[-1])]

    def copy(self) -> Self:
        return copy.copy(self)  # what is changed in place is shared by all: a store of numbers


class Harmony:
    """Chords over time, as numbers of a codec's."""

    def __init__(self, changes: tuple[Chord, ...], harmonies: list[str]) -> None:
        self._frames = [each.tick for each in changes]
        self._numbers = [0, *(chords.nearest(each.symbol, tuple(harmonies)) for each in changes)]

    def at(self, frame: int) -> int:
        """The number of the chord there."""
        return self._numbers[bisect_right(self._frames, frame)]

    def left(self, frame: int) -> int:
        """Frames until the next change."""
        place = bisect_right(self._frames, frame)
        return self._frames[place] - frame if place < len(self._frames) else 1 << 30


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [None]


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
    return math.log2(max(len(melody(tune)), 1) * tune.ticks / max(tune.length, 1))
