"""Networks in whole numbers: float32 weights as integer tensors, and back. docs/arithmetic.md specifies it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import quantise as q
from rhapsode.nn.program import EMBEDDING, Columns, Layer, encoder_program, program

if TYPE_CHECKING:
    from rhapsode.nn.network import Network


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
                if one.weight.name != "embedding":  # tied: the embedding's own rows are more exact
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
