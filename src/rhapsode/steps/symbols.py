"""Symbols: characters, words, tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from rhapsode.config import Dropout
from rhapsode.steps.embedding import Embedding, OneHot, Table
from rhapsode.steps.kind import Kind, Rising


@dataclass(frozen=True)
class Symbols(Kind):
    """A step is one of `size` symbols, numbered from 0; `start` is the number after the last one.

    first: codecs number symbols about in the order of their frequency, if they know it. It begins with this one, and
           after the last symbol it goes on with the first.
    """

    size: int
    first: int = 0
    shape = ()
    input_dtype = np.int64
    tabled = True
    feature_dropout = Rising(5, 0.2, 0.4)
    recurrent_dropout = Rising(30, 0.15, 0.5)

    @property
    def start(self) -> int:
        return self.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type for all symbols. (It may be too small for `start`.)"""
        return np.min_scalar_type(max(self.size - 1, 0))

    @property
    def symbols(self) -> int:
        return self.size + 1

    @property
    def choices(self) -> int:
        return self.size

    def chosen(self, steps: np.ndarray) -> np.ndarray:
        return np.asarray(steps[:, None] == np.arange(self.size))

    def embedding(self, numbers: int) -> Embedding:
        return Table(self.size + 1, numbers) if numbers else OneHot(self.size + 1)

    def dropout(self, rate: float, recurrent: float) -> Dropout:
        return Dropout(input=round(rate / 4, 3), between=rate, output=rate, recurrent=recurrent)

    @classmethod
    def example(cls, size: int = 7) -> Self:
        return cls(size)

    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.integers(0, self.size, shape).astype(self.dtype)

    def extremes(self) -> np.ndarray:
        return np.arange(self.size, dtype=self.dtype)
