"""The common part of the LSTM and its relatives.

Their weights are `input` [4H, I], `recurrent` [4H, H] and `bias` [4H], gates in torch's order i, f, g, o, and others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.cells._cell import Cell
from rhapsode.nn.cells._stepwise import sigmoids, tanhs

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

SHUT = -1e4
"""What a reset step adds to the input, forget and output gates: sigmoid(SHUT + anything) is 0, so
c' = 0 c + 0 g = 0 and h' = 0. It lets a fused kernel that knows nothing of resets reset a row."""

GATES = ("input", "forget", "output")
"""The names of the gates i, f and o."""


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


def forward(sums: Tensor, before: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, ...]]:
    """A step after its products: sums of the gates i, f, g, o [B, 4H], which are overwritten, and the memory cells
    before [B, H] → h and c, and what `backward` needs."""
    c = gated(sums, before)
    squashed = c.tanh()
    return (sums[:, -c.shape[1] :] * squashed, c), (sums, before, squashed)


def gated(sums: Tensor, before: Tensor) -> Tensor:
    """The part of a step that makes the memory cells c [B, H]. The gates themselves are written over their sums."""
    import torch

    i, f, g, o = torch.chunk(sums, 4, dim=1)
    sums[:, : 2 * before.shape[1]].sigmoid_()
    g.tanh_()
    o.sigmoid_()
    return torch.addcmul(f * before, i, g)


def backward(slope: Sequence[Tensor], kept: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """slope: the gradients of h and c → those of the gates' sums [B, 4H] and of the memory cells before [B, H]."""
    (d_h, d_c), (gates, before, squashed) = slope, kept
    d_c = tanhs(d_h * gates[:, -before.shape[1] :], squashed).add_(d_c)
    return gated_backward(d_h * squashed, d_c, gates, before)


def gated_backward(d_o: Tensor, d_c: Tensor, gates: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """d_o, d_c: the gradients of the output gates and of the memory cells [B, H]; gates: as `gated` leaves them → those
    of the gates' sums [B, 4H] and of the memory cells before [B, H]."""
    import torch

    i, f, g, o = torch.chunk(gates, 4, dim=1)
    d_sums = torch.empty_like(gates)
    of_i, of_f, of_g, of_o = torch.chunk(d_sums, 4, dim=1)
    sigmoids(d_o, o, of_o)
    sigmoids(d_c * g, i, of_i)
    sigmoids(d_c * before, f, of_f)
    tanhs(d_c * i, g, of_g)
    return d_sums, d_c * f


def gates(w: np.ndarray) -> np.ndarray:
    """[4H, ...] with the gates in ONNX's order, i, o, f, g."""
    i, f, g, o = np.split(w, 4)
    return np.concatenate([i, o, f, g])


def sums(graph: Graph, weights: dict[str, np.ndarray], x: str, h: str) -> str:
    """The sums of the gates i, f, g, o [1, B, 4H] of one step: x [1, B, I] and the output before [B, H]."""
    recalled = graph.add("MatMul", h, graph.constant(weights["recurrent"].T))[0]
    return graph.sum(graph.linear(x, weights["input"], weights["bias"]), recalled)


def opened(graph: Graph, sums: str) -> tuple[str, str, str]:
    """`Cell.opened` after the products: the gates' sums [1, B, 4H] in the order i, f, g, o."""
    i, f, _, o = graph.add("Split", sums, outputs=4, axis=2)
    found = (graph.add("Sigmoid", gate)[0] for gate in (i, f, o))
    return next(found), next(found), next(found)


def step(graph: Graph, sums: str, before: str, seen: Callable[[str], str] = lambda c: c) -> tuple[str, tuple[str, ...]]:
    """`Cell.graph` after the products, of one step: the gates' sums [1, B, 4H] in the order i, f, g, o, and the memory
    cells before [B, H] → the output [1, B, H], and h and c. seen: what the output sees of c."""
    first = graph.constant([0])
    i, f, g, o = graph.add("Split", sums, outputs=4, axis=2)
    i, f, o = (graph.add("Sigmoid", gate)[0] for gate in (i, f, o))
    kept = graph.add("Mul", f, graph.add("Unsqueeze", before, first)[0])[0]
    c = graph.sum(kept, graph.add("Mul", i, graph.tanh(g))[0])
    h = graph.add("Mul", o, graph.tanh(seen(c)))[0]
    return h, tuple(graph.add("Squeeze", part, first)[0] for part in (h, c))


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
