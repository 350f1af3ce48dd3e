"""Programs: what each layer of a network reads, for the arithmetic in whole numbers (docs/arithmetic.md).

A program is traced from the network's one forward pass, by a third backend of the operations. The others are
`rhapsode.nn.tensors` and `rhapsode.nn.engine`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rhapsode.arithmetic.quantise import Unfit
from rhapsode.nn.attention._attention import Attention
from rhapsode.nn.operations import Operations

if TYPE_CHECKING:
    from rhapsode.nn.cells._cell import Cell
    from rhapsode.nn.encoder import Encoder
    from rhapsode.nn.network import Network

EMBEDDING, COVARIATES, ATTENDED = "embedding", "covariates", "attended"
NUMBERS = (EMBEDDING, COVARIATES, ATTENDED)
"""The sources of numbers. All other sources are layers, and give activations."""
FEED_FORWARD = "tanh"
"""The cell of a layer that does not read its own output."""
CELLS: dict[str, tuple[str, ...]] = {
    "": (),
    FEED_FORWARD: (),
    "rnn": ("h",),
    "lstm": ("h", "c"),
    "peephole": ("h", "c"),
}
"""The cells that have a form in whole numbers → the parts of their state: the output h, and memory cells c."""


@dataclass(frozen=True)
class Weight:
    """A float32 weight: its name and shape, and which of its rows are meant."""

    name: str
    shape: tuple[int, ...]
    rows: slice | None = None

    def __getitem__(self, rows: slice) -> Weight:
        return replace(self, rows=rows)

    @property
    def count(self) -> int:
        """How many rows are meant."""
        return len(range(self.shape[0])[self.rows or slice(None)])

    def of(self, weights: Mapping[str, np.ndarray]) -> np.ndarray:
        return weights[self.name] if self.rows is None else weights[self.name][self.rows]


@dataclass(frozen=True)
class Columns:
    """The columns `begin` to `end` of a weight, by which a source is read."""

    source: str
    weight: Weight
    begin: int
    end: int


@dataclass(frozen=True)
class Layer:
    """A layer: of a network, of an encoder, or a linear layer.

    cell:     the name of its cell, `FEED_FORWARD`, or empty for a linear layer.
    width:    H; of a linear layer, its outputs.
    columns:  what it reads, in order; its own output of the step before comes last.
    backward: it reads the last step first.
    whole:    of a linear layer: its outputs are logits, not doubles.
    """

    name: str
    cell: str
    width: int
    columns: tuple[Columns, ...]
    bias: Weight
    peephole: Weight | None = None
    backward: bool = False
    whole: bool = False

    @property
    def activations(self) -> tuple[Columns, ...]:
        """Those of layers."""
        return tuple(one for one in self.columns if one.source not in NUMBERS)

    @property
    def numbers(self) -> tuple[Columns, ...]:
        """Those of sources of numbers."""
        return tuple(one for one in self.columns if one.source in NUMBERS)

    @property
    def state(self) -> tuple[str, ...]:
        """The names of its state's parts, each [B, H]."""
        return CELLS[self.cell]

    @property
    def gates(self) -> int:
        """Rows of its weights for each of its units."""
        return 4 if len(self.state) == 2 else 1


@dataclass(frozen=True)
class Program:
    """What is computed for each step, in order.

    layers:   the recurrent and feed-forward layers, first layer first.
    steering: the linear layer that steers the attention, which comes after the first layer. None without attention.
    output:   the linear layer that gives the parameters. None of an encoder, which gives what `given` says.
    given:    the outputs of these layers, joined.
    feedback: the first layer reads what was attended at the step before.
    fine:     activations are int16, and the output is doubles. If not, they are int8, and the output is logits.
              (An encoder is always fine.)
    """

    layers: tuple[Layer, ...]
    steering: Layer | None
    output: Layer | None
    given: tuple[str, ...] = ()
    feedback: bool = False
    fine: bool = False

    @property
    def types(self) -> dict[str, type]:
        """The types of the parts of a layer's state."""
        return {"h": np.int16 if self.fine else np.int8, "c": np.int16}

    def every(self) -> Iterator[Layer]:
        """All layers."""
        yield from self.layers
        yield from (one for one in (self.steering, self.output) if one)


class Piece(NamedTuple):
    """So many numbers of a value: the sum of the outputs of some sources."""

    width: int
    sources: tuple[str, ...]


class Value(NamedTuple):
    """A value while the forward pass is traced: its pieces, and the linear layer that gave it, if one did."""

    pieces: tuple[Piece, ...]
    linear: Layer | None = None


