"""The `d` of SVG paths, and transforms: text to Bézier curves, and those to points."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.values import LARGEST, number, shown
from rhapsode.modalities.ink.curve import distinct

TOLERANCE = 1 / 500
"""How far points may leave out of a curve, in sizes of its stroke."""
SEPARATORS = re.compile(r"[\s,]++")
NUMBER = re.compile(r"[\s,]*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
FLAG = re.compile(r"[\s,]*([01])")
COMMAND = re.compile(r"[\s,]*([MmZzLlHhVvCcSsQqTtAa])")
TRANSFORM = re.compile(r"[\s,]*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^()]*)\)")
COUNTS = {"M": 2, "Z": 0, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}

Matrix = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f: (x, y) becomes (a x + c y + e, b x + d y + f)."""
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass
class Paths:
    """Subpaths, one after another.

    points:  control points; a curve begins where the one before it ends.
    degrees: of each curve how many of the points are its own: 1 of a line, 2 of a quadratic, 3 of a cubic; 0 where a
             subpath begins, at a point.
    """

    points: list[complex] = field(default_factory=list)
    degrees: bytearray = field(default_factory=bytearray)

    def move(self, point: complex) -> None:
        self.points.append(point)
        self.degrees.append(0)

    def add(self, *controls: complex) -> None:
        self.points += controls
        self.degrees.append(len(controls))

    def take(self, other: Paths, matrix: Matrix) -> None:
        """Those of another after a transform, too."""
        a, b, c, d, e, f = matrix
        self.points += [complex(a * p.real + c * p.imag + e, b * p.real + d * p.imag + f) for p in other.points]
        self.degrees += other.degrees


def transform(text: str, outer: Matrix, where: str) -> Matrix:
    """`outer` after the transforms in `text`. Raises `UserError`."""
    at = 0
    while found := TRANSFORM.match(text, at):
        at = found.end()
        outer = _after(outer, _matrix(found.group(1), numbers(found.group(2), f"{where}, transform"), where))
    if text[at:].strip(", \t\r\n"):
        raise UserError(f"{where}: the transform {shown(text[at:])} is not known; e.g. translate(3 4) rotate(30) is.")
    return moved(IDENTITY, outer, where)


def moved(inner: Matrix, outer: Matrix, where: str) -> Matrix:
    """A transform inside of another one. Raises `UserError`."""
    both = _after(outer, inner)
    if not all(abs(each) <= LARGEST for each in both):
        raise UserError(f"{where}: the transforms here make coordinates larger than {LARGEST:g}.")
    return both


def numbers(text: str, where: str) -> list[float]:
    """Numbers between spaces and commas, which may be left out before a sign. Raises `UserError`."""
    values, at = [], 0
    while found := NUMBER.match(text, at):
        values.append(number(found.group(1), where))
        at = found.end()
    if rest := text[at : at + 40].strip(", \t\r\n"):
        number(SEPARATORS.split(rest)[0], where)
        raise UserError(f"{where}: expected a number, found {shown(rest)}.")
    return values


def _after(m: Matrix, n: Matrix) -> Matrix:
    return (
        m[0] * n[0] + m[2] * n[1],
        m[1] * n[0] + m[3] * n[1],
        m[0] * n[2] + m[2] * n[3],
        m[1] * n[2] + m[3] * n[3],
        m[0] * n[4] + m[2] * n[5] + m[4],
        m[1] * n[4] + m[3] * n[5] + m[5],
    )


def _matrix(kind: str, given: list[float], where: str) -> Matrix:
    match kind, given:
        case "matrix", [a, b, c, d, e, f]:
            return a, b, c, d, e, f
        case "translate", [x]:
            return 1.0, 0.0, 0.0, 1.0, x, 0.0
        case "translate", [x, y]:
            return 1.0, 0.0, 0.0, 1.0, x, y
        case "scale", [x]:
            return x, 0.0, 0.0, x, 0.0, 0.0
        case "scale", [x, y]:
            return x, 0.0, 0.0, y, 0.0, 0.0
        case "rotate", [angle]:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            return cos, sin, -sin, cos, 0.0, 0.0
        case "rotate", [angle, x, y]:
            turned = _after((1.0, 0.0, 0.0, 1.0, x, y), _matrix("rotate", [angle], where))
            return _after(turned, (1.0, 0.0, 0.0, 1.0, -x, -y))
        case "skewX", [angle]:
            return 1.0, 0.0, math.tan(math.radians(angle)), 1.0, 0.0, 0.0
        case "skewY", [angle]:
            return 1.0, math.tan(math.radians(angle)), 0.0, 1.0, 0.0, 0.0
    raise UserError(f"{where}: the transform {kind} does not take {len(given)} numbers.")


def curves(d: str, where: str) -> Paths:
    """The subpaths of a path. Raises `UserError`."""
    paths = Paths()
    at, command = _behind(d, 0), ""
    pen = start = 0j
    handle = 0j  # the last control point, which S and T mirror
    before = ""
    while at < len(d):
        if found := COMMAND.match(d, at):
            command, at = found.group(1), found.end()
        elif command in ("", "Z", "z"):
            raise UserError(f"{where}: {shown(d[at : at + 40])} in a path is not a command; expected e.g. M or L.")
        elif command in "Mm":
            command = "L" if command == "M" else "l"
        if not paths.points and command not in "Mm":
            raise UserError(f"{where}: a path must begin with M, found {shown(d[:40])}.")
        kind = command.upper()
        values, at = _arguments(d, at, kind, where)
        at = _behind(d, at)
        base = pen if command.islower() else 0j
        points = [base + complex(x, y) for x, y in zip(values[0::2], values[1::2], strict=False)]
        if kind == "M":
            start = points[0]
            paths.move(start)
        elif before == "Z":
            paths.move(pen)
        if kind == "Z":
            if pen != start:
                paths.add(start)
        elif kind == "H":
            paths.add(complex(base.real + values[0], pen.imag))
        elif kind == "V":
            paths.add(complex(pen.real, base.imag + values[0]))
        elif kind in "ST":
            mirrored = 2 * pen - handle if before in ("CS" if kind == "S" else "QT") else pen
            paths.add(mirrored, *points)
        elif kind == "A":
            for controls in _arc(pen, values, base + complex(values[5], values[6])):
                paths.add(*controls)
        elif kind != "M":
            paths.add(*points)
        if kind in "CSQT":
            handle = paths.points[-2]
        pen, before = paths.points[-1], kind
    return paths


