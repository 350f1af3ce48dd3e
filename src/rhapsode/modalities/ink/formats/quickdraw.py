"""Google's Quick, Draw! (`.ndjson`): a drawing a line, in its raw and its simplified form; or a list of these.

    {"word": "cat", "recognized": true, "drawing": [[[x, ...], [y, ...], [t, ...]], ...]}

y is down; t, in milliseconds, is only in the raw form. The word is what was to be drawn, not what is written there,
so these drawings have no text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.json import objects
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import sequence, shown
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import drawing, since_first, vector

MARK = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{[^\[\]{}]*"drawing"\s*:\s*\[\s*(?:\]|\[\s*\[)')


def recognises(head: bytes) -> bool:
    return MARK.match(head) is not None


def read(source: Source, refused: Refusals) -> Iterator[Drawing]:
    for number, (where, value) in enumerate(objects(source), 1):
        if "drawing" not in value:
            raise UserError(f"{where}: there is no field 'drawing'. Fields: {shown(', '.join(value))}.")
        strokes = enumerate(sequence(value["drawing"], f"{where}, drawing"), 1)
        yield made(((f"{where}, stroke {each}", stroke) for each, stroke in strokes), f"{source.name}#{number}")


def made(strokes_read: Iterable[tuple[str, Any]], name: str) -> Drawing:
    """A drawing of strokes, (where it stands, its columns) each. Raises `UserError`."""
    strokes, times = [], []
    for where, stroke in strokes_read:
        columns = [vector(column, where) for column in sequence(stroke, where)]
        if len(columns) not in (2, 3) or len({len(column) for column in columns}) != 1:
            raise UserError(f"{where}: expected the lists [x, ...] and [y, ...], perhaps [t, ...], of one length.")
        strokes.append(np.stack(columns[:2], axis=1))
        times += columns[2:]
    seconds = since_first(times, 1000) if strokes and len(times) == len(strokes) else None
    return drawing(strokes, None, name, seconds=seconds)


FORMAT = Format("Quick, Draw!", recognises, read=read)
