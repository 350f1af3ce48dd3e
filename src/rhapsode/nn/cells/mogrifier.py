"""The Mogrifier LSTM: before each step, the input and the output of the step before gate each other, in some rounds.

    x := 2 sigmoid(Q h) x     in rounds 1, 3, 5 ...
    h := 2 sigmoid(R x) h     in rounds 2, 4, 6 ...

Then comes a step of a plain LSTM with these x and h. Melis, Kočiský & Blunsom 2020, "Mogrifier LSTM", equations 1 and
2. Each round has a matrix of its own, and there are no biases. With a rank k, each matrix is a product of two:
Q = Q_left Q_right, [I, k] and [k, H]. (The paper has 5 or 6 rounds.)

The input of a step depends on the output before it. So the products with inputs are not computed for all steps at once,
unlike those of other cells. That is the cost, with the products of the rounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pydantic import Field

from rhapsode.config import Part
from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._gated import Gated
from rhapsode.nn.cells._stepwise import Times, Total, tanhs

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

X = TypeVar("X")
KERNEL = "kernel"
"""The weights of x, h and the bias beside one another."""


class Mogrifier(Gated):
    """Weights: `input` [4H, I], `recurrent` [4H, H], `bias` [4H], gates in the order i, f, g, o; all Q below one
    another, `x_gate` [I, H] each, and all R, `h_gate` [H, I] each. With a rank k, in their place, `x_gate_left` [I, k]
    and `x_gate_right` [k, H] each, `h_gate_left` [H, k] and `h_gate_right` [k, I] each."""

    name = "mogrifier"
    recurrent = ("recurrent",)
    pace = 2 / 3

    class Settings(Part):
        """Settings of it."""

        name: str = "mogrifier"
        rounds: int = Field(default=5, ge=0, le=64)
        """How often x and h gate each other before a step; 0 makes it a plain LSTM."""
        rank: int = Field(default=0, ge=0, le=65536)
        """k, of the matrices of the rounds, each of which is a product of two; 0 for full matrices."""

    def __init__(self, inputs: int, width: int, settings: Part | None = None) -> None:
        super().__init__(inputs, width, settings)
        own = settings if isinstance(settings, self.Settings) else self.Settings()
        self.rounds, self.rank = own.rounds, own.rank
        parts = ("_right", "_left") if self.rank else ("",)
        self._rounds = [[f"{'xh'[n % 2]}_gate{part}{n // 2}" for part in parts] for n in range(self.rounds)]
        self.products = (KERNEL, *(name for names in self._rounds for name in names))

    @property
    def title(self) -> str:
        return f"Mogrifier LSTM ({self.rounds} rounds{f' of rank {self.rank}' * bool(self.rank)})"

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
            bound = math.sqrt(3 / columns)  # unit gain, as for the input
            init.uniform_(weights[name], -bound, bound, generator=generator)

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        """What the gates read, x and h, is one product. Each matrix of a round is a weight by itself, and halved: a
        round's gate is 2 sigmoid(z) = 1 + tanh(z / 2)."""
        import torch

        kernel = torch.cat([weights["input"], weights["recurrent"], weights["bias"].unsqueeze(1)], dim=1)
        halves = {name: weights[name] if name.endswith("_right") else weights[name] / 2 for name in self._gating}
        apart = self._apart(lambda name, count: halves[name].chunk(count))
        return super().run({KERNEL: kernel, **apart}, x, state, reset)

    def _apart(self, split: Callable[[str, int], Iterable[X]]) -> dict[str, X]:
        """Name → matrix of a round. split: the name of a weight, and of how many matrices it is → these."""
        return {
            f"{name}{n}": matrix
            for name, (count, _, _) in self._gating.items()
            for n, matrix in enumerate(split(name, count))
        }

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return x

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        import torch

        h, before = state
        pair: list[Tensor] = [x, h]
        rounds: list[Tensor] = []
        for n, names in enumerate(self._rounds):
            gate = pair[1 - n % 2]
            for name in names:
                gate = times(name, gate)
            more = gate.tanh_()
            rounds += [more, pair[n % 2]]
            pair[n % 2] = torch.addcmul(pair[n % 2], pair[n % 2], more)
        new, kept = _plain.forward(times(KERNEL, torch.cat([*pair, x.new_ones(len(x), 1)], dim=1)), before)
        return new, (*kept, *rounds)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        import torch

        rounds = kept[3:]
        d_sums, d_before = _plain.backward(slope, kept[:3])
        d = back(KERNEL, d_sums)
        pair = [d[:, : self.inputs], d[:, self.inputs : -1]]
        for n, names in reversed(list(enumerate(self._rounds))):
            more, gated = rounds[2 * n : 2 * n + 2]
            slopes = tanhs(pair[n % 2] * gated, more)
            for name in reversed(names):
                slopes = back(name, slopes)
            pair[n % 2] = torch.addcmul(pair[n % 2], pair[n % 2], more)
            pair[1 - n % 2] = pair[1 - n % 2] + slopes
        return pair[0], (pair[1], d_before)

    def sums(self, graph: Graph, weights: dict[str, np.ndarray], x: str, h: str) -> str:
        """The sums of the gates i, f, g, o [1, B, 4H]: those of a plain LSTM, after the rounds."""

        def product(a: str, weight: np.ndarray) -> str:
            return graph.add("MatMul", a, graph.constant(weight.T))[0]

        two = graph.constant(np.array(2, np.float32))
        apart = self._apart(lambda name, count: np.split(weights[name], count))
        for n, names in enumerate(self._rounds):
            gate, gated = (x, h) if n % 2 else (h, x)
            for name in names:
                gate = product(gate, apart[name])
            gate = graph.add("Mul", graph.add("Sigmoid", gate)[0], two)[0]
            gated = graph.add("Mul", gate, gated)[0]
            x, h = (x, gated) if n % 2 else (gated, h)
        return graph.sum(graph.linear(x, weights["input"], weights["bias"]), product(h, weights["recurrent"]))
