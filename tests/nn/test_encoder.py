"""The encoder reads the covariates of a unit, in both directions, and the same in training as in use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode.config import NetworkConfig
from rhapsode.data.batches import Batches, Packed
from rhapsode.data.framed import Framed
from rhapsode.errors import UserError
from rhapsode.nn.engine import OnnxEngine
from rhapsode.nn.network import Network
from rhapsode.nn.operations import part
from rhapsode.steps.covariates import Stored
from rhapsode.steps.frames import Frames
from rhapsode.steps.sequence import Steps
from rhapsode.steps.symbols import Symbols

torch = pytest.importorskip("torch")

KIND, GIVEN = Frames(5, 1), 9
UNITS = np.array([0, 7, 20, 24])
SHAPES: list[dict[str, Any]] = [
    {"layers": 0, "autoregressive": False, "head": "regression", "encoder": (2, 2)},
    {"layers": 0, "autoregressive": False, "head": "gaussians", "encoder": (0, 1)},
    {"layers": 1, "autoregressive": False, "head": "gaussians", "encoder": (1, 1)},
    {"layers": 2, "autoregressive": True, "head": "gaussians", "encoder": (2, 1), "skip": True},
    {"layers": 1, "autoregressive": True, "head": "regression", "encoder": (2, 0)},
]


def data() -> Steps:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((50, 6)).astype(np.float32)
    values[:, 5] = values[:, 5] > 0
    return Steps(values, UNITS, None, Stored(rng.standard_normal((50, GIVEN)).astype(np.float16)))


def network(head: str, encoder: tuple[int, int], **shape: Any) -> Network:
    """encoder: how many feed-forward and bidirectional layers."""
    layers = {"feedforward": encoder[0], "bidirectional": encoder[1], "feedforward_width": 16}
    settings = {"name": head, **({"mixtures": 2} if head == "gaussians" else {})}
    return Network(NetworkConfig(width=12, head=settings, encoder=layers, **shape), KIND, None, GIVEN)  # type: ignore[arg-type]


def total(net: Network, weights: dict[str, Any], framing: Batches) -> tuple[float, float]:
    """Nats of one epoch, and how many steps that were."""
    nats = steps = 0.0
    for i in range(framing.per_epoch):
        batch = framing.batch(i)
        assert batch.covariates is not None
        parameters, _ = net.run(
            weights,
            torch.from_numpy(batch.inputs),
            net.zeros(framing.batch_size, weights["output.bias"]),
            torch.from_numpy(batch.reset),
            covariates=torch.from_numpy(batch.covariates),
        )
        found = net.nll(weights, parameters, torch.from_numpy(batch.targets)) * torch.from_numpy(batch.weight)
        nats, steps = nats + float(found.sum()), steps + float(batch.weight.sum())
    return nats, steps


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [1, 2])
def test_units_packed_in_rows_are_units_by_themselves(shape: dict[str, Any], rows: int) -> None:
    steps, net = data(), network(**shape)
    weights = net.initialise(torch.Generator().manual_seed(1))
    packed, count = total(net, weights, Packed(Framed(steps, KIND), rows, 30, 0))
    arrays = {name: w.numpy() for name, w in weights.items()}
    assert net.encoder is not None and isinstance(steps.covariates, Stored)
    ahead = OnnxEngine(net.encoder.graph(part(arrays, "encoder")))
    engine, head = OnnxEngine(net.graph(arrays)), net.bound(arrays)
    alone = 0.0
    for begin, end in zip(UNITS, [*UNITS[1:], 50], strict=True):
        given = ahead.run(steps.covariates.values[begin:end, None].astype(np.float32), ahead.zeros(1))[0]
        inputs = np.concatenate([KIND.start[None], steps.values[begin : end - 1]])[:, None]
        parameters, _ = engine.run(inputs, engine.zeros(1), None, given)
        alone -= float(head.log_prob(parameters[:, 0], steps.values[begin:end]).sum())
    assert count == 50
    assert packed == pytest.approx(alone, rel=1e-5)


def test_bidirectional_layers_see_what_comes() -> None:
    def changed(*encoder: int) -> np.ndarray:
        net = network("regression", encoder, layers=0, autoregressive=False)  # type: ignore[arg-type]
        weights = {n: w.numpy() for n, w in net.initialise(torch.Generator().manual_seed(1)).items()}
        assert net.encoder is not None
        engine = OnnxEngine(net.encoder.graph(part(weights, "encoder")))
        given = np.zeros((10, 1, GIVEN), np.float32)
        other = given.copy()
        other[6] = 1
        found = [engine.run(each, engine.zeros(1))[0][:, 0] for each in (given, other)]
        return np.asarray(np.abs(found[0] - found[1]).max(axis=1) > 1e-6)

    assert changed(2, 1).all()
    assert changed(2, 0).tolist() == [n == 6 for n in range(10)]


def test_every_epoch_has_every_unit_once_in_another_order() -> None:
    steps = Steps(
        np.zeros((300, 6), np.float32), np.arange(0, 300, 10), None, Stored(np.zeros((300, GIVEN), np.float16))
    )
    framing = Packed(Framed(steps, KIND), 2, 47, 0)
    orders = []
    for epoch in range(3):
        found = [framing.batch(epoch * framing.per_epoch + n) for n in range(framing.per_epoch)]
        assert sum(batch.weight.sum() for batch in found) == 300
        assert all(batch.reset[0].all() for batch in found)
        orders.append(framing.units(epoch))
    assert orders[0] != orders[1] != orders[2]
    assert framing.sequence_length == 47
    assert Packed(Framed(steps, KIND), 2, 5, 0).sequence_length == 11  # as long as the longest


def test_what_cannot_be_is_refused() -> None:
    for shape, given in (
        ({"layers": 0, "autoregressive": False}, 0),
        ({"layers": 1, "autoregressive": True, "encoder": {"feedforward": 1}}, 0),
        ({"layers": 0, "autoregressive": True, "encoder": {"feedforward": 1}}, 9),
        ({"layers": 0, "autoregressive": False, "skip": True, "encoder": {"feedforward": 1}}, 9),
    ):
        with pytest.raises(UserError, match=r"layers|covariates"):
            Network(NetworkConfig(head="regression", **shape), KIND, None, given)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="regression is not for steps that are symbols: take adaptive or categorical"):
        Network(NetworkConfig(head="regression"), Symbols(5))


def test_no_batch_of_an_epoch_is_empty() -> None:
    """Orders that need fewer rows than the first one's leave none over."""
    lengths = np.random.default_rng(3).integers(3, 30, 60)
    begins = np.concatenate([[0], lengths.cumsum()])
    count = int(begins[-1])
    steps = Steps(np.zeros((count, 6), np.float32), begins[:-1], None, Stored(np.zeros((count, GIVEN), np.float16)))
    framing = Packed(Framed(steps, KIND), 2, 32, 0)
    rows = {len(framing.units(epoch)) for epoch in range(40)}
    assert len(rows) > 1
    assert all(framing.batch(i).weight.any() for i in range(40 * framing.per_epoch))
