"""The Mogrifier LSTM: the rounds of the paper, with full matrices and with factors; without rounds, a plain LSTM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode.config import NetworkConfig
from rhapsode.nn.cells.lstm import LSTM
from rhapsode.nn.cells.mogrifier import Mogrifier
from rhapsode.nn.network import Network
from rhapsode.steps.text import Text
from tests.conftest import random_weights
from tests.nn import test_engine as conformance

torch = pytest.importorskip("torch")

FORMS = [{"rounds": 1}, {"rounds": 2}, {"rounds": 6}, {"rank": 3}, {"rounds": 1, "rank": 2}, {"rounds": 0}]


def made(form: dict[str, Any], dtype: Any = torch.float64) -> tuple[Mogrifier, dict[str, Any]]:
    cell = Mogrifier(3, 5, Mogrifier.Settings(**form))
    random = torch.Generator().manual_seed(0)
    return cell, {n: torch.randn(shape, generator=random, dtype=dtype) for n, shape in cell.shapes.items()}


def state_of(rows: int) -> tuple[Any, Any]:
    random = torch.Generator().manual_seed(1)
    h, c = torch.randn(2, rows, 5, generator=random, dtype=torch.float64)
    return h, c


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_step_is_that_of_the_paper(form: dict[str, Any]) -> None:
    cell, w = made(form)
    (h, c), x = state_of(2), torch.randn(1, 2, 3, dtype=torch.float64)
    found, after = cell.run(w, x, (h, c), None)

    def gating(name: str, n: int, rows: int) -> Any:
        if not cell.rank:
            return w[name][n * rows : (n + 1) * rows]
        left, right = w[f"{name}_left"], w[f"{name}_right"]
        return left[n * rows : (n + 1) * rows] @ right[n * cell.rank : (n + 1) * cell.rank]

    inner = x[0]
    for n in range(1, cell.rounds + 1):
        if n % 2:
            inner = 2 * torch.sigmoid(h @ gating("x_gate", n // 2, 3).T) * inner
        else:
            h = 2 * torch.sigmoid(inner @ gating("h_gate", n // 2 - 1, 5).T) * h
    expected, state = LSTM(3, 5).run({n: w[n] for n in ("input", "recurrent", "bias")}, inner[None], (h, c), None)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(after, state)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_gradients_of_all_forms(form: dict[str, Any]) -> None:
    cell, weights = made(form)
    reset = torch.tensor([[False, False], [True, False], [False, False]])
    given = [torch.randn(3, 2, 3, dtype=torch.float64), *state_of(2), *(w / 2 for w in weights.values())]

    def run(x: Any, h: Any, c: Any, *rest: Any) -> tuple[Any, ...]:
        y, after = cell.run(dict(zip(weights, rest, strict=True)), x, (h, c), reset)
        return (y, *after)

    assert torch.autograd.gradcheck(run, [one.requires_grad_() for one in given])


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    "test",
    [
        conformance.test_torch_and_engine_agree,
        conformance.test_resets_agree,
        conformance.test_torch_at_once_is_step_by_step,
        conformance.test_the_state_and_every_weight_matter,
    ],
)
def test_all_forms_conform(form: dict[str, Any], test: Any) -> None:
    test({"name": "mogrifier", **form}, {"layers": 2, "skip": True})
    conformance.test_the_engine_is_the_same_bit_for_bit({"name": "mogrifier", **form}, {"width": 20}, 1)  # type: ignore[arg-type]


def test_matrices_of_all_rounds_are_learnt_one_by_one() -> None:
    full, factors = (made(form)[0] for form in ({"rounds": 5}, {"rounds": 3, "rank": 2}))
    assert full.matrices == {"h_gate": 2, "input": 4, "recurrent": 4, "x_gate": 3}
    assert full.shapes["x_gate"] == (9, 5) and full.shapes["h_gate"] == (10, 3)
    left, right = {"h_gate_left": 1, "x_gate_left": 2}, {"h_gate_right": 1, "x_gate_right": 2}
    assert factors.matrices == {**left, **right, "input": 4, "recurrent": 4}
    assert factors.shapes["x_gate_left"] == (6, 2) and factors.shapes["h_gate_right"] == (2, 3)
    assert full.title == "Mogrifier LSTM (5 rounds)" and factors.title == "Mogrifier LSTM (3 rounds of rank 2)"


@pytest.mark.parametrize("form", [{}, {"rank": 2}], ids=str)
@pytest.mark.parametrize("feedback", [True, False])
def test_a_network_that_knows_more_characters_computes_the_same(form: dict[str, Any], feedback: bool) -> None:
    """The rounds gate what is attended, too: their matrices get rows and columns for new characters."""
    config = NetworkConfig(
        width=8,
        layers=2,
        cell={"name": "mogrifier", **form},  # type: ignore[arg-type]
        head="mixture",  # type: ignore[arg-type]
        attention={"name": "window", "components": 2, "feedback": feedback},  # type: ignore[arg-type]
    )
    kind = conformance.registry.get("head", "mixture").kind.example(0)
    small, large = (Network(config, kind, Text(characters)) for characters in (5, 8))
    weights = random_weights(small, seed=0)
    grown = large.grown(weights, small)
    assert {name: value.shape for name, value in grown.items()} == large.shapes
    inputs = kind.inputs(kind.random(np.random.default_rng(0), (6, 2)))
    results = []
    for network, own, end in ((small, weights, 4), (large, grown, 7)):
        text = np.array([[0, 1], [2, 3], [end, 2], [0, end]])
        engine = conformance.OnnxEngine(network.graph(own))
        results.append(engine.run(inputs, engine.zeros(2), (text, np.array([3, 4])))[0])
    np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-4)
