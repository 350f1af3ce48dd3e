"""The network: embed steps, run the layers, return what the head needs and the new state.

    inputs [T, B] ─▶ embedding ─▶ cell ─▶ ... ─▶ cell ─▶ features [T, B, F] ─▶ parameters [T, B, P]

A `Network` holds no weights. It says what shapes they have, and computes with weights given: as
torch tensors (`run`, for training) or as arrays written into a graph for the engine (`graph`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode import registry
from rhapsode.cells._cell import Cell
from rhapsode.config import Dropout, NetworkConfig
from rhapsode.engine import INPUT, Graph
from rhapsode.errors import UserError
from rhapsode.heads._head import Head
from rhapsode.steps import Symbols

if TYPE_CHECKING:
    from torch import Generator, Tensor

    State = tuple[Tensor, ...]


class Network:
    """The computation for one configuration and kind of step.

    The state is a flat tuple of the layers' state parts, each [B, H], first layer first.
    """

    def __init__(self, config: NetworkConfig, steps: Symbols) -> None:
        self.config = config
        self.steps = steps
        self.head: Head = registry.get("head", config.head)(steps)
        kind = registry.get("cell", config.cell)
        embedded = config.embedding or steps.size + 1
        extra = embedded if config.skip else 0
        self.cells: list[Cell] = [
            kind(embedded if n == 0 else config.width + extra, config.width) for n in range(config.layers)
        ]
        self.features = config.width * (config.layers if config.skip else 1)
        if config.tied and config.embedding != self.features:
            raise UserError(
                f"tied weights need an embedding as wide as the features: embedding is {config.embedding}, "
                f"features are {self.features}. Set embedding = {self.features}, or tied = false."
            )

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of every weight."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self.config.embedding:
            shapes["embedding"] = (self.steps.size + 1, self.config.embedding)
        for n, cell in enumerate(self.cells):
            shapes.update({f"layer{n}.{name}": shape for name, shape in cell.shapes.items()})
        if not self.config.tied:
            shapes["output.weight"] = (self.head.width, self.features)
        shapes["output.bias"] = (self.head.width,)
        return shapes

    @property
    def parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def flops(self) -> int:
        """Floating-point operations per step of training: 2 per weight forward, 4 backward, matrices only."""
        matrices = sum(math.prod(s) for name, s in self.shapes.items() if name != "embedding" and len(s) == 2)
        return 6 * (matrices + self.config.tied * self.steps.size * self.features)

    def initialise(self, generator: Generator) -> dict[str, Tensor]:
        """Fresh float32 weights on the CPU."""
        import torch

        weights = {name: torch.zeros(shape) for name, shape in self.shapes.items()}
        if self.config.embedding:
            # Unit variance; as output weights, small enough that training begins near the uniform distribution.
            std = self.features**-0.5 if self.config.tied else 1.0
            weights["embedding"].normal_(std=std, generator=generator)
            weights["embedding"][self.steps.start] = 0  # neutral: short training may never meet it
        for n, cell in enumerate(self.cells):
            cell.initialise(self._layer(weights, n), generator)
        if not self.config.tied:
            weights["output.weight"].normal_(std=0.5 * self.features**-0.5, generator=generator)
        return weights

    def zeros(self, rows: int, like: Tensor) -> State:
        """The state of `rows` rows that have read nothing, on the device of `like`."""
        return tuple(like.new_zeros(rows, cell.width) for cell in self.cells for _ in cell.state)

    def run(
        self,
        weights: Mapping[str, Tensor],
        inputs: Tensor,
        state: State,
        reset: Tensor | None = None,
        dropout: Dropout | None = None,
    ) -> tuple[Tensor, State]:
        """inputs [T, B] int64 → parameters [T, B, P] of the step after each, and the new state.

        reset as in `Cell.run`. dropout None: none (evaluation).
        """
        from torch.nn import functional

        drop = dropout or Dropout()
        if self.config.embedding:
            # No table row has a gradient from indices only: `embedding` is dense, so fused optimizers work.
            x = functional.embedding(inputs, weights["embedding"])
        else:
            x = functional.one_hot(inputs, self.steps.size + 1).to(weights["output.bias"].dtype)
        x = self._drop(x, drop.input, drop.locked)
        below = x
        outputs: list[Tensor] = []
        new_state: list[Tensor] = []
        parts = iter(state)
        for n, cell in enumerate(self.cells):
            layer = self._layer(weights, n)
            if drop.recurrent:
                layer.update({name: self._drop(layer[name], drop.recurrent) for name in cell.recurrent})
            y, new = cell.run(layer, self._join(below, x, n), tuple(next(parts) for _ in cell.state), reset)
            if n and self.config.residual:
                y = y + below
            outputs.append(y)
            new_state.extend(new)
            below = self._drop(y, drop.between, drop.locked) if n + 1 < len(self.cells) else y
        features = _concatenate(outputs) if self.config.skip else below
        kernel = weights["embedding"][: self.steps.size] if self.config.tied else weights["output.weight"]
        features = self._drop(features, drop.output, drop.locked)
        return functional.linear(features, kernel, weights["output.bias"]), tuple(new_state)

    def _join(self, below: Tensor, x: Tensor, n: int) -> Tensor:
        return _concatenate([below, x]) if n and self.config.skip else below

    @staticmethod
    def _drop(x: Tensor, rate: float, locked: bool = False) -> Tensor:
        """Each number, or with `locked` each feature of a row, is 0 with probability `rate`, else scaled up."""
        import torch

        cut = min(255, round(256 * rate))
        if cut == 0:
            return x
        shape = (1, *x.shape[1:]) if locked else x.shape
        # One random byte each. torch.dropout draws a float each, in one thread: a sixth of all training time.
        count = math.prod(shape)
        words = torch.empty(-(-count // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = words.view(torch.uint8)[:count].view(shape) >= cut
        return x * kept.to(x.dtype).mul_(256 / (256 - cut))

    @staticmethod
    def _layer(weights: Mapping[str, Tensor], n: int) -> dict[str, Tensor]:
        prefix = f"layer{n}."
        return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}

    def graph(self, weights: Mapping[str, np.ndarray]) -> bytes:
        """The same computation as an ONNX model for `rhapsode.engine.Engine`."""
        graph = Graph()
        size = self.steps.size
        if self.config.embedding:
            x = graph.add("Gather", graph.constant(weights["embedding"]), INPUT)[0]
        else:  # not rows of an identity matrix: for a large vocabulary that would not fit into memory
            off_on = graph.constant(np.array([0, 1], np.float32))
            x = graph.add("OneHot", INPUT, graph.constant([size + 1]), off_on)[0]
        below = x
        outputs: list[str] = []
        new_state: list[str] = []
        for n, cell in enumerate(self.cells):
            prefix = f"layer{n}."
            layer = {k.removeprefix(prefix): w for k, w in weights.items() if k.startswith(prefix)}
            joined = graph.add("Concat", below, x, axis=2)[0] if n and self.config.skip else below
            y, new = cell.graph(graph, layer, joined, tuple(graph.state(cell.width) for _ in cell.state))
            if n and self.config.residual:
                y = graph.add("Add", y, below)[0]
            outputs.append(y)
            new_state.extend(new)
            below = y
        features = graph.add("Concat", *outputs, axis=2)[0] if self.config.skip and len(outputs) > 1 else below
        kernel = weights["embedding"][:size] if self.config.tied else weights["output.weight"]
        product = graph.add("MatMul", features, graph.constant(kernel.T))[0]
        return graph.finish(graph.add("Add", product, graph.constant(weights["output.bias"]))[0], new_state)


def _concatenate(parts: list[Tensor]) -> Tensor:
    import torch

    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
