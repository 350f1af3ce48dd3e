"""How far apart in time the rows of a series are, and what the calendar says of each: it is known ahead.

Times are numpy's `datetime64[s]`. Where a table has no calendar, its times are numbers, or just 0, 1, 2, ...
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from rhapsode.arithmetic.doubles import cosine, sine
from rhapsode.errors import UserError

Unit = Literal["month", "second", "weekday", "number"]
UNITS: tuple[Unit, ...] = ("month", "second", "weekday", "number")
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
NAMES: dict[tuple[str, float], str] = {
    ("month", 1): "monthly",
    ("month", 3): "quarterly",
    ("month", 6): "half-yearly",
    ("month", 12): "yearly",
    ("second", 1): "each second",
    ("second", MINUTE): "each minute",
    ("second", HOUR): "hourly",
    ("second", DAY): "daily",
    ("second", WEEK): "weekly",
    ("weekday", 1): "daily, Monday to Friday",
    ("number", 1): "numbered",
}
OFF = 0.1
"""Of the distance between rows: a time farther than that from where a row belongs is not on the grid."""
SPARSE = 20
"""Times as many places as rows is too irregular to be a series."""
FARTHEST = 1e15
"""Places from the first."""
YEAR = 365.2425
EPOCH = np.datetime64("1970-01-01", "s")


class Placed(NamedTuple):
    """Times on a regular grid. start: the first; places: [N] int64, of each time, from 0; off: [N] bool, not on it."""

    start: Any
    places: np.ndarray
    off: np.ndarray


@dataclass(frozen=True)
class Frequency:
    """So many of a unit between rows, and after how many rows a season comes again (1: there is none).

    A unit is a calendar month, a second, a day from Monday to Friday, or whatever a table's numbers count.
    """

    unit: Unit
    every: float = 1.0
    season: int = 1

    @property
    def name(self) -> str:
        """For people, e.g. `monthly` or `each 15 minutes`."""
        known = NAMES.get((self.unit, self.every))
        if known:
            return known
        if self.unit == "second":
            for seconds, what in ((WEEK, "weeks"), (DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
                if self.every % seconds == 0:
                    return f"each {self.every / seconds:g} {what}"
        return f"each {self.every:g} {self.unit}s"

    def times(self, start: Any, count: int, begin: int = 0) -> np.ndarray:
        """[count] times of the places from `begin` on: datetime64[s], or float64 where times are numbers."""
        n = np.arange(begin, begin + count)
        if self.unit == "number":
            return np.asarray(float(start) + n * self.every)
        first = np.datetime64(start, "s")
        if self.unit == "second":
            return first + (n * self.every).astype(np.int64).astype("timedelta64[s]")
        if self.unit == "weekday":
            day = first.astype("datetime64[D]")
            return np.asarray(np.busday_offset(day, n, roll="forward") + (first - day))
        month = first.astype("datetime64[M]")
        into = first - month.astype("datetime64[s]")
        months = month + (n * int(self.every)).astype("timedelta64[M]")
        if _ends_month(first):
            ends = (months + 1).astype("datetime64[s]") - np.timedelta64(1, "D")
            return np.asarray(ends + (into - _days(into)))
        # The 30th of January is followed by the last of February.
        last = (months + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
        return np.asarray(np.minimum(months.astype("datetime64[s]") + _days(into), last) + (into - _days(into)))

    def placed(self, times: np.ndarray) -> Placed:
        """Where each of the times [N] belongs, which need not be in order."""
        first = times.min()
        if self.unit == "number":
            exact = (times - first) / self.every
        elif self.unit == "second":
            exact = (times - first).astype(np.float64) / self.every
        elif self.unit == "weekday":
            days = times.astype("datetime64[D]")
            exact = np.busday_count(first.astype("datetime64[D]"), days).astype(np.float64)
            exact[~np.is_busday(days)] += 0.5
        else:
            months = times.astype("datetime64[M]").astype(np.int64)
            exact = (months - int(first.astype("datetime64[M]").astype(np.int64))) / self.every
        places = np.rint(np.minimum(exact, FARTHEST)).astype(np.int64)
        return Placed(first, places, np.abs(exact - places) > OFF)

    def width(self) -> int:
        """How many numbers `calendar` has."""
        return int(self.calendar(0.0 if self.unit == "number" else EPOCH, 1).shape[1])

    def calendar(self, start: Any, count: int, begin: int = 0) -> np.ndarray:
        """[count, D] float32: what is known ahead of the places from `begin` on.

        Where in the season a place is, as so many zeros and a one if the season is short, else as sines and cosines;
        of days, the day of the week and the time of the year; of hours and less, the time of the day, too.
        """
        n = np.arange(begin, begin + count)
        if self.unit == "number":
            return _cycle(n + round(float(start) / self.every), self.season)
        times = self.times(start, count, begin)
        if self.unit == "month":
            months = times.astype("datetime64[M]").astype(np.int64)
            return _cycle(months // int(self.every), round(12 / self.every))
        seconds = (times - EPOCH).astype(np.float64)
        parts = [_waves(seconds / (DAY * YEAR), 2)]
        if self.every < WEEK:
            parts.append(_cycle((seconds // DAY).astype(np.int64) + 3, 7))  # the epoch began on a Thursday
        if self.every < DAY:
            parts.append(
                _cycle((seconds // HOUR).astype(np.int64), 24) if self.every >= HOUR else _waves(seconds / DAY, 4)
            )
        return np.concatenate(parts, axis=1)

    def to_json(self) -> list[Any]:
        return [self.unit, self.every, self.season]

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Raises `ValueError` for what `to_json` did not make."""
        unit, every, season = value
        if unit not in UNITS or not isinstance(every, float) or not 0 < every < 1e12 or not math.isfinite(every):
            raise ValueError(f"a frequency of {every!r} {unit!r}")
        if type(season) is not int or not 1 <= season <= 100_000:
            raise ValueError(f"a season of {season!r}")
        return cls(unit, every, season)


