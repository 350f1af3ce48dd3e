"""UNIPEN 1.0 (`.unp`, `.dat`, `.txt`): statements that begin with a dot.

    .COORD X Y T
    .SEGMENT WORD 0-1 OK "to"
    .PEN_DOWN
    312 507 0
    .PEN_UP

Each .PEN_DOWN or .PEN_UP with points is a component, counted from 0; .SEGMENT says which components are which text:
`0-2,4` or, to points of theirs, `0:3-2:17`. Of the levels of segments (.HIERARCHY) the largest with texts is taken,
each segment a drawing; without segments the file is one drawing. A segment without components is what follows it. y is
up in UNIPEN, as on tablets, so its sign is changed. T is in milliseconds. .INCLUDE is not followed. Where .COORD or the
points of a millimetre or inch (.X_POINTS_PER_MM, ...) are said again, that holds from there on; all comes in the first
points of x.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import number
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import drawing, normalised, since_first

MARK = re.compile(rb"^\.(?:VERSION[ \t]+[0-9.]+|COORD[ \t]+X[ \t]|PEN_DOWN)\s*", re.MULTILINE)
LABEL = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
RANGE = re.compile(r"(\d{1,9})(?::(\d{1,9}))?(?:-(\d{1,9})(?::(\d{1,9}))?)?")
COLUMNS = ["X", "Y", "P", "T"]
"""Those that are read: place, pressure, milliseconds."""
FINE = re.compile(r"\.([XY])_POINTS_PER_(MM|INCH)")
SHARED = 16
"""Segments of one level that have the same component, on average, at most."""


@dataclass
class Segment:
    """level: e.g. WORD. ranges: (component, point, component, point after the last) each. at: components before it."""

    level: str
    label: str | None
    at: int
    ranges: list[tuple[int, int, int, int]]


@dataclass
class UnipenFile:
    """What a file holds. columns: those that hold now; components: (whether the pen is down, [n, `COLUMNS`]).

    fine: points of a mm, of x and y, that hold now; first: those of x that were said first. 0 where nothing is said.
    """

    columns: list[str] = field(default_factory=lambda: ["X", "Y"])
    levels: list[str] = field(default_factory=list)
    components: list[tuple[bool, np.ndarray]] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    fine: dict[str, float] = field(default_factory=lambda: {"X": 0.0, "Y": 0.0})
    first: float = 0.0

    @property
    def scale(self) -> list[float]:
        """What x and y are multiplied by."""
        x, y = self.fine["X"], self.fine["Y"]
        return [self.first / x, self.first / y] if x and y else [1.0, 1.0]


def recognises(head: bytes) -> bool:
    found = {match.group().split()[0] for match in MARK.finditer(head)}
    return b".PEN_DOWN" in found or len(found) > 1


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    ink = _parse(source)
    segments = _chosen(ink, source.name)
    if not segments:
        yield _made([array for down, array in ink.components if down], None, source.name)
    for number_, (label, ranges) in enumerate(segments, 1):
        yield _made(_cut(ink.components, ranges), label, f"{source.name}#{number_}")


def _statements(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, keyword, all up to the next statement)."""
    begun, keyword, rest = 0, "", [""]
    for at, line in enumerate(text.splitlines(), 1):
        if line.startswith("."):
            if keyword:
                yield begun, keyword, "\n".join(rest)
            keyword, _, first = line.partition(" ")
            begun, keyword, rest = at, keyword.strip(), [first]
        else:
            rest.append(line)
    if keyword:
        yield begun, keyword, "\n".join(rest)


