"""The plain LSTM, run by torch's fused kernels (oneDNN on CPU, cuDNN on GPU).

    i, f, o = sigmoid(W x + R h + b)    g = tanh(W x + R h + b)
    c' = f c + i g                      h' = o tanh(c')

Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; no peepholes; one bias a gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import Cell, State

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class LSTM(Cell):
    """Weights: `input` [4H, I], `recurrent` [4H, H], `bias` [4H]; gates in torch's order i, f, g, o."""

    name = "lstm"
    state = ("h", "c")
    gates = _plain.GATES
    recurrent = ("recurrent",)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        return {"input": (4 * h, self.inputs), "recurrent": (4 * h, h), "bias": (4 * h,)}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        _plain.initialise(self, weights, generator)

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        import torch

        kernel = weights["input"]
        if reset is not None:
            # One more input, 1 at reset steps, whose weights shut the gates. i, f, o are shut; g does not matter.
            kernel = torch.cat([kernel, _plain.shut(kernel, self.width).view(-1, 1)], dim=1)
            x = torch.cat([x, reset.unsqueeze(-1).to(x.dtype)], dim=-1)
        bias = weights["bias"]
        flat = [kernel, weights["recurrent"], bias, torch.zeros_like(bias)]
        hx = [part.unsqueeze(0) for part in state]
        y, h, c = torch.lstm(x, hx, flat, True, 1, 0.0, torch.is_grad_enabled(), False, False)
        return y, (h[0], c[0])

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        return _plain.build(self, graph, weights, x, state)

    def opened(self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]) -> tuple[str, ...]:
        return _plain.opened(graph, _plain.sums(graph, weights, x, state[0]))
