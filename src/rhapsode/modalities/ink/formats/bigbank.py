"""Collections of cursive words as the cursive-transformer projects keep them: one list of JSON.

    [{"metadata": {"author": ..., "asciiSequence": "word", "pointCount": ..., "strokeCount": ..., "aspectRatio": 6},
      "points": [[x, y, p], ...]}, ...]

x is in units of the width of the canvas and y of its height, so x times `aspectRatio` is in units of y. y is down. p
is 1 at each point of a stroke; at its end, the last point stands a second time, with p = 0. That repetition only says
that the pen is lifted, and is left out here. (Found in a published file of 3,500 words: every point with p = 0 repeats
the one before it, and there are `strokeCount` of them; dots of i and apostrophes have small y, full stops and the
tails of g large ones.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.json import elements
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import mapping, shown
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import array, drawing

MARK = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\[\s*\{\s*"(?:metadata|points)"\s*:')


def recognises(head: bytes) -> bool:
    return MARK.match(head) is not None and b'"asciiSequence"' in head


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    for number, (where, value) in enumerate(elements(source), 1):
        about = mapping(mapping(value, where).get("metadata"), f"{where}, metadata")
        text = about.get("asciiSequence")
        if not isinstance(text, str):
            raise UserError(f"{where}: 'asciiSequence' must be the text that is written, found {shown(text)}.")
        points = array(value.get("points"), f"{where}, points", 3)
        points[:, 0] *= _aspect(about.get("aspectRatio", 1), where)
        yield drawing(_strokes(points), text, f"{source.name}#{number}")


def _aspect(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-6 <= value <= 1e6:
        raise UserError(f"{where}: 'aspectRatio' must be width over height, e.g. 6, found {shown(value)}.")
    return float(value)


def _strokes(points: np.ndarray) -> list[np.ndarray]:
    """The strokes, each [n, 2], of [N, 3] x, y, p."""
    lifted = points[:, 2] == 0
    strokes = []
    for stroke in np.split(points[:, :2], np.flatnonzero(lifted) + 1):
        repeated = len(stroke) > 1 and (stroke[-1] == stroke[-2]).all()
        strokes.append(stroke[:-1] if repeated else stroke)
    return strokes


FORMAT = Format("lists of cursive words", recognises, read=read)
