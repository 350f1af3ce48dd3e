"""Networks in whole numbers: float32 weights as integer tensors, and back. docs/arithmetic.md specifies it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import quantise as q
from rhapsode.nn.program import EMBEDDING, Columns, Layer, encoder_program, program

if TYPE_CHECKING:
    from rhapsode.nn.network import Network
KERNEL = "kernel"
"""The matrix of a layer that reads activations. Those that read numbers are named as their sources."""


def quantise(network: Network, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Float32 weights as integer tensors, of a network and its encoder. Raises `Unfit`."""
    found: dict[str, np.ndarray] = {}
    table = None
    if "embedding" in weights:
        embedding = q.embedding(weights["embedding"])
        table = q.embedded(embedding)
        found |= _named("embedding", embedding)
    for layer, fine in _layers(network):
        unit = _unit(layer)
        for name, columns in _matrices(layer):
            w = np.concatenate([one.weight.of(weights)[:, one.begin : one.end] for one in columns], axis=1)
            rows: q.Rows | q.Scaled
            if not unit and name == KERNEL:
                rows = q.doubles(w, per := _activation(fine), per)
            elif not unit:
                rows = q.doubles(w, q.NUMBER, q.LARGEST_NUMBER)
            elif name != KERNEL:
                rows = q.numbers(w, _reach(network, columns[0], table))
            else:
                rows = q.fine(w) if fine else q.coarse(w, unit)
            found |= _named(f"{layer.name}.{name}", rows)
        bias = layer.bias.of(weights)
        found[f"{layer.name}.bias"] = q.bias(bias, unit) if unit else bias.astype(np.float64)
        if layer.peephole:
            rows = q.peepholes(layer.peephole.of(weights))
            found[f"{layer.name}.peephole"], found[f"{layer.name}.peephole.shift"] = rows.weights, rows.shift
    return found | {name: w for name, w in weights.items() if name.startswith("head.")}


def real(network: Network, tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The float32 weights that integer tensors stand for."""
    found = {name: np.zeros(shape, np.float32) for name, shape in network.shapes.items()}
    for layer, fine in _layers(network):
        unit = _unit(layer)
        for name, columns in _matrices(layer):
            rows, per = rows_of(tensors, f"{layer.name}.{name}"), _activation(fine) if name == KERNEL else q.NUMBER
            w = q.real(rows, unit / per) if isinstance(rows, q.Rows) else q.real_scaled(rows, per)
            at = 0
            for one in columns:
                width = one.end - one.begin
                if one.weight.name != "embedding":  # tied: the embedding's own rows are more exact
                    found[one.weight.name][:, one.begin : one.end] = w[:, at : at + width]
                at += width
        bias = tensors[f"{layer.name}.bias"]
        found[layer.bias.name][:] = bias / unit if unit else bias
        if layer.peephole:
            scale = q.CELL / q.GATE * 2.0 ** -int(tensors[f"{layer.name}.peephole.shift"])
            found[layer.peephole.name][:] = tensors[f"{layer.name}.peephole"] * scale
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


def _matrices(layer: Layer) -> Iterator[tuple[str, Sequence[Columns]]]:
    """The layer's matrices: one for all activations, and one for each source of numbers."""
    if layer.activations:
        yield KERNEL, layer.activations
    for one in layer.numbers:
        yield one.source, [one]


def _unit(layer: Layer) -> int:
    """How many units of a layer's sums make 1; 0 for doubles."""
    return q.GATE if layer.cell else q.LOGIT if layer.whole else 0


def _activation(fine: bool) -> int:
    return q.FINE if fine else q.COARSE


def _named(name: str, rows: q.Rows | q.Scaled) -> dict[str, np.ndarray]:
    fields = rows._asdict()
    return {name: fields.pop("weights")} | {f"{name}.{field}": value for field, value in fields.items()}
