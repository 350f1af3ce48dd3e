"""Xournal++ and Xournal (`.xopp`, `.xoj`): notes written by hand, packed XML, with strokes on layers of pages.

    <stroke tool="pen" color="#000000ff" width="1.41 0.93 1.08">210.5 420.0 212.1 419.4 213.0 418.8</stroke>

Each page that is written on is a drawing, in points of 1/72 inch, y down. Numbers after the first in `width` are how
hard the pen was pressed, between one point and the next. What an eraser or a highlighter did, typed text and pictures
are left out; these files do not say what is written by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import number
from rhapsode.files.xml import Node, parse, root
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import drawing, normalised


def recognises(head: bytes) -> bool:
    return root(head) == "xournal"


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    pages = [_pen(page, source.name, refused) for page in parse(source).all("page")]
    written = [strokes for strokes in pages if strokes]
    for count, strokes in enumerate(written or [[]], 1):
        yield _page(strokes, source.name, f"{source.name}#{count}" if len(written) > 1 else source.name)


def _pen(page: Node, file: str, refused: Refusals) -> list[Node]:
    """The strokes of a page that are a pen's."""
    found = []
    left_out: dict[str, int] = {}  # what → the line where it stands first
    for node in (node for layer in page.all("layer") for node in layer.children):
        tool = node.attributes.get("tool", "pen")
        if node.name == "stroke" and tool == "pen":
            found.append(node)
        else:
            what = "strokes of other tools than a pen" if node.name == "stroke" else "typed words and images"
            left_out.setdefault(what, node.line)
    for what, line in left_out.items():
        refused.leave_out(what, f"{file}, line {line}")
    return found


def _page(strokes: list[Node], file: str, name: str) -> Drawing:
    points, widths = [], []
    for stroke in strokes:
        where = f"{file}, line {stroke.line}"
        values = [number(each, where) for each in stroke.text.split()]
        if len(values) % 2:
            raise UserError(f"{where}: a stroke must be pairs x y; there are {len(values)} numbers.")
        points.append(np.array(values, np.float64).reshape(-1, 2))
        widths.append(_widths(stroke, len(points[-1])))
    pressed = [each for each in widths if each is not None]
    pressure = normalised(pressed) if len(pressed) == len(strokes) else None
    return drawing(points, None, name, pressure)


def _widths(stroke: Node, count: int) -> np.ndarray | None:
    """[count] of how hard the pen was pressed, of some greatest; None where that was not recorded, or is damaged, as
    some versions left it."""
    try:
        found = np.array(stroke.attributes.get("width", "").split()[1:][:count], np.float64)
    except ValueError:
        return None
    if not count or len(found) < max(count - 1, 1) or not (np.abs(found) <= 1e6).all():
        return None
    pressed: np.ndarray = np.abs(np.append(found, found[-1])[:count])
    return pressed


FORMAT = Format("Xournal++", recognises, read=read)
