"""The Mogrifier LSTM: before each step, the input and the output of the step before gate each other, in some rounds.

    x := 2 sigmoid(Q h) x     in rounds 1, 3, 5 ...
    h := 2 sigmoid(R x) h     in rounds 2, 4, 6 ...

each with a matrix of its own, without biases; then a step of an LSTM with these x and h, and c as it is. Melis, Kočiský &
Blunsom 2020, equations 1 and 2. With a rank k, each matrix is a product of two: Q = Q_left Q_right, [I, k] and [k, H].
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from pydantic import Field

from rhapsode.config import Part
from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._stepwise import Stepwise, Times, Total

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

KERNEL = "kernel"
"""The weights of x, h and the bias beside one another."""


class Mogrifier(Stepwise):
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

    class Settings(Part):
        rounds: int = Field(default=5, ge=0, le=64)
        """How often x and h gate each other before a step. 0 makes it a plain LSTM."""
        rank: int = Field(default=0, ge=0, le=65536)
        """Of the gating matrices, each a product of two; 0 for full matrices."""

    def __init__(self, inputs: int, width: int, settings: Settings | None = None) -> None:
        super().__init__(inputs, width, settings)
        settings = settings or self.Settings(name=self.name)
        self.rounds, self.rank = settings.rounds, settings.rank
        parts = ("_right", "_left") if self.rank else ("",)
        self._names = [[f"{'xh'[n % 2]}_gate{part}{n // 2}" for part in parts] for n in range(self.rounds)]
        self.products = (KERNEL, *(name for names in self._names for name in names))

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

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        """All that reads x and h is one product, and each matrix of a round is a weight by itself."""
        import torch

        kernel = torch.cat([weights["input"], weights["recurrent"], weights["bias"].unsqueeze(1)], dim=1)
        gating = {
            f"{name}{n}": matrix
            for name, (count, _, _) in self._gating.items()
            for n, matrix in enumerate(weights[name].chunk(count))
        }
        return super().run({KERNEL: kernel, **gating}, x, state, reset)

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return x

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        import torch

        h, c = state
        pair: list[Tensor] = [x, h]
        rounds: list[Tensor] = []
        for n, names in enumerate(self._names):
            gate = pair[1 - n % 2]
            for name in names:
                gate = times(name, gate)
            gate = gate.sigmoid_().mul_(2)
            rounds += [gate, pair[n % 2]]
            pair[n % 2] = gate * pair[n % 2]
        gates = _plain.activated(times(KERNEL, torch.cat([*pair, x.new_ones(len(x), 1)], dim=1)))
        i, f, g, o = torch.chunk(gates, 4, dim=-1)
        after = torch.addcmul(f * c, i, g)
        seen = torch.tanh(after)
        return (o * seen, after), (c, gates, seen, *rounds)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        c, gates, seen, *rounds = kept
        d_h, d_c = slope
        d_c = d_c + d_h * gates[:, 3 * self.width :] * (1 - seen * seen)
        d_sums, d_c = _plain.slopes(gates, c, d_h * seen, d_c)
        d = back(KERNEL, d_sums)
        pair = [d[:, : self.inputs], d[:, self.inputs : -1]]
        for n, names in reversed(list(enumerate(self._names))):
            gate, gated = rounds[2 * n : 2 * n + 2]
            d_gate = pair[n % 2] * gated * gate * (1 - gate / 2)
            for name in reversed(names):
                d_gate = back(name, d_gate)
            pair[n % 2] = pair[n % 2] * gate
            pair[1 - n % 2] = pair[1 - n % 2] + d_gate
        return pair[0], (pair[1], d_c)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        h, c = state
        two = graph.constant(np.array(2, np.float32))
        stacks = {
            f"{name}{n}": matrix
            for name, (count, _, _) in self._gating.items()
            for n, matrix in enumerate(np.split(weights[name], count))
        }
        for n, names in enumerate(self._names):
            gate, gated = (x, h) if n % 2 else (h, x)
            for name in names:
                gate = graph.product(gate, stacks[name])
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
