"""Tables: CSV and its like, whatever stands between columns; Parquet, with polars."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.source import Source, decoded, of_file

SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".pq")
PARQUET = b"PAR1"
LARGEST = 1 << 27
"""Bytes of a table that is text."""
CELLS = 1 << 27
"""Of a table, at most."""
COLUMNS = 20_000
SNIFFED = 200
"""Rows that tell what a table's columns are."""
DELIMITERS = (",", ";", "\t", "|")
MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "?", ".", "#n/a", "missing"))
"""What cells without a value hold, in small letters."""
NUMERIC = 0.7
"""Part of a column's cells that are numbers, at least, for it to be one of numbers."""
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


@dataclass
class Column:
    """numbers: [N] float64, NaN where there is none; texts: its cells, unless all were read as numbers."""

    name: str
    numbers: np.ndarray | None = None
    texts: list[str] | None = None


@dataclass
class Table:
    """rows: how many; lines: [rows] where each stands in its file, from 1; wrong: cells that are no numbers in columns
    of numbers, the first few with their places; odd: rows with more or fewer cells than the first has, by place."""

    name: str
    columns: list[Column]
    lines: np.ndarray
    wrong: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return len(self.lines)

    def note(self, what: str, place: str) -> None:
        """Something is not read: what, and where it stands."""
        self.wrong[what] += 1
        known = self.places.setdefault(what, [])
        if len(known) < 3:
            known.append(place)


def read(path: Path, name: str) -> Table:
    """The table in a file, which may be packed. Raises `UserError`."""
    source = of_file(path, name)
    if source.head()[:4] == PARQUET:
        return _parquet(path, name)
    data = source.data()
    if len(data) > LARGEST:
        raise UserError(f"{name}: larger than {LARGEST >> 20} MiB. Save it as Parquet, or cut it into several files.")
    return parse(decoded(data), name)


def looked_at(source: Source) -> Table | None:
    """The first rows of a table of text; None if there are none. Raises `UserError` for what is none."""
    head = source.head()
    text = decoded(head)
    if len(head) >= 1 << 16:
        text = text[: text.rfind("\n") + 1]
    return parse(text, source.name, SNIFFED) if text.strip() and "\0" not in text else None


def parse(text: str, name: str, most: int | None = None) -> Table:
    """Lines of cells as a table, of no more than `most` rows. Raises `UserError` for what is none."""
    lines = text.splitlines()
    begin = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    if begin == len(lines):
        raise UserError(f"{name}: it is empty. Give a table: names of columns, then rows.")
    delimiter = _delimiter(lines[begin : begin + SNIFFED], name)
    rows = _rows(text, delimiter, name)
    first = next(rows, None)
    if first is None:
        raise UserError(f"{name}: it has no row that is not empty. Give a table: names of columns, then rows.")
    sample = list(islice(rows, SNIFFED if most is None else most))
    comma = delimiter != "," and _decimal_comma([row for _, row in sample])
    named = not any(as_number(cell, comma) is not None for cell in first[1]) and bool(sample)
    width = len(first[1])
    if width > COLUMNS:
        raise UserError(f"{name}: {width:,} columns; {COLUMNS:,} are the most. Put series below one another.")
    names = _names(first[1]) if named else [f"column {n + 1}" for n in range(width)]
    sample = sample if named else [first, *sample]
    numeric = [_is_numeric([row[n] for _, row in sample if n < len(row)], comma) for n in range(width)]
    builder = _Builder(name, names, numeric, comma)
    for number, row in sample:
        builder.add(number, row)
    for number, row in () if most is not None else rows:
        builder.add(number, row)
    return builder.table()


