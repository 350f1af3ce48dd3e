"""The kinds of steps of series: one value, in units that follow from the values before it.

Series differ in size by many orders of magnitude, and most have a trend. So a value is measured from a *level*, in
units of a *scale*, and both move on with the series: the level is a running mean of the values, the scale a running
mean of their absolute distances from it (of counts, which are measured from 0, of the counts). This is DeepAR's scaling
by the mean absolute value (Salinas et al. 2017, section 3.3), with two differences: there is a level, and no value is
scaled by those after it. So log p is that of a series in scales; in units of the data
it is less by the logarithms of all scales.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from rhapsode.arithmetic.doubles import log, total
from rhapsode.arithmetic.quantise import number
from rhapsode.steps.embedding import Embedding
from rhapsode.steps.kind import Kind, Rising

if TYPE_CHECKING:
    from torch import Tensor

    from rhapsode.nn.engine import Graph

DISTANCE, SEEN, LEVEL, SCALE = range(4)
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


class Distances(Embedding):
    """Of a value, the network reads the distance, within `LIMIT`, and whether it is there."""

    width, most = SEEN + 1, LIMIT

    def run(self, inputs: Tensor, table: Tensor | None, like: Tensor) -> Tensor:
        return inputs[..., : self.width].clamp(-LIMIT, LIMIT)

    def graph(self, graph: Graph, inputs: str, table: np.ndarray | None) -> str:
        read = graph.add("Slice", inputs, *(graph.constant([at]) for at in (0, self.width, 2)))[0]
        return graph.add("Clip", read, *(graph.constant(np.array(at, np.float32)) for at in (-LIMIT, LIMIT)))[0]

    def numbers(self, inputs: np.ndarray, table: np.ndarray | None) -> np.ndarray:
        return number(np.clip(inputs[..., : self.width], -LIMIT, LIMIT))


@dataclass(frozen=True)
class Values(Kind):
    """A step is a value of a series: its distance from the level, in scales; 1 if it is there, 0 if it is missing; the
    level and the scale. Of a missing value nothing is predicted, and its distance is 0.

    memory: how much of each new value goes into the running means.
    scale:  of the first value, where no other is known. Its level is 0: levels are measured from a series' own origin.
    """

    memory: float
    scale: float
    shape = (4,)
    least: ClassVar[float]
    """The least scale."""
    # Tables are small, and are learnt by heart within a few epochs.
    feature_dropout = Rising(1, 0.1, 0.3)
    recurrent_dropout = Rising(1, 0.1, 0.3)

    @property
    def start(self) -> np.ndarray:
        """A missing value."""
        return np.array([0, 0, 0, self.scale], np.float32)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def embedding(self, numbers: int) -> Embedding:
        return Distances()

    @abstractmethod
    def origin(self, known: np.ndarray) -> float:
        """What the values of a series are measured from, by its first ones [C], of which one is there at least."""

    @abstractmethod
    def _moved(self, frame: Frame, distance: float) -> float:
        """The level after a value at this distance."""

    def after(self, step: Any) -> Frame:
        """The frame of the step after this one."""
        distance, seen, level, scale = _numbers(step)
        if not seen:
            return Frame(level, scale)
        grown = scale * (1 + self.memory * (abs(distance) - 1))
        moved = self._moved(Frame(level, scale), distance)
        return _rounded(moved, min(max(grown, self.least), GREATEST))

    def next(self, recent: Sequence[Any]) -> Frame:
        """The frame of the step to come; recent: those before it, of which the last counts."""
        return self.after(recent[-1]) if len(recent) else _rounded(0.0, self.scale)

    def first(self, known: np.ndarray) -> Frame:
        """The frame after the first values of a series [C], measured from its origin."""
        scale = _mean(np.abs(known))
        return _rounded(0.0, min(max(scale, self.least), GREATEST))

    def step(self, frame: Frame, value: float) -> np.ndarray:
        """[4] float32: a value, NaN if it is missing, measured from the series' origin."""
        seen = value == value
        distance = (value - frame.level) / frame.scale if seen else 0.0
        return np.array([distance, seen, *frame], np.float32)

    def value(self, step: Any) -> float:
        """What a step says, measured from the series' origin; NaN if it is missing."""
        distance, seen, level, scale = _numbers(step)
        return level + distance * scale if seen else math.nan

    def encoded(self, values: np.ndarray, frame: Frame) -> Iterator[np.ndarray]:
        """The steps of values [N], measured from the series' origin; frame: that of the first."""
        for value in values.tolist():
            step = self.step(frame, value)
            yield step
            frame = self.after(step)

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        steps = rng.standard_normal((*shape, 4)).astype(self.dtype)
        steps[..., SEEN] = steps[..., SEEN] > -1
        steps[..., SCALE] = np.exp(steps[..., SCALE])
        return steps

    def extremes(self) -> np.ndarray:
        rows = [(0, 1, 0, 1), (1e30, 1, 0, 1e-12), (-3e38, 1, 3e38, 1e15), (1e-40, 1, 0, 1e-40), (3e38, 0, 0, 1)]
        return np.array(rows, self.dtype)


class Reals(Values):
    """Values that are real numbers."""

    density = True
    least = SMALLEST

    def origin(self, known: np.ndarray) -> float:
        return _mean(known)

    def log_jacobian(self, steps: np.ndarray) -> float:
        return float(total(log(steps[steps[..., SEEN] > 0, SCALE])))

    def _moved(self, frame: Frame, distance: float) -> float:
        return frame.level + self.memory * distance * frame.scale

    @classmethod
    def example(cls, size: int = 7) -> Self:
        return cls(0.15, 2.0)


class Counts(Values):
    """Values that are whole numbers from 0 to `MOST`; levels are 0."""

    least = FEWEST

    def origin(self, known: np.ndarray) -> float:
        return 0.0

    def _moved(self, frame: Frame, distance: float) -> float:
        return 0.0

    def value(self, step: Any) -> float:
        return float(np.rint(super().value(step)))

    @classmethod
    def example(cls, size: int = 7) -> Self:
        return cls(0.15, 20.0)

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        steps = super().random(rng, shape)
        steps[..., LEVEL], steps[..., SCALE] = 0, 10 * steps[..., SCALE] + 1
        count = rng.poisson(steps[..., SCALE]) * (steps[..., SEEN] > 0)
        steps[..., DISTANCE] = count / steps[..., SCALE]
        return steps


def _mean(values: np.ndarray) -> float:
    """Of those that are there [N], one at least."""
    there = values[~np.isnan(values)]
    return float(total(there)) / len(there)


def _numbers(step: Any) -> Any:
    return step.tolist() if isinstance(step, np.ndarray) else step


def _rounded(level: float, scale: float) -> Frame:
    """As steps hold it, in 32 bits, so that what is drawn and what is read have the same frames."""
    return Frame(float(np.float32(level)), float(np.float32(scale)))
