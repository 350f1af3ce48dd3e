"""The sLSTM: it is the mean that the paper defines, it begins from zeros, and nothing overflows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode.config import NetworkConfig
from rhapsode.errors import UserError
from rhapsode.nn.cells.slstm import SLSTM
from rhapsode.nn.network import Network
from rhapsode.steps.symbols import Symbols
from tests.nn import test_engine as conformance

torch = pytest.importorskip("torch")

FORMS = [{"heads": 1}, {"heads": 4}, {"forget": "exponential"}, {"heads": 2, "forget": "exponential"}]
EXTREME = pytest.mark.parametrize("sum_of_gates", [-500.0, -120.0, 0.0, 120.0, 500.0])


def made(form: dict[str, Any], dtype: Any, inputs: int = 3, width: int = 8) -> tuple[SLSTM, dict[str, Any]]:
    cell = SLSTM(inputs, width, SLSTM.Settings(**form))
    random = torch.Generator().manual_seed(0)
    return cell, {n: torch.randn(shape, generator=random, dtype=dtype) for n, shape in cell.shapes.items()}


def zeros(cell: SLSTM, rows: int, dtype: Any) -> tuple[Any, ...]:
    return tuple(torch.zeros(rows, cell.width, dtype=dtype) for _ in cell.state)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_output_is_the_weighted_mean_of_the_paper(form: dict[str, Any]) -> None:
    """Without normaliser and stabiliser: h = o sum(w z) / sum(w), log w of a step = i + all later log f."""
    cell, weights = made(form, torch.float64)
    x = torch.randn(12, 2, 3, dtype=torch.float64)
    found, state = cell.run(weights, x, zeros(cell, 2, torch.float64), None)
    recurrent = torch.zeros(4, cell.heads, cell.size, cell.heads, cell.size, dtype=torch.float64)
    for head in range(cell.heads):
        recurrent[:, head, :, head] = weights["recurrent"].view(4, cell.heads, cell.size, cell.size)[:, head]
    h, log_weights, values = torch.zeros(2, 8, dtype=torch.float64), [], []
    for t in range(12):
        i, f, z, o = (x[t] @ weights["input"].T + h @ recurrent.view(32, 8).T + weights["bias"]).chunk(4, dim=1)
        forget = f if cell.exponential else f.sigmoid().log()
        log_weights = [one + forget for one in log_weights] + [i]
        values.append(z.tanh())
        share = torch.stack(log_weights).softmax(0)
        h = o.sigmoid() * (share * torch.stack(values)).sum(0)
        torch.testing.assert_close(found[t], h)
    _, c, n, m = state
    torch.testing.assert_close(m + n.log(), torch.stack(log_weights).logsumexp(0))
    assert (n >= 1).all()


@EXTREME
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_first_step_is_z_however_large_its_gates(form: dict[str, Any], sum_of_gates: float) -> None:
    """From zeros, and after a reset step: c / n is z, and n is 1."""
    cell, weights = made(form, torch.float32)
    weights["bias"][: 2 * cell.width] = sum_of_gates
    x = torch.randn(3, 1, 3)
    reset = torch.tensor([[False], [True], [False]])
    for state in (zeros(cell, 1, torch.float32), cell.run(weights, x[:2], zeros(cell, 1, torch.float32), reset[:2])[1]):
        y, (h, c, n, _) = cell.run(weights, x[2:], state, None)
        _, _, z, o = (x[2] @ weights["input"].T + weights["bias"]).chunk(4, dim=1)
        torch.testing.assert_close(c, z.tanh())
        torch.testing.assert_close(y[0], o.sigmoid() * z.tanh())
        assert torch.equal(n, torch.ones_like(n)) and torch.equal(h, y[0])


@EXTREME
@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_engine_begins_in_the_same_way(form: dict[str, Any], sum_of_gates: float) -> None:
    pair = conformance.Pair({"name": "slstm", **form}, {})  # type: ignore[arg-type]
    width = pair.network.config.width
    pair.weights["layer0.bias"][: 2 * width] = sum_of_gates
    weights = {name: value.numpy() for name, value in pair.weights.items()}
    pair.engine = conformance.OnnxEngine(pair.network.graph(weights))
    conformance.close([pair.engine_run(pair.inputs, pair.engine.zeros(5))[0]], [pair.run(pair.inputs)[0]])


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    "test",
    [
        conformance.test_torch_and_engine_agree,
        conformance.test_resets_agree,
        conformance.test_a_reset_leaves_exactly_nothing,
        conformance.test_torch_at_once_is_step_by_step,
        conformance.test_the_state_and_every_weight_matter,
    ],
)
def test_all_forms_conform(form: dict[str, Any], test: Any) -> None:
    test({"name": "slstm", **form}, {"layers": 2, "width": 20})
    conformance.test_the_engine_is_the_same_bit_for_bit({"name": "slstm", **form}, {"width": 20}, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_gradients_of_all_forms(form: dict[str, Any]) -> None:
    cell, weights = made(form, torch.float64, 2, 4)
    state = [torch.rand(2, 4, dtype=torch.float64) for _ in cell.state]
    reset = torch.tensor([[False, False], [True, False], [False, False]])
    given = [torch.randn(3, 2, 2, dtype=torch.float64), *state, *(w / 2 for w in weights.values())]

    def run(x: Any, *rest: Any) -> tuple[Any, ...]:
        y, after = cell.run(dict(zip(weights, rest[4:], strict=True)), x, rest[:4], reset)
        return (y, *after)

    assert torch.autograd.gradcheck(run, [one.requires_grad_() for one in given])


def test_heads_divide_the_width() -> None:
    with pytest.raises(UserError, match="10 cannot be divided among 4 heads.*such as 12"):
        Network(NetworkConfig(width=10, cell={"name": "slstm", "heads": 4}), Symbols(5))  # type: ignore[arg-type]
    network = Network(NetworkConfig(width=12, cell={"name": "slstm", "heads": 4}), Symbols(5))  # type: ignore[arg-type]
    assert network.shapes["layer0.recurrent"] == (48, 3) and network.matrices["layer0.recurrent"] == 16
    assert network.description.endswith("sLSTM (4 heads)")


def test_forget_gates_begin_from_open_to_closed() -> None:
    for form in FORMS:
        cell, weights = made(form, torch.float32)
        cell.initialise(weights, torch.Generator().manual_seed(0))
        f = weights["bias"].view(4, cell.heads, -1)[1]
        gates = f.exp() if cell.exponential else f.sigmoid()
        assert np.allclose(gates[:, 0], 1 / (1 + np.exp(-5))) and np.allclose(gates[:, -1], 1 / (1 + np.exp(7)))
        assert (gates.diff() < 0).all()


@pytest.mark.parametrize("form", [{}, {"forget": "exponential"}], ids=str)
def test_a_sequence_of_ten_thousand_steps(form: dict[str, Any]) -> None:
    """The normaliser is a sum of up to so many weights. With exponential forget gates, exponents grow at each step."""
    cell, weights = made(form, torch.float32)
    weights["bias"][8:16] = 9.0  # forget gates
    x = torch.randn(10_000, 1, 3)
    y, (_, c, n, m) = cell.run(weights, x, zeros(cell, 1, torch.float32), None)
    assert y.isfinite().all() and y.abs().max() < 1 + 1e-6
    assert (n >= 1).all() and n.max() < 10_001 and (c.abs() <= n).all()
    assert (m.max() > 10_000) == cell.exponential
