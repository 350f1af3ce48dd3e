"""The simple recurrent network (Elman 1990), to hold the LSTM against.

h' = tanh(W x + R h + b)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells._cell import Cell, State

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class RNN(Cell):
    """Weights: `input` [H, I], `recurrent` [H, H], `bias` [H]."""

    name = "rnn"
    state = ("h",)
    recurrent = ("recurrent",)
    single = True  # ONNX Runtime's own node adds up in another order when it runs many steps at once

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"input": (self.width, self.inputs), "recurrent": (self.width, self.width), "bias": (self.width,)}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        from torch.nn import init

        bound = math.sqrt(3 / self.inputs)  # unit gain, as for the LSTM
        init.uniform_(weights["input"], -bound, bound, generator=generator)
        init.orthogonal_(weights["recurrent"], generator=generator)
        init.zeros_(weights["bias"])

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        import torch
        from torch.nn.functional import linear

        # Step by step: unlike an LSTM's, this state has no gate that a reset step could shut in a fused kernel.
        (h,) = state
        into, outputs = linear(x, weights["input"], weights["bias"]), []
        for t in range(len(x)):
            h = torch.tanh(into[t] + linear(h, weights["recurrent"]))
            if reset is not None:
                h = h * ~reset[t].unsqueeze(-1)
            outputs.append(h)
        return torch.stack(outputs), (h,)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        into = graph.add("MatMul", x, graph.constant(weights["input"].T))[0]
        again = graph.add("MatMul", state[0], graph.constant(weights["recurrent"].T))[0]
        total = graph.add("Add", graph.add("Add", into, graph.constant(weights["bias"]))[0], again)[0]
        y = graph.add("Tanh", total)[0]
        return y, (graph.add("Squeeze", y, graph.constant([0]))[0],)
