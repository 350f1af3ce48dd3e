"""Tuples: several values at a time, e.g. a pitch and a length, or what each voice sings."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np

from rhapsode.config import Dropout
from rhapsode.steps.embedding import Embedding, OneHots
from rhapsode.steps.kind import Kind


@dataclass(frozen=True)
class Tuples(Kind):
    """A step is a tuple. Each field has one of several values, numbered from 0. sizes: how many values each field
    has."""

    sizes: tuple[int, ...]
    input_dtype = np.int64

    @property
    def size(self) -> int:
        """How many values all fields have together."""
        return sum(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.sizes),)

    @property
    def slices(self) -> list[slice]:
        """For each field, the slice of its values when the values of all fields are joined."""
        ends = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]

    @property
    def start(self) -> np.ndarray:
        """For each field, the number after its last value."""
        return np.array(self.sizes, np.int64)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.min_scalar_type(max(self.sizes) - 1)

    @property
    def choices(self) -> int:
        """The values of all fields, joined."""
        return self.size

    def chosen(self, steps: np.ndarray) -> np.ndarray:
        return np.concatenate([steps[:, [n]] == np.arange(size) for n, size in enumerate(self.sizes)], axis=1)

    def embedding(self, numbers: int) -> Embedding:
        return OneHots(tuple(size + 1 for size in self.sizes))

    def dropout(self, rate: float, recurrent: float) -> Dropout:
        return super().dropout(rate, recurrent).model_copy(update={"locked": True})

    @classmethod
    def example(cls, size: int = 7) -> Self:
        return cls((3, 1, max(1, size - 4)))

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.integers(0, self.sizes, (*shape, *self.shape)).astype(self.dtype)

    def extremes(self) -> np.ndarray:
        return np.array(list(product(*map(range, self.sizes))), self.dtype)
