"""Lookback: what was heard at the same place of the bar some bars before, as numbers that are given with each step.

Tunes say things again, after one bar or eight. A net that has what it could repeat before it need not keep it in its
cells (the lookback of Waite, "Generating Long-Term Structure in Songs and Stories", 2016).
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from typing import Self

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.modalities.music.codecs._bars import Bars

LAGS = (1, 2, 4, 8)
"""Bars before."""
PITCH, CHORD = 12, 18
"""Where in the numbers of a lag those after its pitch class begin, and those of its chord's root."""
OF_A_LAG = CHORD + 12
LOOKBACK = len(LAGS) * OF_A_LAG
"""Numbers that `Lookback.covariates` gives."""

Piece = tuple[int, int, int, bool, int]
"""Frame, end, pitch (-1 for a rest), whether it begins there and is not held on, pitch class of its chord or -1."""


class Lookback:
    """What was heard of a melody, of so many bars, in frames of `grid` to a quarter."""

    def __init__(self, bars: Bars, grid: int) -> None:
        self._bars, self._grid = bars, grid
        self._starts: list[int] = []
        self._pieces: list[Piece] = []
        self._agreed = [0] * len(LAGS)  # frames, up to now, that were as they were so many bars before

    def add(self, frame: int, length: int, pitch: int, begins: bool, root: int) -> None:
        """The next piece."""
        piece = frame, frame + length, pitch, begins, root
        for n, lag in enumerate(LAGS):
            place, before = self._at(frame, lag)
            same = before is not None and before == (place, place + length, pitch, begins, before[4])
            self._agreed[n] = self._agreed[n] + length if same else 0
        self._starts.append(frame)
        self._pieces.append(piece)

    def _at(self, frame: int, lag: int) -> tuple[int, Piece | None]:
        """The same place so many bars before, and what sounded there."""
        starts = self._bars.starts
        bar = self._bars.number(frame)
        if bar < lag or frame >= self._bars.end:
            return -1, None
        place = int(starts[bar - lag]) + frame - int(starts[bar])
        n = bisect_right(self._starts, place) - 1
        if n < 0 or place >= starts[bar - lag + 1] or self._pieces[n][1] <= place:
            return -1, None
        return place, self._pieces[n]

    def covariates(self, frame: int) -> np.ndarray:
        """[LOOKBACK] float32, of what comes at a frame."""
        out = np.zeros((len(LAGS), OF_A_LAG), np.float32)
        for echo, lag, agreed in zip(out, LAGS, self._agreed, strict=True):
            place, before = self._at(frame, lag)
            if before is None:
                continue
            start, end, pitch, begins, root = before
            if pitch >= 0:
                echo[pitch % 12] = 1
            rest, height, new = pitch < 0, (pitch - 60) / 24 if pitch >= 0 else 0, start == place and begins
            left = min(1.0, (end - place) / (4 * self._grid))
            echo[PITCH:CHORD] = 1, rest, height, new, left, doubles.log1p(agreed / self._grid) / 4
            if root >= 0:
                echo[CHORD + root] = 1
        return out.ravel()

    def copy(self) -> Self:
        """Another that goes on from here by itself."""
        other = copy.copy(self)
        other._starts, other._pieces, other._agreed = self._starts[:], self._pieces[:], self._agreed[:]
        return other
