"""Moves: the kind of step that a pen makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from rhapsode.arithmetic.doubles import log
from rhapsode.steps.kind import Kind, Rising
from rhapsode.steps.noise import uniform


@dataclass(frozen=True)
class Moves(Kind):
    """A step is a move of a pen: x to the right, y down, and 1 if the pen is lifted after it, 2 if the drawing is over
    then, -1 if the pen is lifted and goes on where it was before the last stroke (see `delayed`), else 0.

    x and y are kept normalised: (offset - mean) / sd, the mean and sd being those of the training data, in its units.

    grid:  the pitch of the grid that the data lies on, each axis, in its units; 0 for none. On a grid a density has no
           bound, so steps are presented with uniform noise of half a pitch to either side (Theis et al. 2016).
    scale: training presents each unit at a random size, this part larger or smaller at most (Ha et al. 2017).
    returns: whether there are any steps after which the pen goes back.
    """

    mean: tuple[float, float]
    sd: tuple[float, float]
    grid: tuple[float, float] = (0.0, 0.0)
    scale: float = 0.0
    returns: bool = False
    shape = (3,)
    density = True
    # Noise and other sizes make no two epochs quite the same.
    feature_dropout = Rising(8, 0.05, 0.2)
    recurrent_dropout = Rising(30, 0.08, 0.3)

    @property
    def start(self) -> np.ndarray:
        """The pen does not move, and is up."""
        return np.array([-self.mean[0] / self.sd[0], -self.mean[1] / self.sd[1], 1], np.float32)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def log_jacobian(self, steps: np.ndarray) -> float:
        return len(steps) * (log(self.sd[0]) + log(self.sd[1]))

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Steps [..., 3] with noise that is a function of index and epoch, at a size that is a function of unit and
        epoch. Validation has the noise, but no change of size."""
        found = self.inputs(values)
        for axis in range(2):
            if self.grid[axis]:
                noise = uniform(2 * index.astype(np.uint64) + np.uint64(axis), epoch) - 0.5
                found[..., axis] += (noise * (self.grid[axis] / self.sd[axis])).astype(np.float32)
        if self.scale:
            size = 1 + self.scale * (2 * uniform(~unit.astype(np.uint64), epoch) - 1)
            factor = np.where(epoch < 0, 1.0, size).astype(np.float32)[..., None]
            zero = self.start[:2]
            found[..., :2] = (found[..., :2] - zero) * factor + zero
        return found

    @classmethod
    def example(cls, size: int = 7) -> Self:
        return cls((0.3, -0.1), (2.0, 0.5), returns=True)

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        values = rng.standard_normal((*shape, 3)).astype(self.dtype)
        values[..., 2] = rng.integers(-self.returns, 3, shape)
        return values

    def extremes(self) -> np.ndarray:
        rows = [(0, 0, 0), (1e30, -1e30, 1), (-3e38, 3e38, 2), (1e-40, 0, 1), *[(0, 0, -1)] * self.returns]
        return np.array(rows, self.dtype)
