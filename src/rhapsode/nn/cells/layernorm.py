"""The LSTM with layer normalisation: each step normalises its sums, and what the output sees of the memory cells.

    i, f, o = sigmoid(s)    g = tanh(s)    with s = LN(W x; a1) + LN(R h; a2) + b
    c' = f c + i g                         h' = o tanh(LN(c'; a3, b3))

    LN(z; a, b) = a (z - mean(z)) / sqrt(var(z) + 1e-5) + b

Ba, Kiros & Hinton 2016, "Layer normalization", equations 20-22 of the supplement. W x and R h are normalised each by
itself, over all 4 H numbers of the four gates together. The memory cells that are carried on are not normalised. Gains
a and biases b are learnt, one a number. The paper's biases of the first two norms and the LSTM's own are one here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.config import Part
from rhapsode.errors import UserError
from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._cell import State
from rhapsode.nn.cells._gated import Gated
from rhapsode.nn.cells._stepwise import Times, Total, tanhs

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

EPSILON = 1e-5
GAINS = ("input_gain", "recurrent_gain", "cell_gain")


class LayerNorm(Gated):
    """Weights: `input` [4H, I], `recurrent` [4H, H], `bias` [4H], gates in the order i, f, g, o; a1, a2, a3 and b3
    above are `input_gain` [4H], `recurrent_gain` [4H], `cell_gain` [H] and `cell_bias` [H]."""

    name = "layernorm"
    recurrent = products = ("recurrent",)
    others = ("recurrent_gain", "cell_gain", "cell_bias")

    def __init__(self, inputs: int, width: int, settings: Part | None = None) -> None:
        """Raises `UserError` for a width of 1."""
        if width < 2:
            raise UserError("cell layernorm: one number cannot be normalised. Set width = 2 or more.")
        super().__init__(inputs, width, settings)

    @property
    def title(self) -> str:
        return "layer-norm LSTM"

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
        """As a plain LSTM. Gains of 1 are those of the authors' program."""
        _plain.initialise(self, weights, generator)
        for name in GAINS:
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

        norm = torch.native_layer_norm  # gives the means and deviations, too
        (h, before), narrow = state, weights["cell_gain"]
        recalled, wide = times("recurrent", h), weights["recurrent_gain"]
        sums, *of_sums = norm(recalled, wide.shape, wide, None, EPSILON)
        c = _plain.gated(sums.add_(x), before)
        seen, *of_cells = norm(c, narrow.shape, narrow, weights["cell_bias"], EPSILON)
        seen.tanh_()
        return (sums[:, -self.width :] * seen, c), (sums, before, recalled, c, seen, *of_sums, *of_cells)

    def backward(
        self, slope: State, kept: tuple[Tensor, ...], weights: Mapping[str, Tensor], back: Times, total: Total
    ) -> tuple[Tensor, State]:
        import torch

        norm = torch.ops.aten.native_layer_norm_backward
        (d_h, d_c), (gates, before, recalled, c, seen, *means) = slope, kept
        gain, bias = weights["cell_gain"], weights["cell_bias"]
        d_seen = tanhs(d_h * gates[:, -self.width :], seen)
        more, d_gain, d_bias = norm(d_seen, c, gain.shape, *means[2:], gain, bias, [True, True, True])
        total("cell_gain", d_gain.unsqueeze(0))
        total("cell_bias", d_bias.unsqueeze(0))
        d_sums, d_before = _plain.gated_backward(d_h * seen, d_c + more, gates, before)
        gain = weights["recurrent_gain"]
        d_recalled, d_gain, _ = norm(d_sums, recalled, gain.shape, *means[:2], gain, None, [True, True, False])
        total("recurrent_gain", d_gain.unsqueeze(0))
        return d_sums, (back("recurrent", d_recalled), d_before)

    def sums(self, graph: Graph, weights: dict[str, np.ndarray], x: str, h: str) -> str:
        """The sums of the gates i, f, g, o [1, B, 4H]."""

        def times(name: str, a: str) -> str:
            product = graph.add("MatMul", a, graph.constant(weights[name].T))[0]
            bias = weights["bias"] if name == "input" else np.zeros_like(weights["bias"])
            return _norm(graph, product, weights[f"{name}_gain"], bias)

        return graph.sum(times("input", x), times("recurrent", h))

    def seen(self, graph: Graph, weights: dict[str, np.ndarray], c: str) -> str:
        return _norm(graph, c, weights["cell_gain"], weights["cell_bias"])


def _norm(graph: Graph, value: str, gain: np.ndarray, bias: np.ndarray) -> str:
    ends = graph.constant(gain), graph.constant(bias)
    return graph.add("LayerNormalization", value, *ends, axis=-1, epsilon=EPSILON)[0]
