"""The common part of the LSTM and its relatives.

Their weights are `input` [4H, I], `recurrent` [4H, H] and `bias` [4H], gates in torch's order i, f, g, o, and others.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells._cell import Cell

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

SHUT = -1e4
"""What a reset step adds to the input, forget and output gates: sigmoid(SHUT + anything) is 0, so
c' = 0 c + 0 g = 0 and h' = 0. It lets a fused kernel that knows nothing of resets reset a row."""


def shut(like: Tensor, width: int) -> Tensor:
    """[4H]: the values that a reset step adds to the gates' sums. They close i, f and o; g does not matter."""
    import torch

    gates = like.new_full((4, width), SHUT)
    return gates.index_fill_(0, torch.tensor(2, device=like.device), 0.0).view(-1)


def initialise(cell: Cell, weights: dict[str, Tensor], generator: Generator) -> None:
    """Fill `input`, `recurrent` and `bias` in place."""
    from torch.nn import init

    h = cell.width
    bound = math.sqrt(3 / cell.inputs)  # unit gain: keeps the input's variance
    init.uniform_(weights["input"], -bound, bound, generator=generator)
    for gate in weights["recurrent"].view(4, h, h):
        init.orthogonal_(gate, generator=generator)
    # Forget gates begin open, so that gradients reach far back (Gers et al. 2000; Jozefowicz et al. 2015).
    init.zeros_(weights["bias"])
    init.ones_(weights["bias"][h : 2 * h])


def activated(sums: Tensor) -> Tensor:
    """Sums [B, 4H] → gates [B, 4H], in place: the sigmoid of i, f and o, tanh of g."""
    h = sums.shape[1] // 4
    sums[:, : 2 * h].sigmoid_()
    sums[:, 2 * h : 3 * h].tanh_()
    sums[:, 3 * h :].sigmoid_()
    return sums


def slopes(gates: Tensor, c: Tensor, d_o: Tensor, d_c: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of a step. gates [B, 4H]: as `activated` gives them. c: the memory cells before the step. d_o, d_c:
    gradients of the output gates and of the memory cells after it → those of the sums [B, 4H] and of c."""
    import torch

    i, f, g, o = torch.chunk(gates, 4, dim=-1)
    d_gates = torch.cat([d_c * g, d_c * c, d_c * i, d_o], dim=-1)
    own = gates * (1 - gates)  # of sigmoids
    h = c.shape[1]
    torch.sub(1, g * g, out=own[:, 2 * h : 3 * h])
    return d_gates.mul_(own), d_c * f


def gates(w: np.ndarray) -> np.ndarray:
    """[4H, ...] with the gates in ONNX's order, i, o, f, g."""
    i, f, g, o = np.split(w, 4)
    return np.concatenate([i, o, f, g])


def build(
    cell: Cell,
    graph: Graph,
    weights: dict[str, np.ndarray],
    x: str,
    state: tuple[str, ...],
    peepholes: str = "",
) -> tuple[str, tuple[str, ...]]:
    """`Cell.graph` by ONNX's node. peepholes: the name of a constant [1, 3H], gates i, o, f."""

    bias = gates(weights["bias"])[None]
    first = graph.constant([0])
    y, h, c = graph.add(
        "LSTM",
        x,
        graph.constant(gates(weights["input"])[None]),
        graph.constant(gates(weights["recurrent"])[None]),
        graph.constant(np.concatenate([bias, np.zeros_like(bias)], axis=1)),
        "",  # no sequence lengths: all rows run the whole window
        *(graph.add("Unsqueeze", part, first)[0] for part in state),
        *([peepholes] if peepholes else []),
        outputs=3,
        hidden_size=cell.width,
    )
    y = graph.add("Squeeze", y, graph.constant([1]))[0]  # [T, 1 direction, B, H]
    return y, tuple(graph.add("Squeeze", part, first)[0] for part in (h, c))