def _behind(d: str, at: int) -> int:
    """Where the separators that begin there end."""
    found = SEPARATORS.match(d, at)
    return found.end() if found else at


def _arguments(d: str, at: int, kind: str, where: str) -> tuple[list[float], int]:
    values = []
    for position in range(COUNTS[kind]):
        flag = kind == "A" and position in (3, 4)
        found = (FLAG if flag else NUMBER).match(d, at)
        if not found:
            raise UserError(
                f"{where}: {kind} in a path takes {COUNTS[kind]} numbers; {shown(d[at : at + 40])} follows."
            )
        values.append(number(found.group(1), where))
        at = found.end()
    return values, at


def _arc(pen: complex, values: list[float], end: complex) -> list[list[complex]]:
    """An elliptic arc as cubics of at most a quarter turn, each without its first point (or as a line), after the SVG
    standard's notes on implementation."""
    rx, ry = abs(values[0]), abs(values[1])
    if rx < 1e-12 or ry < 1e-12 or pen == end:
        return [[end]]
    turn = complex(math.cos(math.radians(values[2])), math.sin(math.radians(values[2])))
    half = (pen - end) / 2 / turn
    unit = complex(half.real / rx, half.imag / ry)  # where the ellipse is the unit circle
    size = abs(unit)
    if size > 1:  # too small to reach: made just large enough
        rx, ry, unit, size = rx * size, ry * size, unit / size, 1.0
    away = math.sqrt(max(0.0, 1 / size**2 - 1)) if size else 0.0
    centre = unit * complex(0, away) * (1 if values[3] == values[4] else -1)
    first, last = _angle(unit - centre), _angle(-unit - centre)
    sweep = (last - first) % (2 * math.pi)
    if not values[4]:
        sweep -= 2 * math.pi
    pieces = max(1, math.ceil(abs(sweep) / (math.pi / 2) - 1e-9))
    step = sweep / pieces
    reach = 4 / 3 * math.tan(step / 4)

    def placed(point: complex) -> complex:
        point += centre
        return complex(point.real * rx, point.imag * ry) * turn + (pen + end) / 2

    found = []
    for piece in range(pieces):
        a, b = (complex(math.cos(t), math.sin(t)) for t in (first + piece * step, first + (piece + 1) * step))
        found.append([placed(a + reach * a * 1j), placed(b - reach * b * 1j), placed(b)])
    found[-1][-1] = end
    return found


def _angle(point: complex) -> float:
    return math.atan2(point.imag, point.real)


def ends(paths: Paths) -> list[np.ndarray]:
    """[n, 2] of each subpath: where its curves end, no point twice in a row."""
    if not paths.points:
        return []
    placed = np.array(paths.points).view(np.float64).reshape(-1, 2)
    degrees = np.frombuffer(paths.degrees, np.uint8).astype(np.int64)
    found = placed[np.cumsum(np.maximum(degrees, 1)) - 1]
    return [stroke[distinct(stroke)] for stroke in np.split(found, np.flatnonzero(degrees == 0)[1:])]


def flattened(paths: Paths) -> list[np.ndarray]:
    """[n, 2] of each subpath: its points, of curves so many that lines between them are as near as `TOLERANCE`."""
    if not paths.points:
        return []
    placed = np.array(paths.points).view(np.float64).reshape(-1, 2)
    degrees = np.frombuffer(paths.degrees, np.uint8).astype(np.int64)
    lasts = np.cumsum(np.maximum(degrees, 1)) - 1  # where the last point of each curve is
    begins = np.flatnonzero(degrees == 0)
    low, high = (each.reduceat(placed, lasts[begins], axis=0) for each in (np.minimum, np.maximum))
    tolerance = ((high - low).max(axis=1) * TOLERANCE)[np.cumsum(degrees == 0) - 1]
    pieces = np.ones(len(degrees), np.int64)
    for degree in (2, 3):
        which = np.flatnonzero((degrees == degree) & (tolerance > 0))
        control = placed[lasts[which, None] + np.arange(-degree, 1)]
        bend = np.hypot(*np.moveaxis(np.diff(control, n=2, axis=1), -1, 0)).max(axis=1, initial=0)
        pieces[which] = np.maximum(np.ceil(np.sqrt(degree * (degree - 1) / 8 * bend / tolerance[which])), 1)
    curve = np.repeat(np.arange(len(degrees)), pieces)
    starts = np.cumsum(pieces) - pieces
    t = (np.arange(len(curve)) - starts[curve] + 1) / pieces[curve]
    found = placed[lasts[curve]]
    for degree in (2, 3):
        which = np.flatnonzero((degrees[curve] == degree) & (pieces[curve] > 1))
        found[which] = sum(
            (math.comb(degree, k) * t[which] ** k * (1 - t[which]) ** (degree - k))[:, None]
            * placed[lasts[curve[which]] - degree + k]
            for k in range(degree + 1)
        )
    return np.split(found, starts[begins[1:]])
