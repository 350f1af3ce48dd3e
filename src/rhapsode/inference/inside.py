"""Looking inside: what the units of a layer hold while a text is read, how far their gates are open, and which of them
mark a part of it.

Single units may have a meaning, e.g. that a quotation is open (Karpathy, Johnson & Fei-Fei 2015). `marking` finds
them as LSTMVis does (Strobelt et al. 2018): a person selects a part of a text, and gets the units that are high in it
and low elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rhapsode.data.shallow import shallow
from rhapsode.errors import UserError
from rhapsode.inference.loops import reader_of
from rhapsode.inference.reader import BLOCK, Reader
from rhapsode.inference.trained import Trained
from rhapsode.nn.engine import Engine, OnnxEngine, State, Texts
from rhapsode.nn.integers import Integers
from rhapsode.nn.program import program

PARTS = {"cells": "c", "outputs": "h"}
"""What can be looked at → the part of a cell's state: memory cells c, and outputs h."""
GATES = "gates"
"""What can be looked at besides, of cells that have any."""
OPEN, CLOSED = 0.9, 0.1
"""A gate that is above or below these is open, or closed (Karpathy, Johnson & Fei-Fei 2015, figure 2)."""


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


def part_of(model: Trained, layer: int, what: str | None, gate: str | None = None) -> tuple[str, int]:
    """What of a layer can be looked at, and how many units it has. what: of `PARTS`, or `GATES`; None for cells, where
    there are any. gate: which one, with `GATES`. Raises `UserError` for layers, parts and gates that the model does not
    have."""
    cells = model.network.cells
    if not cells:
        raise UserError("this model has no recurrent layers, so it has no cells.")
    if not 0 <= layer < len(cells):
        raise UserError(f"layer: there is no layer {layer}; they go from 0 to {len(cells) - 1}.")
    cell = cells[layer]
    found = what or ("cells" if "c" in cell.state else "outputs")
    if found == GATES:
        if not cell.gates:
            raise UserError(f"what: layer {layer} is of {cell.name}, which has no gates; look at its outputs.")
        if gate not in cell.gates:
            raise UserError(f"gate: layer {layer} is of {cell.name}, whose gates are {', '.join(cell.gates)}.")
        return found, cell.width
    if gate is not None:
        raise UserError(f"gate: it is only for {GATES}; leave it out, or ask for {GATES}.")
    if found not in PARTS:
        raise UserError(f"what: {found!r} is not known: {', '.join(PARTS)} or {GATES}.")
    if PARTS[found] not in cell.state:
        raise UserError(f"what: layer {layer} is of {cell.name}, which has no memory cells; look at its outputs.")
    return found, cell.width


def activity(
    model: Trained, symbols: np.ndarray, layer: int = 0, what: str | None = None, gate: str | None = None
) -> Iterator[np.ndarray]:
    """What the units of a layer hold behind each of the symbols [N]: blocks [n, H] float32, real numbers.

    Row t is the state after symbol t was read. Where a unit of the reset policy ends with it, that is the state in
    which the next one begins. Of models of text in whole numbers, memory cells are multiples of 1/2048 between -16 and
    16, and outputs are multiples of 1/127 (`rhapsode.arithmetic.quantise`); gates are multiples of 1/32768.

    Of gates, row t has them in the step that led to that state, from 0, closed, to 1, open. Raises `UserError`, see
    `part_of`.
    """
    found, _ = part_of(model, layer, what, gate)
    if found == GATES:
        which = model.network.cells[layer].gates.index(gate or "")
        yield from (gates[:, which] for gates in _gates(model, symbols, layer))
        return
    name, reader = PARTS[found], reader_of(model)
    for at in range(0, len(symbols), BLOCK):
        rows = []
        for symbol in symbols[at : at + BLOCK]:
            reader.read(np.array([symbol], np.int64))
            rows.append(reader.state[layer][name][0])
        yield np.stack(rows)


class _Watched(Engine):
    """An engine that keeps what it has read last, [B, *shape of a step], and the state before that."""

    inputs: np.ndarray
    before: State

    def __init__(self, engine: Engine) -> None:
        self._engine, self.name = engine, engine.name

    def zeros(self, rows: int) -> State:
        return self._engine.zeros(rows)

    def real(self, state: State) -> State:
        return self._engine.real(state)

    def attend(
        self, inputs: np.ndarray, state: State, text: Texts | None, covariates: np.ndarray | None = None
    ) -> tuple[np.ndarray, State, np.ndarray]:
        if len(inputs) > 1:
            _, state, _ = self._engine.attend(inputs[:-1], state, text, covariates)
        self.inputs, self.before = inputs[-1], state
        return self._engine.attend(inputs[-1:], state, text, covariates)


def _gates(model: Trained, symbols: np.ndarray, layer: int) -> Iterator[np.ndarray]:
    """All gates of a layer at each of the symbols [N]: blocks [n, G, H] float32. The states before all steps of a block
    are known, so the steps are computed side by side, as rows."""
    compute, watched, own = _gating(model, layer), _Watched(model.engine), shallow(model)
    own.engine = watched
    reader = Reader(own)
    for at in range(0, len(symbols), BLOCK):
        inputs, before = list[np.ndarray](), list[State]()
        for symbol in symbols[at : at + BLOCK]:
            reader.read(np.array([symbol], np.int64))
            inputs.append(watched.inputs)
            before.append(watched.before)
        yield compute(np.concatenate(inputs), tuple(map(np.concatenate, zip(*before, strict=True))))


def _gating(model: Trained, layer: int) -> Callable[[np.ndarray, State], np.ndarray]:
    """Inputs [n, *shape of a step], and the states before → the gates of a layer [n, G, H], in the model's own
    arithmetic."""
    if model.whole:
        whole = Integers(model.network, model.tensors, program(model.network))
        return lambda inputs, state: whole.gates(inputs, state, layer)
    engine, cell = OnnxEngine(model.network.gates(model.weights, layer)), model.network.cells[layer]
    shape = len(cell.gates), cell.width
    return lambda inputs, state: engine.run(inputs[None], state)[0].reshape(-1, *shape)


def saturation(gates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In which share of the steps the gate of each unit is open, and in which it is closed: [T, H] → [H] and [H]."""
    steps = max(1, len(gates))
    return (gates > OPEN).sum(axis=0) / steps, (gates < CLOSED).sum(axis=0) / steps


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