def inferred(times: np.ndarray) -> Frequency:
    """The frequency that most of these times [N] follow, in any order. Raises `UserError` if there is none."""
    times = np.unique(times)
    if len(times) < 3:
        raise UserError(f"{len(times)} different times are too few to tell how far apart rows are. Give 3 or more")
    if times.dtype.kind != "M":
        steps = np.diff(times)
        return _checked(Frequency("number", _commonest(steps)), times)
    months = times.astype("datetime64[M]").astype(np.int64)
    if len(np.unique(months)) == len(times) and _one_a_month(times):
        every = int(np.gcd.reduce(np.diff(months)))
        every = max(one for one in (1, 2, 3, 4, 6, 12) if every % one == 0)
        return _checked(Frequency("month", float(every), 12 // every), times)
    seconds = _commonest(np.diff(times).astype(np.float64))
    if seconds == DAY and len(times) >= 5 and np.is_busday(times.astype("datetime64[D]")).all() and _skips(times):
        return _checked(Frequency("weekday", 1.0, 5), times)
    return _checked(Frequency("second", seconds, _season(seconds)), times)


def _season(seconds: float) -> int:
    """Rows until the commonest season comes again: a year of weeks, a week of days, a day of less."""
    for whole, top in ((DAY, HOUR), (WEEK, DAY), (DAY * YEAR, WEEK)):
        if seconds <= top or (whole == DAY and seconds < DAY):
            return max(1, round(whole / seconds)) if whole / seconds >= 2 else 1
    return max(1, round(DAY * YEAR / seconds))


def _checked(found: Frequency, times: np.ndarray) -> Frequency:
    placed = found.placed(times)
    off = float(placed.off.mean())
    if off > 0.2 or placed.places.max() >= SPARSE * len(times):
        raise UserError(
            f"its rows are not at regular times: most are {found.name}, but not {off:.0%} of them. Give one row for "
            "each hour, day, month, ..., or make them so, e.g. by the mean of each"
        )
    return found


def _commonest(steps: np.ndarray) -> float:
    """The distance between rows that occurs most; of equals the least."""
    unit = 10.0 ** np.floor(np.log10(np.median(steps)) - 6)  # times that are no whole numbers are not exact
    values, counts = np.unique(np.rint(steps / unit), return_counts=True)
    return float(values[counts.argmax()] * unit)


def _one_a_month(times: np.ndarray) -> bool:
    """Whether they are on the same day of months, or on their last days."""
    days = (times.astype("datetime64[D]") - times.astype("datetime64[M]")).astype(np.int64)
    return bool(np.ptp(days) == 0 or all(_ends_month(one) for one in times))


def _ends_month(time: Any) -> bool:
    day = np.datetime64(time, "D")
    return bool((day + 1).astype("datetime64[M]") != day.astype("datetime64[M]"))


def _skips(times: np.ndarray) -> bool:
    """Whether most weekends between are left out."""
    days = times.astype("datetime64[D]")
    mondays = (days.astype(np.int64) + 3) % 7 == 0
    return bool(mondays[1:].sum() == 0 or (np.diff(days).astype(np.int64)[mondays[1:]] >= 3).mean() > 0.5)


def _days(into: Any) -> Any:
    return into.astype("timedelta64[D]").astype("timedelta64[s]")


def _cycle(n: np.ndarray, length: int) -> np.ndarray:
    """[N, D] float32: a place in a cycle."""
    if length <= 1:
        return np.zeros((len(n), 0), np.float32)
    if length <= 24:
        return np.asarray(np.eye(length, dtype=np.float32)[n % length])
    return _waves(n / length, 4)


def _waves(turns: np.ndarray, count: int) -> np.ndarray:
    """[N, 2 × count] float32: sines and cosines, of so many frequencies."""
    angles = turns[:, None] * np.arange(1, count + 1)
    part = angles - np.floor(angles)
    return np.concatenate([sine(part), cosine(part)], axis=1).astype(np.float32)
