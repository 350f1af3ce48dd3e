"""The context: layers that read what is given with all steps of a unit before any of them is predicted.

    given [T, B, D] ─▶ feed-forward ─▶ ... ─▶ bidirectional LSTM ─▶ ... ─▶ [T, B, C]

Feed-forward layers see one step, bidirectional ones all of the unit (Fan et al. 2014: of the frames of an utterance,
the phones around each). Like a cell, it holds nothing and is written twice: `run` (torch) for training, `graph` (ONNX)
for everything else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.config import NetworkConfig
from rhapsode.nn.cells.lstm import LSTM
from rhapsode.nn.engine import INPUT, Graph

if TYPE_CHECKING:
    from torch import Generator, Tensor

WAYS = ("on", "back")


class Context:
    """Weights: `dense{n}.weight` [H, I] and `.bias` [H]; `both{n}.on.*` and `both{n}.back.*`, those of an LSTM cell.

    covariates: D.
    """

    def __init__(self, covariates: int, config: NetworkConfig) -> None:
        self.covariates = covariates
        dense, both = widths(config)
        self._dense = [(covariates if n == 0 else dense, dense) for n in range(config.dense)]
        first = dense if config.dense else covariates
        self._both = [LSTM(first if n == 0 else 2 * both, both) for n in range(config.both)]
        self.width = 2 * both if config.both else first

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of every weight."""
        shapes: dict[str, tuple[int, ...]] = {}
        for n, (inputs, width) in enumerate(self._dense):
            shapes |= {f"dense{n}.weight": (width, inputs), f"dense{n}.bias": (width,)}
        for n, cell in enumerate(self._both):
            shapes |= {f"both{n}.{way}.{name}": shape for way in WAYS for name, shape in cell.shapes.items()}
        return shapes

    @property
    def matrices(self) -> dict[str, int]:
        """As `Network.matrices`."""
        dense = {f"dense{n}.weight": 1 for n in range(len(self._dense))}
        names = [f"both{n}.{way}" for n in range(len(self._both)) for way in WAYS]
        return dense | {f"{name}.{each}": 4 for name in names for each in ("input", "recurrent")}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Fill the weights in place with the values training begins with."""
        from torch.nn import init

        for n, (inputs, _) in enumerate(self._dense):
            bound = math.sqrt(3 / inputs)  # unit gain, as in cells
            init.uniform_(weights[f"dense{n}.weight"], -bound, bound, generator=generator)
            init.zeros_(weights[f"dense{n}.bias"])
        for n, cell in enumerate(self._both):
            for way in WAYS:
                cell.initialise(part(weights, f"both{n}.{way}"), generator)

    @staticmethod
    def own(weights: Mapping[str, Any]) -> dict[str, Any]:
        """Of all weights of a network, the context's."""
        return part(weights, "context")

    def run(
        self, weights: Mapping[str, Tensor], covariates: Tensor, reset: Tensor | None, drop: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """given [T, B, D] of whole units → [T, B, C]. reset [T, B] as in `Cell.run`: it keeps them apart both ways.

        drop: is applied to what goes from layer to layer.
        """
        import torch
        from torch.nn.functional import linear

        x = covariates
        for n in range(len(self._dense)):
            x = drop(torch.tanh(linear(x, weights[f"dense{n}.weight"], weights[f"dense{n}.bias"])))
        for n, cell in enumerate(self._both):
            x = drop(x) if n else x
            like = weights[f"both{n}.on.bias"]  # float32, whatever the precision of the rest
            state = tuple(like.new_zeros(x.shape[1], cell.width) for _ in cell.state)
            on, _ = cell.run(part(weights, f"both{n}.on"), x, state, reset)
            turned = None if reset is None else reset.flip(0)
            back, _ = cell.run(part(weights, f"both{n}.back"), x.flip(0), state, turned)
            x = torch.cat([on, back.flip(0)], dim=-1)
        return x

    def graph(self, weights: Mapping[str, np.ndarray]) -> bytes:
        """The same as an ONNX model for `rhapsode.nn.engine.Engine`: given [T, B, D] of whole units → [T, B, C]."""
        graph = Graph((self.covariates,), whole=False)
        x = INPUT
        for n in range(len(self._dense)):
            product = graph.add("MatMul", x, graph.constant(weights[f"dense{n}.weight"].T))[0]
            x = graph.add("Tanh", graph.add("Add", product, graph.constant(weights[f"dense{n}.bias"]))[0])[0]
        new_state: list[str] = []
        for n, cell in enumerate(self._both):
            found = []
            for way in WAYS:
                state = tuple(graph.state(cell.width) for _ in cell.state)
                into = _turned(graph, x) if way == "back" else x
                y, new = cell.graph(graph, dict(part(weights, f"both{n}.{way}")), into, state)
                found.append(_turned(graph, y) if way == "back" else y)
                new_state += new
            x = graph.add("Concat", *found, axis=2)[0]
        return graph.finish(x, new_state)


def _turned(graph: Graph, x: str) -> str:
    """[T, ...], the last step first."""
    ends = [graph.constant([at]) for at in (-1, -(2**62), 0, -1)]
    return graph.add("Slice", x, *ends)[0]


def widths(config: NetworkConfig) -> tuple[int, int]:
    """Outputs of each feed-forward layer, and of each direction of each bidirectional one."""
    return config.dense_width or 2 * config.width, config.both_width or config.width


def part(weights: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Of some weights, those of one part: `name.weight` is its `weight`."""
    prefix = f"{name}."
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
