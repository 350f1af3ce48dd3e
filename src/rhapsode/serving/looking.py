"""`/api/states`: what the units of a layer hold behind each token of a text, how far their gates are open, and which of
them mark a part of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from rhapsode.inference.inside import GATES, PARTS, activity, marking, part_of, saturation
from rhapsode.serving.errors import ApiError
from rhapsode.serving.rendering import ELEMENTS, dumped
from rhapsode.serving.requests import Look
from rhapsode.serving.served import Served

TOKENS = 20_000
"""The most tokens of a text that is looked into."""
NUMBERS = 1 << 22
"""The most numbers that are in memory at a time, and are sent."""


def look(served: Served, symbols: np.ndarray, asked: Look) -> Iterator[str]:
    """JSON, piece by piece; the first ones are empty while the text is read. Raises `UserError` and `ApiError`."""
    what, width = part_of(served.model, asked.layer, asked.what, asked.gate)
    if wrong := [unit for unit in asked.cells or () if unit >= width]:
        raise ApiError(400, f"cells: there is no unit {wrong[0]}; layer {asked.layer} has {width:,}.", "cells")
    columns = width if asked.cells is None else len(asked.cells)
    most = min(TOKENS, NUMBERS // columns)
    if len(symbols) > most:
        raise ApiError(
            400,
            f"prompt: it has {len(symbols):,} tokens, and of {columns:,} units at most {most:,} are looked at. Send "
            f"less of the text{', or choose cells' if most < TOKENS else ''}.",
            "prompt",
            "too_large",
        )
    begin, end = asked.span or (0, 0)
    if asked.span is not None and not begin < end <= len(symbols):
        raise ApiError(400, f"span: it must be a part of the {len(symbols):,} tokens, and not empty.", "span")
    blocks = []
    for block in activity(served.model, symbols, asked.layer, what, asked.gate):
        blocks.append(block if asked.cells is None else block[:, asked.cells])
        yield ""
    values = np.concatenate(blocks) if blocks else np.zeros((0, columns), np.float32)
    cells = list(range(width)) if asked.cells is None else asked.cells
    found: dict[str, Any] = {}
    if asked.span is not None:
        marks = marking(values, begin, end, asked.top)
        cells = [one.unit for one in marks]
        values = values[:, cells]
        found = {"span": asked.span, "found": [asdict(one) for one in marks]}
    if what == GATES:
        shares = saturation(values)
        found |= {
            "gate": asked.gate,
            **{name: one.tolist() for name, one in zip(("open", "closed"), shares, strict=True)},
        }
    cell = served.model.network.cells[asked.layer]
    exact = np.abs(values).max(initial=0) > np.finfo(np.float16).max
    numbers = np.ascontiguousarray(values, "<f4" if exact else "<f2")
    head = {
        "model": served.name,
        "system_fingerprint": served.fingerprint,
        "layer": asked.layer,
        "what": what,
        "parts": [name for name, part in PARTS.items() if part in cell.state],
        "gates": list(cell.gates),
        "width": width,
        "cells": cells,
        **found,
        "shape": list(numbers.shape),
        "type": "float32" if exact else "float16",
    }
    yield dumped(head)[:-1] + ',"ids":['
    labels = served.labels
    for name in ("ids", "tokens"):
        for at in range(0, len(symbols), ELEMENTS):
            some = symbols[at : at + ELEMENTS].tolist()
            part = dumped(some if name == "ids" else [labels[one] for one in some])
            yield ("," if at else "") + part[1:-1]
        yield '],"tokens":[' if name == "ids" else '],"data":"'
    data = numbers.tobytes()
    for at in range(0, len(data), 3 << 14):  # base64 of three bytes each
        yield base64.b64encode(data[at : at + (3 << 14)]).decode()
    yield '"}'
