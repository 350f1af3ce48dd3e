"""Strokes of Omniglot (`.txt`): lines `x,y,t` between START and BREAK; t in milliseconds.

y is up there, from 0 at the upper edge to -105 at the lower, so its sign is changed. Which character it is stands in
the name of the file, and as these are of invented and rare alphabets, drawings have no text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import number, shown
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import drawing, since_first

NUMBER = rb"\s*[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?\s*"
MARK = re.compile(rb"\s*START\r?\n(?:" + NUMBER + b"," + NUMBER + b"," + NUMBER + rb"\r?\n|\s*BREAK\s*$)")


def recognises(head: bytes) -> bool:
    return MARK.match(head) is not None


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    strokes: list[list[list[float]]] = [[]]
    for at, line in enumerate(source.text().splitlines(), 1):
        line = line.strip()
        if line in ("START", "BREAK"):
            strokes.append([])
        elif line:
            where = f"{source.name}, line {at}"
            fields = [number(field, where) for field in line.split(",")]
            if len(fields) != 3:
                raise UserError(f"{where}: expected x,y,t or START or BREAK, found {shown(line)}.")
            strokes[-1].append(fields)
    arrays = [np.array(stroke, np.float64).reshape(-1, 3) * [1.0, -1.0, 1.0] for stroke in strokes]
    points = [stroke[:, :2] + 0.0 for stroke in arrays]  # no -0
    yield drawing(points, None, source.name, seconds=since_first([stroke[:, 2] for stroke in arrays], 1000))


FORMAT = Format("Omniglot", recognises, read=read)
