"""An LSTM that learns while it codes symbols, with the same bits on every machine: docs/arithmetic.md, "Learning".

It predicts a symbol, codes it, and reads it. After each segment of some steps, its weights take a step against the
gradient of what the segment cost (backpropagation through time, cut where the segment begins). Whoever decodes computes
the same, symbol by symbol, and so has the same weights at each step.

All numbers are float32, and each operation is rounded by itself. The order of sums is part of the definition.
`learning.c` does the same, some hundred times as fast; tests hold it to the bits of the reference that is here.
"""

from __future__ import annotations

import ctypes as c
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from rhapsode.arithmetic import choice, structures, tables
from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.arithmetic.kernel import Kernel, kernel
from rhapsode.arithmetic.randomness import Randomness

SUMS = 16
"""Widths are multiples of this: layers are filled up with units, and the output with symbols, whose weights stay 0."""
TINY = np.float32(1e-16)
"""What is added to the mean square of a gradient."""
LARGEST = np.float32(choice.LARGEST)
MOST_STEPS = 64


@dataclass(frozen=True)
class Rates:
    """How weights learn.

    steps: of a segment, 1 ... `MOST_STEPS`. After N segments, a weight's step is as long as `rate` / √(1 + N / tau), or
    `least`, for a gradient as large as it usually is; a row of a table takes `table` times that. decay: by this, means
    of squared gradients forget in each segment.
    """

    steps: int
    rate: float
    least: float
    table: float
    tau: float
    decay: float


@dataclass(frozen=True)
class Layer:
    """A layer's weights, filled up (see `filled`).

    parts:   the numbers of the layers that it reads, in order. Its own output of the step before comes after them.
    units:   of an LSTM, a multiple of 16; 0 of the output layer.
    weights: [K, R] float32: R is 4 units (gates i, f, g, o), or the symbols.
    bias:    [R] float32.
    table:   [V + 1, R] float32, which is added for the symbol before (the last row: for none); None if it has none.
    """

    parts: tuple[int, ...]
    units: int
    weights: np.ndarray
    bias: np.ndarray
    table: np.ndarray | None = None


@dataclass(frozen=True)
class Beginning:
    """A network before it learns.

    layers:  the last one is the output layer.
    symbols: V.
    begins:  [V] bool: symbols after which a unit begins: the state is zero, and no symbol is before; None for none.
    """

    layers: Sequence[Layer]
    symbols: int
    begins: np.ndarray | None = None


