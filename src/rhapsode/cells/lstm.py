"""The plain LSTM, run by torch's fused kernels (oneDNN on CPU, cuDNN on GPU).

    i, f, o = sigmoid(W x + R h + b)    g = tanh(W x + R h + b)
    c' = f c + i g                      h' = o tanh(c')

Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000; no peepholes; one bias a gate.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.cells._cell import Cell, State

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.engine import Graph

SHUT = -1e4
"""What a reset step adds to the input, forget and output gates: sigmoid(SHUT + anything) is 0, so
c' = 0 c + 0 g = 0 and h' = 0. It lets a fused kernel that knows nothing of resets reset a row."""


class LSTM(Cell):
    """Weights: `input` [4H, I], `recurrent` [4H, H], `bias` [4H]; gates in torch's order i, f, g, o."""

    name = "lstm"
    state = ("h", "c")
    recurrent = ("recurrent",)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        return {"input": (4 * h, self.inputs), "recurrent": (4 * h, h), "bias": (4 * h,)}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        from torch.nn import init

        h = self.width
        bound = math.sqrt(3 / self.inputs)  # unit gain: keeps the input's variance
        init.uniform_(weights["input"], -bound, bound, generator=generator)
        for gate in weights["recurrent"].view(4, h, h):
            init.orthogonal_(gate, generator=generator)
        # Forget gates begin open, so that gradients reach far back (Gers et al. 2000; Jozefowicz et al. 2015).
        init.zeros_(weights["bias"])
        init.ones_(weights["bias"][h : 2 * h])

    def shut(self, like: Tensor) -> Tensor:
        """[4H]: what a reset step adds to the gates' sums."""
        import torch

        gates = like.new_full((4, self.width), SHUT)
        return gates.index_fill_(0, torch.tensor(2, device=like.device), 0.0).view(-1)

    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        import torch

        kernel = weights["input"]
        if reset is not None:
            # One more input, 1 at reset steps, whose weights shut the gates. i, f, o are shut; g does not matter.
            kernel = torch.cat([kernel, self.shut(kernel).view(-1, 1)], dim=1)
            x = torch.cat([x, reset.unsqueeze(-1).to(x.dtype)], dim=-1)
        bias = weights["bias"]
        flat = [kernel, weights["recurrent"], bias, torch.zeros_like(bias)]
        hx = [part.unsqueeze(0) for part in state]
        y, h, c = torch.lstm(x, hx, flat, True, 1, 0.0, torch.is_grad_enabled(), False, False)
        return y, (h[0], c[0])

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        def gates(w: np.ndarray) -> np.ndarray:  # torch has i, f, g, o; ONNX has i, o, f, g
            i, f, g, o = np.split(w, 4)
            return np.concatenate([i, o, f, g])[None]

        bias = gates(weights["bias"])
        first = graph.constant([0])
        y, h, c = graph.add(
            "LSTM",
            x,
            graph.constant(gates(weights["input"])),
            graph.constant(gates(weights["recurrent"])),
            graph.constant(np.concatenate([bias, np.zeros_like(bias)], axis=1)),
            "",  # no sequence lengths: all rows run the whole window
            *(graph.add("Unsqueeze", part, first)[0] for part in state),
            outputs=3,
            hidden_size=self.width,
        )
        y = graph.add("Squeeze", y, graph.constant([1]))[0]  # [T, 1 direction, B, H]
        return y, tuple(graph.add("Squeeze", part, first)[0] for part in (h, c))
