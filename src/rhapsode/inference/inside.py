"""Looking inside: what the units of a layer hold while a text is read, and which of them mark a part of it.

Single units may have a meaning, e.g. that a quotation is open (Karpathy, Johnson & Fei-Fei 2015). `marking` finds
them as LSTMVis does (Strobelt et al. 2018): a person selects a part of a text, and gets the units that are high in it
and low elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rhapsode.errors import UserError
from rhapsode.inference.loops import reader_of
from rhapsode.inference.reader import BLOCK
from rhapsode.inference.trained import Trained

PARTS = {"cells": "c", "outputs": "h"}
"""What can be looked at → the part of a cell's state: memory cells c, and outputs h."""


@dataclass(frozen=True)
class Marking:
    """A unit, and how it marks a span.

    correlation: of its value with being in the span, from -1 to 1. 1: it has one value inside, and a lower one outside.
    inside, outside: its mean value in the span, and elsewhere.
    lowest: its lowest value inside. highest: its highest value outside. If `lowest` is the greater one, any threshold
    between them selects exactly the span.
    """

    unit: int
    correlation: float
    inside: float
    outside: float
    lowest: float
    highest: float


def part_of(model: Trained, layer: int, what: str | None) -> tuple[str, int]:
    """What of a layer can be looked at, and how many units it has. what: of `PARTS`; None for cells, where there are
    any. Raises `UserError` for layers and parts that the model does not have."""
    cells = model.network.cells
    if not cells:
        raise UserError("this model has no recurrent layers, so it has no cells.")
    if not 0 <= layer < len(cells):
        raise UserError(f"layer: there is no layer {layer}; they go from 0 to {len(cells) - 1}.")
    cell = cells[layer]
    found = what or ("cells" if "c" in cell.state else "outputs")
    if found not in PARTS:
        raise UserError(f"what: {found!r} is not known: {' or '.join(PARTS)}.")
    if PARTS[found] not in cell.state:
        raise UserError(f"what: layer {layer} is of {cell.name}, which has no memory cells; look at its outputs.")
    return found, cell.width


def activity(model: Trained, symbols: np.ndarray, layer: int = 0, what: str | None = None) -> Iterator[np.ndarray]:
    """What the units of a layer hold behind each of the symbols [N]: blocks [n, H] float32, real numbers.

    Row t is the state after symbol t was read. Where a unit of the reset policy ends with it, that is the state in
    which the next one begins. Of models of text in whole numbers, memory cells are multiples of 1/2048 between -16 and
    16, and outputs are multiples of 1/127 (`rhapsode.arithmetic.quantise`). Raises `UserError`, see `part_of`.
    """
    found, _ = part_of(model, layer, what)
    name, reader = PARTS[found], reader_of(model)
    for at in range(0, len(symbols), BLOCK):
        rows = []
        for symbol in symbols[at : at + BLOCK]:
            reader.read(np.array([symbol], np.int64))
            rows.append(reader.state[layer][name][0])
        yield np.stack(rows)


def marking(values: np.ndarray, begin: int, end: int, top: int) -> list[Marking]:
    """The units that are high from step `begin` to the step before `end`, and low elsewhere: `top` of them at the most,
    best first.

    values: [T, H], of `activity`. A unit is as good as its correlation with the span: the difference of its means
    inside and outside, over its standard deviation, times sqrt(p (1 - p)), where the span is the share p of all steps.
    So the scale of a unit makes no difference, and a unit that never changes is not found. Raises `UserError` for spans
    that are empty, or all of the text.
    """
    steps = len(values)
    if not (0 <= begin < end <= steps and end - begin < steps):
        raise UserError(
            f"span: from {begin} to {end} is not a part of the text's {steps:,} steps. It begins at 0 or later, ends "
            f"behind its last step, at {steps} or before, and is not the whole text."
        )
    exact = values.astype(np.float64)
    within = np.zeros(steps, bool)
    within[begin:end] = True
    inside, outside = exact[within].mean(axis=0), exact[~within].mean(axis=0)
    deviation, share = exact.std(axis=0), within.mean()
    moves = deviation > 0
    correlation = (inside - outside) * np.sqrt(share * (1 - share)) / np.where(moves, deviation, 1)
    order = [unit for unit in np.argsort(-correlation, kind="stable").tolist() if moves[unit] and correlation[unit] > 0]
    lowest, highest = values[within].min(axis=0), values[~within].max(axis=0)
    return [
        Marking(
            unit,
            float(correlation[unit]),
            float(inside[unit]),
            float(outside[unit]),
            float(lowest[unit]),
            float(highest[unit]),
        )
        for unit in order[:top]
    ]