def _parse(source: Source) -> UnipenFile:
    ink = UnipenFile()
    included = False
    for line, keyword, rest in _statements(source.text()):
        if keyword == ".COORD":
            ink.columns = rest.split()
            if "X" not in ink.columns or "Y" not in ink.columns:
                raise UserError(f"{source.name}, line {line}: .COORD must name X and Y, e.g. .COORD X Y T.")
        elif (known := FINE.fullmatch(keyword)) and (said := rest.split()) and said[0] != "?":
            axis, unit = known.groups()
            points = number(said[0], f"{source.name}, line {line}") / (25.4 if unit == "INCH" else 1)
            if points <= 0:
                raise UserError(f"{source.name}, line {line}: {keyword} must be more than 0.")
            ink.fine[axis] = points
            ink.first = ink.first or ink.fine["X"]
        elif keyword == ".HIERARCHY":
            ink.levels = rest.split()
        elif keyword in (".PEN_DOWN", ".PEN_UP"):
            if len(table := _points(rest, ink.columns, f"{source.name}, line {line}")):
                table[:, :2] *= ink.scale
                ink.components.append((keyword == ".PEN_DOWN", table))
        elif keyword == ".SEGMENT":
            ink.segments.append(_segment(rest, len(ink.components)))
        included = included or keyword == ".INCLUDE"
    if included and not ink.components:
        raise UserError(
            f"{source.name}: its points are in another file (.INCLUDE), which is not followed. Give that file."
        )
    return ink


def _points(rest: str, columns: list[str], where: str) -> np.ndarray:
    """[n, `COLUMNS`], NaN where a column is not there."""
    values = [number(each, where) for each in rest.split()]
    if len(values) % len(columns):
        raise UserError(f"{where}: {len(values)} numbers follow, but .COORD says {len(columns)} for each point.")
    given = np.array(values, np.float64).reshape(-1, len(columns))
    found = np.full((len(given), len(COLUMNS)), np.nan)
    for name in set(COLUMNS) & set(columns):
        found[:, COLUMNS.index(name)] = given[:, columns.index(name)]
    return found


def _segment(rest: str, at: int) -> Segment:
    quoted = LABEL.match(rest, rest.find('"')) if '"' in rest else None
    fields = (rest[: quoted.start()] if quoted else rest).split()
    ranges = []
    for field_ in fields[1:2]:
        for found in RANGE.finditer(field_) if field_[0].isdigit() else ():
            first, start, last, stop = found.groups()
            end = int(stop) + 1 if stop else 1 << 62
            ranges.append((int(first), int(start or 0), int(last or first), end))
    label = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else None
    return Segment(fields[0] if fields else "", label or None, at, ranges)


def _chosen(ink: UnipenFile, name: str) -> list[tuple[str | None, list[tuple[int, int, int, int]]]]:
    """(label, ranges) of each segment of the largest level that has labels. Raises `UserError`."""
    levels = [*ink.levels, *(segment.level for segment in ink.segments)]
    labelled = {segment.level for segment in ink.segments if segment.label is not None}
    level = next((level for level in levels if level in labelled), None)
    segments = [segment for segment in ink.segments if segment.level == level]
    counted = len(ink.components)
    if all(segment.ranges and max(each[2] for each in segment.ranges) < counted for segment in segments):
        taken = sum(last - first + 1 for segment in segments for first, _, last, _ in segment.ranges)
        if taken > SHARED * max(counted, 100):
            raise UserError(
                f"{name}: its segments of {level} have {taken:,} components, and there are {counted:,}. Segments of "
                f"one level are parts of a file; each component may be in {SHARED}. Correct the file."
            )
        return [(segment.label, segment.ranges) for segment in segments]
    stops = [*(segment.at for segment in segments[1:]), counted]
    return [
        (segment.label, [(segment.at, 0, stop - 1, 1 << 62)]) for segment, stop in zip(segments, stops, strict=True)
    ]


def _cut(components: list[tuple[bool, np.ndarray]], ranges: list[tuple[int, int, int, int]]) -> list[np.ndarray]:
    strokes = []
    for first, start, last, stop in ranges:
        for at in range(first, last + 1):
            down, points = components[at]
            if down:
                strokes.append(points[start if at == first else 0 : stop if at == last else len(points)])
    return strokes


def _made(strokes: list[np.ndarray], text: str | None, name: str) -> Drawing:
    strokes = [stroke for stroke in strokes if len(stroke)]
    points = [stroke[:, :2] * [1.0, -1.0] + 0.0 for stroke in strokes]
    pressed, timed = (bool(strokes) and not any(np.isnan(stroke[:, at]).any() for stroke in strokes) for at in (2, 3))
    pressure = normalised([stroke[:, 2] for stroke in strokes]) if pressed else None
    seconds = since_first([stroke[:, 3] for stroke in strokes], 1000) if timed else None
    return drawing(points, text, name, pressure, seconds)


FORMAT = Format("UNIPEN", recognises, read=read, rank=1)
