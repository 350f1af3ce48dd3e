"""Networks in whole numbers: float32 weights as integer tensors, and back. docs/arithmetic.md specifies it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.arithmetic import quantise as q
from rhapsode.nn.program import EMBEDDING, Columns, Layer, Weight, encoder_program, program

if TYPE_CHECKING:
    from rhapsode.nn.network import Network

KERNEL = "kernel"
"""The matrix of a layer that reads activations. Those that read numbers are named as their sources."""
Shapes = dict[str, tuple[tuple[int, ...], type[np.generic]]]
"""Name → shape and type of tensors."""


@dataclass(frozen=True)
class Matrix:
    """A matrix of integers: the name of its tensor, and the columns of float32 weights that it stands for."""

    name: str
    columns: Sequence[Columns]
    form: q.Form[Any]

    def made(self, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Its tensors. Raises `Unfit`."""
        w = np.concatenate([one.weight.of(weights)[:, one.begin : one.end] for one in self.columns], axis=1)
        try:
            return self.form.tensors(self.name, self.form.made(w))
        except q.Unfit as error:
            raise q.Unfit(f"{self.name}: {error}") from None

    def check(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Raises `Unfit` for tensors that no weights give."""
        try:
            self.form.check(self.form.read(self.name, tensors))
        except q.Unfit as error:
            raise q.Unfit(f"{self.name}: {error}") from None

    def put(self, tensors: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray]) -> None:
        """Fill the columns of float32 weights with what the integers stand for."""
        w, at = self.form.real(self.form.read(self.name, tensors)), 0
        for one in self.columns:
            width = one.end - one.begin
            one.weight.of(weights)[:, one.begin : one.end] = w[:, at : at + width]
            at += width

    @property
    def shapes(self) -> Shapes:
        """Of its tensors."""
        width = sum(one.end - one.begin for one in self.columns)
        return self.form.tensors(self.name, self.form.shapes(self.columns[0].weight.count, width))


def quantise(network: Network, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Float32 weights as integer tensors, of a network and its encoder. Raises `Unfit`."""
    for name, w in weights.items():
        if not np.isfinite(w).all():
            raise q.Unfit(f"{name}: weights that are no finite numbers")
    found: dict[str, np.ndarray] = {}
    for matrix in _embedding(network):
        found |= matrix.made(weights)
    for matrix in _matrices(network, found):
        found |= matrix.made(weights)
    for name, layer in _biases(network):
        found[name] = q.bias(layer.bias.of(weights), _unit(layer))
        _check_bias(name, found[name])
    return found | _of_head(weights)


def real(network: Network, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The float32 weights that integer tensors stand for."""
    found = {name: np.zeros(shape, np.float32) for name, shape in network.shapes.items()}
    for name, layer in _biases(network):
        found[layer.bias.name][:] = tensors[name] / (_unit(layer) or 1)
    # The embedding comes last: tied output weights, which are its rows, are less exact.
    for matrix in (*_matrices(network, tensors), *_embedding(network)):
        matrix.put(tensors, found)
    return found | _of_head(tensors)


def shapes(network: Network) -> Shapes:
    """Those of the tensors that `quantise` gives."""
    found: Shapes = {}
    for matrix in (*_embedding(network), *_matrices(network, {})):
        found |= matrix.shapes
    for name, layer in _biases(network):
        found[name] = (layer.bias.shape, np.int32 if _unit(layer) else np.float64)
    return found | {name: (shape, np.float32) for name, shape in _of_head(network.shapes).items()}


def check(network: Network, tensors: Mapping[str, np.ndarray]) -> None:
    """Raises `Unfit` for tensors, of the right shapes and types, that no weights give: sums could overflow."""
    for matrix in _embedding(network):
        matrix.check(tensors)
    for matrix in _matrices(network, tensors):
        matrix.check(tensors)
    for name, _ in _biases(network):
        _check_bias(name, tensors[name])


def rows_of(tensors: Mapping[str, np.ndarray], name: str) -> q.Rows | q.Scaled:
    """The matrix of this name."""
    if f"{name}.scale" in tensors:
        return q.Scaled(tensors[name], tensors[f"{name}.scale"])
    return whole_rows(tensors, name)


def whole_rows(tensors: Mapping[str, np.ndarray], name: str) -> q.Rows:
    """The matrix of this name, which gives whole numbers."""
    return q.Rows(tensors[name], tensors[f"{name}.multiplier"], tensors[f"{name}.shift"])


def embedded(tensors: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The embedding as numbers that are read, [V + 1, E] int16; None if it has no table."""
    return q.embedded(whole_rows(tensors, EMBEDDING)) if EMBEDDING in tensors else None


def _embedding(network: Network) -> Iterator[Matrix]:
    """The table of the embedding, if it has one."""
    if "embedding" in network.shapes:
        shape = network.shapes["embedding"]
        yield Matrix("embedding", [Columns("", Weight("embedding", shape), 0, shape[1])], q.Embedding())


def _matrices(network: Network, tensors: Mapping[str, np.ndarray]) -> Iterator[Matrix]:
    """All others: of a layer one for all activations, one for each source of numbers, and its peepholes. tensors: the
    embedding's, which say how large the numbers are that it gives."""
    table = embedded(tensors)
    for layer, fine in _layers(network):
        unit = _unit(layer)
        form: q.Form[Any]
        if columns := layer.activations:
            if not unit:
                one = q.FINE if fine else q.COARSE
                form = q.Doubles(one, one)
            else:
                form = q.Fine(sum(each.end - each.begin for each in columns)) if fine else q.Coarse(unit)
            yield Matrix(f"{layer.name}.{KERNEL}", columns, form)
        for each in layer.numbers:
            form = q.Numbers(_reach(network, each, table)) if unit else q.Doubles(q.NUMBER, q.LARGEST_NUMBER)
            yield Matrix(f"{layer.name}.{each.source}", [each], form)
        if peephole := layer.peephole:
            yield Matrix(f"{layer.name}.peephole", [Columns("", peephole, 0, peephole.shape[1])], q.Peepholes())


def _reach(network: Network, columns: Columns, table: np.ndarray | None) -> q.Reach:
    """What these columns, of a source of numbers, read at the most. table: the embedding, as numbers."""
    if columns.source == EMBEDDING:
        if table is not None:
            return q.Reach(np.abs(table.astype(np.int64)).max(axis=0))
        if network.embedding.groups:
            return q.Reach(np.full(network.embedding.width, q.NUMBER), network.embedding.groups)
    return q.Reach(np.full(columns.end - columns.begin, q.LARGEST_NUMBER))


def _layers(network: Network) -> Iterator[tuple[Layer, bool]]:
    """All layers, those of the encoder first, and whether they read fine activations."""
    programs = [encoder_program(network.encoder)] if network.encoder else []
    for one in [*programs, program(network)]:
        for layer in one.every():
            yield layer, one.fine


def _biases(network: Network) -> Iterator[tuple[str, Layer]]:
    for layer, _ in _layers(network):
        yield f"{layer.name}.bias", layer


def _check_bias(name: str, bias: np.ndarray) -> None:
    try:
        q.check_bias(bias)
    except q.Unfit as error:
        raise q.Unfit(f"{name}: {error}") from None


def _unit(layer: Layer) -> int:
    """How many units of a layer's sums make 1; 0 for doubles."""
    return q.GATE if layer.cell else q.LOGIT if layer.whole else 0


def _of_head(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The head's own weights: they are float32 always."""
    return {name: one for name, one in tensors.items() if name.startswith("head.")}
