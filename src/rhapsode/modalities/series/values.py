"""The kind of step of a series: one value, in units that follow from the values before it.

Series differ in size by many orders of magnitude, and most have a trend. So a value is measured from a *level*, in units
of a *scale*, and both move on with the series: the level is a running mean of the values, the scale a running mean of
their absolute distances from it (of counts, which are measured from 0, of the counts). This is DeepAR's scaling by the
mean absolute value (Salinas et al. 2017, section 3.3), but for the level, and that no value is scaled by those after it.
So log p is that of the values themselves, once log scale is taken from it, and adds up over a series.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

NUMBERS = 4
DISTANCE, SEEN, LEVEL, SCALE = range(NUMBERS)
"""Places in a step."""
SMALLEST, GREATEST = 1e-12, 1e15
"""Of a scale."""
FEWEST = 0.1
"""The least scale of counts: that of a series that is mostly nothing."""
MOST = 4_000_000
"""The greatest count."""
LIMIT = 10.0
"""Distances are read no greater than that, in scales."""


class Frame(NamedTuple):
    """Where the next value is measured from, and in which units."""

    level: float
    scale: float


@dataclass(frozen=True)
class Values:
    """A step is a value of a series: its distance from the level, in scales; 1 if it is there, 0 if it is missing; the
    level and the scale. Of a missing value nothing is predicted, and its distance is 0.

    counts: values are whole numbers from 0 on. memory: how much of each new value goes into the running means.
    scale:  of the first value, where no other is known. Its level is 0: levels are measured from a series' own origin.
    """

    counts: bool
    memory: float
    scale: float
    shape = (NUMBERS,)
    size = NUMBERS
    nats = 0.0
    lags = ()

    @property
    def start(self) -> np.ndarray:
        """Fed where there is no step before: a missing value."""
        return np.array([0, 0, 0, self.scale], np.float32)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Steps [..., 4] as a network reads them: float32."""
        return np.asarray(values, np.float32)

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Steps [..., 4] as training sees them: the same each time."""
        return np.array(values, np.float32)

    def after(self, step: Any) -> Frame:
        """The frame of the step after this one."""
        distance, seen, level, scale = step.tolist() if isinstance(step, np.ndarray) else step
        if not seen:
            return Frame(level, scale)
        grown = scale * (1 + self.memory * (abs(distance) - 1))
        least = FEWEST if self.counts else SMALLEST
        moved = level if self.counts else level + self.memory * distance * scale
        return Frame(float(np.float32(moved)), float(np.float32(min(max(grown, least), GREATEST))))

    def next(self, recent: Sequence[Any]) -> Frame:
        """The frame of the step to come; recent: those before it, of which the last counts."""
        return self.after(recent[-1]) if len(recent) else Frame(0.0, float(np.float32(self.scale)))

    def step(self, frame: Frame, value: float) -> np.ndarray:
        """[4] float32: a value, NaN if it is missing, measured from the series' origin."""
        seen = value == value
        distance = (value - frame.level) / frame.scale if seen else 0.0
        return np.array([distance, seen, *frame], np.float32)

    def encoded(self, values: np.ndarray, frame: Frame) -> Iterator[np.ndarray]:
        """The steps of values [N], measured from the series' origin; frame: that of the first."""
        for value in values.tolist():
            step = self.step(frame, value)
            yield step
            frame = self.after(step)

    def value(self, step: Any) -> float:
        """What a step says, measured from the series' origin; NaN if it is missing."""
        distance, seen, level, scale = step.tolist() if isinstance(step, np.ndarray) else step
        found = level + distance * scale
        return math.nan if not seen else float(round(found)) if self.counts else found

    def decoded(self, steps: np.ndarray) -> np.ndarray:
        """[N, 4] → [N] float64: the values, measured from the series' origin; NaN where one is missing."""
        distance, seen, level, scale = steps.astype(np.float64).T
        found = level + distance * scale
        found = np.rint(found) if self.counts else found
        return np.where(seen > 0, found, np.nan)

    def first(self, known: np.ndarray) -> Frame:
        """The frame after the first values [C] of a series, measured from its origin, which is their mean.

        Raises `ValueError` where none is there.
        """
        there = known[~np.isnan(known)]
        if not len(there):
            raise ValueError("no value is known")
        scale = float(np.abs(there).mean())
        if self.counts:
            return Frame(0.0, float(np.float32(max(scale, FEWEST))))
        return Frame(0.0, float(np.float32(min(max(scale, SMALLEST), GREATEST))))
