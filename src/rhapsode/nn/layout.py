"""Integer tensors as an image, which the kernel reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import quantise as q
from rhapsode.arithmetic import structures as s
from rhapsode.arithmetic import tables
from rhapsode.arithmetic.kernel import Kernel
from rhapsode.nn.integers import share
from rhapsode.nn.program import ATTENDED, COVARIATES, EMBEDDING, Layer, Program
from rhapsode.nn.quantised import KERNEL, embedded, rows_of, whole_rows

if TYPE_CHECKING:
    from rhapsode.nn.network import Network

LARGEST_TABLE = 1 << 22
"""The most entries of a table of all symbols' shares in a layer's sums: 16 MB. It is made when a model is loaded."""
SOURCES = {EMBEDDING: s.EMBEDDING, COVARIATES: s.COVARIATES, ATTENDED: s.ATTENDED}
CELLS = {"lstm": s.LSTM, "peephole": s.PEEPHOLE, "rnn": s.TANH, "tanh": s.TANH}


def known(program: Program) -> bool:
    """Whether the kernel can run such a program: its layers are recurrent, and none is read backward."""
    layers = all(layer.state and not layer.backward for layer in program.layers)
    return layers and program.output is not None and bool(program.output.activations)


def laid_out(network: Network, tensors: Mapping[str, np.ndarray], program: Program, kernel: Kernel) -> np.ndarray:
    """The image: [bytes] uint8."""
    return _Layout(network, tensors, program, kernel).image()


class _Layout:
    """One image in the making."""

    def __init__(self, network: Network, tensors: Mapping[str, np.ndarray], program: Program, kernel: Kernel) -> None:
        self._network, self._tensors, self._program, self._kernel = network, tensors, program, kernel
        self._image = s.Image(s.Model)
        self._flip = 0 if program.fine else kernel.library.rk_flip(kernel.number)
        self._parts: list[s.Part] = []
        self._numbers = {layer.name: n for n, layer in enumerate(program.layers)}
        self._symbols, self._table = network.steps.symbols, embedded(tensors)
        self._embedded = 0  # columns of an embedding that is read as numbers

    def image(self) -> np.ndarray:
        network, program, image = self._network, self._program, self._image
        assert program.output is not None
        layers = [self._layer(layer) for layer in program.every()]
        begin = s.Model(
            variant=self._kernel.number,
            fine=program.fine,
            flip=self._flip,
            layers=len(program.layers),
            steering=program.steering is not None,
            feedback=program.feedback,
            outputs=program.output.width,
            whole=program.output.whole,
            fields=int(np.prod(network.steps.shape, dtype=int)),
            embedded=self._embedded,
            covariates=network.encoded,
            attended=network.attention.width if network.attention else 0,
            components=network.attention.state[0] if network.attention else 0,
            layer=image.put(s.array(layers)),
            part=image.put(s.array(self._parts)),
            sigmoid=image.put(tables.sigmoid(), before=1),
            tanh=image.put(tables.tanh(), before=1),
            frequencies=image.put(tables.frequencies()),
            embedding=image.put(self._embedding()),
            fields_begin=image.put(np.cumsum([0, *network.embedding.groups[:-1]], dtype=np.int32)),
        )
        return image.finished(begin)

    def _embedding(self) -> np.ndarray:
        """Symbols as numbers that are read, where there is no table for them."""
        if not (self._embedded and self._symbols):
            return np.zeros(0, np.int16)
        table = self._network.embedding.numbers(np.arange(self._symbols), self._table)
        return np.pad(table, ((0, 0), (0, -table.shape[1] % (s.LINE // 2))))

    def _layer(self, layer: Layer) -> s.Layer:
        gated = layer.gates > 1
        groups = -(-layer.width // (s.UNITS if gated else s.SUMS))
        order = np.full(groups * s.SUMS, -1)
        unit = np.arange(layer.width)
        for gate in range(layer.gates):
            order[unit // s.UNITS * s.SUMS + gate * s.UNITS + unit % s.UNITS if gated else unit] = (
                gate * layer.width + unit
            )
        first, bias = len(self._parts), self._tensors[f"{layer.name}.bias"]
        kinds = [self._number(layer, one.source, order, bias) for one in layer.numbers]
        # A table, which has the bias in it, comes first; activations come last.
        self._parts += sorted(kinds, key=lambda part: part.form != s.TABLE)
        start, multipliers, shift = self._activations(layer, order)
        made = s.Layer(
            cell=CELLS[layer.cell] if layer.cell else s.LOGITS if layer.whole else s.DOUBLES,
            width=layer.width,
            groups=groups,
            first=first,
            parts=len(self._parts) - first,
            own=bool(layer.state),
            tables=any(part.form == s.TABLE for part in kinds),
            shift=shift,
            start=self._image.put(start),
            multipliers=self._image.put(multipliers),
            bias=self._image.put(_ordered(bias, order)),
        )
        if layer.peephole:
            p = self._tensors[f"{layer.name}.peephole"].astype(np.int32)
            p = np.pad(p, ((0, 0), (0, groups * s.UNITS - layer.width)))
            made.peepholes = self._image.put(p.reshape(3, groups, s.UNITS).swapaxes(0, 1))
            made.peephole_shift = int(self._tensors[f"{layer.name}.peephole.shift"])
        return made

    def _activations(self, layer: Layer, order: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Adds the parts of activations. What their sums begin with, multipliers or scales, and the shift."""
        rows = rows_of(self._tensors, f"{layer.name}.{KERNEL}")
        weights, at = _ordered(rows.weights, order), 0
        small = layer.cell or layer.whole
        if self._program.fine or not small:
            weights = weights.astype(np.int16)
        for one in layer.activations:
            width = one.end - one.begin
            part = s.Part(source=self._numbers[one.source], form=s.ACTIVATIONS, columns=width)
            part.weights = self._packed(weights[:, at : at + width])
            self._parts.append(part)
            at += width
        start = -self._flip * weights.astype(np.int32).sum(axis=1, dtype=np.int32) * bool(small)
        if isinstance(rows, q.Rows):
            return start, _ordered(rows.multiplier, order), int(rows.shift)
        return start, _ordered(rows.scale, order), 1

    def _number(self, layer: Layer, source: str, order: np.ndarray, bias: np.ndarray) -> s.Part:
        """The part that reads a source of numbers."""
        rows = whole_rows(self._tensors, f"{layer.name}.{source}")
        embedding = self._network.embedding
        part = s.Part(source=SOURCES[source], columns=rows.weights.shape[1], shift=int(rows.shift))
        part.multipliers = self._image.put(_ordered(rows.multiplier, order))
        if source == EMBEDDING and self._symbols and self._symbols * len(order) <= LARGEST_TABLE:
            part.form = s.TABLE
            sums = embedding.sums(rows.weights, np.arange(self._symbols), self._table)
            table = share(rows, sums) + bias
            part.weights = self._image.put(_ordered(table.T, order).T)
        elif source == EMBEDDING and embedding.groups:
            part.form = s.HOT
            part.weights = self._image.put(_ordered(rows.weights, order).T)
        else:
            part.form = s.NUMBERS
            part.weights = self._packed(_ordered(rows.weights, order))
            if source == EMBEDDING:
                self._embedded = part.columns
        return part

    def _packed(self, weights: np.ndarray) -> int:
        """The place of weights [rows, columns] for the kernel's variant."""
        library, (rows, columns), size = self._kernel.library, weights.shape, weights.itemsize
        weights, packed = np.ascontiguousarray(weights), np.empty(library.rk_packed(size, rows, columns), np.uint8)
        library.rk_pack(self._kernel.number, weights.ctypes.data, size, rows, columns, packed.ctypes.data)
        return self._image.put(packed)


def _ordered(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Rows in another order; zeros where there are none (-1)."""
    found: np.ndarray = values[order]
    found[order < 0] = 0
    return found
