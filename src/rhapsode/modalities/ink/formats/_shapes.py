"""The shapes of SVG as paths, and the frames that nested pictures are put in."""

from __future__ import annotations

from rhapsode.errors import UserError
from rhapsode.files.values import number
from rhapsode.files.xml import Node
from rhapsode.modalities.ink.formats._paths import Matrix, Paths, curves, numbers

UNITS = {"px": 1.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "pt": 96 / 72, "pc": 16.0}
"""Of lengths, in pixels."""


def length(node: Node, name: str, where: str, default: float = 0.0) -> float:
    """A length that is an attribute of an element, in pixels. Raises `UserError`."""
    text = node.attributes.get(name, "").strip()
    if not text:
        return default
    unit = text[-2:].lower()
    if unit in UNITS:
        return number(text[:-2], f"{where}, {name}") * UNITS[unit]
    return number(text, f"{where}, {name}")


def shape(node: Node, where: str) -> Paths:
    """The paths of one element; none for what is not a shape, or has no size. Raises `UserError`."""
    make = SHAPES.get(node.name)
    return Paths() if make is None else make(node, where)


def _path(node: Node, where: str) -> Paths:
    return curves(node.attributes.get("d", ""), where)


def _poly(node: Node, where: str) -> Paths:
    values = numbers(node.attributes.get("points", ""), where)
    if len(values) % 2:
        raise UserError(f"{where}: the points of a {node.name} must be pairs x,y; there are {len(values)} numbers.")
    points = [complex(x, y) for x, y in zip(values[0::2], values[1::2], strict=True)]
    return _lines(points + points[:1] if node.name == "polygon" else points)


def _line(node: Node, where: str) -> Paths:
    x1, y1, x2, y2 = (length(node, name, where) for name in ("x1", "y1", "x2", "y2"))
    return _lines([complex(x1, y1), complex(x2, y2)])


def _rect(node: Node, where: str) -> Paths:
    x, y, width, height = (length(node, name, where) for name in ("x", "y", "width", "height"))
    if width <= 0 or height <= 0:
        return Paths()
    rx, ry = length(node, "rx", where, -1.0), length(node, "ry", where, -1.0)
    rx, ry = (ry if rx < 0 else rx), (rx if ry < 0 else ry)  # one that is not given is as the other
    rx, ry = min(rx, width / 2), min(ry, height / 2)
    if rx <= 0 or ry <= 0:
        corners = [complex(x, y), complex(x + width, y), complex(x + width, y + height), complex(x, y + height)]
        return _lines([*corners, corners[0]])
    corner = f"a{rx!r} {ry!r} 0 0 1"
    across, down = width - 2 * rx, height - 2 * ry
    return curves(
        f"M{x + rx!r} {y!r}h{across!r}{corner} {rx!r} {ry!r}v{down!r}{corner} {-rx!r} {ry!r}"
        f"h{-across!r}{corner} {-rx!r} {-ry!r}v{-down!r}{corner} {rx!r} {-ry!r}",
        where,
    )


def _ellipse(node: Node, where: str) -> Paths:
    names = ("r", "r") if node.name == "circle" else ("rx", "ry")
    cx, cy, rx, ry = (length(node, name, where) for name in ("cx", "cy", *names))
    if rx <= 0 or ry <= 0:
        return Paths()
    half = f"A{rx!r} {ry!r} 0 0 1"
    return curves(f"M{cx + rx!r} {cy!r}{half} {cx - rx!r} {cy!r}{half} {cx + rx!r} {cy!r}", where)


def _lines(points: list[complex]) -> Paths:
    """Lines from each of some points to the next."""
    return Paths(points, bytearray(min(len(points), 1)) + b"\x01" * (len(points) - 1))


SHAPES = {
    "path": _path,
    "polyline": _poly,
    "polygon": _poly,
    "line": _line,
    "rect": _rect,
    "circle": _ellipse,
    "ellipse": _ellipse,
}


def frame(node: Node, width: float, height: float, where: str) -> Matrix:
    """How a nested picture or symbol, an element with a `viewBox`, is brought into `width` by `height`, at its place.

    width, height: as it is used; 0 where that is not said. Raises `UserError`.
    """
    x, y = length(node, "x", where), length(node, "y", where)
    box = numbers(node.attributes.get("viewBox", ""), f"{where}, viewBox")
    if len(box) != 4 or min(box[2], box[3], width, height) <= 0:
        return 1.0, 0.0, 0.0, 1.0, x, y
    sx, sy = width / box[2], height / box[3]
    align, *slice_ = node.attributes.get("preserveAspectRatio", "").split() or ["xMidYMid"]
    if align != "none":
        sx = sy = max(sx, sy) if "slice" in slice_ else min(sx, sy)
    parts = {"Min": 0.0, "Mid": 0.5, "Max": 1.0}
    x += parts.get(align[1:4], 0.0) * (width - box[2] * sx) - box[0] * sx
    y += parts.get(align[5:8], 0.0) * (height - box[3] * sy) - box[1] * sy
    return sx, 0.0, 0.0, sy, x, y
