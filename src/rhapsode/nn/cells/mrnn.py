"""The multiplicative RNN: each symbol has a recurrent matrix of its own, all made of shared factors.

    f = (M x) * (N h)                       * is a product number by number
    h' = tanh(W x + R f + b)

Sutskever, Martens & Hinton 2011, "Generating text with recurrent neural networks": the first large
generative model of characters. The recurrent matrix of a symbol x is R diag(M x) N. A full tensor, one matrix for each
symbol, would have H² weights a symbol; F factors have 2 F H, and F a symbol. The paper's M, N, R and W are W_fx, W_fh,
W_hf and W_hx; it has H = F = 1500.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from rhapsode.config import Part
from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._stepwise import Stepwise, Times, Total, tanhs

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class MultiplicativeRNN(Stepwise):
    """Weights: `input` [H, I], `recurrent` [H, F] of f, `bias` [H]; M and N above are `factor_input` [F, I] and
    `factor_recurrent` [F, H]."""

    name = "mrnn"
    state = ("h",)
    recurrent = products = ("recurrent", "factor_recurrent")
    single = True  # its graph computes one step
    pace = 2 / 3

    class Settings(Part):
        """Settings of it."""

        name: str = "mrnn"
        factors: int = Field(default=0, ge=0, le=65536)
        """F, the factors of the recurrent matrices; 0 for as many as the width."""

    def __init__(self, inputs: int, width: int, settings: Part | None = None) -> None:
        super().__init__(inputs, width, settings)
        self.factors: int = getattr(settings, "factors", 0) or width

    @property
    def title(self) -> str:
        return "multiplicative RNN"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h, f = self.width, self.factors
        return {
            "input": (h, self.inputs),
            "recurrent": (h, f),
            "bias": (h,),
            "factor_input": (f, self.inputs),
            "factor_recurrent": (f, h),
        }

    @property
    def matrices(self) -> dict[str, int]:
        return dict.fromkeys(("factor_input", "factor_recurrent", "input", "recurrent"), 1)

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        from torch.nn import init

        bound = math.sqrt(3 / self.inputs)  # unit gain, as for the LSTM
        for name in ("input", "factor_input"):
            init.uniform_(weights[name], -bound, bound, generator=generator)
        for name in self.recurrent:
            init.orthogonal_(weights[name], generator=generator)
        init.zeros_(weights["bias"])

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        """W x + b [T, B, H] and, beside it, M x [T, B, F]."""
        import torch
        from torch.nn.functional import linear, pad

        kernel = torch.cat([weights["input"], weights["factor_input"]])
        return linear(x, kernel, pad(weights["bias"], (0, self.factors)))

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        own, factors = x[:, : self.width], x[:, self.width :]
        recalled = times("factor_recurrent", state[0])
        h = times("recurrent", factors * recalled).add_(own).tanh_()
        return (h,), (factors, recalled, h)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        import torch

        factors, recalled, h = kept
        d_sums = tanhs(slope[0], h)
        d_f = back("recurrent", d_sums)
        d_h = back("factor_recurrent", d_f * factors)
        return torch.cat([d_sums, d_f * recalled], dim=1), (d_h,)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        def times(name: str, a: str) -> str:
            return graph.add("MatMul", a, graph.constant(weights[name].T))[0]

        f = graph.add("Mul", times("factor_input", x), times("factor_recurrent", state[0]))[0]
        own = graph.sum(times("input", x), graph.constant(weights["bias"]))
        y = graph.tanh(graph.sum(own, times("recurrent", f)))
        return y, (graph.add("Squeeze", y, graph.constant([0]))[0],)
