"""The `d` of SVG paths, and transforms: text to Bézier curves, and those to points."""

from __future__ import annotations

import math
import re

import numpy as np

from rhapsode.errors import UserError
from rhapsode.exchange.values import LARGEST, number, shown

TOLERANCE = 1 / 500
"""How far points may leave out of a curve, in sizes of its stroke."""
NUMBER = re.compile(r"[\s,]*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
FLAG = re.compile(r"[\s,]*([01])")
COMMAND = re.compile(r"[\s,]*([MmZzLlHhVvCcSsQqTtAa])")
TRANSFORM = re.compile(r"[\s,]*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^()]*)\)")
COUNTS = {"M": 2, "Z": 0, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}

Matrix = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f: (x, y) becomes (a x + c y + e, b x + d y + f)."""
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
Curve = list[complex]
"""The control points of a line (2, or its end alone), a quadratic (3) or a cubic (4)."""


def transform(text: str, outer: Matrix, where: str) -> Matrix:
    """`outer` after the transforms in `text`. Raises `UserError`."""
    at = 0
    while found := TRANSFORM.match(text, at):
        at = found.end()
        given = [number(each, f"{where}, transform") for each in found.group(2).replace(",", " ").split()]
        outer = _after(outer, _matrix(found.group(1), given, where))
    if text[at:].strip():
        raise UserError(f"{where}: the transform {shown(text[at:])} is not known; e.g. translate(3 4) rotate(30) is.")
    if not all(abs(each) <= LARGEST for each in outer):
        raise UserError(f"{where}: the transforms here make coordinates larger than {LARGEST:g}.")
    return outer


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


def curves(d: str, where: str) -> list[list[Curve]]:
    """The subpaths of a path, each a list of curves that begins with the point it starts at. Raises `UserError`."""
    paths: list[list[Curve]] = []
    at, command = 0, ""
    pen = start = 0j
    handle: complex | None = None  # the last control point, which S and T mirror
    before = ""
    while d[at:].strip(" \t\r\n,"):
        if found := COMMAND.match(d, at):
            command, at = found.group(1), found.end()
        elif command in ("", "Z", "z"):
            raise UserError(f"{where}: {shown(d[at : at + 40])} in a path is not a command; expected e.g. M or L.")
        elif command in "Mm":
            command = "L" if command == "M" else "l"
        if not paths and command not in "Mm":
            raise UserError(f"{where}: a path must begin with M, found {shown(d[:40])}.")
        kind = command.upper()
        values, at = _arguments(d, at, kind, where)
        base = pen if command.islower() else 0j
        points = [base + complex(x, y) for x, y in zip(values[0::2], values[1::2], strict=False)]
        if kind == "M":
            pen = start = points[0]
            paths.append([[pen]])
            before = kind
            continue
        if before == "Z":
            paths.append([[pen]])
        if kind == "Z":
            added = [[pen, start]] if pen != start else []
        elif kind == "H":
            added = [[pen, complex(base.real + values[0], pen.imag)]]
        elif kind == "V":
            added = [[pen, complex(pen.real, base.imag + values[0])]]
        elif kind in "ST":
            mirrored = 2 * pen - handle if handle is not None and before in ("CS" if kind == "S" else "QT") else pen
            added = [[pen, mirrored, *points]]
        elif kind == "A":
            added = _arc(pen, values, base + complex(values[5], values[6]))
        else:
            added = [[pen, *points]]
        paths[-1] += added
        handle = added[-1][-2] if added else None
        pen = added[-1][-1] if added else pen
        before = kind
    return paths


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


def _arc(pen: complex, values: list[float], end: complex) -> list[Curve]:
    """An elliptic arc as cubics of at most a quarter turn, after the SVG standard's notes on implementation."""
    rx, ry = abs(values[0]), abs(values[1])
    if rx < 1e-12 or ry < 1e-12 or pen == end:
        return [[pen, end]]
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
        found.append([placed(a), placed(a + reach * a * 1j), placed(b - reach * b * 1j), placed(b)])
    found[0][0], found[-1][-1] = pen, end
    return found


def _angle(point: complex) -> float:
    return math.atan2(point.imag, point.real)


def flattened(path: list[Curve], matrix: Matrix) -> np.ndarray:
    """[n, 2]: the points of a subpath after a transform."""
    a, b, c, d, e, f = matrix
    placed = []
    for curve in path:
        xy = np.array([[point.real, point.imag] for point in curve])
        placed.append(xy @ np.array([[a, b], [c, d]]) + [e, f])
    whole = np.concatenate(placed)
    tolerance = float((whole.max(axis=0) - whole.min(axis=0)).max()) * TOLERANCE
    return np.concatenate([placed[0], *(_bezier(curve, tolerance) for curve in placed[1:])])


def _bezier(control: np.ndarray, tolerance: float) -> np.ndarray:
    """[n, 2]: points on a curve after its first, so many that lines between them are as near as `tolerance`."""
    degree = len(control) - 1
    if degree <= 1 or tolerance <= 0:
        return control[-1:]
    bend = float(np.hypot(*np.diff(control, n=2, axis=0).T).max())
    pieces = max(1, math.ceil(math.sqrt(degree * (degree - 1) / 8 * bend / tolerance)))
    t = np.linspace(0, 1, pieces + 1)[1:, None]
    weights = [math.comb(degree, k) * t**k * (1 - t) ** (degree - k) for k in range(degree + 1)]
    return np.asarray(np.hstack(weights) @ control)
