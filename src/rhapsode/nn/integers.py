"""The reference of the arithmetic in whole numbers, in numpy: docs/arithmetic.md specifies it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import quantise as q
from rhapsode.arithmetic import tables
from rhapsode.arithmetic.quantise import exact_product
from rhapsode.nn.engine import Engine, State, Texts
from rhapsode.nn.program import ATTENDED, COVARIATES, EMBEDDING, Layer, Program
from rhapsode.nn.quantised import KERNEL, embedded, rows_of, whole_rows

if TYPE_CHECKING:
    from rhapsode.nn.network import Network

LARGEST_TABLE = 1 << 26
"""The most entries of a table for all symbols. Shares of larger vocabularies are computed step by step."""
HALF = 4096
"""Tables begin at -HALF, in units of a gate's sum, and end before HALF."""


class WholeNumbers(Engine):
    """Runs integer tensors."""

    def __init__(self, network: Network, program: Program) -> None:
        """program: of the network, or of its encoder."""
        self._network, self._program = network, program

    def zeros(self, rows: int) -> State:
        return tuple(np.zeros((rows, width), kind) for width, kind, _ in self._parts())

    def real(self, state: State) -> State:
        units = (unit for _, _, unit in self._parts())
        return tuple(part.astype(np.float32) / np.float32(unit) for part, unit in zip(state, units, strict=True))

    def _parts(self) -> Iterator[tuple[int, type, int]]:
        """Of each part of the state: its width, its type, and how many units make 1."""
        units = {"h": q.FINE if self._program.fine else q.COARSE, "c": q.CELL}
        for one in self._program.layers:
            yield from ((one.width, self._program.types[name], units[name]) for name in one.state)
        attention = self._network.attention
        if self._program.steering and attention:
            yield from ((width, np.float64, 1) for width in attention.state)
            yield from [(attention.width, np.int16, q.NUMBER)] * self._program.feedback


