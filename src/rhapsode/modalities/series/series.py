"""A series: numbers at regular times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from rhapsode.modalities.series.frequency import Frequency


@dataclass(frozen=True)
class Series:
    """values: [N] float64, NaN where one is missing; neither the first nor the last is.

    name:      what its table calls it: the key, the column, or both.
    start:     the time of the first value: datetime64[s], or a float where times are numbers.
    first:     values before it are known and not predicted: they are the past of those to come.
    about:     what was found in its table, a sentence without the file's name; empty if it is of no table.
    dated:     false if its table has no times at all.
    """

    name: str
    values: np.ndarray
    start: Any
    frequency: Frequency
    first: int = 0
    about: str = ""
    dated: bool = True

    def __len__(self) -> int:
        return len(self.values)

    @property
    def times(self) -> np.ndarray:
        """[N], see `Frequency.times`."""
        return self.frequency.times(self.start, len(self))

    @property
    def missing(self) -> int:
        return int(np.isnan(self.values).sum())

    def after(self, values: np.ndarray) -> Self:
        """A series that goes on where this one ends."""
        start = self.frequency.times(self.start, 1, len(self))[0]
        return replace(self, values=np.asarray(values, np.float64), start=start, first=0)

    def upto(self, count: int) -> Self:
        """Its first `count` values."""
        return replace(self, values=self.values[:count])
