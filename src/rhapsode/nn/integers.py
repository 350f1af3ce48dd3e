"""The network in whole numbers: docs/arithmetic.md specifies it.

A *program* says what each layer reads. It is traced from the network's one forward pass, by a third backend of the
operations. The program and float32 weights give integer tensors (`quantise`); the program and the tensors are run by
`Integers`, here in numpy, which is the reference, or by the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rhapsode.arithmetic import quantise as q
from rhapsode.arithmetic import tables
from rhapsode.arithmetic.quantise import exact_product
from rhapsode.nn.operations import Operations, part

if TYPE_CHECKING:
    from rhapsode.nn.attention._attention import Attention
    from rhapsode.nn.cells._cell import Cell
    from rhapsode.nn.encoder import Encoder
    from rhapsode.nn.engine import State, Texts
    from rhapsode.nn.network import Network

EMBEDDING, COVARIATES, ATTENDED = "embedding", "covariates", "attended"
LARGEST_TABLE = 1 << 26
"""The most entries of a table for all symbols. Shares of larger vocabularies are computed step by step."""
HALF = 4096
"""Tables begin at -HALF, in units of a gate's sum, and end before HALF."""
NUMBERS = (EMBEDDING, COVARIATES, ATTENDED)
"""The sources of numbers. All other sources are layers, and give activations."""
FEED_FORWARD = "tanh"
"""The cell of a layer that does not read its own output."""


@dataclass(frozen=True)
class Weight:
    """A float32 weight: its name and shape, and which of its rows are meant."""

    name: str
    shape: tuple[int, ...]
    rows: slice | None = None

    def __getitem__(self, rows: slice) -> Weight:
        return replace(self, rows=rows)

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
    def state(self) -> tuple[type, ...]:
        """The types of its state's parts, each [B, H]."""
        return {"": (), FEED_FORWARD: (), "rnn": (np.int8,)}.get(self.cell, (np.int8, np.int16))

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
    """

    layers: tuple[Layer, ...]
    steering: Layer | None
    output: Layer | None
    given: tuple[str, ...] = ()
    feedback: bool = False

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
        attended = Value((Piece(attention.width, (ATTENDED,)),))
        y = self._layer(cell, layer, self.concatenate([x, attended]) if attention.feedback else x)
        weight, bias = weights["weight"], weights["bias"]
        self.steering = Layer("attention", "", bias.shape[0], self._columns(y, weight), bias)
        return y, attended, before, state

    def _layer(self, cell: Cell, weights: Mapping[str, Any], x: Value, backward: bool = False) -> Value:
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
    """What a network computes, after its encoder."""
    trace = Trace(network.head.whole)
    parts = []
    if network.config.autoregressive:
        parts.append(Value((Piece(network.embedding.width, (EMBEDDING,)),)))
    if network.covariates:
        parts.append(Value((Piece(network.encoded, (COVARIATES,)),)))
    weights = {name: Weight(name, shape) for name, shape in network.shapes.items()}
    found, _ = network.forward(trace, weights, parts, tuple(Value(()) for _ in network.widths))
    return Program(tuple(trace.layers), trace.steering, found.linear, feedback=network.config.feedback)


def encoder_program(encoder: Encoder) -> Program:
    """What an encoder computes."""
    trace = Trace()
    weights = {name: Weight(f"encoder.{name}", shape) for name, shape in encoder.shapes.items()}
    found = encoder.forward(trace, weights, Value((Piece(encoder.inputs, (COVARIATES,)),)))
    given = tuple(source for piece in found.pieces for source in piece.sources)
    return Program(tuple(trace.layers), None, None, given)


def quantise(network: Network, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Float32 weights as integer tensors, of a network and its encoder. Raises `Unfit`."""
    found: dict[str, np.ndarray] = {}
    table = None
    if "embedding" in weights:
        rows = q.embedding(weights["embedding"])
        table = q.embedded(rows)
        found |= _named("embedding", rows)
    for layer in _layers(network):
        kernel = _joined(layer.activations, weights)
        bias = layer.bias.of(weights)
        if layer.cell or layer.whole:
            unit = q.GATE if layer.cell else q.LOGIT
            most = q.SEVEN_BITS if network.head.whole else q.EIGHT_BITS
            if layer.activations:
                found |= _named(f"{layer.name}.kernel", q.activations(kernel, unit, most))
            found[f"{layer.name}.bias"] = q.bias(bias, unit)
            for one in layer.numbers:
                w = _joined([one], weights)
                found |= _named(f"{layer.name}.{one.source}", q.numbers(w, reach(network, one, table)))
        else:
            if layer.activations:
                found |= _named(f"{layer.name}.kernel", q.doubles(kernel, q.ACTIVATION, q.ACTIVATION))
            for one in layer.numbers:
                w = _joined([one], weights)
                found |= _named(f"{layer.name}.{one.source}", q.doubles(w, q.NUMBER, q.LARGEST_NUMBER))
            found[f"{layer.name}.bias"] = bias.astype(np.float64)
        if layer.peephole:
            rows = q.peepholes(layer.peephole.of(weights))
            found[f"{layer.name}.peephole"], found[f"{layer.name}.peephole.shift"] = rows.weights, rows.shift
    return found | {name: w for name, w in weights.items() if name.startswith("head.")}