class Trace(Operations[Value]):
    """Takes down what the layers of a forward pass read."""

    def __init__(self, whole: bool = False) -> None:
        """whole: whether the output layer gives logits."""
        self._whole = whole
        self.layers: list[Layer] = []
        self.steering: Layer | None = None

    def concatenate(self, parts: Sequence[Value]) -> Value:
        return Value(tuple(piece for one in parts for piece in one.pieces))

    def sum(self, one: Value, other: Value) -> Value:
        pairs = zip(one.pieces, other.pieces, strict=True)
        return Value(tuple(Piece(a.width, a.sources + b.sources) for a, b in pairs))

    def tanh(self, x: Value) -> Value:
        assert x.linear is not None
        return self._added(replace(x.linear, cell=FEED_FORWARD))

    def linear(self, x: Value, weight: Weight, bias: Weight, exact: bool = False) -> Value:
        name = bias.name.removesuffix(".bias")
        return Value((), Layer(name, "", bias.shape[0], self._columns(x, weight), bias, whole=self._whole))

    def drop(self, x: Value, place: str) -> Value:
        return x

    def layer(
        self, cell: Cell, weights: Mapping[str, Any], x: Value, state: tuple[Value, ...]
    ) -> tuple[Value, tuple[Value, ...]]:
        return self._layer(cell, weights, x), state

    def direction(self, cell: Cell, weights: Mapping[str, Any], x: Value, backward: bool) -> Value:
        return self._layer(cell, weights, x, backward)

    def attend(
        self,
        attention: Attention,
        weights: Mapping[str, Any],
        cell: Cell,
        layer: Mapping[str, Any],
        x: Value,
        before: tuple[Value, ...],
        state: tuple[Value, ...],
    ) -> tuple[Value, Value, tuple[Value, ...], tuple[Value, ...]]:
        if type(attention).step is Attention.step:
            raise Unfit(f"attention {attention.name} has no form in whole numbers")
        attended = Value((Piece(attention.width, (ATTENDED,)),))
        y = self._layer(cell, layer, self.concatenate([x, attended]) if attention.feedback else x)
        weight, bias = weights["weight"], weights["bias"]
        self.steering = Layer("attention", "", bias.shape[0], self._columns(y, weight), bias)
        return y, attended, before, state

    def _layer(self, cell: Cell, weights: Mapping[str, Any], x: Value, backward: bool = False) -> Value:
        if cell.name not in CELLS:
            others = ", ".join(sorted(name for name in CELLS if name not in ("", FEED_FORWARD)))
            raise Unfit(f"cell {cell.name} has no form in whole numbers; {others} have one")
        name = weights["recurrent"].name.removesuffix(".recurrent")
        own = Columns(name, weights["recurrent"], 0, cell.width)
        columns = (*self._columns(x, weights["input"]), own)
        return self._added(
            Layer(name, cell.name, cell.width, columns, weights["bias"], weights.get("peephole"), backward)
        )

    def _added(self, layer: Layer) -> Value:
        self.layers.append(layer)
        return Value((Piece(layer.width, (layer.name,)),))

    def _columns(self, x: Value, weight: Weight) -> tuple[Columns, ...]:
        found, begin = list[Columns](), 0
        for width, sources in x.pieces:
            found += [Columns(source, weight, begin, begin + width) for source in sources]
            begin += width
        return tuple(found)


def program(network: Network) -> Program:
    """What a network computes, after its encoder. Raises `Unfit` for cells and attentions that have no such form."""
    fine = not (network.head.whole and network.cells)
    trace = Trace(whole=not fine)
    parts = []
    if network.config.autoregressive:
        parts.append(Value((Piece(network.embedding.width, (EMBEDDING,)),)))
    if network.covariates:
        parts.append(Value((Piece(network.encoded, (COVARIATES,)),)))
    weights = {name: Weight(name, shape) for name, shape in network.shapes.items()}
    found, _ = network.forward(trace, weights, parts, tuple(Value(()) for _ in network.widths))
    return Program(tuple(trace.layers), trace.steering, found.linear, feedback=network.config.feedback, fine=fine)


def encoder_program(encoder: Encoder) -> Program:
    """What an encoder computes."""
    trace = Trace()
    weights = {name: Weight(f"encoder.{name}", shape) for name, shape in encoder.shapes.items()}
    found = encoder.forward(trace, weights, Value((Piece(encoder.inputs, (COVARIATES,)),)))
    given = tuple(source for piece in found.pieces for source in piece.sources)
    return Program(tuple(trace.layers), None, None, given, fine=True)
