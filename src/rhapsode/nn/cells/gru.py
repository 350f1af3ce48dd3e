"""The gated recurrent unit: two gates, no memory cells.

    r, z = sigmoid(W x + R h + b)           n = tanh(W x + b + r (R h + d))
    h' = (1 - z) n + z h

Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", in the form that cuDNN and others compute:
r gates the product R h of n, not h before it. So all products with h are one, and cuDNN's kernel trains it on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._plain import SHUT
from rhapsode.nn.cells._stepwise import Stepwise, Times, Total, sigmoids, tanhs

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class GRU(Stepwise):
    """Weights: `input` [3H, I], `recurrent` [3H, H], `bias` [3H], in the order r, z, n; d above is `inner_bias` [H]."""

    name = "gru"
    state = ("h",)
    gates = ("reset", "update")
    recurrent = products = ("recurrent",)
    others = ("inner_bias",)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        return {"input": (3 * h, self.inputs), "recurrent": (3 * h, h), "bias": (3 * h,), "inner_bias": (h,)}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        from torch.nn import init

        h = self.width
        bound = math.sqrt(3 / self.inputs)  # unit gain, as for the LSTM
        init.uniform_(weights["input"], -bound, bound, generator=generator)
        for gate in weights["recurrent"].view(3, h, h):
            init.orthogonal_(gate, generator=generator)
        # It begins to keep what it has, as the LSTM does with open forget gates.
        init.zeros_(weights["bias"])
        init.ones_(weights["bias"][h : 2 * h])
        init.zeros_(weights["inner_bias"])

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        """On a GPU by cuDNN's kernel, elsewhere by the loop (torch has no kernel for a CPU)."""
        return self.fused(weights, x, state, reset) if x.is_cuda else super().run(weights, x, state, reset)

    def fused(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        """`run` by torch's GRU."""
        import torch

        kernel, bias, none = weights["input"], weights["bias"], torch.zeros_like(weights["bias"])
        inner = torch.cat([none[self.width :], weights["inner_bias"]])
        if reset is not None:
            # Two more inputs beside x, which is 0 at reset steps: one gives the bias, and is 0 there, too; one is 1
            # there, and shuts r and z. Then h' = 1 tanh(0 + 0 (R h + d)) + 0 h = 0.
            keep = (~reset).unsqueeze(-1).to(x.dtype)
            x = torch.cat([x * keep, keep, 1 - keep], dim=-1)
            shut = none.index_fill(0, torch.arange(2 * self.width, device=x.device), SHUT)
            kernel, bias = torch.cat([kernel, bias.unsqueeze(1), shut.unsqueeze(1)], dim=1), none
        flat = [kernel, weights["recurrent"], bias, inner]
        y, h = torch.gru(x, state[0].unsqueeze(0), flat, True, 1, 0.0, torch.is_grad_enabled(), False, False)
        return y, (h[0],)

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        from torch.nn.functional import linear

        return linear(x, weights["input"], weights["bias"])

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        import torch

        (before,), both = state, 2 * self.width
        recalled = times("recurrent", before)
        gates = torch.sigmoid(x[:, :both] + recalled[:, :both])
        r, z = torch.chunk(gates, 2, dim=1)
        inner = recalled[:, both:].add_(weights["inner_bias"])
        n = torch.addcmul(x[:, both:], r, inner).tanh_()
        return (torch.lerp(n, before, z),), (gates, inner, n, before)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        import torch

        (d_h,), (gates, inner, n, before) = slope, kept
        r, z = torch.chunk(gates, 2, dim=1)
        d_x = d_h.new_empty(len(d_h), 3 * self.width)
        d_r, d_z, d_n = torch.chunk(d_x, 3, dim=1)
        held = d_h * z
        tanhs(d_h - held, n, d_n)
        sigmoids(d_h * (before - n), z, d_z)
        sigmoids(d_n * inner, r, d_r)
        d_recalled = d_x.clone()
        d_inner = d_recalled[:, 2 * self.width :].mul_(r)
        total("inner_bias", d_inner)
        return d_x, (held.add_(back("recurrent", d_recalled)),)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        def turned(w: np.ndarray) -> np.ndarray:
            r, z, n = np.split(w, 3)
            return np.concatenate([z, r, n])[None]  # ONNX's order

        h = self.width
        inner = np.concatenate([np.zeros(2 * h, np.float32), weights["inner_bias"]])[None]
        first = graph.constant([0])
        y, last = graph.add(
            "GRU",
            x,
            graph.constant(turned(weights["input"])),
            graph.constant(turned(weights["recurrent"])),
            graph.constant(np.concatenate([turned(weights["bias"]), inner], axis=1)),
            "",  # no sequence lengths: all rows run the whole window
            graph.add("Unsqueeze", state[0], first)[0],
            outputs=2,
            hidden_size=h,
            linear_before_reset=1,
        )
        y = graph.add("Squeeze", y, graph.constant([1]))[0]  # [T, 1 direction, B, H]
        return y, (graph.add("Squeeze", last, first)[0],)

    def opened(self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]) -> tuple[str, ...]:
        both = 2 * self.width
        into = graph.linear(x, weights["input"][:both], weights["bias"][:both])
        recalled = graph.add("MatMul", state[0], graph.constant(weights["recurrent"][:both].T))[0]
        return graph.add("Split", graph.add("Sigmoid", graph.sum(into, recalled))[0], outputs=2, axis=2)