class _Builder:
    """Collects rows by column."""

    def __init__(self, name: str, names: list[str], numeric: list[bool], comma: bool) -> None:
        self._names, self._comma, self._numeric = names, comma, numeric
        self._numbers = [array("d") for _ in names]
        self._texts: list[list[str]] = [[] for _ in names]
        self._same: dict[str, str] = {}
        self._lines = array("q")
        self._table = Table(name, [], np.zeros(0, np.int64))

    def add(self, line: int, row: Sequence[str]) -> None:
        width = len(self._names)
        if len(row) != width:
            if not any(row):
                return
            self._table.note(f"rows that have not {width} cells, as the first has", f"line {line}: {len(row)}")
            return
        if len(self._lines) * width > CELLS:
            raise UserError(f"{self._table.name}: more than {CELLS:,} cells. Cut it into several files.")
        self._lines.append(line)
        for n, cell in enumerate(row):
            if self._numeric[n]:
                found = as_number(cell, self._comma)
                if found is None:
                    found = np.nan
                    if cell.strip().lower() not in MISSING:
                        where = f"line {line}, column {self._names[n]}: {cell[:30]!r}"
                        self._table.note("cells that are no numbers, taken as missing", where)
                self._numbers[n].append(found)
            if not self._numeric[n] or n == 0:
                cell = cell.strip()
                self._texts[n].append(self._same.setdefault(cell, cell))

    def table(self) -> Table:
        self._table.lines = np.frombuffer(self._lines, np.int64)
        for n, name in enumerate(self._names):
            numbers = np.frombuffer(self._numbers[n], np.float64) if self._numeric[n] else None
            texts = self._texts[n] if not self._numeric[n] or n == 0 else None
            self._table.columns.append(Column(name, numbers, texts))
        return self._table


def _rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each row that is not empty and no comment."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            if row and not (len(row) == 1 and not row[0].strip()) and not row[0].startswith("#"):
                yield reader.line_num, row
    except csv.Error as error:
        raise UserError(f"{name}, line {reader.line_num}: {error}. Repair that line.") from None


def _delimiter(lines: list[str], name: str) -> str:
    """What stands between cells: what splits most lines into the same number, and into most cells."""
    best, found = (0.0, 0), ","
    for delimiter in DELIMITERS:
        try:
            counts = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
        except csv.Error as error:
            raise UserError(f"{name}: {error}. It is no table of numbers over time.") from None
        width, agree = max(counts.items(), key=lambda item: (item[1], item[0]))
        score = (agree / max(1, counts.total()) * (width > 1), width)
        if score > best:
            best, found = score, delimiter
    return found


def _names(cells: list[str]) -> list[str]:
    """Names of columns: all different, none empty."""
    found: list[str] = []
    for n, cell in enumerate(cells, 1):
        name = cell.strip() or ("" if n == 1 else f"column {n}")
        found.append(name if name not in found else f"{name} ({n})")
    return found


def as_number(cell: str, comma: bool) -> float | None:
    """A finite number; None for all else."""
    cell = cell.strip()
    if comma:
        cell = cell.replace(".", "").replace(",", ".") if COMMA.fullmatch(cell.replace(".", "")) else cell
    elif "," in cell and THOUSANDS.fullmatch(cell):
        cell = cell.replace(",", "")
    if "_" in cell:
        return None
    try:
        found = float(cell)
    except ValueError:
        return None
    return found if abs(found) < np.inf else None


def _decimal_comma(rows: list[list[str]]) -> bool:
    """Whether numbers have a comma where others have a point."""
    cells = [cell.strip() for row in rows for cell in row]
    commas = sum(COMMA.fullmatch(cell.replace(".", "")) is not None for cell in cells)
    points = sum("." in cell and "," not in cell and as_number(cell, False) is not None for cell in cells)
    return commas > points


def _is_numeric(cells: list[str], comma: bool) -> bool:
    there = [cell for cell in cells if cell.strip().lower() not in MISSING]
    return not there or sum(as_number(cell, comma) is not None for cell in there) >= NUMERIC * len(there)


def _parquet(path: Path, name: str) -> Table:
    try:
        import polars
    except ImportError:
        raise UserError(
            f"{name}: Parquet is read with polars, which is not installed: pip install 'rhapsode[series]'. Or save the "
            "table as CSV."
        ) from None
    try:
        frame = polars.read_parquet(path)
    except (OSError, polars.exceptions.PolarsError) as error:
        raise UserError(f"{name}: damaged ({str(error)[:200]}). Make it again.") from None
    if frame.width * frame.height > CELLS or frame.width > COLUMNS:
        raise UserError(f"{name}: {frame.height:,} rows of {frame.width:,} columns are too many. Cut it.")
    columns = []
    for n, column in enumerate(frame.get_columns()):
        numbers = texts = None
        if column.dtype.is_numeric():
            numbers = column.cast(polars.Float64).to_numpy().astype(np.float64)
            numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        if numbers is None or n == 0:
            texts = ["" if one is None else str(one) for one in column.to_list()]
        columns.append(Column(column.name, numbers, texts))
    return Table(name, columns, np.arange(1, frame.height + 1))