def width(count: int) -> int:
    """Filled up."""
    return -(-count // SUMS) * SUMS


def filled(w: np.ndarray, blocks: int, columns: Sequence[int]) -> np.ndarray:
    """Weights [R, K] of so many blocks of rows (the gates), and of columns in groups of these sizes → [K, R] with each
    block and each group filled up by zeros."""
    rows = len(w) // blocks
    to = np.zeros((blocks, width(rows), sum(map(width, columns))), np.float32)
    at = begin = 0
    for count in columns:
        to[:, :rows, begin : begin + count] = w[:, at : at + count].reshape(blocks, rows, count)
        at, begin = at + count, begin + width(count)
    return np.ascontiguousarray(to.reshape(-1, to.shape[-1]).T)


def fresh(symbols: int, layers: int, units: int) -> Beginning:
    """A network that knows nothing: LSTMs of so many units, one above the other. Each reads the symbol before, and the
    output layer reads all of them."""
    random = Randomness(0)

    def uniform(rows: int, columns: int, most: float) -> np.ndarray:
        numbers = random.uniforms(rows * columns).reshape(rows, columns)
        return np.asarray(((2 * numbers - 1) * most).astype(np.float32))

    made = []
    for number in range(layers):
        parts = (number - 1,) if number else ()
        columns = [units] * (len(parts) + 1)
        weights = uniform(4 * units, sum(columns), 1 / sqrt(sum(columns)))
        bias = np.zeros((4 * units, 1), np.float32)
        bias[units : 2 * units] = 1  # to begin with, it forgets little
        table = uniform(4 * units, symbols + 1, TABLE)
        made.append(
            Layer(
                parts,
                width(units),
                filled(weights, 4, columns),
                filled(bias, 4, [1])[0],
                filled(table, 4, [symbols + 1])[: symbols + 1],
            )
        )
    columns = [units] * layers
    output = filled(uniform(symbols, sum(columns), OUTPUT), 1, columns)
    return Beginning([*made, Layer(tuple(range(layers)), 0, output, np.zeros(output.shape[1], np.float32))], symbols)


TABLE, OUTPUT = 0.3, 0.02
"""The largest weights of tables and of the output layer, to begin with."""


class Learner(ABC):
    """A network that learns while it codes: `learner` makes one. It encodes, or it decodes."""

    def __init__(self, beginning: Beginning, rates: Rates) -> None:
        if not 1 <= rates.steps <= MOST_STEPS:
            raise ValueError(f"a segment has 1 to {MOST_STEPS} steps")
        self._symbols, self._rates, self._begins = beginning.symbols, rates, beginning.begins

    @abstractmethod
    def encode(self, symbols: np.ndarray, encoder: Encoder) -> None:
        """Put symbols [N] into the code, and learn from them."""

    @abstractmethod
    def decode(self, count: int, decoder: Decoder) -> np.ndarray:
        """Get so many symbols from the code, and learn from them: [count] int32."""


def learner(beginning: Beginning, rates: Rates) -> Learner:
    """What learns on this machine: the kernel, or the reference."""
    found = kernel()
    return Native(beginning, rates, found) if found else Reference(beginning, rates)


# ---------------------------------------------------------------- Real numbers


def exp(x: np.ndarray) -> np.ndarray:
    """e^x, x cut to ±80; NaN counts as -80. [...] float32."""
    f = np.float32
    x = np.where(x > f(-80), x, f(-80))
    x = np.where(x < f(80), x, f(80))
    n = (x * f(1.4426950216293335) + f(12582912)) - f(12582912)
    r = (x - n * f(0.693145751953125)) - n * f(1.428606765330187e-06)
    p = r * f(0.0013888889225199819) + f(0.008333333767950535)
    for coefficient in (0.0416666679084301, 0.1666666716337204, 0.5, 1.0, 1.0):
        p = p * r + f(coefficient)
    power = ((n.astype(np.int32) + np.int32(127)) << 23).view(f)
    return np.asarray(p * power)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """[...] float32."""
    one = np.float32(1)
    return np.asarray(one / (one + exp(-x)))


def tanh(x: np.ndarray) -> np.ndarray:
    """[...] float32."""
    return np.asarray(np.float32(2) / (np.float32(1) + exp(np.float32(-2) * x)) - np.float32(1))


def inverse_root(x: np.ndarray) -> np.ndarray:
    """1 / √x, to 0.2 %, for x above 0; what is above 10³⁸, or no number, counts as that. [...] float32.

    One step of Newton's from what the bits of x say (Lomont 2003, "Fast inverse square root").
    """
    f = np.float32
    x = np.where(x < f(1e38), x, f(1e38))
    y = (np.int32(0x5F3759DF) - (x.view(np.int32) >> 1)).view(f)
    return np.asarray(y * (f(1.5) - (f(0.5) * x * y) * y))


def add_rows(to: np.ndarray, w: np.ndarray, x: np.ndarray) -> np.ndarray:
    """((to + w[0] x[0]) + w[1] x[1]) + ...: to [R], w [K, R], x [K] → [R]."""
    return np.asarray(np.add.accumulate(np.concatenate([to[None], w * x[:, None]]), axis=0)[-1])


def add_columns(w: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The sum of w[k, r] z[r] for each k: w [K, R], z [R] → [K]. First 16 sums, each of every 16th product, one after
    the other; these by halves."""
    products = (w * z).reshape(len(w), -1, SUMS)
    zero = np.zeros((len(w), 1, SUMS), np.float32)
    sums = np.add.accumulate(np.concatenate([zero, products], axis=1), axis=1)[:, -1]
    while sums.shape[1] > 1:
        half = sums.shape[1] // 2
        sums = sums[:, :half] + sums[:, half:]
    return np.asarray(sums[:, 0])


def gradient(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """((0 + x[0] z[0]) + x[1] z[1]) + ...: x [T, K], z [T, R] → [K, R]."""
    g = np.zeros((x.shape[1], z.shape[1]), np.float32)
    for one, other in zip(x, z, strict=True):
        g = g + one[:, None] * other
    return g


# ---------------------------------------------------------------- The reference


class _Weights:
    """Numbers that learn [..., R], and the running means of their squared gradients."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers, self.squares = numbers.astype(np.float32), np.zeros(numbers.shape, np.float32)


@dataclass
class _Seen:
    """What a layer did at a step: what it read, its gates, its memory cells before, and tanh of those after."""

    x: np.ndarray
    z: np.ndarray
    c: np.ndarray
    tanh_c: np.ndarray


class Reference(Learner):
    """Plain numpy."""

    def __init__(self, beginning: Beginning, rates: Rates) -> None:
        super().__init__(beginning, rates)
        self._layers = beginning.layers
        self._last = len(beginning.layers) - 1
        self._weights = [_Weights(one.weights) for one in beginning.layers]
        self._biases = [_Weights(one.bias) for one in beginning.layers]
        self._tables = [None if one.table is None else _Weights(one.table) for one in beginning.layers]
        self._h = [np.zeros(one.units, np.float32) for one in beginning.layers]
        self._c = [np.zeros(one.units, np.float32) for one in beginning.layers]
        self._before, self._fresh = beginning.symbols, False
        self._updates, self._power = 0, 1.0
        self._forget()

    def _forget(self) -> None:
        """A segment begins."""
        self._inputs: list[int] = []
        self._fresh_at: list[bool] = []
        self._seen: list[list[_Seen]] = [[] for _ in self._layers]
        self._errors: list[np.ndarray] = []

    def encode(self, symbols: np.ndarray, encoder: Encoder) -> None:
        for symbol in symbols.tolist():
            frequencies = self._predict()
            encoder.put(frequencies, symbol)
            self._take(symbol, frequencies)

    def decode(self, count: int, decoder: Decoder) -> np.ndarray:
        found = np.empty(count, np.int32)
        for n in range(count):
            frequencies = self._predict()
            found[n] = decoder.get(frequencies)
            self._take(int(found[n]), frequencies)
        return found

    def _predict(self) -> np.ndarray:
        """Read a symbol: the frequencies of the next one, [V] uint32."""
        self._inputs.append(self._before)
        self._fresh_at.append(self._fresh)
        z = np.empty(0, np.float32)
        with np.errstate(all="ignore"):
            for number, layer in enumerate(self._layers):
                if self._fresh and layer.units:
                    self._h[number], self._c[number] = np.zeros((2, layer.units), np.float32)
                x = np.concatenate([*(self._h[part] for part in layer.parts), self._h[number]])
                z = self._biases[number].numbers
                if table := self._tables[number]:
                    z = z + table.numbers[self._before]
                z = add_rows(z, self._weights[number].numbers, x)
                if layer.units:
                    self._cell(number, x, z)
                else:
                    self._seen[number].append(_Seen(x, z, z, z))
            logits = z[: self._symbols]
            logits = np.where(logits > -LARGEST, logits, -LARGEST)
            logits = np.where(logits < LARGEST, logits, LARGEST)
        return choice.frequencies(choice.distances(choice.logits_of(logits)))

    def _cell(self, number: int, x: np.ndarray, z: np.ndarray) -> None:
        zi, zf, zg, zo = np.split(z, 4)
        i, f, g, o = sigmoid(zi), sigmoid(zf), tanh(zg), sigmoid(zo)
        before = self._c[number]
        after = f * before + i * g
        tanh_c = tanh(after)
        self._c[number], self._h[number] = after, o * tanh_c
        self._seen[number].append(_Seen(x, np.concatenate([i, f, g, o]), before, tanh_c))

    def _take(self, symbol: int, frequencies: np.ndarray) -> None:
        """The symbol that was predicted."""
        error = np.zeros(len(self._layers[-1].bias), np.float32)
        whole = np.float32(float(frequencies.sum(dtype=np.int64)))
        error[: self._symbols] = frequencies.astype(np.float32) / whole
        error[symbol] -= np.float32(1)
        self._errors.append(error)
        self._fresh = self._begins is not None and bool(self._begins[symbol])
        self._before = self._symbols if self._fresh else symbol
        if len(self._errors) == self._rates.steps:
            with np.errstate(all="ignore"):
                self._learn()
            self._forget()

    def _learn(self) -> None:
        steps, rates = self._rates.steps, self._rates
        self._updates += 1
        self._power *= rates.decay
        rate = max(rates.rate / sqrt(1 + self._updates / rates.tau), rates.least)
        table_rate = rate * rates.table
        of_outputs = [np.zeros((steps, one.units), np.float32) for one in self._layers]
        of_sums = [np.empty(0, np.float32)] * len(self._layers)
        for number in range(self._last, -1, -1):
            layer = self._layers[number]
            of_sums[number] = self._back(number, of_outputs[number]) if layer.units else np.stack(self._errors)
            begin = 0
            for part in layer.parts:
                count = self._layers[part].units
                w = self._weights[number].numbers[begin : begin + count]
                of_outputs[part] = of_outputs[part] + np.stack(
                    [add_columns(w, of_sums[number][t]) for t in range(steps)]
                )
                begin += count
        for number, z in enumerate(of_sums):
            x = np.stack([seen.x for seen in self._seen[number]])
            self._step(self._weights[number], ..., gradient(x, z), rate)
            self._step(self._biases[number], ..., gradient(np.ones((steps, 1), np.float32), z)[0], rate)
            if table := self._tables[number]:
                for symbol in dict.fromkeys(self._inputs):
                    own = z[[input == symbol for input in self._inputs]]
                    g = gradient(np.ones((len(own), 1), np.float32), own)[0]
                    self._step(table, symbol, g, table_rate)

    def _back(self, number: int, of_outputs: np.ndarray) -> np.ndarray:
        """The gradients of a layer's sums [T, R], from those of its outputs [T, units]."""
        units, one = self._layers[number].units, np.float32(1)
        w = self._weights[number].numbers[-units:]
        later, down = np.zeros((2, units), np.float32)
        found = []
        for t in range(self._rates.steps - 1, -1, -1):
            seen = self._seen[number][t]
            i, f, g, o = np.split(seen.z, 4)
            dh = of_outputs[t] + down
            dc = later + (dh * o) * (one - seen.tanh_c * seen.tanh_c)
            dz = (
                (dc * g) * (i * (one - i)),
                (dc * seen.c) * (f * (one - f)),
                (dc * i) * (one - g * g),
                (dh * seen.tanh_c) * (o * (one - o)),
            )
            found.append(np.concatenate(dz))
            later, down = dc * f, add_columns(w, found[-1])
            if self._fresh_at[t]:
                later, down = np.zeros((2, units), np.float32)
        return np.stack(found[::-1])

    def _step(self, weights: _Weights, at: Any, g: np.ndarray, rate: float) -> None:
        """A step of some weights against their gradient."""
        f, decay = np.float32, self._rates.decay
        square = f(decay) * weights.squares[at] + f(1 - decay) * (g * g)
        weights.squares[at] = square
        size = inverse_root(square * f(1 / (1 - self._power)) + TINY)
        weights.numbers[at] = weights.numbers[at] - (f(rate) * g) * size


# ---------------------------------------------------------------- The kernel


class _Layer(c.Structure):
    """As in `learning.c`."""

    _fields_ = [
        *((name, c.c_int32) for name in ("units", "rows", "columns", "parts")),
        *(
            (name, c.c_void_p)
            for name in (
                *("from", "weights", "weights_v", "bias", "bias_v", "table", "table_v"),
                *("x", "z", "dz", "c", "tanh_c", "h", "dh"),
            )
        ),
    ]


class _Learner(c.Structure):
    """As in `learning.c`."""

    _fields_ = [
        *((name, c.c_int32) for name in ("layers", "steps", "symbols", "start", "at", "before", "fresh")),
        *((name, c.c_void_p) for name in ("layer", "inputs", "fresh_at", "begins", "frequencies", "own")),
        *((name, c.c_double) for name in ("rate", "table_rate", "tau", "least", "decay", "power", "updates")),
    ]


class Native(Learner):
    """The kernel."""

    def __init__(self, beginning: Beginning, rates: Rates, kernel: Kernel) -> None:
        super().__init__(beginning, rates)
        self._kernel, steps = kernel, rates.steps
        for name in ("rk_learn_encode", "rk_learn_decode"):
            function = getattr(kernel.library, name)
            function.argtypes, function.restype = [c.c_int, c.c_void_p, c.c_void_p, c.c_int64, c.c_void_p], None
        self._kept: list[np.ndarray] = []
        layers = (_Layer * len(beginning.layers))()
        for own, layer in zip(layers, beginning.layers, strict=True):
            columns, rows = layer.weights.shape
            own.units, own.rows, own.columns, own.parts = layer.units, rows, columns, len(layer.parts)
            setattr(own, "from", self._keep(np.array(layer.parts, np.int32)))
            for name in ("weights", "bias", "table"):
                numbers = getattr(layer, name)
                if numbers is not None:
                    setattr(own, name, self._keep(np.array(numbers, np.float32, order="C")))
                    setattr(own, f"{name}_v", self._room(*numbers.shape))
            own.x, own.z, own.dz = self._room(steps, columns), self._room(steps, rows), self._room(steps, rows)
            own.c, own.tanh_c = self._room(steps + 1, layer.units), self._room(steps, layer.units)
            own.h, own.dh = self._room(1, layer.units), self._room(steps + 2, layer.units)
        self._layers = layers
        self._learner = _Learner(
            layers=len(layers),
            steps=steps,
            symbols=beginning.symbols,
            start=beginning.symbols,
            before=beginning.symbols,
            layer=c.addressof(layers),
            inputs=self._keep(np.zeros(steps, np.int32)),
            fresh_at=self._keep(np.zeros(steps, np.int32)),
            begins=None if beginning.begins is None else self._keep(np.array(beginning.begins, np.uint8)),
            frequencies=self._keep(tables.frequencies()),
            own=self._keep(np.zeros(beginning.symbols, np.uint32)),
            rate=rates.rate,
            table_rate=rates.table,
            tau=rates.tau,
            least=rates.least,
            decay=rates.decay,
            power=1,
        )

    def _keep(self, array: np.ndarray) -> int:
        self._kept.append(array)
        return array.ctypes.data

    def _room(self, *shape: int) -> int:
        return self._keep(np.zeros(shape, np.float32))

    def encode(self, symbols: np.ndarray, encoder: Encoder) -> None:
        symbols, size = np.ascontiguousarray(symbols, np.int32), len(encoder.code)
        if len(symbols) and not 0 <= symbols.min() <= symbols.max() < self._symbols:
            raise ValueError(f"symbols are 0 to {self._symbols - 1}")
        encoder.code += bytes(8 * len(symbols))
        room = (c.c_uint8 * len(encoder.code)).from_buffer(encoder.code)
        coder = structures.Coder(low=encoder.low, range=encoder.range, code=c.addressof(room), size=size)
        self._call("encode", symbols, coder)
        del room  # while it is there, the code cannot be cut
        del encoder.code[coder.size :]
        encoder.low, encoder.range = coder.low, coder.range

    def decode(self, count: int, decoder: Decoder) -> np.ndarray:
        symbols, code = np.empty(count, np.int32), np.frombuffer(decoder.code, np.uint8)
        coder = structures.Coder(
            low=decoder.offset, range=decoder.range, code=code.ctypes.data, size=decoder.next, length=len(code)
        )
        self._call("decode", symbols, coder)
        decoder.offset, decoder.range, decoder.next = coder.low, coder.range, coder.size
        return symbols

    def _call(self, what: str, symbols: np.ndarray, coder: structures.Coder) -> None:
        function = getattr(self._kernel.library, f"rk_learn_{what}")
        learner = c.addressof(self._learner)
        function(self._kernel.number, learner, symbols.ctypes.data, len(symbols), c.addressof(coder))
