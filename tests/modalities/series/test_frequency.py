"""How far apart rows are, from their times alone; and what the calendar says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.series.frequency import Frequency, inferred


def times(begin: str, end: str, unit: str, every: int = 1) -> np.ndarray:
    return np.arange(begin, end, dtype=f"datetime64[{unit}]")[::every].astype("datetime64[s]")


DAYS = np.arange("2000-01-03", "2001-01-01", dtype="datetime64[D]")
MONTHS = np.arange("2000-02", "2003-01", dtype="datetime64[M]")
CASES: list[tuple[np.ndarray, str, int]] = [
    (times("1900", "1950", "Y"), "yearly", 1),
    (times("2000-01", "2010-01", "M", 3), "quarterly", 4),
    (times("2000-01", "2010-01", "M"), "monthly", 12),
    ((MONTHS.astype("datetime64[D]") - 1).astype("datetime64[s]"), "monthly", 12),  # the last days of months
    (times("2000-01-01", "2003-01-01", "D", 7), "weekly", 52),
    (times("2000-01-01", "2001-01-01", "D"), "daily", 7),
    (DAYS[np.is_busday(DAYS)].astype("datetime64[s]"), "daily, Monday to Friday", 5),
    (times("2000-01-01T00", "2000-02-01T00", "h"), "hourly", 24),
    (times("2000-01-01T00:00", "2000-01-10T00:00", "m", 15), "each 15 minutes", 96),
    (np.arange(50.0), "numbered", 1),
    (np.arange(50.0) * 2.5, "each 2.5 numbers", 1),
]


@pytest.mark.parametrize(
    ("given", "name", "season"), CASES, ids=[f"{name} {n}" for n, (_, name, _) in enumerate(CASES)]
)
def test_frequencies_are_found(given: np.ndarray, name: str, season: int) -> None:
    """In any order, with gaps; and all times come back from their places."""
    order = np.random.default_rng(0).permutation(len(given))
    some = np.delete(given, [5, 11])
    found = inferred(given[order])
    assert (found.name, found.season) == (name, season) and inferred(some) == found
    start, places, off = found.placed(given[order])
    assert np.array_equal(places, order) and not off.any()
    assert np.array_equal(found.times(start, len(given)), given)
    assert np.array_equal(found.times(start, 3, 10), given[10:13])
    assert Frequency.from_json(found.to_json()) == found
    calendar = found.calendar(start, 40)
    assert calendar.shape == (40, found.width()) and np.array_equal(found.calendar(start, 10, 30), calendar[30:])


def test_the_calendar_knows_the_season() -> None:
    monthly = Frequency("month", 1.0, 12).calendar(np.datetime64("2000-03-01"), 12)
    assert np.array_equal(monthly.argmax(axis=1), (np.arange(12) + 2) % 12)
    daily = Frequency("second", 86400.0, 7).calendar(np.datetime64("2024-01-01"), 7)  # a Monday
    assert np.array_equal(daily[:, -7:].argmax(axis=1), np.arange(7))


@pytest.mark.parametrize("irregular", [np.cumsum(np.random.default_rng(0).random(50)), np.array([0.0, 1.0])])
def test_irregular_times_are_refused(irregular: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"regular times|too few"):
        inferred(irregular)


@pytest.mark.parametrize("value", [["day", 1.0, 7], ["month", 1, 12], ["month", 0.0, 12], ["month", 1.0, 0], [], None])
def test_other_data_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Frequency.from_json(value)
