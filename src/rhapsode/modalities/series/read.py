"""Tables → series: rows put in order, gaps filled with missing values, and all that was amiss told with its lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source, of_file, reading
from rhapsode.modalities.series import table as tables
from rhapsode.modalities.series.frequency import SPARSE, Frequency, inferred
from rhapsode.modalities.series.roles import FREE, Roles, resembles, roles
from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.table import PARQUET, SUFFIXES, Table
from rhapsode.modalities.series.times import said

SHORTEST = 3
"""Values of a series, at least."""
FIRST = "the first column"
"""Of a table that gives it no name."""
TALLEST = 1e30
"""The greatest absolute value."""


def recognised(path: Path) -> bool:
    """Whether a file is a table of series by its name and its first rows: there are times, or nothing but numbers, and
    no free text."""
    try:
        with reading(path.name):
            source = _source(path)
            if source is None:
                return False
            if source.head()[:4] == PARQUET:
                return True
            found = tables.looked_at(source)
            if found is None or found.rows < SHORTEST:
                return False
            what = roles(found)
            dated = what.times is not None and what.times.dtype.kind == "M"
            if not dated and any(column.numbers is None for column in found.columns):
                return what.times is not None and set(what.key_names) >= what.texts
            return FREE not in what.left.values()
    except UserError:
        return False


def flaw(path: Path) -> str:
    """Why a table with times, or of nothing but numbers, is not one of series; empty for other files, and for tables of
    free text."""
    try:
        with reading(path.name):
            source = _source(path)
            found = None if source is None else tables.looked_at(source)
            if found is None or not resembles(found):
                return ""
            if found.rows < SHORTEST:
                return f"a series has {SHORTEST} rows or more, and there are {found.rows} in {path.name}"
            roles(found)
            return ""
    except UserError as error:
        return str(error).rstrip(".")


def _source(path: Path) -> Source | None:
    """A file that is called like a table."""
    if path.suffix.lower().removesuffix(".gz") not in SUFFIXES and path.with_suffix("").suffix.lower() not in SUFFIXES:
        return None
    return of_file(path, path.name) if path.is_file() else None


def read(path: Path, name: str | None = None, refused: Refusals | None = None) -> list[Series]:
    """The series of a table, those of a key one after another in the order of their first rows.

    name: of the file, in messages. refused: is told of rows and cells that are not read. Raises `UserError`.
    """
    name = str(path) if name is None else name
    with reading(name):
        table = tables.read(path, name)
    return of_table(table, refused)


def of_table(table: Table, refused: Refusals | None = None) -> list[Series]:
    """The series of a table, as `read`. Raises `UserError`."""
    name = table.name
    if table.rows < SHORTEST:
        raise UserError(f"{name}: rows of numbers: {table.rows}. A series has {SHORTEST} or more.")
    what = roles(table)
    frequency, kept = _frequency(table, what)
    found = [one for group in _groups(what.keys, kept) for one in _series(table, what, frequency, *group)]
    if refused is not None:
        for column, why in what.left.items():
            refused.leave_out(f"columns: {why}", column)
        for wrong, count in table.wrong.items():
            for place in table.places[wrong]:
                refused.leave_out(wrong, f"{name}, {place}")
            refused.left_out[wrong] += count - len(table.places[wrong])
    if not found:
        raise UserError(f"{name}: no series of {SHORTEST} values or more. Give longer ones.")
    about = _about(what, frequency, found)
    return [replace(one, about=about) for one in found]


def _frequency(table: Table, what: Roles) -> tuple[Frequency, np.ndarray]:
    """How far apart rows are, and which rows have a time."""
    if what.times is None:
        return Frequency("number"), np.arange(table.rows)
    good = ~np.isnat(what.times) if what.times.dtype.kind == "M" else ~np.isnan(what.times)
    for row in np.flatnonzero(~good):
        table.note("rows without a time", f"line {table.lines[row]}")
    try:
        return inferred(what.times[good]), np.flatnonzero(good)
    except UserError as error:
        raise UserError(f"{table.name}, times in {what.time_name or FIRST}: {error}.") from None


def _groups(keys: Sequence[str], kept: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """(key, its rows) of each."""
    rows: dict[str, list[int]] = {}
    for row in kept.tolist():
        rows.setdefault(keys[row], []).append(row)
    for key, its in rows.items():
        yield key, np.array(its)


def _series(table: Table, what: Roles, frequency: Frequency, key: str, rows: np.ndarray) -> Iterator[Series]:
    """Each column of values of one key, on a regular grid."""
    start: Any = 0.0
    places = np.arange(len(rows))
    if what.times is not None:
        start, places, off = frequency.placed(what.times[rows])
        for row in rows[off]:
            table.note(f"rows at times that are not {frequency.name}", _place(table, what, row))
        if (np.diff(places[~off]) < 0).any():
            first = rows[~off][1:][np.diff(places[~off]) < 0][0]
            table.note("series with rows not in the order of time, put in order", _place(table, what, first))
        rows, places = rows[~off], places[~off]
        _, once = np.unique(places, return_index=True)
        for row in rows[np.setdiff1d(np.arange(len(rows)), once)]:
            table.note("rows with the time of another one, of which the first counts", _place(table, what, row))
        rows, places = rows[once], places[once]
        if len(places) and places[-1] >= SPARSE * len(places):
            table.note(f"series of which fewer than one value in {SPARSE} is there, left out", key or "the only one")
            return
        gaps = np.flatnonzero(np.diff(places) > 1)
        for gap in gaps:
            count = int(places[gap + 1] - places[gap] - 1)
            where = f"{count:,} after line {table.lines[rows[gap]]}"
            table.note("gaps between rows, filled with missing values", where)
    for column in what.values:
        assert column.numbers is not None
        values = np.full(int(places[-1]) + 1 if len(places) else 0, np.nan)
        values[places] = column.numbers[rows]
        tall = np.abs(values) > TALLEST
        if tall.any():
            table.note(f"values beyond {TALLEST:g}, taken as missing", f"column {column.name}")
            values[tall] = np.nan
        there = np.flatnonzero(~np.isnan(values))
        name = key if key and len(what.values) == 1 else f"{key} {column.name}".strip()
        if len(there) < SHORTEST:
            table.note(f"series with fewer than {SHORTEST} values, left out", name)
            continue
        begin = frequency.times(start, 1, int(there[0]))[0]
        begin = float(begin) if frequency.unit == "number" else begin
        yield Series(name, values[there[0] : there[-1] + 1], begin, frequency, dated=what.times is not None)


def _place(table: Table, what: Roles, row: int) -> str:
    assert what.times is not None
    return f"line {table.lines[row]}: {said(what.times[row])}"


def _about(what: Roles, frequency: Frequency, found: Sequence[Series]) -> str:
    """A sentence about a table for people."""
    times = "no column of times: rows are taken in order"
    if what.times is not None:
        times = f"times in {what.time_name or FIRST} ({what.said}), {frequency.name}"
    keys = f"; keys in {', '.join(what.key_names)}" if what.key_names else ""
    names = [column.name for column in what.values]
    values = ", ".join(names[:6]) + (f" and {len(names) - 6:,} more" if len(names) > 6 else "")
    count, missing = sum(map(len, found)), sum(one.missing for one in found)
    lacks = f", {missing:,} of them missing" if missing else ""
    return f"{len(found):,} series of {count:,} values{lacks}: {times}{keys}; values in {values}."
