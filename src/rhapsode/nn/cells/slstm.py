"""The sLSTM: exponential gates, a normaliser, and a stabiliser.

    z = tanh(W x + R h + b)    o = sigmoid(W x + R h + b)    i, f: the sums W x + R h + b themselves
    m' = max(log f + m, i)                                   the stabiliser: the largest exponent so far
    c' = exp(log f + m - m') c + exp(i - m') z
    n' = exp(log f + m - m') n + exp(i - m')                 the normaliser
    h' = o c' / n'

Here log f is f or log sigmoid(f). Beck et al. 2024 (xLSTM), equations 8-18. c'/n' is a mean of all z so far, weighted by their
input gates, so a late step can outweigh all that came before it. It does not depend on m, which only keeps
exponentials in range: after any step, n >= 1. Where nothing was read yet, c, n and m are zero; m counts as
minus infinity there, so that the first step has weight 1 however small its gate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.errors import UserError
from rhapsode.nn.cells._cell import Cell, State

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

BEFORE = -1e30
"""The exponent of what was read before the first step: finite, so that a difference of two is a number."""


class SLSTM(Cell):
    """Weights: `input` [4H, I], `recurrent` [4H, H / heads], `bias` [4H]; gates in the order i, f, z, o. Of `recurrent`,
    each gate is a matrix for each head, one below the other: a head reads its own outputs only."""

    name = "slstm"
    state = ("h", "c", "n", "m")
    recurrent = ("recurrent",)
    single = True

    @property
    def title(self) -> str:
        return "sLSTM"

    def __init__(self, inputs: int, width: int, heads: int = 1, forget: str = "sigmoid") -> None:
        if width % heads:
            raise UserError(f"cell slstm: width = {width} cannot be divided among heads = {heads}.")
        super().__init__(inputs, width)
        self.heads, self.exponential = heads, forget == "exponential"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        return {"input": (4 * h, self.inputs), "recurrent": (4 * h, h // self.heads), "bias": (4 * h,)}

    @property
    def matrices(self) -> dict[str, int]:
        return {"input": 4, "recurrent": 4 * self.heads}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        from torch.nn import init

        bound = math.sqrt(3 / self.inputs)
        init.uniform_(weights["input"], -bound, bound, generator=generator)
        for gate in weights["recurrent"].view(4 * self.heads, -1, self.width // self.heads):
            init.orthogonal_(gate, generator=generator)
        init.zeros_(weights["bias"])
        f = math.log(1 / (1 + math.exp(-1))) if self.exponential else 1.0
        init.constant_(weights["bias"][self.width : 2 * self.width], f)

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        import torch
        from torch.nn.functional import linear, logsigmoid

        h, c, n, m = state
        steps, rows = x.shape[:2]
        size = self.width // self.heads
        sums = linear(x, weights["input"], weights["bias"]).float()
        outputs = []
        with torch.autocast(x.device.type, enabled=False):
            kernel = weights["recurrent"].view(4, self.heads, size, size)
            for t in range(steps):
                again = torch.einsum("bni,gnoi->bgno", h.view(rows, self.heads, size), kernel)
                i, f, z, o = torch.chunk(sums[t] + again.reshape(rows, -1), 4, dim=-1)
                old = (f if self.exponential else logsigmoid(f)) + m
                old = torch.where(n > 0, old, BEFORE)
                m = torch.maximum(old, i)
                kept, new = torch.exp(old - m), torch.exp(i - m)
                c = kept * c + new * torch.tanh(z)
                n = kept * n + new
                h = torch.sigmoid(o) * c / n
                if reset is not None:
                    keep = ~reset[t].unsqueeze(-1)
                    h, c, n, m = (part * keep for part in (h, c, n, m))
                outputs.append(h)
        return torch.stack(outputs), (h, c, n, m)

    def _full(self, recurrent: np.ndarray) -> np.ndarray:
        """[4H, H / heads] → [4H, H], zero between heads."""
        size = self.width // self.heads
        full = np.zeros((4, self.heads, size, self.heads, size), recurrent.dtype)
        for head in range(self.heads):
            full[:, head, :, head] = recurrent.reshape(4, self.heads, size, size)[:, head]
        return full.reshape(4 * self.width, self.width)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        def op(name: str, *inputs: str) -> str:
            return graph.add(name, *inputs)[0]

        h, c, n, m = state
        into = graph.linear(x, weights["input"], weights["bias"])
        sums = graph.sum(into, graph.product(h, self._full(weights["recurrent"])))
        i, f, z, o = graph.add("Split", sums, outputs=4, axis=2)
        if not self.exponential:
            # log sigmoid(f), as log softmax(f/2, -f/2): ONNX Runtime's Softplus and Log round differently at the end of
            # an array, so they would not be the same bits for other numbers of rows.
            halves = op("Mul", op("Unsqueeze", f, graph.constant([3])), graph.constant(np.array([0.5, -0.5], np.float32)))
            both = graph.add("LogSoftmax", halves, axis=3)[0]
            f = graph.add("Gather", both, graph.constant(np.array(0, np.int64)), axis=3)[0]
        some = op("Greater", n, graph.constant(np.array(0, np.float32)))
        old = op("Where", some, graph.sum(f, m), graph.constant(np.array(BEFORE, np.float32)))
        m = op("Max", old, i)
        kept, new = op("Exp", op("Sub", old, m)), op("Exp", op("Sub", i, m))
        c = graph.sum(op("Mul", kept, c), op("Mul", new, graph.tanh(z)))
        n = graph.sum(op("Mul", kept, n), new)
        y = op("Mul", op("Sigmoid", o), op("Div", c, n))
        first = graph.constant([0])
        return y, tuple(op("Squeeze", part, first) for part in (y, c, n, m))
