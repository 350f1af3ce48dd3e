"""Sets, e.g. of the notes that sound."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np

from rhapsode.config import Dropout
from rhapsode.steps.kind import Kind
from rhapsode.steps.noise import uniform


@dataclass(frozen=True)
class Sets(Kind):
    """A step is a set: zeros and ones say which of `size` things are in it. The things are `groups` × `places`: e.g.
    pitches that begin, and pitches that are held. A sampled set has at most one thing for each place, in one of the
    groups.

    shift: in training, each unit is moved by up to this many places, up or down, in all groups alike: a tune in another
           key. Things that leave the range are lost, so codecs leave room for them.
    """

    places: int
    groups: int = 1
    shift: int = 0

    @property
    def size(self) -> int:
        """Numbers in a step."""
        return self.places * self.groups

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    @property
    def start(self) -> np.ndarray:
        """The empty set."""
        return np.zeros(self.size, np.float32)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def choices(self) -> int:
        """Two for each thing: that it is not in the set, and that it is."""
        return 2 * self.size

    def chosen(self, steps: np.ndarray) -> np.ndarray:
        return np.stack([steps == 0, steps == 1], axis=-1).reshape(len(steps), -1)

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Steps [..., size], moved by a function of unit and epoch; not moved in validation."""
        found = self.inputs(values)
        if not self.shift or (epoch < 0).all():
            return found
        by = np.floor(uniform(unit.astype(np.uint64), epoch) * (2 * self.shift + 1)).astype(np.int64) - self.shift
        by = np.where(epoch < 0, 0, by)
        grouped = found.reshape(*by.shape, self.groups, self.places)
        moved = np.zeros_like(grouped)
        for shift in np.unique(by).tolist():
            up, down = max(0, shift), max(0, -shift)
            moved[by == shift, :, up : self.places - down] = grouped[by == shift, :, down : self.places - up]
        return moved.reshape(found.shape)

    def dropout(self, rate: float, recurrent: float) -> Dropout:
        return super().dropout(rate, recurrent).model_copy(update={"locked": True})

    @classmethod
    def example(cls, size: int = 7) -> Self:
        return cls(size)

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.integers(0, 2, (*shape, self.size)).astype(self.dtype)

    def extremes(self) -> np.ndarray:
        return np.array(list(product((0, 1), repeat=self.size)), self.dtype)
