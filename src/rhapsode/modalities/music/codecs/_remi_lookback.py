"""What several instruments play just now, and what was heard at the same place of the bar some bars before, as numbers
that are given with each token.

Between a chord and the bass below it lie many tokens, and a bar has a hundred. A net that is told what sounds, and what
it could play again, need not keep that in its cells (as `_lookback` has it for melodies).
"""

from __future__ import annotations

import copy
from bisect import bisect_right, insort
from typing import Self

import numpy as np

from rhapsode.modalities.music.codecs._bars import Bars

LAGS = (1, 2, 4, 8)
"""Bars before."""
OF_A_LAG = 12 + 2
"""Pitch classes that began there; whether there was such a bar; and how far from there to what came next in it."""
LOOKBACK = 12 + len(LAGS) * OF_A_LAG
"""Numbers that `RemiLookback.covariates` gives: pitch classes that sound, then those of each lag."""
BITS = 1 << np.arange(12)


class RemiLookback:
    """What was heard of a tune of so many bars, in frames of `grid` to a quarter.

    Players are numbers; `drums` is one of them, whose pitches are drums: these have classes, too, and do not sound on.
    """

    def __init__(self, bars: Bars, grid: int, drums: int) -> None:
        self._bars, self._grid, self._drums = bars, grid, drums
        self._ends = np.zeros(128, np.int64)  # of the last note of each pitch
        self._begun: dict[tuple[int, int], int] = {}  # by frame and player: pitch classes, as bits
        self._frames: list[int] = []  # at which something began, in order
        self._said: tuple[tuple[int, int | None], np.ndarray] | None = None  # what holds until the next note

    def add(self, frame: int, length: int, player: int, pitch: int) -> None:
        if player != self._drums:
            self._ends[pitch] = frame + length
        self._said = None
        key = frame, player
        self._begun[key] = self._begun.get(key, 0) | 1 << pitch % 12
        if not self._frames or frame > self._frames[-1]:
            self._frames.append(frame)
        elif frame not in self._frames[-1:]:
            insort(self._frames, frame)

    def covariates(self, frame: int, player: int | None, players: list[int]) -> np.ndarray:
        """[LOOKBACK] float32, of what comes at a frame: of one player, or of all `players` where none is chosen yet.
        The same array until the next note: not to be changed."""
        if self._said is None or self._said[0] != (frame, player):
            self._said = (frame, player), self._numbers(frame, player, players)
        return self._said[1]

    def _numbers(self, frame: int, player: int | None, players: list[int]) -> np.ndarray:
        out = np.zeros(LOOKBACK, np.float32)
        out[np.flatnonzero(self._ends > frame) % 12] = 1
        starts, bar = self._bars.starts, self._bars.number(frame)
        for n, lag in enumerate(LAGS):
            if bar < lag or frame >= self._bars.end:
                break
            echo = out[12 + n * OF_A_LAG :]
            after = int(starts[bar - lag + 1])
            place = int(starts[bar - lag]) + frame - int(starts[bar])
            if place >= after:
                continue
            bits = 0
            for each in players if player is None else (player,):
                bits |= self._begun.get((place, each), 0)
            echo[:12] = (bits & BITS) > 0
            following = bisect_right(self._frames, place)
            then = self._frames[following] if following < len(self._frames) else after
            echo[12], echo[13] = 1, (min(then, after) - place) / (4 * self._grid)
        return out

    def copy(self) -> Self:
        """Another that goes on from here by itself."""
        other = copy.copy(self)
        other._ends, other._begun, other._frames = self._ends.copy(), dict(self._begun), self._frames[:]
        return other
