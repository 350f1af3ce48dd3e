"""The LSTM with layer normalisation: sums and memory cells are normalised over the units of a step.

    sums = LN(W x; a_x) + LN(R h; a_h) + b          over all 4H sums of the gates i, f, g, o together
    i, f, o = sigmoid(sums)    g = tanh(sums)
    c' = f c + i g                                  the memory cell itself is not normalised
    h' = o tanh(LN(c'; a_c, b_c))                   but what the output sees of it

    LN(z; a, b) = a (z - mean(z)) / sqrt(var(z) + 1e-5) + b

Ba, Kiros & Hinton 2016, equations 20-22. Gains a and biases b are learnt, one a number. The paper adds a bias after each
of the first two norms, and the LSTM's own: their sum is one bias here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.config import Part
from rhapsode.errors import UserError
from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._stepwise import Stepwise, Times, Total

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

EPSILON = 1e-5


class LayerNorm(Stepwise):
    """Weights: `input` [4H, I], `recurrent` [4H, H], `bias` [4H], gates in the order i, f, g, o; `input_gain` [4H],
    `recurrent_gain` [4H], `cell_gain` [H], `cell_bias` [H]."""

    name = "layernorm"
    state = ("h", "c")
    recurrent = products = ("recurrent",)
    others = ("recurrent_gain", "cell_gain", "cell_bias")
    single = True

    @property
    def title(self) -> str:
        return "layer-norm LSTM"

    def __init__(self, inputs: int, width: int, settings: Part | None = None) -> None:
        if width < 2:
            raise UserError("cell layernorm: width = 1 has nothing to normalise over. Set width to 2 or more.")
        super().__init__(inputs, width, settings)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        h = self.width
        return {
            "input": (4 * h, self.inputs),
            "recurrent": (4 * h, h),
            "bias": (4 * h,),
            "input_gain": (4 * h,),
            "recurrent_gain": (4 * h,),
            "cell_gain": (h,),
            "cell_bias": (h,),
        }

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        _plain.initialise(self, weights, generator)
        for name in ("input_gain", "recurrent_gain", "cell_gain"):  # as the authors' code has it
            weights[name].fill_(1.0)
        weights["cell_bias"].zero_()

    def into(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        from torch.nn.functional import layer_norm, linear

        gain, bias = weights["input_gain"], weights["bias"]
        return layer_norm(linear(x, weights["input"]).to(gain.dtype), gain.shape, gain, bias, EPSILON)

    def forward(
        self, x: Tensor, state: State, weights: Mapping[str, Tensor], times: Times
    ) -> tuple[State, tuple[Tensor, ...]]:
        import torch

        h, c = state
        again = times("recurrent", h)
        gain = weights["recurrent_gain"]
        sums, *wide = torch.native_layer_norm(again, gain.shape, gain, None, EPSILON)
        gates = _plain.activated(sums.add_(x))
        i, f, g, o = torch.chunk(gates, 4, dim=-1)
        after = torch.addcmul(f * c, i, g)
        gain = weights["cell_gain"]
        seen, *narrow = torch.native_layer_norm(after, gain.shape, gain, weights["cell_bias"], EPSILON)
        seen.tanh_()
        return (o * seen, after), (c, after, again, gates, seen, *wide, *narrow)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        import torch

        norm = torch.ops.aten.native_layer_norm_backward
        d_h, d_c = slope
        c, after, again, gates, seen, *means = kept
        gain, bias = weights["cell_gain"], weights["cell_bias"]
        d_seen = d_h * gates[:, 3 * self.width :] * (1 - seen * seen)
        d_after, d_gain, d_bias = norm(d_seen, after, gain.shape, *means[2:], gain, bias, [True, True, True])
        total("cell_gain", d_gain.unsqueeze(0))
        total("cell_bias", d_bias.unsqueeze(0))
        d_sums, d_c = _plain.slopes(gates, c, d_h * seen, d_c + d_after)
        gain = weights["recurrent_gain"]
        d_again, d_gain, _ = norm(d_sums, again, gain.shape, *means[:2], gain, None, [True, True, False])
        total("recurrent_gain", d_gain.unsqueeze(0))
        return d_sums, (back("recurrent", d_again), d_c)

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        def norm(value: str, gain: np.ndarray, bias: np.ndarray | None = None) -> str:
            added = np.zeros_like(gain) if bias is None else bias
            ends = graph.constant(gain), graph.constant(added)
            return graph.add("LayerNormalization", value, *ends, axis=-1, epsilon=EPSILON)[0]

        h, c = state
        into = norm(graph.product(x, weights["input"]), weights["input_gain"], weights["bias"])
        again = norm(graph.product(h, weights["recurrent"]), weights["recurrent_gain"])
        i, f, g, o = graph.add("Split", graph.sum(into, again), outputs=4, axis=2)
        i, f, o = (graph.add("Sigmoid", gate)[0] for gate in (i, f, o))
        kept, new = graph.add("Mul", f, c)[0], graph.add("Mul", i, graph.tanh(g))[0]
        c = graph.sum(kept, new)
        y = graph.add("Mul", o, graph.tanh(norm(c, weights["cell_gain"], weights["cell_bias"])))[0]
        first = graph.constant([0])
        return y, tuple(graph.add("Squeeze", part, first)[0] for part in (y, c))
