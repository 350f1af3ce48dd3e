"""What is usual in a collection of tunes, for tunes of which nothing else is said."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from rhapsode.codecs._codec import Codec, damaged
from rhapsode.music.keys import home
from rhapsode.music.pitch import MODES
from rhapsode.music.tune import NOTE, Key, Metre, Tempo, Tune


@dataclass(frozen=True)
class Usual:
    """The metre and key that most tunes begin with, and their middle tempo."""

    metre: Metre = Metre(0, 4, 4)
    tempo: Tempo = Tempo(0, 120.0)
    key: Key = Key(0, 0)

    def bar(self, grid: int) -> int:
        """Frames of a bar, of which a quarter has `grid`."""
        return max(1, self.metre.beats * 4 * grid // self.metre.unit)

    def tune(self, bars: int, grid: int) -> Tune:
        """So many bars, without notes."""
        length = bars * self.bar(grid)
        return Tune(np.zeros(0, NOTE), grid, length, metres=(self.metre,), keys=(self.key,), tempos=(self.tempo,))

    def to_json(self) -> dict[str, Any]:
        return {
            "metre": [self.metre.beats, self.metre.unit],
            "tempo": self.tempo.quarters,
            "key": [self.key.sharps, self.key.mode],
        }

    @staticmethod
    def from_json(codec: type[Codec], metre: Any, tempo: Any, key: Any) -> Usual:
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
        return Usual(Metre(0, *metre), Tempo(0, float(tempo)), Key(0, *key))


def _usable(beats: int, unit: int) -> bool:
    """Whether a metre can be the usual one."""
    return 1 <= beats <= 64 and unit in (1, 2, 4, 8, 16, 32)


class Census:
    """Counts tunes, one after another."""

    def __init__(self) -> None:
        self._metres, self._keys = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        self._tempos: list[float] = []

    def add(self, tune: Tune) -> None:
        # Such as `Usual.from_json` takes: files have stranger ones.
        self._metres.update((each.beats, each.unit) for each in tune.metres[:1] if _usable(each.beats, each.unit))
        self._tempos += [each.quarters for each in tune.tempos[:1] if 1 <= each.quarters <= 1000]
        key = home(tune)
        self._keys[key.sharps, key.mode] += 1

    def usual(self) -> Usual:
        default = Usual()
        return Usual(
            Metre(0, *self._metres.most_common(1)[0][0]) if self._metres else default.metre,
            Tempo(0, float(np.median(self._tempos))) if self._tempos else default.tempo,
            Key(0, *self._keys.most_common(1)[0][0]) if self._keys else default.key,
        )
