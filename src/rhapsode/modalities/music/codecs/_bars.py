"""Where one is in a tune, as numbers that are given with each step: in the bar, in the form, before the end."""

from __future__ import annotations

import numpy as np

from rhapsode.arithmetic.doubles import cosine, sine
from rhapsode.modalities.music.pitch import MODES
from rhapsode.modalities.music.tune import Tune

SIXTEENTHS = 32
"""Places in a bar that are told apart."""
FORM = (2, 4, 8, 16)
"""Bars of the periods in which the number of a bar is given."""
LAST = 4
"""Bars before the end that are told apart."""
PLACES = SIXTEENTHS + 8 + 2 * len(FORM) + LAST + 1 + len(MODES)
"""Numbers that `Bars.covariates` gives."""


class Bars:
    """The bars of a tune, in frames of `grid` to a quarter. The last one is whole, whatever the tune's end.

    starts: [M + 1] int64: where each bar begins, and the end.
    """

    def __init__(self, tune: Tune, grid: int, mode: int | None = None, beyond: int = 0) -> None:
        """mode: as `Key.mode`; None if it is not known. beyond: bars that are to come after the tune's."""
        frames = [round(tick * grid / tune.ticks) for tick in tune.bars()] or [0]
        last = tune.metres[-1] if tune.metres else None
        whole = grid * 4 if last is None else max(1, last.beats * 4 * grid // last.unit)
        self.starts = np.array([*frames, frames[-1] + whole])
        self.end = int(self.starts[-1])
        self._grid, self._mode, self._beyond = grid, mode, beyond
        self._compound = last is not None and last.beats % 3 == 0 and last.unit >= 8
        self._cached: dict[int, np.ndarray] = {}

    def number(self, frame: int) -> int:
        """Of the bar that a frame is in."""
        return int(np.searchsorted(self.starts, frame, side="right")) - 1

    def left(self, frame: int) -> int:
        """Frames to the end of its bar."""
        return int(self.starts[self.number(frame) + 1]) - frame if frame < self.end else 0

    def covariates(self, frame: int) -> np.ndarray:
        """[PLACES] float32, of the frame; all zero behind the end. The same array each time: not to be changed."""
        if frame not in self._cached:
            self._cached[frame] = self._covariates(frame)
        return self._cached[frame]

    def _covariates(self, frame: int) -> np.ndarray:
        out = np.zeros(PLACES, np.float32)
        if frame >= self.end:
            return out
        bar = self.number(frame)
        into, size = frame - int(self.starts[bar]), int(self.starts[bar + 1] - self.starts[bar])
        out[min(4 * into // self._grid, SIXTEENTHS - 1)] = 1
        turns = [into / size, into / self._grid, 2 * into / self._grid]
        turns += [bar / period for period in FORM]
        at = SIXTEENTHS
        for n, turn in enumerate(turns):
            out[at + 2 * n : at + 2 * n + 2] = sine(turn % 1.0), cosine(turn % 1.0)
        at += 2 * len(turns)
        out[at : at + 2] = size / (4 * self._grid), self._compound
        at += 2
        to_go = len(self.starts) - 1 - bar + self._beyond
        out[at + min(to_go, LAST) - 1] = to_go <= LAST
        out[at + LAST] = min(to_go, 64) / 32
        if self._mode in MODES:
            out[at + LAST + 1 + list(MODES).index(self._mode)] = 1
        return out
