"""The codec `performance`: a step is an event of someone playing: a key goes down or up, time passes, loudness changes.

After Oore et al., "This Time with Feeling: Learning Expressive Musical Performance" (2018): time passes in steps of
10 ms, up to a second at once, and the loudness of the notes to come has some levels. Metre, key and parts are not kept;
nor is the pedal, which tunes do not have. The end is an event of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Records
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.modalities.music.codecs._tunes import TuneCodec, roll
from rhapsode.modalities.music.codecs._usual import Usual
from rhapsode.modalities.music.outline import Outline, outlined
from rhapsode.modalities.music.tune import NOTE, Tempo, Tune, pitched, separate
from rhapsode.steps.symbols import Symbols

RATE = 100
"""Frames a second."""
LONGEST = 100
"""Frames that pass at once, at most."""
TEMPO, TICKS = 120.0, 50
"""Of what is decoded: a tick is a frame."""
SHOWN = 10
"""Frames of a character that is shown."""
END, LOUDNESS = 0, LONGEST + 1
"""Symbols: the end; so many frames, 1 to `LONGEST`; then levels of loudness, keys that go down, keys that go up."""


class Performance(TuneCodec):
    """Tunes ⇄ events."""

    name = "performance"
    summary = "a step is an event of playing, with its time and loudness: piano music as it was played"
    keeps = "its range, and how loud it is"
    unit = "event"
    rank = None
    grid, usual = TICKS, Usual()
    options = {"velocities": 32}
    limits = {"velocities": (1, 127)}
    meanings = {"velocities": "Levels of loudness that are told apart."}

    def __init__(self, lowest: int, places: int, velocities: int, levels: list[int]) -> None:
        """levels: those that are used, of so many velocities."""
        self.lowest, self.places, self.velocities, self.levels = lowest, places, velocities, levels
        self.down = LOUDNESS + len(levels)
        self.up = self.down + places
        self._steps = Symbols(self.up + places)

    @property
    def steps(self) -> Symbols:
        return self._steps

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Performance:
        velocities = cls.checked(options)["velocities"]
        low, high = 128, -1
        levels: set[int] = set()
        for tune in records():
            notes = pitched(tune)
            if len(notes):
                low, high = min(low, int(notes["pitch"].min())), max(high, int(notes["pitch"].max()))
                levels.update(_level(notes["velocity"], velocities).tolist())
        if high < 0:
            raise UserError("the tunes have no notes (drums are not counted): there is nothing to learn from.")
        return cls(low, high - low + 1, velocities, sorted(levels))

    def refusal(self, record: Tune) -> str:
        pitches = pitched(record)["pitch"]
        if not len(pitches):
            return "without notes"
        if pitches.min() < self.lowest or pitches.max() >= self.lowest + self.places:
            return "with notes beyond the range of the training data"
        return ""

    # --- tunes ⇄ steps ---

    def encode(self, record: Tune, whole: bool = True) -> np.ndarray:
        notes, length = played(record)
        levels = np.abs(np.subtract.outer(_level(notes["velocity"], self.velocities), self.levels)).argmin(axis=1)
        # At each frame keys go up before others go down.
        events = []
        for (start, frames, pitch), level in zip(
            notes[["start", "length", "pitch"]].tolist(), levels.tolist(), strict=True
        ):
            events += [(start, 1, pitch - self.lowest, level), (start + frames, 0, pitch - self.lowest, level)]
        found: list[int] = []
        now, loudness = 0, -1
        for frame, down, key, level in sorted(events):
            found += _passing(frame - now)
            now = frame
            if down and level != loudness:
                loudness = level
                found.append(LOUDNESS + level)
            found.append((self.down if down else self.up) + key)
        found += _passing(length - now)
        return np.array(found + [END] * whole, self.steps.dtype)

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Outline | None = None
    ) -> Tune:
        """At 120 quarters a minute. A key that is down goes up before it is struck again, and at the end."""
        rows: list[tuple[int, int, int, int, int]] = []
        sounding: dict[int, tuple[int, int]] = {}  # since when, how loud, by pitch
        now, loudness = 0, self._velocity(len(self.levels) // 2)

        def release(pitch: int) -> None:
            start, velocity = sounding.pop(pitch, (now, 0))
            if start < now:
                rows.append((start, now - start, pitch, velocity, 0))

        for step in np.asarray(steps).reshape(-1).tolist():
            if step == END:
                break
            if step < LOUDNESS:
                now += step
            elif step < self.down:
                loudness = self._velocity(step - LOUDNESS)
            elif step < self.up:
                pitch = self.lowest + step - self.down
                release(pitch)
                sounding[pitch] = now, loudness
            else:
                release(self.lowest + step - self.up)
        for pitch in [*sounding]:
            release(pitch)
        return Tune(separate(np.array(rows, NOTE)), TICKS, max(now, 1), tempos=(Tempo(0, TEMPO),))

    def _velocity(self, level: int) -> int:
        """In the middle of one of `levels`."""
        first, after = (-(-128 * n // self.velocities) for n in (self.levels[level], self.levels[level] + 1))
        return max(1, (first + after - 1) // 2)

    def ends(self, step: np.ndarray) -> bool:
        return int(step) == END

    def guide(self, record: Tune | Outline) -> Keys:
        return Keys(self, outlined(record))

    def show(self, record: Tune) -> str:
        """As `roll` has it, ten characters a second."""
        notes, length = played(record)
        struck, held = np.zeros((2, -(-length // SHOWN), 128), bool)
        for start, frames, pitch in notes[["start", "length", "pitch"]].tolist():
            held[start // SHOWN : -(-(start + frames) // SHOWN), pitch] = True
            struck[start // SHOWN, pitch] = True
        return roll(struck, held, 0)

    # --- files ---

    def to_json(self) -> dict[str, Any]:
        return {
            "lowest": self.lowest,
            "places": self.places,
            "velocities": self.velocities,
            "levels": self.levels,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Performance:
        lowest, places, velocities, levels = fields(cls, data, "lowest", "places", "velocities", "levels")
        whole = [lowest, places, velocities, *(levels if isinstance(levels, list) else [None])]
        if not all(type(n) is int for n in whole):
            raise damaged(cls, f"expected whole numbers, found {str(whole)[:80]}")
        if not (0 <= lowest <= 127 and 1 <= places <= 128 - lowest and 1 <= velocities <= 127):
            raise damaged(cls, f"lowest pitch {lowest}, {places} pitches and {velocities} velocities cannot be")
        if not levels or sorted({*levels}) != levels or levels[0] < 0 or levels[-1] >= velocities:
            raise damaged(cls, f"levels must be in order, from 0 to {velocities - 1}")
        return cls(lowest, places, velocities, levels)


def played(tune: Tune) -> tuple[np.ndarray, int]:
    """[N] of `NOTE` in frames, of one part, and frames to the tune's end."""
    notes = pitched(tune).copy()
    start, end = (np.rint(RATE * tune.time(at)) for at in (notes["start"], notes["start"] + notes["length"]))
    notes["start"], notes["length"], notes["part"] = start, end - start, 0
    notes = separate(notes)
    last = int((notes["start"] + notes["length"]).max(initial=1))
    return notes, max(last, round(RATE * tune.seconds))


