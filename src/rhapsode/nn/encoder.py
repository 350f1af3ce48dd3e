"""The encoder: layers that read the covariates of a whole unit before any of its steps is predicted.

    covariates [T, B, D] ─▶ feed-forward ─▶ ... ─▶ bidirectional LSTM ─▶ ... ─▶ [T, B, E]

Feed-forward layers see one step, bidirectional ones the whole unit (Fan et al. 2014: of the frames of an utterance, the
phones around each). An encoder holds no weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.config import EncoderConfig
from rhapsode.nn.cells.lstm import LSTM
from rhapsode.nn.engine import INPUT, Graph
from rhapsode.nn.operations import Operations, X, part

if TYPE_CHECKING:
    from torch import Generator, Tensor

DIRECTIONS = ("forward", "backward")


class Encoder:
    """Weights: `feedforward{n}.weight` [H, I] and `.bias` [H]; `bidirectional{n}.forward.*` and `.backward.*`, those of
    an LSTM cell.

    inputs: D. config: with all widths (`EncoderConfig.sized`). `width` is E.
    """

    def __init__(self, inputs: int, config: EncoderConfig) -> None:
        self.inputs = self.width = inputs
        self._feedforward, self._cells = [], []
        for _ in range(config.feedforward):
            self._feedforward.append((self.width, config.feedforward_width))
            self.width = config.feedforward_width
        for _ in range(config.bidirectional):
            self._cells.append(LSTM(self.width, config.bidirectional_width))
            self.width = 2 * config.bidirectional_width

    def _directions(self) -> list[tuple[str, LSTM]]:
        return [(f"bidirectional{n}.{way}", cell) for n, cell in enumerate(self._cells) for way in DIRECTIONS]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of every weight."""
        shapes: dict[str, tuple[int, ...]] = {}
        for n, (inputs, width) in enumerate(self._feedforward):
            shapes |= {f"feedforward{n}.weight": (width, inputs), f"feedforward{n}.bias": (width,)}
        for where, cell in self._directions():
            shapes |= {f"{where}.{name}": shape for name, shape in cell.shapes.items()}
        return shapes

    @property
    def matrices(self) -> dict[str, int]:
        """As `Network.matrices`."""
        found = {f"feedforward{n}.weight": 1 for n in range(len(self._feedforward))}
        for where, cell in self._directions():
            found |= {f"{where}.{name}": gates for name, gates in cell.matrices.items()}
        return found

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Fill the weights in place with the values with which training begins."""
        from torch.nn import init

        for n, (inputs, _) in enumerate(self._feedforward):
            bound = math.sqrt(3 / inputs)  # unit gain, as in cells
            init.uniform_(weights[f"feedforward{n}.weight"], -bound, bound, generator=generator)
            init.zeros_(weights[f"feedforward{n}.bias"])
        for where, cell in self._directions():
            cell.initialise(part(weights, where), generator)

    def forward(self, operations: Operations[X], weights: Mapping[str, Any], x: X) -> X:
        """x [T, B, D] of whole units → [T, B, E]. weights: the encoder's own. At reset steps, which the operations
        know, the state is zero in both directions."""
        for n in range(len(self._feedforward)):
            x = operations.linear(x, weights[f"feedforward{n}.weight"], weights[f"feedforward{n}.bias"])
            x = operations.drop(operations.tanh(x), "between")
        for n, cell in enumerate(self._cells):
            x = operations.drop(x, "between") if n else x
            ways = [part(weights, f"bidirectional{n}.{way}") for way in DIRECTIONS]
            x = operations.concatenate([operations.direction(cell, own, x, own is ways[1]) for own in ways])
        return x

    def graph(self, weights: Mapping[str, np.ndarray]) -> bytes:
        """The same as an ONNX model for `rhapsode.nn.engine.Engine`."""
        graph = Graph((self.inputs,), whole=False)
        return graph.finish(self.forward(graph, weights, INPUT), [])
