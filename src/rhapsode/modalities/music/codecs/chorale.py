"""The codec `chorale`: a step is a moment of music for so many voices, and says of each what it does.

A voice begins a pitch, holds on, or rests; the highest voice is the first field, and each knows those above it (head
`chain`). Tunes are moved into the key without accidentals. Given with each step is its place in the bar and in the
form, how many bars are to come, and the mode; and the pitch that each voice is at, and whether it begins just now: a
voice that holds on does not say what. So voices and bars can be kept while others are drawn: a soprano is given
its alto, tenor and bass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.records import Records
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.modalities.music.codecs._bars import PLACES, Bars
from rhapsode.modalities.music.codecs._pitches import FIRST, HELD, REST
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.codecs._usual import Usual, UsualCounts
from rhapsode.modalities.music.keys import natural
from rhapsode.modalities.music.line import alone, voices
from rhapsode.modalities.music.outline import Outline, outlined
from rhapsode.modalities.music.tune import NOTE, Key, Part, Tune, ordered
from rhapsode.steps.tuples import Tuples

VELOCITY = 80
LOWEST_FIRST = FIRST - 1
"""A voice's first pitch: its tune's end needs no value, for the number of steps is known."""
NAMES = {4: ("soprano", "alto", "tenor", "bass")}


class Chorale(TuneCodec):
    """Tunes of so many voices ⇄ tuples of what each does."""

    name = "chorale"
    summary = "a step is a moment of music in so many voices, each with one note at a time: chorales, quartets"
    keeps = "its key, metre and ranges"
    head = "chain"
    unit = "frame"
    rank = 1
    keyed = True
    loops = True
    options = {"grid": 4, "voices": 4}
    limits = {"grid": (1, 48), "voices": (1, 16)}
    meanings = {"grid": "Frames in a quarter note.", "voices": "How many there are, each with one note at a time."}

    def __init__(
        self,
        grid: int,
        ranges: list[tuple[int, int]],
        usual: Usual,
    ) -> None:
        """ranges: lowest and highest pitch of each voice, from the highest voice."""
        self.grid, self.ranges, self.usual = grid, ranges, usual
        self._steps = Tuples(tuple(LOWEST_FIRST + high - low + 1 for low, high in ranges))
        self._low = np.array([low for low, _ in ranges])

    @property
    def steps(self) -> Tuples:
        return self._steps

    @property
    def covariates(self) -> int:
        return PLACES + sum(high - low + 2 for low, high in self.ranges) + self.usual.placed

    @classmethod
    def suits(cls, records: Sequence[Tune]) -> bool:
        """Nearly all have four parts, each with one note at a time."""
        return sum(_apart(tune) for tune in records) > 0.9 * len(records)

    @classmethod
    def fit(cls, records: Records, **options: Any) -> Chorale:
        chosen = cls.checked(options)
        count = chosen["voices"]
        low, high = np.full(count, 128), np.full(count, -1)
        census = UsualCounts()
        for tune in records():
            parts = voices(natural(tune, chosen["grid"]), count)
            if parts is None:
                continue
            for n, notes in enumerate(parts):
                if len(notes):
                    low[n], high[n] = min(low[n], notes["pitch"].min()), max(high[n], notes["pitch"].max())
            census.add(tune)
        if (high < 0).any():
            raise UserError(
                f"codec chorale: there are no tunes of {count} voices. Set voices under [codec], or take pianoroll."
            )
        return cls(
            chosen["grid"],
            list(zip(low.tolist(), high.tolist(), strict=True)),
            census.usual(),
        )

    def refusal(self, record: Tune) -> str:
        parts = voices(self.usual.natural(record, self.grid), len(self.ranges))
        if parts is None:
            return f"with more than {len(self.ranges)} voices"
        if not any(map(len, parts)):
            return "without notes"
        for notes, (low, high) in zip(parts, self.ranges, strict=True):
            if len(notes) and (notes["pitch"].min() < low or notes["pitch"].max() > high):
                return "with notes beyond the range of the training data"
        return ""

    def encode(self, record: Tune, whole: bool = True) -> np.ndarray:
        tune = self.usual.natural(record, self.grid)
        return self.lines(tune, Bars(tune, self.grid).end).astype(self.steps.dtype)

    @property
    def voices(self) -> int:  # type: ignore[override]
        return len(self.ranges)

    def silent(self, tune: Tune) -> frozenset[int]:
        found = voices(self.usual.natural(tune, self.grid), len(self.ranges)) or []
        return frozenset(n for n, notes in enumerate(found) if not len(notes))

    def lines(self, tune: Tune, frames: int) -> np.ndarray:
        """[frames, voices] int64: what each voice does, of a tune in frames; rests behind its end."""
        found = np.full((frames, len(self.ranges)), REST, np.int64)
        for n, notes in enumerate(voices(tune, len(self.ranges)) or ()):
            for start, length, pitch in notes[["start", "length", "pitch"]].tolist():
                found[start, n] = (
                    np.clip(pitch - self._low[n], 0, self.steps.sizes[n] - 1 - LOWEST_FIRST) + LOWEST_FIRST
                )
                found[start + 1 : start + length, n] = HELD
        return found

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Outline | None = None
    ) -> Tune:
        """In the key without accidentals, or as the outline has it."""
        steps = np.asarray(steps).astype(np.int64).reshape(-1, len(self.ranges))
        rows = []
        for n, line in enumerate(steps.T.tolist()):
            sounding: list[int] | None = None
            for frame, value in enumerate(line):
                if value >= LOWEST_FIRST:
                    sounding = [frame, 1, int(self._low[n]) + value - LOWEST_FIRST, VELOCITY, n]
                    rows.append(sounding)
                elif value == HELD and sounding is not None:
                    sounding[1] += 1
                else:
                    sounding = None
        names = NAMES.get(len(self.ranges), tuple(f"voice {n + 1}" for n in range(len(self.ranges))))
        found = Tune(
            ordered(np.array([tuple(row) for row in rows], NOTE)),
            self.grid,
            max(len(steps), 1),
            tuple(Part(name, 52 if len(names) == 4 else 0) for name in names),
            (self.usual.metre,),
            (Key(0, 0, self.usual.key.mode),),
            (self.usual.tempo,),
        )
        return found if outline is None else outline.placed(found, self.usual.shifts)

    def guide(self, record: Tune | Outline) -> Parts:
        return Parts(self, outlined(record))

    def show(self, record: Tune) -> str:
        """A line for each voice: its pitches, `-` where it holds on, `.` where it rests."""
        steps = self.encode(record)
        signs = {REST: ".", HELD: "-"}
        return "\n".join(
            " ".join(signs.get(value, str(self._low[n] + value - LOWEST_FIRST)) for value in line)
            for n, line in enumerate(steps.T.tolist())
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "grid": self.grid,
            "ranges": [list(each) for each in self.ranges],
            **self.usual.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Chorale:
        grid, ranges, *usual = fields(cls, data, "grid", "ranges", *Usual.fields, optional=Usual.optional)
        for each in ranges if isinstance(ranges, list) else [None]:
            if not isinstance(each, list) or len(each) != 2 or not all(type(n) is int for n in each):
                raise damaged(cls, f"expected two whole numbers, found {str(each)[:80]}")
        if type(grid) is not int or not 1 <= grid <= 96 or not 1 <= len(ranges) <= 16:
            raise damaged(cls, f"grid {grid!r} and {len(ranges)} voices cannot be")
        if not all(0 <= low <= high <= 127 for low, high in ranges):
            raise damaged(cls, f"ranges {str(ranges)[:80]} cannot be")
        return cls(grid, [(low, high) for low, high in ranges], Usual.from_json(cls, *usual))


def _apart(tune: Tune) -> bool:
    parts = [tune.notes[tune.notes["part"] == n] for n, part in enumerate(tune.parts) if not part.drums]
    return len(parts) == 4 and all(len(part) and alone(part) for part in parts)


class Parts(Guide):
    """A place in a tune of several voices that is read or drawn along an outline."""

    def __init__(self, codec: Chorale, outline: Outline) -> None:
        tune = codec.usual.natural(outline.drawn_along, codec.grid)
        self._bars = Bars(tune, codec.grid, tune.keys[0].mode if tune.keys else None, outline.beyond)
        self._sizes = codec.steps.sizes
        if len(tune.notes):
            found = voices(tune, len(self._sizes))
            if found is None:
                raise UserError(f"{tune.name or 'tune'}: more voices at once than the model's {len(self._sizes)}.")
            for n, (notes, (low, high)) in enumerate(zip(found, codec.ranges, strict=True)):
                beyond = notes["start"][(notes["pitch"] < low) | (notes["pitch"] > high)]
                if any(not outline.drawn(self._bars.number(frame), n) for frame in beyond.tolist()):
                    raise UserError(
                        f"{tune.name or 'tune'}: voice {n + 1} has notes beyond the range of the training data, and "
                        "they are to be kept. Transpose it, perhaps by an octave."
                    )
            lines = codec.lines(tune, self._bars.end)
        else:
            lines = np.full((self._bars.end if outline.loop else 0, len(self._sizes)), REST, np.int64)
        self._kept, self._drawn = self._keep(lines, outline)
        self._again = int(self._bars.starts[-2]) if outline.loop else None
        scale = outline.scale(tune)
        self._values = []
        for low, high in codec.ranges:
            begins = [pitch % 12 in scale for pitch in range(low, high + 1)]
            self._values.append(np.array([True, True, *begins]))
        self._place = codec.usual.place(outline.tune)
        self._frame, self._sounding = 0, np.zeros(len(self._sizes), bool)
        ends = np.cumsum([size - LOWEST_FIRST + 1 for size in self._sizes])
        self._at = np.array([0, *ends[:-1]])  # of the numbers of each voice: whether it begins, then its pitches
        self._voices = np.zeros(int(ends[-1]), np.float32)

    def _keep(self, lines: np.ndarray, outline: Outline) -> tuple[np.ndarray, np.ndarray]:
        """[frames, voices] each: what voices do, and whether it is to be drawn. A note that is held on from what is
        drawn into what is kept begins there."""
        drawn = [[outline.drawn(self._bars.number(n), m) for m in range(len(self._sizes))] for n in range(len(lines))]
        found = np.array(drawn, bool).reshape(lines.shape)
        sounding, kept = lines.copy(), lines.copy()
        for n in range(1, len(lines)):
            held = lines[n] == HELD
            sounding[n] = np.where(held, sounding[n - 1], lines[n])
            kept[n] = np.where(held & found[n - 1], sounding[n], lines[n])
        return kept, found

    def covariates(self) -> np.ndarray:
        return np.concatenate([self._bars.covariates(self._frame), self._voices, self._place])

    def mask(self) -> np.ndarray:
        found = []
        for n, values in enumerate(self._values):
            values = values.copy()
            values[HELD] = self._sounding[n]
            if self._frame < len(self._kept) and not self._drawn[self._frame, n]:
                wanted = self._kept[self._frame, n]
                values = np.arange(len(values)) == (wanted if wanted != HELD or self._sounding[n] else REST)
            found.append(values)
        return np.concatenate(found)

    def most(self) -> int:
        return max(0, self._bars.end - self._frame)

    def read(self, step: np.ndarray) -> None:
        step = np.asarray(step).astype(np.int64)
        if self._again is not None and self._frame < self._bars.starts[1]:
            at = self._again + self._frame
            self._kept, self._drawn = self._kept.copy(), self._drawn.copy()
            self._kept[at], self._drawn[at] = step, False
        found = np.zeros_like(self._voices)
        for at, size, value in zip(self._at.tolist(), self._sizes, step.tolist(), strict=True):
            own = slice(at + 1, at + size - LOWEST_FIRST + 1)
            if value == HELD:
                found[own] = self._voices[own]
            elif value >= LOWEST_FIRST:
                found[at] = found[own.start + value - LOWEST_FIRST] = 1
        self._voices = found
        self._sounding = (step >= LOWEST_FIRST) | ((step == HELD) & self._sounding)
        self._frame += 1
