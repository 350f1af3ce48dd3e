"""What is usual in a collection of tunes, for tunes of which nothing else is said."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rhapsode.data.codecs.codec import Codec, damaged
from rhapsode.modalities.music.keys import home, natural, shift
from rhapsode.modalities.music.pitch import MODES
from rhapsode.modalities.music.tune import NOTE, Key, Metre, Tempo, Tune

KNOWN, FORM = 0.25, 96
"""The part of all tunes that have as many bars as each other, at least, for that to be a form; bars of a form, at most.
"""


@dataclass(frozen=True)
class Usual:
    """What a collection of tunes has in common.

    metre, key: those that most tunes begin with.
    tempo:      the middle one.
    shifts:     in order, by how many semitones tunes were moved into the key without accidentals (`keys.shift`). There
                are none in models of earlier versions, nor where tunes stay in their keys.
    bars:       the commonest length of tunes, if that many have it that it is their form.
    """

    metre: Metre = Metre(0, 4, 4)
    tempo: Tempo = Tempo(0, 120.0)
    key: Key = Key(0, 0)
    shifts: tuple[int, ...] = ()
    bars: int | None = None
    fields: ClassVar = ("metre", "tempo", "key")
    optional: ClassVar = ("shifts", "bars")

    def bar(self, grid: int) -> int:
        """Frames of a bar, of which a quarter has `grid`."""
        return max(1, self.metre.beats * 4 * grid // self.metre.unit)

    def tune(self, bars: int, grid: int) -> Tune:
        """So many bars, without notes."""
        length = bars * self.bar(grid)
        return Tune(np.zeros(0, NOTE), grid, length, metres=(self.metre,), keys=(self.key,), tempos=(self.tempo,))

    def natural(self, tune: Tune, ticks: int) -> Tune:
        """As `keys.natural`, moved like the tunes of the collection."""
        return natural(tune, ticks, self.shifts)

    @property
    def placed(self) -> int:
        """How many numbers `place` gives."""
        return bool(self.shifts)

    def place(self, tune: Tune) -> np.ndarray:
        """[placed] float32: where the tune's key lies: by how much tunes of the nearest key that was seen were moved.

        Instruments have the same range in all keys. So in one key or another, tunes lie higher or lower above the
        tonic.
        """
        by = shift(home(tune), self.shifts)
        return np.array([min(self.shifts, key=lambda seen: abs(by - seen)) / 6] if self.shifts else [], np.float32)

    def to_json(self) -> dict[str, Any]:
        return {
            "metre": [self.metre.beats, self.metre.unit],
            "tempo": self.tempo.quarters,
            "key": [self.key.sharps, self.key.mode],
            **({"shifts": [*self.shifts]} if self.shifts else {}),
            **({"bars": self.bars} if self.bars else {}),
        }

    @staticmethod
    def from_json(codec: type[Codec], metre: Any, tempo: Any, key: Any, shifts: Any = None, bars: Any = None) -> Usual:
        """Raises `UserError`, for the codec."""
        for each in (metre, key):
            if not isinstance(each, list) or len(each) != 2 or not all(type(n) is int for n in each):
                raise damaged(codec, f"expected two whole numbers, found {str(each)[:80]}")
        if not _usable(*metre):
            raise damaged(codec, f"metre {metre} is none")
        if not (-7 <= key[0] <= 7 and key[1] in MODES):
            raise damaged(codec, f"key {key} is none")
        if not isinstance(tempo, int | float) or isinstance(tempo, bool) or not math.isfinite(tempo):
            raise damaged(codec, f"tempo {tempo!r} is no number")
        if not 1 <= tempo <= 1000:
            raise damaged(codec, f"tempo {tempo!r} is none")
        whole = isinstance(shifts, list) and all(type(n) is int and -5 <= n <= 6 for n in shifts)
        if shifts is not None and (not shifts or not whole or sorted({*shifts}) != shifts):
            raise damaged(codec, f"shifts {str(shifts)[:80]} must be in order, from -5 to 6")
        if bars is not None and (type(bars) is not int or not 1 <= bars <= FORM):
            raise damaged(codec, f"bars {bars!r} must be from 1 to {FORM}")
        return Usual(Metre(0, *metre), Tempo(0, float(tempo)), Key(0, *key), tuple(shifts or ()), bars)


def _usable(beats: int, unit: int) -> bool:
    """Whether a metre can be the usual one."""
    return 1 <= beats <= 64 and unit in (1, 2, 4, 8, 16, 32)


class UsualCounts:
    """Counts tunes, one after another. keyed: whether these are moved into the key without accidentals."""

    def __init__(self, keyed: bool = True) -> None:
        self._keyed = keyed
        self._bars = Counter[int]()
        self._metres, self._keys = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        self._tempos: list[float] = []

    def add(self, tune: Tune) -> None:
        # Such as `Usual.from_json` takes: files have stranger ones.
        self._metres.update((each.beats, each.unit) for each in tune.metres[:1] if _usable(each.beats, each.unit))
        self._tempos += [each.quarters for each in tune.tempos[:1] if 1 <= each.quarters <= 1000]
        key = home(tune)
        self._keys[key.sharps, key.mode] += 1
        self._bars[tune.bar_count] += 1

    def usual(self) -> Usual:
        default = Usual()
        [(bars, count)] = self._bars.most_common(1) or [(0, 0)]
        known = count >= KNOWN * self._bars.total() and 1 <= bars <= FORM
        return Usual(
            Metre(0, *self._metres.most_common(1)[0][0]) if self._metres else default.metre,
            Tempo(0, float(np.median(self._tempos))) if self._tempos else default.tempo,
            Key(0, *self._keys.most_common(1)[0][0]) if self._keys else default.key,
            tuple(sorted({shift(Key(0, *each)) for each in self._keys})) if self._keyed else (),
            bars if known else None,
        )