def _level(velocity: np.ndarray, velocities: int) -> np.ndarray:
    return velocity.astype(np.int64) * velocities // 128


def _passing(frames: int) -> list[int]:
    """The symbols of so much time."""
    return [LONGEST] * (frames // LONGEST) + [frames % LONGEST] * (frames % LONGEST > 0)


class Keys(Guide):
    """The keys of a piano on which something is read or drawn, for a known time."""

    def __init__(self, codec: Performance, outline: Outline) -> None:
        """Raises `UserError` if something is to be kept."""
        self._codec = codec
        low, count = codec.lowest, codec.places
        if outline.bars is not None or outline.parts is not None:
            raise UserError(
                f"{outline.tune.name or 'outline'}: a model of performances knows neither bars nor parts, so none "
                "can be kept. Let it draw all, or take a model whose codec is melody or chorale."
            )
        if outline.loop:
            raise UserError("a model of performances knows no bars, so it draws no loops; others do.")
        self._end = played(outline.tune)[1]
        scale = outline.scale(outline.tune)
        self._scale = np.array([(low + n) % 12 in scale for n in range(count)])
        self._now, self._loudness = 0, -1
        self._chosen = False  # whether the last event was a level, so that a key goes down next
        self._passed = False  # whether it was the last of a time that passes, so that something happens next
        self._order = -1  # of this frame's events: first keys go up, then down, the lower first, as they are encoded
        self._sounding, self._struck = np.zeros((2, count), bool)  # keys that are down; since this frame

    def covariates(self) -> np.ndarray:
        return np.zeros(0, np.float32)

    def mask(self) -> np.ndarray:
        left = max(0, self._end - self._now)
        keys = np.arange(len(self._sounding))
        down = ~self._sounding & self._scale & (left > 0) & (keys + len(keys) > self._order)
        up = self._sounding & ~self._struck & (keys > self._order)
        if not left:  # all that sound, one after another
            up &= up.cumsum() == 1
        free = not self._chosen
        return np.concatenate(
            [
                [free and left == 0 and not up.any()],
                (np.arange(1, LONGEST + 1) <= left) & free & (not self._passed),
                (np.arange(len(self._codec.levels)) != self._loudness) & free & bool(down.any()),
                down & (self._loudness >= 0),
                up & free,
            ]
        )

    def most(self) -> int:
        # In each frame each key goes up, a level is chosen and it goes down.
        places = self._codec.places
        return (3 * places + 1) * max(0, self._end - self._now) + places + 1

    def read(self, step: Any) -> None:
        step, codec = int(step), self._codec
        self._chosen = LOUDNESS <= step < codec.down
        self._passed = END < step < LONGEST
        if step == END:
            return
        if step < LOUDNESS:
            self._now += step
            self._order = -1
            self._struck = np.zeros_like(self._struck)
        elif step < codec.down:
            self._loudness = step - LOUDNESS
        else:
            pitches = np.arange(codec.places)
            key = pitches == step - (codec.down if step < codec.up else codec.up)
            down = step < codec.up
            self._order = step - codec.up + (2 * codec.places if down else 0)
            self._sounding = np.where(key, down, self._sounding)
            self._struck = self._struck | (key & down)
