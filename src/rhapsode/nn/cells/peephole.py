"""The LSTM with peepholes, as Graves's systems have it: gates see the memory cell, too.

    i, f = sigmoid(W x + R h + p c + b)    g = tanh(W x + R h + b)
    c' = f c + i g                         o = sigmoid(W x + R h + p c' + b)    h' = o tanh(c')

Gers, Schraudolph & Schmidhuber 2002; Graves 2013, equations 7-11. No fused kernel knows it, so training goes step by
step: it is here to reproduce published systems, and the plain LSTM is as good (Greff et al. 2017).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import Cell, State

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class Peephole(Cell):
    """Weights: `input` [4H, I], `recurrent` [4H, H], `bias` [4H], gates in the order i, f, g, o; `peephole` [3, H] of
    i, f, o."""

    name = "peephole"
    state = ("h", "c")
    recurrent = ("recurrent",)

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

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        import torch
        from torch.nn.functional import linear

        sums = linear(x, weights["input"], weights["bias"])
        if reset is not None:
            sums = sums + _plain.shut(sums, self.width) * reset.unsqueeze(-1)
        h, c = state
        peep_i, peep_f, peep_o = weights["peephole"]
        outputs = []
        for step in sums:
            i, f, g, o = torch.chunk(step + linear(h, weights["recurrent"]), 4, dim=-1)
            c = torch.sigmoid(f + peep_f * c) * c + torch.sigmoid(i + peep_i * c) * torch.tanh(g)
            h = torch.sigmoid(o + peep_o * c) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        i, f, o = weights["peephole"]
        peepholes = graph.constant(np.concatenate([i, o, f])[None])  # ONNX's order
        return _plain.build(self, graph, weights, x, state, peepholes)
