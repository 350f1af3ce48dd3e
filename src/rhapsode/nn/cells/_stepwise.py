"""Cells that train step by step, fast: what a fused kernel does, for cells that have none.

Of a window of T steps, the products with the input are computed at once. Then the steps follow one another, and a step
is no more than its recurrent products and some operations on each number. The gradients are written out, too: a step
backward is as small, and the gradient of each weight is one product over all T B rows after the loop (`_loop.py`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from rhapsode.nn.cells._cell import Cell, State

if TYPE_CHECKING:
    from torch import Tensor

Times = Callable[[str, "Tensor"], "Tensor"]
"""(name of a weight W [N, M], a [B, M]) → a Wᵀ [B, N]; of gradients, [B, N] → [B, M]."""
Total = Callable[[str, "Tensor"], None]
"""(name of a weight of shape [...], rows [B, ...]): the sum of these rows is added to the gradient of the weight."""


def sigmoids(slope: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """slope y (1 - y): the gradient of the sums whose sigmoid is y, given that of y. out: where it is written."""
    import torch

    found: Tensor = torch.ops.aten.sigmoid_backward(slope, y, **({} if out is None else {"grad_input": out}))
    return found


def tanhs(slope: Tensor, y: Tensor, out: Tensor | None = None) -> Tensor:
    """slope (1 - y²), in the same way for tanh."""
    import torch

    found: Tensor = torch.ops.aten.tanh_backward(slope, y, **({} if out is None else {"grad_input": out}))
    return found


class Stepwise(Cell):
    """A cell that says what one step is, forward and backward, instead of `run`.

    The first part of the state is the output. Resets, mixed precision, and gradients of the weights in `products` are
    no concern of the cell. A test compares the gradients with those of autograd.
    """

    products: ClassVar[tuple[str, ...]]
    """The names of the weights, matrices, that a step multiplies by."""
    others: ClassVar[tuple[str, ...]] = ()
    """The names of the other weights that a step uses, number by number. The rest is only for `into`."""

    @abstractmethod
    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        """What the steps read of the input x [T, B, inputs], computed for all at once: [T, B, N]."""

    @abstractmethod
    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        """A step: x [B, N] of `into`, and the state before, parts [B, H] → the new state, and what `backward` needs.

        weights: those of `products` and `others`. times: multiplies by a weight of `products`. Nothing that is given or
        returned may be changed in place.
        """

    @abstractmethod
    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        """The gradients of a step. slope: of its new state, parts [B, H]. kept: what `forward` kept → the gradients of
        x [B, N] and of the state before.

        back: for each call of `times` in `forward`, in reverse order, the gradient of a product → that of what was
        multiplied. total: for weights of `others`.
        """

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        import torch

        from rhapsode.nn.cells._loop import Loop

        own = [weights[name] for name in (*self.products, *self.others)]
        full, device = own[0].dtype, x.device.type
        mixed = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if mixed else full
        into = self.into(weights, x)
        with torch.autocast(device, enabled=False):
            before = (part.to(full) for part in state)
            y, *after = Loop.apply(self, dtype, reset, into.to(full), *before, *own)  # type: ignore[no-untyped-call]
        return y, tuple(after)
