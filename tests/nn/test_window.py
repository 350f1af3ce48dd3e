"""The window along a text, in doubles."""

from __future__ import annotations

import numpy as np
import pytest

from rhapsode.arithmetic.quantise import number
from rhapsode.nn.attention._attention import Memory
from rhapsode.nn.attention.window import MOST, Window
from rhapsode.steps.text import Text
from tests import node

torch = pytest.importorskip("torch")

K, U, B, T, SYMBOLS = 4, 9, 3, 6, 5


def window() -> Window:
    return Window(2, Text(SYMBOLS, pace=0.5), Window.Settings(name="window", components=K))


def run(parameters: np.ndarray, symbols: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
    """All steps, one after another: outputs [T, B, C], weights [T, B, U], and kappa [B, K]."""
    one = window()
    state: tuple[np.ndarray, ...] = (np.zeros((parameters.shape[1], K)),)
    found, where = [], []
    for now in parameters:
        w, phi, state = one.step(now, state, (symbols, lengths))
        found.append(w)
        where.append(phi)
    return np.stack(found), np.stack(where), state[0]


def texts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((T, B, 3 * K)), rng.integers(0, SYMBOLS, (U, B)), np.array([U, 3, 1])


def test_it_is_that_of_training() -> None:
    parameters, symbols, lengths = texts()
    parameters[0, 0, 0] = MOST + 3  # is cut
    w, phi, kappa = run(parameters, symbols, lengths)
    weights = {"weight": torch.zeros(3 * K, 3 * K), "bias": torch.zeros(3 * K)}
    weights["weight"].fill_diagonal_(1)
    memory = Memory(torch.tensor(symbols), torch.zeros(T, B, dtype=torch.int64), torch.tensor(lengths).expand(T, B))
    wanted, (at,) = window().run(weights, torch.tensor(parameters).float(), memory, (torch.zeros(B, K),), None)
    np.testing.assert_allclose(w, wanted.numpy(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(kappa, at.numpy(), rtol=1e-5)
    assert phi.shape == (T, B, U) and (phi[:, 1, 3:] == 0).all() and (phi[:, 1, :3] > 0).any()
    np.testing.assert_allclose(w.sum(-1), phi.sum(-1))


def test_a_row_does_not_depend_on_others_nor_on_padding() -> None:
    parameters, symbols, lengths = texts()
    every = run(parameters, symbols, lengths)
    for row, length in enumerate(lengths.tolist()):
        w, phi, kappa = run(parameters[:, [row]], symbols[:length, [row]], lengths[[row]])
        assert np.array_equal(w[:, 0], every[0][:, row]) and np.array_equal(kappa[0], every[2][row])
        assert np.array_equal(phi[:, 0], every[1][:, row, :length])


def test_javascript_has_the_same_bits() -> None:
    parameters, symbols, lengths = texts()
    w, phi, kappa = run(parameters, symbols, lengths)
    body = f"""
        const {{ Window }} = await use("window.js");
        return data.map(([steps, text]) => {{
          const window = new Window({{ components: {K}, width: {SYMBOLS} }}, new Float64Array({K}));
          const seen = new Int16Array({SYMBOLS});
          return steps.map((step) => {{
            window.move(Float64Array.from(step), text, seen);
            return [[...window.weights], [...window.kappa], [...seen]];
          }});
        }});
    """
    rows = [(parameters[:, n].tolist(), symbols[:length, n].tolist()) for n, length in enumerate(lengths.tolist())]
    found = node.run("arithmetic", body, rows)
    for n, length in enumerate(lengths.tolist()):
        assert [step[0] for step in found[n]] == phi[:, n, :length].astype(np.float32).tolist()
        assert found[n][-1][1] == kappa[n].tolist()
        assert [step[2] for step in found[n]] == number(w[:, n]).tolist()
