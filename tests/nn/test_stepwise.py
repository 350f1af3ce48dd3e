"""The loop of cells without a fused kernel: its gradients are those of autograd, with resets, in both precisions."""

from __future__ import annotations

from typing import Any

import pytest

from rhapsode import registry
from rhapsode.nn.cells._stepwise import Stepwise

torch = pytest.importorskip("torch")

T, B, INPUTS, WIDTH = 6, 2, 3, 4
CELLS = [cell for cell in registry.every("cell") if issubclass(cell, Stepwise)]


def made(
    kind: type[Stepwise], dtype: Any, inputs: int = INPUTS, width: int = WIDTH, steps: int = T, rows: int = B
) -> Any:
    """The cell, a function (x, state and weights) → outputs and state, its arguments, and resets."""
    torch.manual_seed(0)
    cell = kind(inputs, width)
    state = [torch.randn(rows, width, dtype=dtype).abs() for _ in cell.state]
    weights = [torch.randn(shape, dtype=dtype) / 2 for shape in cell.shapes.values()]
    given = [torch.randn(steps, rows, inputs, dtype=dtype), *state, *weights]
    reset = torch.rand(steps, rows) < 0.3
    reset[1, 0], reset[:, 1] = True, False

    def run(x: Any, *rest: Any, reset: Any = None) -> tuple[Any, ...]:
        own = dict(zip(cell.shapes, rest[len(state) :], strict=True))
        y, after = cell.run(own, x, rest[: len(state)], reset)
        return (y, *after)

    return run, [one.requires_grad_() for one in given], reset


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("resets", [False, True], ids=["whole", "resets"])
def test_gradients_are_those_of_small_differences(kind: type[Stepwise], resets: bool) -> None:
    run, given, reset = made(kind, torch.float64)
    assert torch.autograd.gradcheck(lambda *all_: run(*all_, reset=reset if resets else None), given)


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.name)
def test_no_gradient_goes_through_a_reset(kind: type[Stepwise]) -> None:
    run, given, reset = made(kind, torch.float32)
    y = run(*given, reset=reset)[0]
    (slope,) = torch.autograd.grad(y[2:, 0].sum(), given[0], retain_graph=True)
    assert not slope[:2, 0].any() and slope[2:, 0].any()
    assert not y[1, 0].any()


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.name)
def test_mixed_precision_is_near(kind: type[Stepwise]) -> None:
    """Products in bfloat16; outputs, state and gradients in float32."""
    run, given, reset = made(kind, torch.float32, 5, 16, 8, 3)
    given = [one.detach().div(2).requires_grad_() for one in given]
    exact = run(*given, reset=reset)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = run(*given, reset=reset)
    for one, other in zip(exact, mixed, strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.1, atol=0.03)
    slopes = [torch.autograd.grad(sum(part.square().sum() for part in parts), given) for parts in (exact, mixed)]
    for one, other in zip(*slopes, strict=True):
        assert other.dtype == torch.float32
        assert (one - other).norm() < 0.05 * one.norm() + 1e-3


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.name)
def test_without_gradients_nothing_is_kept(kind: type[Stepwise]) -> None:
    run, given, reset = made(kind, torch.float32)
    expected = run(*given, reset=reset)
    with torch.no_grad():
        found = run(*given, reset=reset)
    assert all(torch.equal(one, other) for one, other in zip(expected, found, strict=True))
    assert not any(one.requires_grad for one in found)
