"""Plain lists of drawings (`.json`), y down: a drawing is a list of strokes. A stroke is a list of points, [x, y] or
[x, y, …], of which the rest is passed over; or, as in Quick, Draw!, the lists [x, …] and [y, …], perhaps [t, …].

    [[[[0, 0], [1, 2], [3, 3]]], ...]
    [[[[0, 1, 3], [0, 2, 3]]], ...]

All of a file are of one sort. Two or three lists of two or three numbers could be either: they are points, unless
others of the file cannot be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from rhapsode.files.formats import Format
from rhapsode.files.json import elements
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import sequence
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats import quickdraw
from rhapsode.modalities.ink.formats._checks import array, drawing

MARK = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*\[\s*\[\s*\[\s*-?[0-9]")


def recognises(head: bytes) -> bool:
    return MARK.match(head) is not None


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    found = [_strokes(value, where) for where, value in elements(source)]
    columns = any(_columns(stroke) for strokes in found for _, stroke in strokes)
    for number, strokes in enumerate(found, 1):
        name = f"{source.name}#{number}"
        if columns:
            yield quickdraw.made(strokes, name)
        else:
            yield drawing([_stroke(stroke, where) for where, stroke in strokes], None, name)


def _strokes(value: Any, where: str) -> list[tuple[str, list[Any]]]:
    """(where it stands, what is in it) of each. Raises `UserError`."""
    places = ((f"{where}, stroke {number}", stroke) for number, stroke in enumerate(sequence(value, where), 1))
    return [(place, sequence(stroke, place)) for place, stroke in places]


def _columns(stroke: list[Any]) -> bool:
    """Whether it is [x, …] and [y, …], and cannot be points."""
    lengths = {len(each) if isinstance(each, list) else 0 for each in stroke}
    return len(stroke) in (2, 3) and len(lengths) == 1 and not lengths <= {0, 2, 3}


def _stroke(stroke: list[Any], where: str) -> np.ndarray:
    width = len(stroke[0]) if stroke and isinstance(stroke[0], list) else 2
    return array(stroke, where, max(width, 2))[:, :2]


FORMAT = Format("lists of drawings", recognises, read=read)