def real(network: Network, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The float32 weights that integer tensors stand for."""
    found = {name: np.zeros(shape, np.float32) for name, shape in network.shapes.items()}
    for layer in _layers(network):
        unit = q.GATE if layer.cell else q.LOGIT
        for columns, name, per in [
            (layer.activations, "kernel", q.ACTIVATION),
            *(([one], one.source, q.NUMBER) for one in layer.numbers),
        ]:
            if not columns:
                continue
            rows = rows_of(tensors, f"{layer.name}.{name}")
            w = q.real(rows, unit / per) if isinstance(rows, q.Rows) else q.real_scaled(rows, per)
            at = 0
            for one in columns:
                width = one.end - one.begin
                if not (one.weight.name == "embedding"):  # tied: the embedding's own rows are more exact
                    found[one.weight.name][:, one.begin : one.end] = w[:, at : at + width]
                at += width
        bias = tensors[f"{layer.name}.bias"]
        found[layer.bias.name][:] = bias / unit if bias.dtype == np.int32 else bias
        if layer.peephole:
            shift = int(tensors[f"{layer.name}.peephole.shift"])
            found[layer.peephole.name][:] = tensors[f"{layer.name}.peephole"] * (4.0 * 2.0**-shift)
    if "embedding" in found:
        rows = rows_of(tensors, "embedding")
        assert isinstance(rows, q.Rows)
        found["embedding"] = q.real(rows, q.NUMBER)
    return found | {name: np.asarray(w) for name, w in tensors.items() if name.startswith("head.")}


def rows_of(tensors: Mapping[str, np.ndarray], name: str) -> q.Rows | q.Scaled:
    """The matrix of this name."""
    if f"{name}.scale" in tensors:
        return q.Scaled(tensors[name], tensors[f"{name}.scale"])
    return q.Rows(tensors[name], tensors[f"{name}.multiplier"], tensors[f"{name}.shift"])


def reach(network: Network, columns: Columns, table: np.ndarray | None) -> q.Reach:
    """What these columns, of a source of numbers, read at the most. table: the embedding, as numbers."""
    if columns.source == EMBEDDING:
        if table is not None:
            return q.Reach(np.abs(table.astype(np.int64)).max(axis=0))
        if network.embedding.groups:
            return q.Reach(np.full(network.embedding.width, q.NUMBER), network.embedding.groups)
    return q.Reach(np.full(columns.end - columns.begin, q.LARGEST_NUMBER))


def _layers(network: Network) -> Iterator[Layer]:
    """All layers, those of the encoder first."""
    if network.encoder:
        yield from encoder_program(network.encoder).every()
    yield from program(network).every()


def _named(name: str, rows: q.Rows | q.Scaled) -> dict[str, np.ndarray]:
    fields = rows._asdict()
    return {name: fields.pop("weights")} | {f"{name}.{field}": value for field, value in fields.items()}


def _joined(columns: Sequence[Columns], weights: Mapping[str, np.ndarray]) -> np.ndarray:
    parts = [one.weight.of(weights)[:, one.begin : one.end] for one in columns]
    return np.concatenate(parts, axis=1) if parts else np.zeros((0, 0), np.float32)


class Integers:
    """Runs integer tensors, as `rhapsode.nn.engine.Engine` runs a graph: in numpy, as the reference."""

    def __init__(self, network: Network, tensors: Mapping[str, np.ndarray], program: Program) -> None:
        """program: of the network, or of its encoder."""
        self._network, self._program = network, program
        table = rows_of(tensors, "embedding") if "embedding" in tensors else None
        self._table = q.embedded(table) if isinstance(table, q.Rows) else None
        self._layers = [_Recurrent(layer, tensors) for layer in program.layers]
        self._steering, self._output = (one and _Linear(one, tensors) for one in (program.steering, program.output))
        self._symbols = self._symbol_tables()

    def zeros(self, rows: int) -> State:
        """The state of `rows` rows that have read nothing."""
        types: list[tuple[int, type]] = [(one.width, kind) for one in self._program.layers for kind in one.state]
        attention = self._network.attention
        if self._program.steering and attention:
            types += [(width, np.float64) for width in attention.state]
            types += [(attention.width, np.int16)] * self._program.feedback
        return tuple(np.zeros((rows, width), kind) for width, kind in types)

    def run(
        self, inputs: np.ndarray, state: State, text: Texts | None = None, covariates: np.ndarray | None = None
    ) -> tuple[np.ndarray, State]:
        """As `Engine.run`. Parameters are int32 logits, or float64; of an encoder, its output in float32."""
        return self.attend(inputs, state, text, covariates)[:2]

    def attend(
        self, inputs: np.ndarray, state: State, text: Texts | None, covariates: np.ndarray | None = None
    ) -> tuple[np.ndarray, State, np.ndarray]:
        """As `Engine.attend`."""
        if self._program.feedback and len(inputs) > 1:  # each step reads what the one before attended to
            found, where = list[np.ndarray](), list[np.ndarray]()
            for t, step in enumerate(inputs):
                known = None if covariates is None else covariates[t : t + 1]
                one, state, seen = self.attend(step[None], state, text, known)
                found.append(one)
                where.append(seen)
            return np.concatenate(found), state, np.concatenate(where)
        steps, rows = inputs.shape[:2]
        seen = np.zeros((steps, rows, 0), np.float32)
        values: dict[str, np.ndarray] = {}
        if self._program.output is None:
            values[COVARIATES] = q.number(inputs)
        elif covariates is not None:
            values[COVARIATES] = q.number(covariates)
        parts = iter(state)
        before = [tuple(next(parts) for _ in one.layer.state) for one in self._layers]
        attending = tuple(parts)
        if self._program.feedback:
            values[ATTENDED] = attending[-1][None]
        new_state = list[np.ndarray]()
        for n, one in enumerate(self._layers):
            z = self._shares(one, inputs, values)
            values[one.layer.name], new = one.run(z, values, before[n])
            new_state += new
            if n == 0 and self._steering:
                steering = self._steering.run(values)
                values[ATTENDED], attending, seen = self._attended(steering, attending, text)
        new_state += attending
        if self._output is None:
            given = np.concatenate([values[name] for name in self._program.given], axis=-1)
            return given.astype(np.float32) / np.float32(q.ACTIVATION), tuple(new_state), seen
        return self._output.run(values), tuple(new_state), seen

    def _symbol_tables(self) -> dict[str, np.ndarray]:
        """Layer → the share of each symbol in its sums, [V + 1, R] int32, where steps are symbols."""
        kind, found = self._network.steps, {}
        if self._program.output and not kind.shape and np.issubdtype(kind.input_dtype, np.integer):
            symbols = np.arange(int(kind.start) + 1)
            for one in self._layers:
                rows = one.numbers.get(EMBEDDING)
                if rows and len(symbols) * len(rows.weights) <= LARGEST_TABLE:
                    sums = self._network.embedding.sums(rows.weights, symbols, self._table)
                    found[one.layer.name] = share(rows, sums)
        return found

    def _shares(self, one: _Recurrent, inputs: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """The sums of gates [T, B, R] int32 but for what activations add."""
        z = np.broadcast_to(one.bias, (*inputs.shape[:2], len(one.bias)))
        for source, rows in one.numbers.items():
            if source == EMBEDDING and one.layer.name in self._symbols:
                z = z + self._symbols[one.layer.name][inputs]
            elif source == EMBEDDING:
                z = z + share(rows, self._network.embedding.sums(rows.weights, inputs, self._table))
            else:
                z = z + share(rows, exact_product(values[source], rows.weights))
        return z

    def _attended(self, steering: np.ndarray, state: State, text: Texts | None) -> tuple[np.ndarray, State, np.ndarray]:
        """steering [T, B, 3K] → what is attended [T, B, C] int16, the new state, and the weights [T, B, U] float32."""
        assert self._network.attention is not None and text is not None
        own = state[: len(self._network.attention.state)]
        found, where = list[np.ndarray](), list[np.ndarray]()
        for parameters in steering:
            w, phi, own = self._network.attention.step(parameters, own, text)
            found.append(q.number(w))
            where.append(phi.astype(np.float32))
        return np.stack(found), (*own, *[found[-1]] * self._program.feedback), np.stack(where)


class _Recurrent:
    """A layer with its tensors."""

    def __init__(self, layer: Layer, tensors: Mapping[str, np.ndarray]) -> None:
        self.layer = layer
        self.bias = tensors[f"{layer.name}.bias"]
        rows = {one.source: rows_of(tensors, f"{layer.name}.{one.source}") for one in layer.numbers}
        self.numbers = {source: one for source, one in rows.items() if isinstance(one, q.Rows)}
        self._kernel = None
        if layer.activations:
            kernel = rows_of(tensors, f"{layer.name}.kernel")
            assert isinstance(kernel, q.Rows)
            own = kernel.weights.shape[1] - layer.width * bool(layer.state)
            self._kernel = kernel
            self._below, self._own = _Product(kernel.weights[:, :own]), _Product(kernel.weights[:, own:])
        self._sources = [one.source for one in layer.activations[: -1 if layer.state else None]]
        self._peephole = tensors.get(f"{layer.name}.peephole")
        if self._peephole is not None:
            self._peephole_shift = int(tensors[f"{layer.name}.peephole.shift"])

    def run(self, z: np.ndarray, values: Mapping[str, np.ndarray], state: State) -> tuple[np.ndarray, State]:
        """z [T, B, R]: the sums of gates without activations. values: source → activations [T, B, H] → the outputs
        [T, B, H] int8, and the new state."""
        below = np.zeros((), np.int32)
        if self._sources:
            below = self._below(np.concatenate([values[source] for source in self._sources], axis=-1))
        if not self.layer.state:
            return tanh_of(z + self._share(below) if self._kernel else z), ()
        order = range(len(z))
        outputs = np.empty((*z.shape[:2], self.layer.width), np.int8)
        for t in reversed(order) if self.layer.backward else order:
            sums = self._own(state[0]) + (below[t] if below.ndim else 0)
            state = self._step(z[t] + self._share(sums), state)
            outputs[t] = state[0]
        return outputs, state

    def _share(self, sums: np.ndarray) -> np.ndarray:
        assert self._kernel is not None
        return scaled(self._kernel, sums)

    def _step(self, z: np.ndarray, state: State) -> State:
        """One step of a recurrent cell: sums [B, R] and its state → its new state, the first part of which is h."""
        if len(state) == 1:
            return (tanh_of(z),)
        zi, zf, zg, zo = np.split(z, 4, axis=-1)
        c = state[1].astype(np.int32)
        if self._peephole is not None:
            p = self._peephole.astype(np.int32)
            zi, zf = zi + self._peep(p[0], c), zf + self._peep(p[1], c)
        i, f, g = of(tables.sigmoid(), zi), of(tables.sigmoid(), zf), of(tables.tanh(), zg)
        c = np.clip((f * c + ((i * g) >> 4) + 16384) >> 15, -32768, 32767)
        if self._peephole is not None:
            zo = zo + self._peep(p[2], c)
        h = (((of(tables.sigmoid(), zo) * of(tables.tanh(), (c + 2) >> 2)) >> 15) * q.ACTIVATION + 16384) >> 15
        return h.astype(np.int8), c.astype(np.int16)

    def _peep(self, p: np.ndarray, c: np.ndarray) -> np.ndarray:
        return np.asarray((p * c + (1 << (self._peephole_shift - 1))) >> self._peephole_shift)


class _Linear:
    """A linear layer with its tensors."""

    def __init__(self, layer: Layer, tensors: Mapping[str, np.ndarray]) -> None:
        self._layer, self._bias = layer, tensors[f"{layer.name}.bias"]
        self._sources = [one.source for one in layer.activations]
        name = "kernel" if self._sources else COVARIATES
        self._rows = rows_of(tensors, f"{layer.name}.{name}")
        self._product = _Product(self._rows.weights)

    def run(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Source → values [T, B, K] → outputs [T, B, R]: int32 logits or float64."""
        if self._sources:
            sums = self._product(np.concatenate([values[source] for source in self._sources], axis=-1))
        else:
            sums = exact_product(values[COVARIATES], self._rows.weights)
        if isinstance(self._rows, q.Rows):
            return np.asarray(scaled(self._rows, sums) + self._bias, np.int32)
        return np.asarray(sums.astype(np.float64) * self._rows.scale + self._bias)


class _Product:
    """Products of activations with weights [R, K]: exact, in floating point, where BLAS is fast."""

    def __init__(self, weights: np.ndarray) -> None:
        most = int(np.abs(weights.astype(np.int64)).sum(axis=1).max(initial=0)) * q.ACTIVATION
        # A sum of whole numbers is exact in any order as long as it has no more bits than the type's fraction.
        self._type = np.float32 if most < 1 << 24 else np.float64
        self._weights = np.ascontiguousarray(weights.T, self._type)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """[..., K] int8 → [..., R] int32."""
        return np.asarray((x.astype(self._type) @ self._weights).astype(np.int32))


def scaled(rows: q.Rows, sums: np.ndarray) -> np.ndarray:
    """Sums over activations [..., R] in units of the result, int32."""
    shift = int(rows.shift)
    return np.asarray((sums * rows.multiplier + np.int32(1 << (shift - 1))) >> shift)


def share(rows: q.Rows, sums: np.ndarray) -> np.ndarray:
    """Sums over numbers that are read [..., R] in units of the result, cut: int32."""
    shift = int(rows.shift)
    found = (sums.astype(np.int64) * rows.multiplier + (1 << (shift - 1))) >> shift
    return np.clip(found, -q.LARGEST_BIAS, q.LARGEST_BIAS).astype(np.int32)


def of(table: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The table's values at sums z: int32."""
    return table[np.clip(z, -HALF, HALF - 1) + HALF].astype(np.int32)


def tanh_of(z: np.ndarray) -> np.ndarray:
    """tanh of sums, as activations: int8."""
    return np.asarray((of(tables.tanh(), z) * q.ACTIVATION + 16384) >> 15).astype(np.int8)
