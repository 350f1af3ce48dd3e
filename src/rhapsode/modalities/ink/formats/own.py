"""Rhapsode's own files of drawings: lines of JSON (`.ink.jsonl`).

Each line is an object, a drawing:

    {"rhapsode": "ink/1", "text": "hi", "strokes": [[[0.0, 0.0], [0.5, 2.0]], [[1.5, 1.0]]]}

    rhapsode   "ink/1", the version. It marks a file of drawings, and must be in the first line.
    strokes    each a list of its points [x, y]; x to the right, y down, in units of the drawing's own.
    text       what is written there; null or left out if that is not known.
    pressure   where it was recorded: for each stroke a list of its points' values, in 0 ... 1.
    seconds    where it was recorded: for each stroke a list of its points' times, since the first point.
    thin       where a model drew it: its points are steps, none of which may be left out. true; or the order in which
               they were drawn, if that is known and not the order of the file: parts [first, the one after the last].
    unit       how many of the file's units one of the drawing's own became, where it was scaled, e.g. to mm of a page;
               points are divided by it as they are read.

Numbers are written with all their digits: what was read is what was written, to the last bit. Other fields are left
alone. A stroke without points is nothing, and a last stroke that was never ended comes back as one that was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.formats import Format
from rhapsode.files.json import lines
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.files.values import sequence, shown
from rhapsode.modalities.ink.drawing import Drawing, from_runs, to_runs
from rhapsode.modalities.ink.formats._checks import array, drawing, vector
from rhapsode.modalities.ink.metrics import check
from rhapsode.modalities.ink.page import Layout

VERSION = "ink/1"
MARK = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\{[^\n]*"rhapsode"\s*:\s*"ink/')


def recognises(head: bytes) -> bool:
    return MARK.match(head) is not None


def dumps(drawing: Drawing, unit: float = 1.0) -> str:
    """The line of a drawing, without its newline. unit: how many of its units one of its own became."""
    cuts = [0, *(np.flatnonzero(drawing.ends) + 1).tolist(), len(drawing)]
    spans = [(start, stop) for start, stop in pairwise(cuts) if stop > start]
    value: dict[str, Any] = {"rhapsode": VERSION, "text": drawing.text}
    for field, values in (("strokes", drawing.points), ("pressure", drawing.pressure), ("seconds", drawing.seconds)):
        if values is not None:
            value[field] = [values[start:stop].tolist() for start, stop in spans]
    if drawing.thin:
        value["thin"] = True if drawing.order is None else to_runs(drawing.order)
    if unit != 1:
        value["unit"] = unit
    return json.dumps(value)


def read(source: Source, refused: Refusals | None = None) -> Iterator[Drawing]:
    for number, (where, value) in enumerate(lines(source), 1):
        version = value.get("rhapsode", VERSION)
        if version != VERSION:
            raise UserError(
                f"{where}: drawings of version {shown(version)}; this Rhapsode reads {VERSION!r}. Update Rhapsode."
            )
        if "strokes" not in value:
            raise UserError(f"{where}: there is no field 'strokes'. Fields: {shown(', '.join(value))}.")
        text = value.get("text")
        if not isinstance(text, str | None):
            raise UserError(f"{where}: 'text' must be text or null, found {shown(text)}.")
        given = enumerate(sequence(value["strokes"], f"{where}, strokes"), 1)
        unit, thin = vector([value.get("unit", 1.0)], f"{where}, unit")[0], value.get("thin", False)
        if unit <= 0:
            raise UserError(f"{where}: 'unit' must be more than 0.")
        strokes = [array(stroke, f"{where}, stroke {each}", 2) / unit for each, stroke in given]
        pressure = _parallel(value, "pressure", strokes, where)
        for each in pressure or ():
            if len(each) and not 0 <= each.min() <= each.max() <= 1:
                raise UserError(
                    f"{where}, pressure: values must be in 0 ... 1, found {each.min():g} ... {each.max():g}."
                )
        seconds = _parallel(value, "seconds", strokes, where)
        made = drawing(strokes, text, f"{source.name}#{number}", pressure, seconds)
        yield replace(made, thin=bool(thin), order=_order(thin, len(made), where))


def _order(thin: Any, count: int, where: str) -> np.ndarray | None:
    """The order of so many points that the field says, if it does. Raises `UserError`."""
    if isinstance(thin, bool):
        return None
    runs = array(thin, f"{where}, thin", 2)
    found = from_runs(runs.astype(np.int64).tolist(), count)
    if found is None:
        raise UserError(
            f"{where}: 'thin' must be true, false or the parts [first, stop] of an order of {count} points."
        )
    return found


def _parallel(value: dict[str, Any], field: str, strokes: list[np.ndarray], where: str) -> list[np.ndarray] | None:
    """What was recorded at the points of `strokes`. Raises `UserError` unless it has their lengths."""
    if value.get(field) is None:
        return None
    given = enumerate(sequence(value[field], f"{where}, {field}"), 1)
    found = [vector(each, f"{where}, {field} of stroke {number}") for number, each in given]
    if [len(each) for each in found] != [len(each) for each in strokes]:
        raise UserError(f"{where}: {field!r} must have a number for each point, in lists like those of 'strokes'.")
    return found


def _one_line(what: Drawing | Layout) -> str:
    drawings = _drawings(what)
    if len(drawings) != 1:
        raise UserError(f"a .json file holds one drawing, and there are {len(drawings)}: write them to a .jsonl file.")
    return _lines(what)


def _lines(what: Drawing | Layout) -> str:
    drawings = _drawings(what)
    for one, _ in drawings:
        check(one)
    return "".join(f"{dumps(one, unit)}\n" for one, unit in drawings)


def _drawings(what: Drawing | Layout) -> list[tuple[Drawing, float]]:
    """(drawing, its unit in mm) of each line of writing of a layout."""
    if isinstance(what, Drawing):
        return [(what, 1.0)]
    return [(line.drawing, line.unit) for sheet in what.sheets for line in sheet.lines]


FORMAT = Format(
    "Rhapsode's own lines of JSON", recognises, read=read, writes={".json": _one_line, ".jsonl": _lines}, rank=-1
)
