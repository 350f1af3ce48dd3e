"""The simple recurrent network, to hold the LSTM against: h' = tanh(W x + R h + b) (Elman 1990)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._stepwise import Stepwise, Times, Total

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class RNN(Stepwise):
    """Weights: `input` [H, I], `recurrent` [H, H], `bias` [H]."""

    name = "rnn"
    state = ("h",)
    recurrent = products = ("recurrent",)
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

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        from torch.nn.functional import linear

        return linear(x, weights["input"], weights["bias"])

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        h = times("recurrent", state[0]).add_(x).tanh_()
        return (h,), (h,)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        (h,) = kept
        d = slope[0] * (1 - h * h)
        return d, (back("recurrent", d),)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        into = graph.add("MatMul", x, graph.constant(weights["input"].T))[0]
        again = graph.add("MatMul", state[0], graph.constant(weights["recurrent"].T))[0]
        total = graph.add("Add", graph.add("Add", into, graph.constant(weights["bias"]))[0], again)[0]
        y = graph.add("Tanh", total)[0]
        return y, (graph.add("Squeeze", y, graph.constant([0]))[0],)
