"""Compression by a network that learns as it codes: a fresh one, or one that begins with a model's weights.

Whoever unpacks lets the same network learn the same, symbol by symbol; so nothing of what it learns is stored. The
arithmetic is that of `rhapsode.arithmetic.learning`: the same bits on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.arithmetic.learning import Beginning, Layer, Rates, Reference, filled, fresh, learner, width
from rhapsode.errors import UserError
from rhapsode.inference.trained import Trained
from rhapsode.nn import quantised
from rhapsode.nn.program import EMBEDDING, NUMBERS, program
from rhapsode.nn.program import Layer as Traced
from rhapsode.report import Report

RULES = 1
"""How networks begin and learn, as in this module. A compressed file names it: other rules get another number."""
BYTES = 256
LAYERS, UNITS = 2, 192
"""Of a fresh network."""
FRESH = Rates(steps=10, rate=0.005, least=0.0003, table=7, tau=2000, decay=0.999)
TRAINED = Rates(steps=20, rate=0.001, least=0.0003, table=4, tau=2000, decay=0.999)
CODECS = "chars", "bytes"
RESETS = "never", "document", "line"
EVERY = 256
"""Symbols between reports."""


def encoded(model: Trained | None, symbols: np.ndarray, report: Report) -> bytes:
    """Symbols [N] as a code. model: the network begins with its weights; None: with random ones, and symbols are bytes.

    Raises `UserError` for models that cannot learn so.
    """
    learning, encoder = learner(*_begun(model)), Encoder()
    _tell(report, isinstance(learning, Reference))
    for at in range(0, len(symbols), EVERY):
        report.stage("compressing and learning", at / len(symbols))
        learning.encode(symbols[at : at + EVERY], encoder)
    return encoder.finish()


def decoded(model: Trained | None, code: bytes, count: int, report: Report) -> Iterator[list[int]]:
    """So many symbols of a code, some at a time. Raises `UserError`."""
    learning, decoder = learner(*_begun(model)), Decoder(code)
    _tell(report, isinstance(learning, Reference))
    for at in range(0, count, EVERY):
        report.stage("decompressing and learning", at / count)
        yield learning.decode(min(EVERY, count - at), decoder).tolist()


def _tell(report: Report, slow: bool) -> None:
    if slow:
        report.warn("without the kernel, learning takes some hundred times as long: about a second for 50 bytes.")


def _begun(model: Trained | None) -> tuple[Beginning, Rates]:
    return (fresh(BYTES, LAYERS, UNITS), FRESH) if model is None else (of_model(model), TRAINED)


def of_model(model: Trained) -> Beginning:
    """The network of a trained model, as learning reads it. Raises `UserError` for models that cannot learn so.

    What is tied or stands twice in the model (the output's weights and the embedding, one weight for a sum of layers)
    learns each for itself.
    """
    _check(model)
    # Float32 weights that training left beside the integers are not part of what the digest says.
    weights = quantised.real(model.network, model.tensors) if model.whole else model.weights
    traced = program(model.network)
    numbers = {layer.name: number for number, layer in enumerate(traced.layers)}
    assert traced.output is not None
    layers = [_layer(model, weights, layer, numbers) for layer in (*traced.layers, traced.output)]
    return Beginning(layers, model.codec.steps.choices, _begins(model))


def _check(model: Trained) -> None:
    """Raises `UserError`."""
    network = model.network.config

    def refuse(what: str, allowed: str) -> UserError:
        return UserError(
            f"compress --online: {what} does not learn as it codes. Allowed: {allowed}. Compress without --online, or "
            "without MODEL: a fresh network learns any file."
        )

    if model.codec.name not in CODECS:
        raise refuse(f"a model with codec {model.codec.name}", f"codecs {' and '.join(CODECS)}")
    if model.categorical.name != "categorical" or model.network.attention or not network.autoregressive:
        raise refuse("a model of this form", "models that `rhapsode train` makes of text")
    if network.cell.name != "lstm":
        raise refuse(f"a model of {network.cell.name} cells", "lstm cells")
    if not model.framing.past.carried:
        raise refuse(f"a model with framing {model.framing.name}", "framings that carry the state: stream, whole")
    if model.policy.spec not in RESETS:
        raise refuse(f"a model with reset policy {model.policy.spec}", f"{', '.join(RESETS)}")


def _begins(model: Trained) -> np.ndarray | None:
    """[V] bool: the symbols after which a unit begins."""
    begins = np.zeros(model.codec.steps.choices, bool)
    if model.end is not None and model.policy.documents:
        begins[model.end] = True
    if model.policy.lines:
        begins |= [b"\n" in piece for piece in model.text_codec.pieces]
    return begins if begins.any() else None


def _layer(model: Trained, weights: Mapping[str, np.ndarray], layer: Traced, numbers: Mapping[str, int]) -> Layer:
    blocks = 4 if layer.cell else 1
    own = [one for one in layer.columns if one.source == layer.name]
    read = [one for one in layer.activations if one.source != layer.name]
    columns = [one.weight.of(weights)[:, one.begin : one.end] for one in (*read, *own)]
    sizes = [one.shape[1] for one in columns]
    table = None
    if any(one.source in NUMBERS for one in layer.columns):
        each = [_table(model, weights, one.weight.of(weights)[:, one.begin : one.end]) for one in layer.numbers]
        assert len(each) == 1 and layer.numbers[0].source == EMBEDDING
        table = filled(each[0].T, blocks, [len(each[0])])[: len(each[0])]
    return Layer(
        parts=tuple(numbers[one.source] for one in read),
        units=width(layer.width) if layer.cell else 0,
        weights=filled(np.concatenate(columns, axis=1), blocks, sizes),
        bias=filled(layer.bias.of(weights)[:, None], blocks, [1])[0],
        table=table,
    )


def _table(model: Trained, weights: Mapping[str, np.ndarray], w: np.ndarray) -> np.ndarray:
    """What each symbol adds to the sums of a layer, [V + 1, R] float32: its embedding times the weights [R, E]. The sum
    is one of doubles, from the first number on."""
    if EMBEDDING not in weights:  # one-hot vectors
        return np.ascontiguousarray(w.T)
    embedding, total = weights[EMBEDDING].astype(np.float64), np.zeros((len(weights[EMBEDDING]), len(w)))
    for one, column in zip(embedding.T, w.T.astype(np.float64), strict=True):
        total += one[:, None] * column
    return total.astype(np.float32)
