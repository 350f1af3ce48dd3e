"""What is special about each cell, beside what the conformance tests ask of all."""

from __future__ import annotations

from typing import Any

import pytest

from rhapsode import registry
from rhapsode.config import NetworkConfig
from rhapsode.nn.cells.mrnn import MultiplicativeRNN
from rhapsode.nn.network import Network
from rhapsode.steps.symbols import Symbols

torch = pytest.importorskip("torch")


def begun(name: str, inputs: int, width: int, dtype: Any = torch.float64) -> tuple[Any, dict[str, Any]]:
    """A cell, and weights as training begins with them, somewhat disturbed."""
    cell, random = registry.get("cell", name)(inputs, width), torch.Generator().manual_seed(0)
    weights = {name: torch.zeros(shape) for name, shape in cell.shapes.items()}
    cell.initialise(weights, random)
    return cell, {n: (w + 0.1 * torch.randn(w.shape, generator=random)).to(dtype) for n, w in weights.items()}


def test_gru_is_that_of_torch() -> None:
    cell, weights = begun("gru", 3, 5)
    other = torch.nn.GRU(3, 5).double()
    recurrent_bias = torch.cat([torch.zeros(10, dtype=torch.float64), weights["inner_bias"]])
    with torch.no_grad():
        own = (weights["input"], weights["recurrent"], weights["bias"], recurrent_bias)
        for parameter, value in zip(other.parameters(), own, strict=True):
            parameter.copy_(value)
    x, h = torch.randn(7, 2, 3, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    expected, last = other(x, h[None])
    found, (state,) = cell.run(weights, x, (h,), None)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(state, last[0])


def test_gru_of_cudnn_can_be_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it gives to the fused kernel, which torch computes here without one: the same as the loop."""
    cell, weights = begun("gru", 3, 5)
    x, h = torch.randn(9, 4, 3, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    reset = torch.rand(9, 4, generator=torch.Generator().manual_seed(1)) < 0.3
    reset[8, 0] = reset[0, 1] = True
    for given in (None, reset):
        expected, (last,) = cell.run(weights, x, (h,), given)
        found, (state,) = cell.fused(weights, x, (h,), given)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(state, last)
    assert not state[0].any() and not found[0, 1].any()


@pytest.mark.parametrize("symbol", range(3))
def test_each_symbol_has_a_recurrent_matrix(symbol: int) -> None:
    """One-hot inputs: h' = tanh(W_s + b + R diag(M_s) N h), of a mRNN; of a mLSTM, in all gates."""
    width = 4
    x = torch.eye(3, dtype=torch.float64)[symbol].view(1, 1, 3)
    h, c = torch.randn(2, 1, width, dtype=torch.float64)
    for name in ("mrnn", "mlstm"):
        cell, w = begun(name, 3, width)
        own = w["recurrent"] @ torch.diag(w["factor_input"][:, symbol]) @ w["factor_recurrent"]
        sums = w["input"][:, symbol] + w["bias"] + h[0] @ own.T
        (y, state) = cell.run(w, x, (h, c)[: len(cell.state)], None)
        if name == "mlstm":
            i, f, g, o = sums.chunk(4)
            cells = f.sigmoid() * c[0] + i.sigmoid() * g.tanh()
            torch.testing.assert_close(state[1][0], cells)
            torch.testing.assert_close(y[0, 0], o.sigmoid() * cells.tanh())
        else:
            torch.testing.assert_close(y[0, 0], sums.tanh())


def test_factors_of_the_multiplicative_rnn() -> None:
    for factors, found in ((0, 6), (9, 9)):
        network = Network(NetworkConfig(width=6, cell={"name": "mrnn", "factors": factors}), Symbols(5))  # type: ignore[arg-type]
        assert network.shapes["layer0.recurrent"] == (6, found)
        assert network.shapes["layer0.factor_recurrent"] == (found, 6)
        assert set(network.matrices.values()) == {1} and len(network.matrices) == 4
    assert MultiplicativeRNN(3, 4).shapes["recurrent"] == (4, 4)


@pytest.mark.parametrize("name", registry.names("cell"))
def test_signals_keep_their_size_as_training_begins(name: str) -> None:
    """For inputs of unit variance: outputs neither die out nor saturate, and gradients come back over 20 steps."""
    cell, weights = begun(name, 16, 64, torch.float32)
    torch.manual_seed(0)
    x = torch.randn(50, 8, 16).requires_grad_()
    y, _ = cell.run(weights, x, tuple(torch.zeros(8, 64) for _ in cell.state), None)
    assert 0.1 < y[30:].std() < 0.9, y[30:].std()
    (slope,) = torch.autograd.grad(y[-1].square().sum(), x)
    assert 1e-5 < slope[-20].norm() / slope[-1].norm() < 3
