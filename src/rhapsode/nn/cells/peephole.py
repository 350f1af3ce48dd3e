"""The LSTM with peepholes, as Graves's systems have it: gates see the memory cell, too.

    i, f = sigmoid(W x + R h + p c + b)    g = tanh(W x + R h + b)
    c' = f c + i g                         o = sigmoid(W x + R h + p c' + b)    h' = o tanh(c')

Gers, Schraudolph & Schmidhuber 2002; Graves 2013, equations 7-11. No fused kernel knows it, so training goes step by
step: it is here to reproduce published systems, and the plain LSTM is as good (Greff et al. 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._stepwise import Stepwise, Times, Total, sigmoids, tanhs

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class Peephole(Stepwise):
    """Weights: `input` [4H, I], `recurrent` [4H, H], `bias` [4H], gates in the order i, f, g, o; `peephole` [3, H] of
    i, f, o."""

    name = "peephole"
    state = ("h", "c")
    gates = _plain.GATES
    recurrent = products = ("recurrent",)
    others = ("peephole",)

    @property
    def title(self) -> str:
        return "peephole LSTM"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        return {"input": (4 * h, self.inputs), "recurrent": (4 * h, h), "bias": (4 * h,), "peephole": (3, h)}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        _plain.initialise(self, weights, generator)
        weights["peephole"].zero_()  # it begins as a plain LSTM

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        from torch.nn.functional import linear

        return linear(x, weights["input"], weights["bias"])

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        import torch

        h, before = state
        peep_i, peep_f, peep_o = weights["peephole"]
        gates = times("recurrent", h).add_(x)
        i, f, g, o = torch.chunk(gates, 4, dim=1)
        i.addcmul_(before, peep_i).sigmoid_()
        f.addcmul_(before, peep_f).sigmoid_()
        g.tanh_()
        c = torch.addcmul(f * before, i, g)
        o.addcmul_(c, peep_o).sigmoid_()
        squashed = c.tanh()
        return (o * squashed, c), (gates, before, c, squashed)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        import torch

        (d_h, d_c), (gates, before, c, squashed) = slope, kept
        peep_i, peep_f, peep_o = weights["peephole"]
        i, f, g, o = torch.chunk(gates, 4, dim=1)
        d_gates = torch.empty_like(gates)
        d_i, d_f, d_g, d_o = torch.chunk(d_gates, 4, dim=1)
        sigmoids(d_h * squashed, o, d_o)
        d_c = torch.addcmul(d_c, d_o, peep_o).add_(tanhs(d_h * o, squashed))
        sigmoids(d_c * g, i, d_i)
        sigmoids(d_c * before, f, d_f)
        tanhs(d_c * i, g, d_g)
        total("peephole", torch.stack([d_i * before, d_f * before, d_o * c], dim=1))
        d_before = (d_c * f).addcmul_(d_i, peep_i).addcmul_(d_f, peep_f)
        return d_gates, (back("recurrent", d_gates), d_before)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        i, f, o = weights["peephole"]
        peepholes = graph.constant(np.concatenate([i, o, f])[None])  # ONNX's order
        return _plain.build(self, graph, weights, x, state, peepholes)

    def opened(self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]) -> tuple[str, ...]:
        def gate(z: str, c: str, peephole: np.ndarray) -> str:
            return graph.add("Sigmoid", graph.sum(z, graph.add("Mul", c, graph.constant(peephole))[0]))[0]

        h, before = state
        i, f, g, o = graph.add("Split", _plain.sums(graph, weights, x, h), outputs=4, axis=2)
        peep_i, peep_f, peep_o = weights["peephole"]
        i, f = gate(i, before, peep_i), gate(f, before, peep_f)
        c = graph.sum(graph.add("Mul", f, before)[0], graph.add("Mul", i, graph.tanh(g))[0])
        return i, f, gate(o, c, peep_o)
