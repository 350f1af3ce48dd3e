"""The operations of networks on torch tensors, for training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from rhapsode.config import Dropout
from rhapsode.nn.attention._attention import Attention, Memory
from rhapsode.nn.cells._cell import Cell, State
from rhapsode.nn.operations import Operations


class Tensors(Operations[Tensor]):
    """reset: [T, B] as in `Cell.run`. dropout: rates. memory: the texts that are attended, if any are."""

    def __init__(
        self, reset: Tensor | None = None, dropout: Dropout | None = None, memory: Memory | None = None
    ) -> None:
        self._reset, self._dropout, self._memory = reset, dropout or Dropout(), memory

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=-1)

    def sum(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other

    def tanh(self, x: Tensor) -> Tensor:
        return torch.tanh(x)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor, exact: bool = False) -> Tensor:
        with torch.autocast(x.device.type, enabled=False) if exact else nullcontext():
            return functional.linear(x.to(weight.dtype) if exact else x, weight, bias)

    def drop(self, x: Tensor, place: Literal["input", "between", "output"]) -> Tensor:
        return dropped(x, getattr(self._dropout, place), self._dropout.locked)

    def _recurrent_dropped(self, cell: Cell, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        rate = self._dropout.recurrent
        return {**weights, **{name: dropped(weights[name], rate) for name in cell.recurrent if rate}}

    def layer(self, cell: Cell, weights: Mapping[str, Tensor], x: Tensor, state: State) -> tuple[Tensor, State]:
        return cell.run(self._recurrent_dropped(cell, weights), x, state, self._reset)

    def direction(self, cell: Cell, weights: Mapping[str, Tensor], x: Tensor, backward: bool) -> Tensor:
        like = next(iter(weights.values()))  # float32, whatever the precision of the rest
        state = tuple(like.new_zeros(x.shape[1], cell.width) for _ in cell.state)
        if not backward:
            return cell.run(dict(weights), x, state, self._reset)[0]
        reset = None if self._reset is None else self._reset.flip(0)
        return cell.run(dict(weights), x.flip(0), state, reset)[0].flip(0)

    def attend(
        self,
        attention: Attention,
        weights: Mapping[str, Tensor],
        cell: Cell,
        layer: Mapping[str, Tensor],
        x: Tensor,
        before: State,
        state: State,
    ) -> tuple[Tensor, Tensor, State, State]:
        assert self._memory is not None
        if attention.feedback:
            kept = self._recurrent_dropped(cell, layer)
            y, w, new, after = attention.around(cell, kept, dict(weights), x, self._memory, before, state, self._reset)
        else:
            y, new = self.layer(cell, layer, x, before)
            w, after = attention.run(dict(weights), y, self._memory, state, self._reset)
        return y, w.to(y.dtype), new, after


def dropped(x: Tensor, rate: float, locked: bool = False) -> Tensor:
    """Each number is 0 with probability `rate`, else scaled up. locked: each feature of a row [T, B, N], at all steps.

    The rate is rounded to a 256th.
    """
    cut = min(255, round(256 * rate))
    if cut == 0:
        return x
    shape = (1, *x.shape[1:]) if locked else x.shape
    # One random byte each. torch.dropout draws a float each, in one thread: a sixth of all training time.
    count = math.prod(shape)
    words = torch.empty(-(-count // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
    kept = words.view(torch.uint8)[:count].view(shape) >= cut
    return x * kept.to(x.dtype).mul_(256 / (256 - cut))