class Integers(WholeNumbers):
    """Runs integer tensors in numpy: the reference."""

    name = "numpy"

    def __init__(self, network: Network, tensors: Mapping[str, np.ndarray], program: Program) -> None:
        super().__init__(network, program)
        self._table = embedded(tensors)
        self._layers = [_Recurrent(layer, tensors, program.fine) for layer in program.layers]
        self._steering = _Linear(program.steering, tensors, program.fine) if program.steering else None
        self._output = _Linear(program.output, tensors, program.fine) if program.output else None
        self._symbols = self._symbol_tables()

    def gates(self, inputs: np.ndarray, state: State, layer: int) -> np.ndarray:
        """The gates of a layer at one step, [B, G, H] float32: inputs [B, *shape of a step], and the state before it.
        For networks without attention and covariates."""
        values: dict[str, np.ndarray] = {}
        parts = iter(state)
        for n, one in enumerate(self._layers):
            before = tuple(next(parts) for _ in one.layer.state)
            z = self._shares(one, inputs[None], values)
            if n == layer:
                return one.gates(z, values, before)
            values[one.layer.name], _ = one.run(z, values, before)
        raise ValueError(f"there is no layer {layer}")

    def attend(
        self, inputs: np.ndarray, state: State, text: Texts | None, covariates: np.ndarray | None = None
    ) -> tuple[np.ndarray, State, np.ndarray]:
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
        for n, layer in enumerate(self._layers):
            z = self._shares(layer, inputs, values)
            values[layer.layer.name], new = layer.run(z, values, before[n])
            new_state += new
            if n == 0 and self._steering:
                steering = self._steering.run(values)
                values[ATTENDED], attending, seen = self._attended(steering, attending, text)
        new_state += attending
        if self._output is None:
            given = np.concatenate([values[name] for name in self._program.given], axis=-1)
            return given.astype(np.float32) / np.float32(q.FINE), tuple(new_state), seen
        return self._output.run(values), tuple(new_state), seen

    def _symbol_tables(self) -> dict[str, np.ndarray]:
        """Layer → the share of each symbol in its sums, [V + 1, R] int32, where steps are symbols."""
        symbols, found = np.arange(self._network.steps.symbols), {}
        for one in self._layers:
            rows = one.numbers.get(EMBEDDING)
            if rows and 0 < len(symbols) * len(rows.weights) <= LARGEST_TABLE:
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

    def __init__(self, layer: Layer, tensors: Mapping[str, np.ndarray], fine: bool) -> None:
        """fine: activations are fine."""
        self.layer, self._fine = layer, fine
        self._one = q.FINE if fine else q.COARSE
        self._type: type = np.int16 if fine else np.int8
        self.bias = tensors[f"{layer.name}.bias"]
        self.numbers = {one.source: whole_rows(tensors, f"{layer.name}.{one.source}") for one in layer.numbers}
        self._kernel = None
        if layer.activations:
            kernel = whole_rows(tensors, f"{layer.name}.{KERNEL}")
            own = kernel.weights.shape[1] - layer.width * bool(layer.state)
            self._kernel = kernel
            self._below, self._own = (_Product(w, self._one) for w in np.split(kernel.weights, [own], axis=1))
        self._sources = [one.source for one in layer.activations[: -1 if layer.state else None]]
        self._peephole = tensors.get(f"{layer.name}.peephole")
        if self._peephole is not None:
            self._peephole_shift = int(tensors[f"{layer.name}.peephole.shift"])

    def run(self, z: np.ndarray, values: Mapping[str, np.ndarray], state: State) -> tuple[np.ndarray, State]:
        """z [T, B, R]: the sums of gates without activations. values: source → activations [T, B, H] → the outputs
        [T, B, H], and the new state."""
        below = self._read(values)
        if not self.layer.state:
            return self._tanh(z + self._share(below) if self._kernel else z), ()
        order = range(len(z))
        outputs = np.empty((*z.shape[:2], self.layer.width), self._type)
        for t in reversed(order) if self.layer.backward else order:
            sums = self._own(state[0]) + (below[t] if below.ndim else 0)
            state = self._step(z[t] + self._share(sums), state)
            outputs[t] = state[0]
        return outputs, state

    def _read(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """The sums over the activations of other layers [T, B, R] int32, of which all steps are known; [] for none."""
        if not self._sources:
            return np.zeros((), np.int32)
        return self._below(np.concatenate([values[source] for source in self._sources], axis=-1))

    def gates(self, z: np.ndarray, values: Mapping[str, np.ndarray], state: State) -> np.ndarray:
        """One step of a layer with memory cells, as of `run`: the gates i, f, o [B, 3, H] float32."""
        below = self._read(values)
        sums = self._own(state[0]) + (below[0] if below.ndim else 0)
        i, f, o, _ = self._gated(z[0] + self._share(sums), state)
        return np.stack([i, f, o], axis=1).astype(np.float32) / np.float32(32768)

    def _share(self, sums: np.ndarray) -> np.ndarray:
        assert self._kernel is not None
        return share(self._kernel, sums) if self._fine else scaled(self._kernel, sums)

    def _activation(self, value: np.ndarray) -> np.ndarray:
        """A value in 1/32768 as an activation."""
        return np.asarray((value * self._one + 16384) >> 15).astype(self._type)

    def _tanh(self, z: np.ndarray) -> np.ndarray:
        return self._activation(of(tables.tanh(), z))

    def _step(self, z: np.ndarray, state: State) -> State:
        """One step of a recurrent cell: sums [B, R] and its state → its new state, the first part of which is h."""
        if len(state) == 1:
            return (self._tanh(z),)
        _, _, o, c = self._gated(z, state)
        h = self._activation((o * of(tables.tanh(), (c + 2) >> 2)) >> 15)
        return h, c.astype(np.int16)

    def _gated(self, z: np.ndarray, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The gates i, f, o of a step in 1/32768, and the new memory cells: [B, H] int32."""
        width = z.shape[-1] // 4
        zi, zf, zg, zo = (z[..., n * width : (n + 1) * width] for n in range(4))
        c = state[1].astype(np.int32)
        if self._peephole is not None:
            p = self._peephole.astype(np.int32)
            zi, zf = zi + self._peep(p[0], c), zf + self._peep(p[1], c)
        i, f, g = of(tables.sigmoid(), zi), of(tables.sigmoid(), zf), of(tables.tanh(), zg)
        c = within((f * c + ((i * g) >> 4) + 16384) >> 15, -32768, 32767)
        if self._peephole is not None:
            zo = zo + self._peep(p[2], c)
        return i, f, of(tables.sigmoid(), zo), c

    def _peep(self, p: np.ndarray, c: np.ndarray) -> np.ndarray:
        return np.asarray((p * c + (1 << (self._peephole_shift - 1))) >> self._peephole_shift)


class _Linear:
    """A linear layer with its tensors."""

    def __init__(self, layer: Layer, tensors: Mapping[str, np.ndarray], fine: bool) -> None:
        self._bias = tensors[f"{layer.name}.bias"]
        self._sources = [one.source for one in layer.activations]
        name = KERNEL if self._sources else COVARIATES
        self._rows = rows_of(tensors, f"{layer.name}.{name}")
        self._product = _Product(self._rows.weights, q.FINE if fine else q.COARSE)

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

    def __init__(self, weights: np.ndarray, largest: int) -> None:
        """largest: the greatest activation."""
        most = int(np.abs(weights.astype(np.int64)).sum(axis=1).max(initial=0)) * largest
        # A sum of whole numbers is exact in any order as long as it has no more bits than the type's fraction.
        self._type = np.float32 if most < 1 << 24 else np.float64
        self._weights = np.ascontiguousarray(weights.T, self._type)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """[..., K] → [..., R] int32."""
        return np.asarray(np.matmul(x.astype(self._type), self._weights).astype(np.int32))


def scaled(rows: q.Rows, sums: np.ndarray) -> np.ndarray:
    """Sums over activations [..., R] in units of the result, int32."""
    shift = int(rows.shift)
    return np.asarray((sums * rows.multiplier + np.int32(1 << (shift - 1))) >> shift)


def share(rows: q.Rows, sums: np.ndarray) -> np.ndarray:
    """Sums over numbers that are read [..., R] in units of the result, cut: int32."""
    shift = int(rows.shift)
    found = (sums.astype(np.int64) * rows.multiplier + (1 << (shift - 1))) >> shift
    return within(found, -q.LARGEST_BIAS, q.LARGEST_BIAS).astype(np.int32)


def within(values: np.ndarray, low: int, high: int) -> np.ndarray:
    """As numpy's `clip`, which costs several times as much where there are few values."""
    return np.asarray(np.minimum(np.maximum(values, low), high))


def of(table: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The table's values at sums z: int32."""
    return table.take(within(z, -HALF, HALF - 1) + HALF).astype(np.int32)
