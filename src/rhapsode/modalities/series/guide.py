"""What is given with each value: the calendar, which is known ahead; the series' age; and earlier values of it."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from rhapsode.arithmetic.doubles import log
from rhapsode.data.guide import Guide
from rhapsode.modalities.series.frequency import DAY, HOUR, Frequency
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.values import LIMIT, Frame, Values

BLOCK = 256
"""Rows of the calendar made at a time."""
CLEAR = 0.3
"""Autocorrelation from which on a distance is taken for a season."""
NEARLY = 0.8
"""Of the greatest autocorrelation: the least distance with so much is the season, and not its double."""
LONGEST = 400
"""Distances that are tried."""
FEWEST, MOST = 4, 24
"""Values that a series begins with and that are not predicted: a season, within these bounds."""


def lags(frequency: Frequency) -> tuple[int, ...]:
    """How far back the earlier values lie that are given: the last three, and those of a season and two before."""
    season = frequency.season
    found = {1, 2, 3}
    if season > 1:
        found |= {season - 1, season, season + 1, 2 * season}
    if frequency.unit == "second" and frequency.every <= HOUR:
        found.add(round(7 * DAY / frequency.every))  # the same hour of the same day of the week
    return tuple(sorted(found - {0}))


def known(frequency: Frequency) -> int:
    """C, how many values a series begins with and that are not predicted: they say how large it is."""
    return min(max(frequency.season, FEWEST), MOST)


def season(every: Sequence[Series]) -> int:
    """The distance at which series are most like themselves, where the calendar knows none; 1 if at none.

    It is a peak of the autocorrelation of what is left when a running level is taken away.
    """
    total, count = np.zeros(LONGEST + 1), np.zeros(LONGEST + 1)
    for one in every:
        values = one.values - np.nanmean(one.values)
        values = np.where(np.isnan(values), 0, values)
        values = values - np.polynomial.Polynomial.fit(np.arange(len(values)), values, 1)(np.arange(len(values)))
        power = float((values**2).mean())
        if power <= 0:
            continue
        for lag in range(1, min(LONGEST, len(values) // 3) + 1):
            total[lag] += float((values[lag:] * values[:-lag]).sum()) / power
            count[lag] += len(values) - lag
    found = total / np.maximum(count, 1)
    peaks = [
        lag
        for lag in range(2, LONGEST)
        if found[lag] > CLEAR and found[lag - 1] < found[lag] >= found[lag + 1] and count[lag]
    ]
    return next((lag for lag in peaks if found[lag] > NEARLY * max(found[peaks])), 1)


class SeriesGuide(Guide):
    """A place in a series. Its numbers are the calendar's, the age, and the earlier values, measured as the value to
    come will be: from its level, in its scale; 0 for one that is missing or was never there."""

    def __init__(
        self, kind: Values, frequency: Frequency, distances: tuple[int, ...], known: Series, frame: Frame
    ) -> None:
        """known: the first values, measured from the series' origin. frame: of the value that comes after them."""
        self._kind, self._frequency, self._lags, self._start = kind, frequency, distances, known.start
        self._values: list[float] = known.values.tolist()
        self._frame = frame
        self._calendar, self._begin = np.zeros((0, 0), np.float32), 0

    @staticmethod
    def width(frequency: Frequency, distances: tuple[int, ...]) -> int:
        """D, how many numbers are given."""
        return frequency.width() + 1 + len(distances)

    def covariates(self) -> np.ndarray:
        count = len(self._values)
        row = count - self._begin
        if not 0 <= row < len(self._calendar):
            self._begin, row = count, 0
            self._calendar = self._frequency.calendar(self._start, BLOCK, count)
        level, scale = self._frame
        earlier = [log(1.0 + count) / 8]
        for lag in self._lags:
            value = self._values[count - lag] if lag <= count else math.nan
            distance = (value - level) / scale
            earlier.append(max(-LIMIT, min(LIMIT, distance)) if distance == distance else 0.0)
        return np.concatenate([self._calendar[row], np.array(earlier, np.float32)])

    def read(self, step: Any) -> None:
        self._values.append(self._kind.value(step))
        self._frame = self._kind.after(step)

    def copy(self) -> Self:
        other = copy.copy(self)
        other._values = self._values.copy()
        return other
