"""The layer-norm LSTM: which sums are normalised, and what follows from that."""

from __future__ import annotations

from typing import Any

import pytest

from rhapsode.config import NetworkConfig
from rhapsode.errors import UserError
from rhapsode.nn.cells.layernorm import LayerNorm
from rhapsode.nn.network import Network
from rhapsode.steps.symbols import Symbols

torch = pytest.importorskip("torch")


def made() -> tuple[LayerNorm, dict[str, Any], Any, tuple[Any, Any]]:
    """A cell, weights, inputs of 4 steps of 2 rows, and a state."""
    cell, random = LayerNorm(3, 5), torch.Generator().manual_seed(0)

    def numbers(*shape: int) -> Any:
        return torch.randn(shape, generator=random, dtype=torch.float64)

    weights = {name: numbers(*shape) for name, shape in cell.shapes.items()}
    return cell, weights, numbers(4, 2, 3), (numbers(2, 5), numbers(2, 5))


def norm(z: Any) -> Any:
    far = z - z.mean(-1, keepdim=True)
    return far / (far.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def test_a_step_is_that_of_the_paper() -> None:
    cell, w, x, (h, c) = made()
    found, after = cell.run(w, x, (h, c), None)
    for t in range(4):
        sums = w["input_gain"] * norm(x[t] @ w["input"].T) + w["recurrent_gain"] * norm(h @ w["recurrent"].T)
        i, f, g, o = (sums + w["bias"]).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * (w["cell_gain"] * norm(c) + w["cell_bias"]).tanh()
        torch.testing.assert_close(found[t], h)
    torch.testing.assert_close(after, (h, c))


def test_the_size_of_matrices_does_not_matter() -> None:
    cell, w, x, state = made()
    expected, _ = cell.run(w, x, state, None)
    found, _ = cell.run({**w, "input": 50 * w["input"], "recurrent": 0.7 * w["recurrent"]}, x, state, None)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_one_unit_is_refused() -> None:
    with pytest.raises(UserError, match="one number cannot be normalised. Set width = 2"):
        Network(NetworkConfig(width=1, cell="layernorm"), Symbols(5))  # type: ignore[arg-type]
