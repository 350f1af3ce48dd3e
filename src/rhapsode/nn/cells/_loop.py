"""The loop over the steps of a cell of `_stepwise.py`, forward and backward."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from rhapsode.nn.cells._stepwise import Stepwise


class Loop(Function):
    """(cell, dtype of the products, reset [T, B] bool or None, into [T, B, N], the state's parts [B, H], the weights of
    `products` and `others`) → outputs [T, B, H] and the new state's parts."""

    @staticmethod
    def forward(
        ctx: Any, cell: Stepwise, dtype: torch.dtype, reset: Tensor | None, into: Tensor, *given: Tensor
    ) -> tuple[Tensor, ...]:
        state, own = given[: len(cell.state)], given[len(cell.state) :]
        weights = dict(zip((*cell.products, *cell.others), own, strict=True))
        turned = {name: weights[name].to(dtype).t() for name in cell.products}
        learns, full = any(ctx.needs_input_grad), into.dtype
        read, kept, outputs = defaultdict[str, list[Tensor]](list), list[tuple[Tensor, ...]](), list[Tensor]()

        def times(name: str, a: Tensor) -> Tensor:
            a = a.to(dtype)
            if learns:
                read[name].append(a)
            return (a @ turned[name]).to(full)

        keep = _keep(reset, len(into), full)
        for x, kept_rows in zip(into.unbind(), keep, strict=True):
            state, needed = cell.forward(x, state, weights, times)
            if kept_rows is not None:
                state = tuple(part * kept_rows for part in state)
            outputs.append(state[0])
            if learns:
                kept.append(needed)
        ctx.save_for_backward(*own)
        ctx.cell, ctx.dtype, ctx.keep, ctx.read, ctx.kept, ctx.shape = cell, dtype, keep, read, kept, into.shape
        return torch.stack(outputs), *(part.clone() for part in state)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *slope: Tensor) -> tuple[Tensor | None, ...]:
        cell: Stepwise = ctx.cell
        names, dtype, full = (*cell.products, *cell.others), ctx.dtype, grad.dtype
        weights = dict(zip(names, ctx.saved_tensors, strict=True))
        cast = {name: weights[name].to(dtype) for name in cell.products}
        slopes = defaultdict[str, list[Tensor]](list)
        sums = dict[str, Tensor]()
        d_into = grad.new_empty(ctx.shape)

        def back(name: str, d: Tensor) -> Tensor:
            d = d.to(dtype)
            slopes[name].append(d)
            found: Tensor = (d @ cast[name]).to(full)
            return found

        def total(name: str, rows: Tensor) -> None:
            sums[name] = sums[name].add_(rows) if name in sums else rows.clone()

        for t in reversed(range(len(ctx.kept))):
            slope = (slope[0] + grad[t], *slope[1:])
            if ctx.keep[t] is not None:
                slope = tuple(part * ctx.keep[t] for part in slope)
            d_x, slope = cell.backward(slope, ctx.kept[t], weights, back, total)
            d_into[t] = d_x
        # One product for all steps; the steps came last first.
        found = {n: torch.cat(slopes[n][::-1]).t() @ torch.cat(ctx.read[n]) for n in cell.products}
        found |= {name: rows.sum(0) for name, rows in sums.items()}
        return None, None, None, d_into, *slope, *(found[name].to(full) for name in names)


def _keep(reset: Tensor | None, steps: int, dtype: torch.dtype) -> list[Tensor | None]:
    """Of each step, what its new state is multiplied by, [B, 1]: 0 where a row is reset, else 1. None where no row
    is."""
    if reset is None:
        return [None] * steps
    keep = (~reset).to(dtype).unsqueeze(-1)
    return [keep[t] if some else None for t, some in enumerate(reset.any(1).tolist())]
