"""The codec `melody`: a step is a note of one voice, its pitch and length, with the chord that it sounds over.

Tunes are moved into the key without accidentals (C major, A minor, D dorian), so that all keys are alike. Notes that
pass a bar line or a change of chord are cut there and held on: so a step lies in one bar and over one chord. The chord
is the first field of a step: it is drawn like the others, or fixed by an outline that has chords; the pitch knows it,
and the length knows both (head `chain`). Given with each step is its place in the bar and in the form, how many bars
are to come, the mode, and how many notes a quarter has in the mean: what a composer knows before the first note; and
what was played at this place one, two, four and eight bars ago (`_lookback`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Records
from rhapsode.modalities.music.codecs._bars import Bars
from rhapsode.modalities.music.codecs._melody_guide import COVARIATES, MelodyGuide
from rhapsode.modalities.music.codecs._pitches import END, FIRST, HELD, Pitches
from rhapsode.modalities.music.codecs._repertoire import NO_CHORD, Repertoire
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.codecs._usual import Usual
from rhapsode.modalities.music.line import alone
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.tune import NOTE, Chord, Key, Part, Tune, ordered, pitched
from rhapsode.steps.tuples import Tuples

VELOCITY = 90


class Melody(TuneCodec):
    """Tunes of one voice ⇄ tuples of chord, pitch and length."""

    name = "melody"
    summary = "a step is a note with its length and chord: tunes of one voice, lead sheets"
    keeps = "its key, metre, chords, lengths and range"
    head = "chain"
    unit = "note"
    rank = 0
    harmonic = True
    keyed = True
    loops = True
    paced = True
    options = {"grid": 24, "thirds": 0, "form": 1}
    limits = {"grid": (1, 96), "thirds": (0, 1), "form": (0, 1)}
    meanings = {
        "grid": "Frames in a quarter note.",
        "thirds": "1 to write pitches in circles of thirds.",
        "form": "0 to give neither the place in the bar and in the form nor echoes.",
    }

    def __init__(self, repertoire: Repertoire, thirds: bool, form: bool) -> None:
        self.form = form
        self.repertoire, self.grid, self.usual = repertoire, repertoire.grid, repertoire.usual
        self.pitches = Pitches(repertoire.lowest, repertoire.places, thirds)
        self._steps = Tuples((len(repertoire.harmonies), *self.pitches.sizes, len(repertoire.lengths)))

    @property
    def steps(self) -> Tuples:
        return self._steps

    @property
    def covariates(self) -> int:
        return COVARIATES + self.usual.placed

    # --- fitting ---

    @classmethod
    def suits(cls, records: Sequence[Tune]) -> bool:
        """Nearly all have one part, with one note at a time."""
        return sum(alone(pitched(tune)) for tune in records) > 0.9 * len(records)

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Melody:
        chosen = cls.checked(options)
        return cls(Repertoire.fit(records, chosen["grid"]), bool(chosen["thirds"]), bool(chosen["form"]))

    # --- tunes ⇄ steps ---

    def refusal(self, record: Tune) -> str:
        return self.repertoire.refusal(record)

    def encode(self, record: Tune, whole: bool = True) -> np.ndarray:
        line = self.usual.natural(record, self.grid)
        harmony = ChordTrack(line.chords, self.repertoire)
        rows = [
            (harmony.at(frame), value, self.repertoire.lengths.index(length))
            for frame, length, value in self.repertoire.segments(line, Bars(line, self.grid))
        ]
        if whole:
            rows.append((0, END, 0))
        chord, value, length = np.array(rows, np.int64).reshape(-1, 3).T
        steps = np.concatenate([chord[:, None], self.pitches.fields(value), length[:, None]], axis=1)
        return steps.astype(self.steps.dtype)

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
            length = self.repertoire.lengths[place]
            symbol = self.repertoire.harmonies[chord]
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
        return found if outline is None else outline.placed(found, self.usual.shifts)

    def ends(self, step: np.ndarray) -> bool:
        return bool(step[1] == END)

    def guide(self, record: Tune | Outline) -> Guided:
        return Guided(self, record)

    def show(self, record: Tune) -> str:
        """As ABC, which a terminal can show."""
        from rhapsode.modalities.music.formats import abc

        return abc.dumps(record)

    # --- files ---

    def to_json(self) -> dict[str, Any]:
        return {**self.repertoire.to_json(), "thirds": self.pitches.thirds, "form": self.form}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Melody:
        thirds, form, *values = fields(cls, data, "thirds", "form", *Repertoire.fields, optional=Usual.optional)
        if not isinstance(thirds, bool) or not isinstance(form, bool):
            raise damaged(cls, f"thirds {thirds!r} or form {form!r} is neither true nor false")
        return cls(Repertoire.from_json(cls, *values), thirds, form)


class Guided(MelodyGuide):
    """A place in a melody whose steps are tuples."""

    def __init__(self, codec: Melody, record: Tune | Outline) -> None:
        super().__init__(codec.repertoire, record, codec.form)
        self._codec = codec
        self._harmony = ChordTrack(self.tune.chords, codec.repertoire) if self.tune.chords else None
        self._lengths = np.array(codec.repertoire.lengths)
        self._sounding = False

    def mask(self) -> np.ndarray:
        codec, frame = self._codec, self.frame
        chord = np.ones(len(codec.repertoire.harmonies), bool)
        if self._harmony is not None:
            chord = np.arange(len(chord)) == self._harmony.at(frame)
        elif frame in self.chords:
            chord = np.arange(len(chord)) == self.chords[frame]
        if frame >= self.bars.end:
            chord = np.arange(len(chord)) == 0
            value = np.arange(codec.pitches.size) == END
            length = self._lengths == 1
        elif frame in self.kept:
            kept, what = self.kept[frame]
            value, length = np.arange(codec.pitches.size) == what, self._lengths == kept
        else:
            value = self.free()
            value[HELD] = self._sounding
            left = self.bars.left(frame)
            if self._harmony is not None:
                left = min(left, self._harmony.left(frame))
            length = self._lengths <= left
        return np.concatenate([chord, *codec.pitches.mask(value), length])

    def canonical(self, step: np.ndarray) -> bool:
        value = int(self._codec.pitches.values(np.asarray(step)[None, 1:-1])[0])
        room = None if value == END or self.frame in self.kept else self.room(value, int(step[0]))
        return room is None or self._codec.repertoire.lengths[int(step[-1])] < room

    def most(self) -> int:
        return max(0, self.bars.end - self.frame) + 1

    def read(self, step: np.ndarray) -> None:
        codec = self._codec
        value = int(codec.pitches.values(np.asarray(step)[None, 1:-1])[0])
        self._sounding = value >= FIRST or (value == HELD and self._sounding)
        if value != END:
            self.advance(codec.repertoire.lengths[int(step[-1])], value, int(step[0]))


class ChordTrack:
    """Chords over time, as numbers of a codec's."""

    def __init__(self, changes: tuple[Chord, ...], repertoire: Repertoire) -> None:
        self._frames = [each.tick for each in changes]
        self._numbers = [0, *(repertoire.harmony(each.symbol) for each in changes)]

    def at(self, frame: int) -> int:
        """The number of the chord there."""
        return self._numbers[bisect_right(self._frames, frame)]

    def left(self, frame: int) -> int:
        """Frames until the next change."""
        place = bisect_right(self._frames, frame)
        return self._frames[place] - frame if place < len(self._frames) else 1 << 30
