"""The Mogrifier LSTM: before each step, the input and the output of the step before gate each other, in some rounds.

    x := 2 sigmoid(Q h) x     in rounds 1, 3, 5 ...
    h := 2 sigmoid(R x) h     in rounds 2, 4, 6 ...

each with a matrix of its own, without biases; then a step of an LSTM with these x and h, and c as it is. Melis, Kočiský &
Blunsom 2020, equations 1 and 2. With a rank k, each matrix is a product of two: Q = Q_left Q_right, [I, k] and [k, H].
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import Cell, State

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class Mogrifier(Cell):
    """Weights: `input` [4H, I], `recurrent` [4H, H], `bias` [4H], gates in the order i, f, g, o; all Q below one another,
    `x_gate` [I, H] each, and all R, `h_gate` [H, I] each. With a rank k, instead of them `x_gate_left` [I, k] and
    `x_gate_right` [k, H] each, `h_gate_left` [H, k] and `h_gate_right` [k, I] each."""

    name = "mogrifier"
    state = ("h", "c")
    recurrent = ("recurrent",)
    single = True

    @property
    def title(self) -> str:
        return "Mogrifier LSTM"

    def __init__(self, inputs: int, width: int, rounds: int = 5, rank: int = 0) -> None:
        super().__init__(inputs, width)
        self.rounds, self.rank = rounds, rank

    @property
    def _gating(self) -> dict[str, tuple[int, int, int]]:
        """Name → how many matrices, rows and columns of each."""
        found = {}
        for name, count, rows, columns in (
            ("x_gate", (self.rounds + 1) // 2, self.inputs, self.width),
            ("h_gate", self.rounds // 2, self.width, self.inputs),
        ):
            if count and self.rank:
                found[f"{name}_left"] = count, rows, self.rank
                found[f"{name}_right"] = count, self.rank, columns
            elif count:
                found[name] = count, rows, columns
        return found

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        plain = {"input": (4 * h, self.inputs), "recurrent": (4 * h, h), "bias": (4 * h,)}
        return {**plain, **{name: (count * rows, columns) for name, (count, rows, columns) in self._gating.items()}}

    @property
    def matrices(self) -> dict[str, int]:
        gating = {name: count for name, (count, _, _) in self._gating.items()}
        return dict(sorted({"input": 4, "recurrent": 4, **gating}.items()))

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        from torch.nn import init

        _plain.initialise(self, weights, generator)
        for name, (_, _, columns) in self._gating.items():
            bound = math.sqrt(3 / columns)
            init.uniform_(weights[name], -bound, bound, generator=generator)

    def _rounds(self, weights: dict[str, Tensor]) -> list[list[Tensor]]:
        """Of each round the matrices by which a vector is multiplied, one after the other."""
        stacks = {name: weights[name].view(count, rows, -1) for name, (count, rows, _) in self._gating.items()}
        parts = ("_right", "_left") if self.rank else ("",)
        return [[stacks[f"{'xh'[n % 2]}_gate{part}"][n // 2] for part in parts] for n in range(self.rounds)]

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        import torch
        from torch.nn.functional import linear

        h, c = state
        rounds = self._rounds(weights)
        outputs = []
        for t, step in enumerate(x):
            for n, matrices in enumerate(rounds):
                gate = step if n % 2 else h
                for matrix in matrices:
                    gate = linear(gate, matrix)
                gate = 2 * torch.sigmoid(gate)
                if n % 2:
                    h = gate * h
                else:
                    step = gate * step
            sums = linear(step, weights["input"], weights["bias"]) + linear(h, weights["recurrent"])
            if reset is not None:
                sums = sums + _plain.shut(sums, self.width) * reset[t].unsqueeze(-1)
            i, f, g, o = torch.chunk(sums, 4, dim=-1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        h, c = state
        two = graph.constant(np.array(2, np.float32))
        stacks = {name: np.split(weights[name], count) for name, (count, _, _) in self._gating.items()}
        parts = ("_right", "_left") if self.rank else ("",)
        for n in range(self.rounds):
            gate, gated = (x, h) if n % 2 else (h, x)
            for part in parts:
                gate = graph.product(gate, stacks[f"{'xh'[n % 2]}_gate{part}"][n // 2])
            gate = graph.add("Mul", graph.add("Sigmoid", gate)[0], two)[0]
            gated = graph.add("Mul", gate, gated)[0]
            x, h = (x, gated) if n % 2 else (gated, h)
        into = graph.linear(x, weights["input"], weights["bias"])
        sums = graph.sum(into, graph.product(h, weights["recurrent"]))
        i, f, g, o = graph.add("Split", sums, outputs=4, axis=2)
        i, f, o = (graph.add("Sigmoid", gate)[0] for gate in (i, f, o))
        c = graph.sum(graph.add("Mul", f, c)[0], graph.add("Mul", i, graph.tanh(g))[0])
        y = graph.add("Mul", o, graph.tanh(c))[0]
        first = graph.constant([0])
        return y, tuple(graph.add("Squeeze", part, first)[0] for part in (y, c))
