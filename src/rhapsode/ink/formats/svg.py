"""SVG (`.svg`): its paths, polylines, polygons and lines as strokes, each subpath one.

Transforms are carried out and curves become points; what is defined but not shown (defs, symbols, clip paths, ...) is
left out. What is written says a `data-text` or an `aria-label` on the outermost element, or its title or desc. An
element below it with `data-text` is a drawing of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rhapsode.errors import UserError
from rhapsode.exchange.source import Source
from rhapsode.exchange.values import number
from rhapsode.exchange.xml import Node, parse, root
from rhapsode.ink.drawing import Drawing
from rhapsode.ink.formats._checks import drawing
from rhapsode.ink.formats._paths import IDENTITY, Matrix, Paths, curves, flattened, transform

HIDDEN = ("defs", "clipPath", "symbol", "marker", "mask", "pattern")
UNTITLED = "Handwriting"
"""The title that Rhapsode's own pictures have where no text is known."""
SEPARATORS = re.compile(r"[\s,]+")


def recognises(head: bytes) -> bool:
    return root(head) == "svg"


def read(source: Source) -> Iterator[Drawing]:
    top = parse(source)
    found: list[tuple[str | None, Paths]] = [(_text(top), Paths())]
    waiting: list[tuple[Node, Matrix, int]] = [(top, IDENTITY, 0)]
    while waiting:
        node, matrix, at = waiting.pop()
        if node.name in HIDDEN or node.attributes.get("display") == "none":
            continue
        where = f"{source.name}, line {node.line}"
        if "transform" in node.attributes:
            matrix = transform(node.attributes["transform"], matrix, where)
        if node is not top and "data-text" in node.attributes:
            at = len(found)
            found.append((node.attributes["data-text"], Paths()))
        if (paths := _paths(node, where)).points:
            found[at][1].take(paths, matrix)
        waiting += [(child, matrix, at) for child in reversed(node.children)]
    shown = [each for each in found[1:] if each[1].points]
    if found[0][1].points or not shown:
        shown.insert(0, found[0])
    for count, (text, paths) in enumerate(shown, 1):
        yield drawing(flattened(paths), text, f"{source.name}#{count}" if len(shown) > 1 else source.name)


def _text(top: Node) -> str | None:
    for attribute in ("data-text", "aria-label"):
        if top.attributes.get(attribute):
            return top.attributes[attribute]
    words = {child.name: child.text.strip() for child in reversed(top.children) if child.name in ("title", "desc")}
    title, desc = words.get("title", ""), words.get("desc", "")
    if title == UNTITLED and not desc:
        return None
    # A title may be only the beginning of a long text.
    return (desc if desc.startswith(title.removesuffix("…")) else title) or None


def _paths(node: Node, where: str) -> Paths:
    """Those of one element. Raises `UserError`."""
    if node.name == "path":
        return curves(node.attributes.get("d", ""), where)
    if node.name in ("polyline", "polygon"):
        values = [number(each, where) for each in SEPARATORS.split(node.attributes.get("points", "")) if each]
        if len(values) % 2:
            raise UserError(f"{where}: the points of a {node.name} must be pairs x,y; there are {len(values)} numbers.")
        points = [complex(x, y) for x, y in zip(values[0::2], values[1::2], strict=True)]
        return _lines(points + points[:1] if node.name == "polygon" else points)
    if node.name == "line":
        x1, y1, x2, y2 = (
            number(node.attributes.get(name, "0"), f"{where}, {name}") for name in ("x1", "y1", "x2", "y2")
        )
        return _lines([complex(x1, y1), complex(x2, y2)])
    return Paths()


def _lines(points: list[complex]) -> Paths:
    """Lines from each of some points to the next."""
    return Paths(points, bytearray(min(len(points), 1)) + b"\x01" * (len(points) - 1))
