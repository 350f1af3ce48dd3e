"""Dates and times as people write them → datetime64[s]."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_CLOCK = r"(?:[T ]+(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,]\d+)?)?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?"
_YEAR = r"(?P<y>[12]\d{3})"
_NAMED = r"(?P<name>[A-Za-z]{3,9})\.?"
FORMS: tuple[tuple[str, str], ...] = (
    ("year-month-day", rf"{_YEAR}[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}}){_CLOCK}"),
    ("year-month", rf"{_YEAR}[-/.](?P<m>\d{{1,2}})"),
    ("year and quarter", rf"{_YEAR}[-\s:]*[Qq](?P<q>[1-4])"),
    ("year and month", rf"{_YEAR}[-\s:]*[Mm](?P<m>\d{{1,2}})"),
    ("year and week", rf"{_YEAR}[-\s]*W(?P<w>\d{{1,2}})(?:-(?P<wd>[1-7]))?"),
    ("year, month and day without stops", rf"{_YEAR}(?P<m>\d{{2}})(?P<d>\d{{2}})"),
    ("day.month.year", rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.{_YEAR}{_CLOCK}"),
    ("month/day/year", rf"(?P<m>\d{{1,2}})[-/](?P<d>\d{{1,2}})[-/]{_YEAR}{_CLOCK}"),
    ("day/month/year", rf"(?P<d>\d{{1,2}})[-/](?P<m>\d{{1,2}})[-/]{_YEAR}{_CLOCK}"),
    ("month day year", rf"{_NAMED}\s+(?P<d>\d{{1,2}}),?\s+{_YEAR}{_CLOCK}"),
    ("day month year", rf"(?P<d>\d{{1,2}})[-\s]{_NAMED}[-\s]{_YEAR}{_CLOCK}"),
    ("month year", rf"{_NAMED}[-\s]{_YEAR}"),
    ("year", _YEAR),
)
"""What times are called, in messages, and how they are written; the first that fits is taken."""
_COMPILED = [(name, re.compile(pattern)) for name, pattern in FORMS]
LATEST = 1e11
"""Seconds since 1970: beyond the year 5000."""
FIT = 0.9
"""Part of a column's cells that are times, at least, for it to be one of times."""


class Times(NamedTuple):
    """values: [N] datetime64[s], NaT for what is no time; form: how they are written."""

    values: np.ndarray
    form: str


def patterns() -> list[str]:
    """The patterns of `FORMS`, as JavaScript writes them."""
    return [pattern.replace("(?P<", "(?<") for _, pattern in FORMS]


def parsed(cells: Sequence[str]) -> Times | None:
    """A column of times; None if it is none."""
    there = [cell for cell in cells if cell]
    if len(there) < 2:
        return None
    sample = there[:: max(1, len(there) // 200)]
    for form, pattern in _COMPILED:
        read = _reader(pattern)
        if sum(read(cell) is not None for cell in sample) >= FIT * len(sample):
            known: dict[str, datetime | None] = {}
            found = [known[cell] if cell in known else known.setdefault(cell, read(cell)) for cell in cells]
            return Times(np.array(found, "datetime64[s]"), form)
    return None


def _reader(pattern: re.Pattern[str]) -> Callable[[str], datetime | None]:
    def read(cell: str) -> datetime | None:
        match = pattern.fullmatch(cell.strip())
        return None if match is None else _time(match.groupdict())

    return read


def _time(parts: dict[str, str | None]) -> datetime | None:
    """What is in a match; None for a day that no month has. Of a time with a zone, that of UTC."""

    def number(key: str, default: int) -> int:
        return int(parts.get(key) or default)

    try:
        year, month = number("y", 1), number("m", 1)
        if parts.get("q"):
            month = 3 * number("q", 1) - 2
        if name := parts.get("name"):
            month = MONTHS.index(name.lower()[:3]) + 1
        if parts.get("w"):
            return datetime.fromisocalendar(year, number("w", 1), number("wd", 1))
        found = datetime(year, month, number("d", 1), number("H", 0), number("M", 0), number("S", 0))
        zone = (parts.get("zone") or "").replace(":", "")
        if zone[:1] in ("+", "-") and zone:
            ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
            found -= ahead if zone[0] == "+" else -ahead
        return found
    except (ValueError, OverflowError):
        return None


def of_epoch(seconds: np.ndarray) -> np.ndarray:
    """[N] datetime64[s] of seconds, or milliseconds, since 1970."""
    scale = 1000.0 if float(np.nanmax(seconds)) > LATEST else 1.0
    good = np.abs(seconds) < LATEST * scale
    whole = np.where(good, seconds / scale, 0).astype(np.int64).astype("datetime64[s]")
    return np.where(good, whole, np.datetime64("NaT", "s"))


def said(time: object) -> str:
    """A time for people and for files: a date where there is no hour, and no day where it is the first of months."""
    if isinstance(time, np.datetime64):
        text = str(time.astype("datetime64[s]"))
        return text.removesuffix("T00:00:00").replace("T", " ")
    return f"{time:g}" if isinstance(time, float) else str(time)
