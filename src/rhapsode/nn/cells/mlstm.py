"""The multiplicative LSTM: what each symbol makes of the state is a matrix of its own.

    m = (M x) * (N h)                       * is a product number by number
    i, f, o = sigmoid(W x + R m + b)        g = tanh(W x + R m + b)
    c' = f c + i g                          h' = o tanh(c')

Krause, Lu, Murray & Renals 2016, "Multiplicative LSTM for sequence modelling": the factored matrix of the
multiplicative RNN (`mrnn`) before the gates of an LSTM. m takes the place of h in all gates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._gated import Gated
from rhapsode.nn.cells._stepwise import Times, Total

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class MultiplicativeLSTM(Gated):
    """Weights: `input` [4H, I], `recurrent` [4H, H] of m, `bias` [4H], gates in the order i, f, g, o; M and N above are
    `factor_input` [H, I] and `factor_recurrent` [H, H]."""

    name = "mlstm"
    recurrent = products = ("recurrent", "factor_recurrent")
    pace = 2 / 3

    @property
    def title(self) -> str:
        return "multiplicative LSTM"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        return {
            "input": (4 * h, self.inputs),
            "recurrent": (4 * h, h),
            "bias": (4 * h,),
            "factor_input": (h, self.inputs),
            "factor_recurrent": (h, h),
        }

    @property
    def matrices(self) -> dict[str, int]:
        return {"factor_input": 1, "factor_recurrent": 1, "input": 4, "recurrent": 4}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        from torch.nn import init

        _plain.initialise(self, weights, generator)
        bound = math.sqrt(3 / self.inputs)  # unit gain: on the average, m is as large as h
        init.uniform_(weights["factor_input"], -bound, bound, generator=generator)
        init.orthogonal_(weights["factor_recurrent"], generator=generator)

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        """The gates' sums [T, B, 4H] and, beside them, M x [T, B, H]."""
        import torch
        from torch.nn.functional import linear, pad

        kernel = torch.cat([weights["input"], weights["factor_input"]])
        return linear(x, kernel, pad(weights["bias"], (0, self.width)))

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        h, before = state
        own, factors = x[:, : -self.width], x[:, -self.width :]
        recalled = times("factor_recurrent", h)
        after, kept = _plain.forward(times("recurrent", factors * recalled).add_(own), before)
        return after, (factors, recalled, *kept)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        import torch

        factors, recalled, *rest = kept
        d_sums, d_before = _plain.backward(slope, rest)
        d_m = back("recurrent", d_sums)
        d_h = back("factor_recurrent", d_m * factors)
        return torch.cat([d_sums, d_m * recalled], dim=1), (d_h, d_before)

    def sums(self, graph: Graph, weights: dict[str, np.ndarray], x: str, h: str) -> str:
        """The sums of the gates i, f, g, o [1, B, 4H]."""

        def times(name: str, a: str) -> str:
            return graph.add("MatMul", a, graph.constant(weights[name].T))[0]

        m = graph.add("Mul", times("factor_input", x), times("factor_recurrent", h))[0]
        return graph.sum(graph.sum(times("input", x), graph.constant(weights["bias"])), times("recurrent", m))
