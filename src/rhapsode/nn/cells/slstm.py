"""The sLSTM: exponential gates, a normaliser n, and a stabiliser m.

    i, f, z~, o~ = W x + R h + b    z = tanh(z~)    o = sigmoid(o~)    log f' = log sigmoid(f), or f itself
    m' = max(log f' + m, i)
    c' = exp(log f' + m - m') c + exp(i - m') z
    n' = exp(log f' + m - m') n + exp(i - m')
    h' = o c' / n'

Beck et al. 2024, "xLSTM: Extended long short-term memory", equations 8-18. c' / n' is a mean of all z so far, weighted
by exponential gates: one step can outweigh all that came before it. m is the largest exponent. It keeps exponentials in
range, and h' does not depend on it. Before anything was read, c, n and m are zero, and m counts as minus infinity: the
first step has weight 1, however small its gate. After it, n >= 1, so there is always something to divide by.

With exponential forget gates, m may grow at each step. After some hundred thousand steps of one unit, float32 has few
digits left for what is added to it. Only the cell is here, not the blocks around it (convolution, group norm,
projections) that make the paper's networks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from rhapsode.config import Part
from rhapsode.errors import UserError
from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._stepwise import Stepwise, Times, Total, sigmoids, tanhs

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

BEFORE = -1e30
"""The exponent of what was read before the first step: finite, so that a difference of two is a number."""


class SLSTM(Stepwise):
    """Weights: `input` [4H, I], `recurrent` [4H, H / heads], `bias` [4H]; gates in the order i, f, z, o. Of
    `recurrent`, each gate is a matrix for each head, one below the other: a head reads its own outputs only."""

    name = "slstm"
    state = ("h", "c", "n", "m")
    gates = ("input", "forget", "output")
    recurrent = products = ("recurrent",)
    single = True  # its graph computes one step

    class Settings(Part):
        """Settings of it."""

        name: str = "slstm"
        heads: int = Field(default=1, ge=1, le=1024)
        """Groups of units, of equal size; units read the outputs of their own group only (block-diagonal matrices)."""
        forget: Literal["sigmoid", "exponential"] = "sigmoid"
        """What makes a forget gate of its sum."""

    def __init__(self, inputs: int, width: int, settings: Part | None = None) -> None:
        """Raises `UserError` for a width that cannot be divided by the heads."""
        super().__init__(inputs, width, settings)
        own = settings if isinstance(settings, self.Settings) else self.Settings()
        self.heads, self.exponential = own.heads, own.forget == "exponential"
        self.size, more = divmod(width, own.heads)
        """Units of a head."""
        if more:
            raise UserError(
                f"cell slstm: a width of {width} cannot be divided among {own.heads} heads. Set width to a multiple of "
                f"{own.heads}, such as {own.heads * (self.size + 1)}, or other heads."
            )

    @property
    def title(self) -> str:
        return f"sLSTM{f' ({self.heads} heads)' * (self.heads > 1)}"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        return {"input": (4 * h, self.inputs), "recurrent": (4 * h, self.size), "bias": (4 * h,)}

    @property
    def matrices(self) -> dict[str, int]:
        return {"input": 4, "recurrent": 4 * self.heads}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Forget gates from open to closed, by a power law over the units of a head, as the authors' program has it for
        a network of one block; input and recurrent weights as of a plain LSTM."""
        import torch
        from torch.nn import init
        from torch.nn.functional import logsigmoid

        bound = math.sqrt(3 / self.inputs)  # unit gain
        init.uniform_(weights["input"], -bound, bound, generator=generator)
        for gate in weights["recurrent"].view(-1, self.size, self.size):
            init.orthogonal_(gate, generator=generator)
        init.zeros_(weights["bias"])
        f = 5 - 12 * torch.linspace(0, 1, self.size) ** 0.3
        weights["bias"][self.width : 2 * self.width] = (logsigmoid(f) if self.exponential else f).repeat(self.heads)

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        if self.heads > 1:  # a matrix for each head: [heads, 4 H / heads, H / heads]
            stacked = weights["recurrent"].view(4, self.heads, -1, self.size).transpose(0, 1).flatten(1, 2)
            weights = {**weights, "recurrent": stacked}
        return super().run(weights, x, state, reset)

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        from torch.nn.functional import linear

        return linear(x, weights["input"], weights["bias"])

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        import torch
        from torch.nn.functional import logsigmoid

        h, c, n, m = state
        if self.heads == 1:
            sums = times("recurrent", h).add_(x)
        else:
            apart = h.view(-1, self.heads, self.size).transpose(0, 1)
            again = times("recurrent", apart)  # [heads, B, 4 H / heads]
            sums = again.view(self.heads, -1, 4, self.size).permute(1, 2, 0, 3).flatten(1) + x
        i, f, z, o = torch.chunk(sums, 4, dim=-1)
        f = f if self.exponential else logsigmoid(f)  # log f', from now on
        old = torch.where(n > 0, f + m, BEFORE)
        m = torch.maximum(old, i)
        stay, new = (old - m).exp_(), (i - m).exp_()
        z, o = torch.tanh(z), torch.sigmoid(o)
        after, norm = torch.addcmul(stay * c, new, z), torch.addcmul(new, stay, n)
        mean = after / norm
        return (o * mean, after, norm, m), (f, z, o, stay, new, c, n, norm, mean, old > i)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        import torch

        f, z, o, stay, new, c, n, norm, mean, stays = kept
        d_h, d_c, d_n, d_m = slope
        d_mean = d_h * o / norm
        d_c = d_c + d_mean
        d_n = torch.addcmul(d_n, d_mean, mean, value=-1)
        d_old = torch.addcmul(d_c * c, d_n, n).mul_(stay)
        d_i = torch.addcmul(d_n, d_c, z).mul_(new)
        d_m = d_m - d_old - d_i  # of the new m, which is one of the two
        d_old = d_old + d_m * stays
        d_i = d_i + d_m * ~stays
        d_f = d_old if self.exponential else d_old * (1 - f.exp())
        d_z, d_o = tanhs(d_c * new, z), sigmoids(d_h * mean, o)
        d_sums = torch.cat([d_i, d_f, d_z, d_o], dim=-1)
        if self.heads == 1:
            d_h = back("recurrent", d_sums)
        else:
            apart = d_sums.view(-1, 4, self.heads, self.size).permute(2, 0, 1, 3).flatten(2)
            d_h = back("recurrent", apart).transpose(0, 1).flatten(1)
        return d_sums, (d_h, d_c * stay, d_n * stay, d_old)

    def _full(self, recurrent: np.ndarray) -> np.ndarray:
        """[4H, H / heads] → [4H, H], zero between heads."""
        full = np.zeros((4, self.heads, self.size, self.heads, self.size), recurrent.dtype)
        for head, own in enumerate(recurrent.reshape(4, self.heads, self.size, self.size).swapaxes(0, 1)):
            full[:, head, :, head] = own
        return full.reshape(4 * self.width, self.width)

    def _gated(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, str, str, str, str]:
        """Of one step: the input and forget gates as they are applied, exp(i - m') and exp(log f' + m - m'); z; o; and
        m'. All are [1, B, H]."""

        def op(name: str, *inputs: str) -> str:
            return graph.add(name, *inputs)[0]

        h, _, n, m = state
        into = graph.linear(x, weights["input"], weights["bias"])
        sums = graph.sum(into, op("MatMul", h, graph.constant(self._full(weights["recurrent"]).T)))
        i, f, z, o = graph.add("Split", sums, outputs=4, axis=2)
        if not self.exponential:
            # log sigmoid(f), as log softmax(f/2, -f/2): ONNX Runtime's Softplus and Log round differently at the end of
            # an array, so they would not be the same bits for other numbers of rows.
            halves = op(
                "Mul", op("Unsqueeze", f, graph.constant([3])), graph.constant(np.array([0.5, -0.5], np.float32))
            )
            both = graph.add("LogSoftmax", halves, axis=3)[0]
            f = graph.add("Gather", both, graph.constant(np.array(0, np.int64)), axis=3)[0]
        some = op("Greater", n, graph.constant(np.array(0, np.float32)))
        old = op("Where", some, graph.sum(f, m), graph.constant(np.array(BEFORE, np.float32)))
        m = op("Max", old, i)
        kept, new = op("Exp", op("Sub", old, m)), op("Exp", op("Sub", i, m))
        return new, kept, graph.tanh(z), op("Sigmoid", o), m

    def opened(self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]) -> tuple[str, ...]:
        new, kept, _, o, _ = self._gated(graph, weights, x, state)
        return new, kept, o

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        def op(name: str, *inputs: str) -> str:
            return graph.add(name, *inputs)[0]

        _, c, n, _ = state
        new, kept, z, o, m = self._gated(graph, weights, x, state)
        c = graph.sum(op("Mul", kept, c), op("Mul", new, z))
        n = graph.sum(op("Mul", kept, n), new)
        y = op("Mul", o, op("Div", c, n))
        first = graph.constant([0])
        return y, tuple(op("Squeeze", part, first) for part in (y, c, n, m))
