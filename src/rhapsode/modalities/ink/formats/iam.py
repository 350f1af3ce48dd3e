"""Lines of the IAM On-Line Handwriting Database (`lineStrokes/**/*.xml`), with their text where that is at hand.

y is down and times are in seconds. The text of `lineStrokes/a01/a01-000/a01-000u-03.xml` is the third line after
`CSR:` in `ascii/a01/a01-000/a01-000u.txt`, if that file exists (folders may also have the names of the archives,
`lineStrokes-all/lineStrokes` and `ascii-all/ascii`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source, decoded
from rhapsode.files.values import number
from rhapsode.files.xml import Node, parse, root
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import drawing, since_first


def recognises(head: bytes) -> bool:
    return root(head) == "WhiteboardCaptureSession"


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    strokes, seconds = [], []
    timed = True
    for node in parse(source).walk():
        if node.name == "Stroke":
            points = [child for child in node.children if child.name == "Point"]
            strokes.append(_columns(points, ("x", "y"), source.name))
            timed = timed and all("time" in point.attributes for point in points)
            seconds.append(_columns(points, ("time",), source.name)[:, 0] if timed else np.zeros(0))
    yield drawing(strokes, _text(source), source.name, seconds=since_first(seconds) if timed and strokes else None)


def _columns(points: list[Node], attributes: tuple[str, ...], name: str) -> np.ndarray:
    """[n, attributes] float64."""
    rows = []
    for point in points:
        where = f"{name}, line {point.line}"
        for attribute in attributes:
            if attribute not in point.attributes:
                raise UserError(f"{where}: a Point without {attribute}; expected <Point x=… y=… time=…/>.")
            rows.append(number(point.attributes[attribute], f"{where}, {attribute}"))
    return np.array(rows, np.float64).reshape(-1, len(attributes))


def _text(source: Source) -> str | None:
    form, dash, line = source.path.stem.rpartition("-")
    parts = source.path.parts[:-1]
    if not dash or not (line.isascii() and line.isdigit()) or "lineStrokes" not in parts:
        return None
    named = {"lineStrokes": "ascii", "lineStrokes-all": "ascii-all"}
    data = source.beside(PurePath(*(named.get(part, part) for part in parts), f"{form}.txt"))
    if data is None:
        return None
    lines = [each.strip() for each in decoded(data).partition("CSR:")[2].splitlines() if each.strip()]
    return lines[int(line) - 1] if 0 < int(line) <= len(lines) else None


FORMAT = Format("IAM-OnDB", recognises, read=read)
