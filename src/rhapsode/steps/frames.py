"""Frames: numbers and flags at equal distances in time, e.g. of sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from rhapsode.config import Dropout
from rhapsode.steps.kind import Kind, Rising

HIDDEN = 0.5
"""The dropout rate of the input frame in training. The previous frame says almost everything about the next one. A
network that relies on it fails when it reads its own samples (for words: Bowman et al. 2016)."""


@dataclass(frozen=True)
class Frames(Kind):
    """A step is a frame: several `numbers`, and then `flags` that are 0 or 1, e.g. whether the voice sounds.

    The numbers are stored normalised: (value - mean) / sd; the codec knows both. log_sd: the sum of log sd.
    """

    numbers: int
    flags: int = 0
    log_sd: float = 0.0
    density = True
    hidden = True
    feature_dropout = Rising(20, 0.05, 0.3)
    recurrent_dropout = Rising(30, 0.0, 0.0)

    @property
    def size(self) -> int:
        """How many numbers and flags a step has."""
        return self.numbers + self.flags

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    @property
    def start(self) -> np.ndarray:
        """The mean, and no flag."""
        return np.zeros(self.size, np.float32)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def log_jacobian(self, steps: np.ndarray) -> float:
        return len(steps) * self.log_sd

    def dropout(self, rate: float, recurrent: float) -> Dropout:
        return super().dropout(rate, recurrent).model_copy(update={"input": HIDDEN})

    @classmethod
    def example(cls, size: int = 7) -> Self:
        return cls(max(1, size - 2), 2)

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        frames = rng.standard_normal((*shape, self.size)).astype(self.dtype)
        frames[..., self.numbers :] = frames[..., self.numbers :] > 0
        return frames

    def extremes(self) -> np.ndarray:
        rows = np.zeros((3, self.size), self.dtype)
        rows[1, : self.numbers] = np.resize([1e30, -1e30, 0], self.numbers)
        rows[2, : self.numbers] = np.resize([-3e38, 3e38, 1e-40], self.numbers)
        rows[:2, self.numbers :] = 1
        return rows
