"""What the columns of a table are, found by what they hold: times, keys, and values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.series.table import MISSING, Column, Table, as_number
from rhapsode.modalities.series.times import of_epoch, parsed

HINTS = frozenset(
    ("date", "datetime", "time", "timestamp", "period", "ds", "day", "month", "year", "week", "quarter", "yearmonth")
)
"""Names of columns of times, in small letters."""
INDEX = frozenset(("", "t", "n", "x", "i", "index", "step", "unnamed: 0", "row", "time"))
"""Names of columns that count rows."""
EPOCH = frozenset(("timestamp", "epoch", "unixtime", "unix", "time", "ts"))
LENGTHY = 60
"""Characters in the mean, from which on a column is free text."""
FREE = "text"
"""Why such a column is left out."""


@dataclass
class Roles:
    """times: [N] datetime64[s] (NaT where there is none), or float64; None if there is no such column.

    keys: [N] what series each row belongs to, empty strings if there is one. values: the columns of these.
    texts: names of the columns of text that are none of times. said: how times are written; left: columns that are not
    read, and why.
    """

    times: np.ndarray | None
    keys: list[str]
    values: list[Column]
    time_name: str = ""
    key_names: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    said: str = ""
    texts: set[str] = field(default_factory=set)


def roles(table: Table) -> Roles:
    """Raises `UserError` where there is nothing to learn."""
    columns = list(table.columns)
    left: dict[str, str] = {}
    times, said, used = _times(columns)
    rest = [column for column in columns if column.name not in used]
    texts = [column for column in rest if column.numbers is None]
    keys = []
    for column in texts:
        assert column.texts is not None
        different = len(set(column.texts))
        if _free(column.texts):
            left[column.name] = FREE
        elif (odd := _odd(column.texts)) is not None:
            left[column.name] = f"text: most of its cells are numbers, but {odd[:40]!r} is none"
        elif different == 1:
            left[column.name] = "the same in all rows"
        elif 2 * different > table.rows:
            left[column.name] = "text that is different in most rows"
        else:
            keys.append(column)
    values = [column for column in rest if column.numbers is not None]
    if times is not None and not _repeated(times, [], table.rows):
        left |= {key.name: "text that no series needs to be told from another by" for key in keys}
        keys = []
    elif times is not None and _repeated(times, keys, table.rows):
        keys += _whole_keys(times, keys, values, table.rows)
    values = [column for column in values if column not in keys]
    for column in list(values):
        assert column.numbers is not None
        there = column.numbers[~np.isnan(column.numbers)]
        if not len(there) or there.min() == there.max():
            left[column.name] = "one number in all rows" if len(there) else "empty"
            values.remove(column)
    if not values:
        why = "; ".join(f"{name!r} is {what}" for name, what in left.items())
        raise UserError(
            f"{table.name}: no column of numbers that change{f' ({why})' if why else ''}. Give a table with a column "
            "of times, if there are any, and one or more of numbers."
        )
    found = Roles(times, _joined(keys, table.rows), values, ", ".join(sorted(used)), [key.name for key in keys], left)
    found.said, found.texts = said, {column.name for column in texts}
    return found


def resembles(table: Table) -> bool:
    """Whether a table looks like one of series: it has times or nothing but numbers, and no text that is different in
    most rows."""
    times, _, used = _times(table.columns)
    rest = [column.texts or [] for column in table.columns if column.numbers is None and column.name not in used]
    several = any(2 * len(set(texts)) > table.rows and _odd(texts) is None for texts in rest)
    return table.rows > 0 and not several and (times is not None or not rest)


def _odd(texts: Sequence[str]) -> str | None:
    """The first cell that is no number, of a column of which most cells are numbers."""
    there = [text for text in texts if text.strip().lower() not in MISSING]
    odd = [text for text in there if as_number(text, comma=True) is None]
    return odd[0] if odd and 2 * len(odd) < len(there) else None


def _times(columns: Sequence[Column]) -> tuple[np.ndarray | None, str, set[str]]:
    """The times, how they are written, and which columns they are from."""
    named = {column.name.lower(): column for column in columns}
    for column in columns:
        if column.numbers is None and column.texts is not None:
            found = parsed(column.texts)
            if found is not None and not (found.form == "year" and "year" in named and column.name.lower() != "year"):
                return found.values, found.form, {column.name}
    year = named.get("year")
    if year is not None and year.numbers is not None and _years(year.numbers):
        for part, months in (("month", 1), ("quarter", 3)):
            other = named.get(part)
            if other is not None and other.numbers is not None and _within(other.numbers, 12 // months):
                day = named.get("day")
                at = _months(year.numbers, (other.numbers - 1) * months)
                if part == "month" and day is not None and day.numbers is not None and _within(day.numbers, 31):
                    return at + _delta(day.numbers), "year, month and day", {year.name, other.name, day.name}
                return at, f"year and {part}", {year.name, other.name}
    for column in columns:
        numbers, name = column.numbers, column.name.lower()
        if numbers is None:
            continue
        if name in ("year", "years") and _years(numbers) or column is columns[0] and _years(numbers, growing=True):
            return _months(numbers, np.zeros(len(numbers))), "year", {column.name}
        if column.texts is not None and (name in HINTS or column is columns[0]) and _digits(column.texts):
            found = parsed(column.texts)
            if found is not None:
                return found.values, found.form, {column.name}
        if name in EPOCH and np.nanmin(numbers) > 1e8:
            return of_epoch(numbers), "seconds since 1970", {column.name}
        if (name in INDEX or column is columns[0]) and len(columns) > 1 and _counts(numbers):
            return numbers, "number", {column.name}
    return None, "", set()


def _years(numbers: np.ndarray, growing: bool = False) -> bool:
    there = numbers[~np.isnan(numbers)]
    if not len(there) or (there != np.rint(there)).any() or there.min() < 1000 or there.max() > 2999:
        return False
    return not growing or len(there) > 2 and bool((np.diff(there) == 1).mean() > 0.9)


def _within(numbers: np.ndarray, most: int) -> bool:
    there = numbers[~np.isnan(numbers)]
    return bool(len(there) and (there == np.rint(there)).all() and there.min() >= 1 and there.max() <= most)


def _months(years: np.ndarray, months: np.ndarray) -> np.ndarray:
    total = (years - 1970) * 12 + months
    good = np.isfinite(total)
    at = np.where(good, total, 0).astype(np.int64).astype("datetime64[M]").astype("datetime64[s]")
    return np.where(good, at, np.datetime64("NaT", "s"))


def _delta(days: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(days), days - 1, 0).astype(np.int64).astype("timedelta64[D]")


def _digits(texts: Sequence[str]) -> bool:
    """Whether they are dates without stops, as 20240131."""
    return all(len(one) == 8 and one.isdigit() for one in texts[:50] if one)


def _counts(numbers: np.ndarray) -> bool:
    """Whether they grow by the same step nearly always: whole numbers, or others that repeat nothing."""
    if np.isnan(numbers).any() or len(numbers) < 3:
        return False
    steps = np.diff(numbers)
    return bool((steps > 0).all() and (np.abs(steps - np.median(steps)) < 1e-6 * np.median(steps)).mean() > 0.9)


def _free(texts: Sequence[str]) -> bool:
    some = texts[:1000]
    return sum(map(len, some)) > LENGTHY * len(some)


def _joined(keys: Sequence[Column], rows: int) -> list[str]:
    if not keys:
        return [""] * rows
    parts = [_texts(key) for key in keys]
    return [" ".join(each) for each in zip(*parts, strict=True)]


def _texts(key: Column) -> list[str]:
    if key.texts is not None:
        return key.texts
    assert key.numbers is not None
    return [f"{key.name} {number:g}" for number in key.numbers.tolist()]


def _repeated(times: np.ndarray, keys: Sequence[Column], rows: int) -> bool:
    """Whether many rows have the time of another one of their series."""
    return len(set(zip(times.tolist(), _joined(keys, rows), strict=True))) < 0.9 * rows


def _whole_keys(times: np.ndarray, keys: Sequence[Column], values: Sequence[Column], rows: int) -> list[Column]:
    """Of columns of whole numbers, as of shops and things, the one or two that tell rows of one time apart."""
    some = [column for column in values if _few(column, rows)]
    for count in (1, 2):
        for n in range(len(some) - count + 1):
            chosen = some[n : n + count]
            if not _repeated(times, [*keys, *chosen], rows):
                return chosen
    return []


def _few(column: Column, rows: int) -> bool:
    numbers = column.numbers
    assert numbers is not None
    if np.isnan(numbers).any() or (numbers != np.rint(numbers)).any():
        return False
    return 1 < len(np.unique(numbers)) <= rows / 4
