"""The network: embed steps, run the layers, return what the head needs and the new state.

    inputs [T, B] ─▶ embedding ─▶ cell ─▶ ... ─▶ cell ─▶ features [T, B, F] ─▶ parameters [T, B, P]
                        ▲          │      ▲
     covariates ─▶ encoder         └▶ attention ◀─ text

A `Network` holds no weights. It knows their shapes, and computes with the weights that it is given: torch tensors
(`run`, for training), or arrays that are written into a graph for the engine (`graph`). Both use one forward pass over
the operations of `rhapsode.nn.operations`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from rhapsode import registry
from rhapsode.config import Dropout, NetworkConfig
from rhapsode.errors import UserError
from rhapsode.nn.attention._attention import Attention, Memory
from rhapsode.nn.cells._cell import Cell
from rhapsode.nn.encoder import Encoder
from rhapsode.nn.engine import INPUT, Graph, Opened
from rhapsode.nn.heads._head import Head
from rhapsode.nn.operations import Operations, X, part
from rhapsode.steps.kind import Kind
from rhapsode.steps.text import Text

if TYPE_CHECKING:
    from torch import Generator, Tensor

    State = tuple[Tensor, ...]


G = TypeVar("G", bound=Graph)

SELDOM = -4.0
"""The log odds of a sort of step that a network has never seen."""


class Network:
    """The computation for one configuration, one kind of step, one kind of text (None: there are no texts), and D
    covariates of each step.

    The state is a flat tuple of the layers' state parts, each [B, H], first layer first; then those of the attention,
    and the last output of the attention, if that is fed back.
    """

    def __init__(self, config: NetworkConfig, steps: Kind, text: Text | None = None, covariates: int = 0) -> None:
        """Raises `UserError` for a configuration that does not fit the data."""
        config.check()
        self.config = config
        self.steps = steps
        self.covariates = covariates
        self.head: Head[Any] = registry.get("head", config.head.name)(steps, config.head)
        self.attention: Attention | None = None
        if config.attention:
            self.attention = registry.get("attention", config.attention.name)(config.width, text, config.attention)
        if not covariates and (config.encoder.layers or not config.autoregressive):
            raise UserError(
                "these steps have no covariates: there must be no encoder, and autoregressive must be true."
            )
        self.encoder = Encoder(covariates, config.encoder.sized(config.width)) if config.encoder.layers else None
        self.encoded = self.encoder.width if self.encoder else covariates
        attended = self.attention.width if self.attention else 0
        self.embedding = steps.embedding(config.embedding)
        embedded = self.encoded + self.embedding.width * config.autoregressive
        above = config.width + attended + embedded * config.skip
        cell: type[Cell] = registry.get("cell", config.cell.name)
        first = embedded + attended * config.feedback
        self.cells = [cell(above if n else first, config.width, config.cell) for n in range(config.layers)]
        self.features = config.width * (config.layers if config.skip else 1) if config.layers else self.encoded
        if config.tied and config.embedding != self.features:
            raise UserError(
                f"tied weights need an embedding as wide as the features: embedding is {config.embedding}, "
                f"features are {self.features}. Set embedding = {self.features}, or tied = false."
            )
        if config.tied and self._table and self._table[0] != self.head.width + 1:
            raise UserError(f"head {self.head.name} has no output weight for each symbol to be tied. Set tied = false.")

    @property
    def _table(self) -> tuple[int, int] | None:
        """The shape of the embedding's table; None if it has none."""
        return self.embedding.table if self.config.autoregressive else None

    @property
    def _parts(self) -> list[tuple[str, Encoder | Attention | Cell]]:
        """Name → part with weights. The names of its weights begin with this name."""
        found: list[tuple[str, Encoder | Attention | Cell]] = [("encoder", self.encoder)] if self.encoder else []
        found += [("attention", self.attention)] if self.attention else []
        return found + [(f"layer{n}", cell) for n, cell in enumerate(self.cells)]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of every weight."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self._table:
            shapes["embedding"] = self._table
        for name, one in self._parts:
            shapes.update({f"{name}.{own}": shape for own, shape in one.shapes.items()})
        if not self.config.tied:
            shapes["output.weight"] = (self.head.width, self.features)
        shapes["output.bias"] = (self.head.width,)
        shapes.update({f"head.{name}": shape for name, shape in self.head.shapes.items()})
        return shapes

    @property
    def matrices(self) -> dict[str, int]:
        """Name → how many matrices a weight consists of, one for each gate. Only of weights that are matrices of
        layers."""
        return {f"{name}.{own}": n for name, one in self._parts for own, n in getattr(one, "matrices", {}).items()}

    @property
    def framing(self) -> str:
        """The framing that this network needs, because of its texts, covariates or encoder; empty if it needs none."""
        return "whole" if self.encoder else "stream"

    @property
    def single(self) -> bool:
        """Whether the graph computes one step, which the engine repeats."""
        return self.config.feedback or any(cell.single for cell in self.cells)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that matter for this network, with all widths filled in."""
        config = self.config
        found = config.model_copy(update={"encoder": config.encoder.sized(config.width)}).model_dump(exclude_none=True)
        for names, used in (
            (("cell", "width"), self.cells),
            (("embedding", "tied"), self.steps.tabled and config.autoregressive),
            (("skip",), len(self.cells) > 1 or self.attention),
            (("residual",), len(self.cells) > 1),
            (("autoregressive",), not config.autoregressive),
            (("encoder",), self.encoder),
        ):
            for name in () if used else names:
                del found[name]
        return found

    @property
    def description(self) -> str:
        """Its layers in words, in the order in which they are computed."""
        encoder = self.config.encoder.sized(self.config.width)
        layers = [
            (encoder.feedforward, encoder.feedforward_width, "feed-forward"),
            (encoder.bidirectional, encoder.bidirectional_width, "bidirectional LSTM"),
            *((len(self.cells), cell.width, cell.title) for cell in self.cells[:1]),
        ]
        return ", ".join(f"{count} × {width} {kind}" for count, width, kind in layers if count)

    @property
    def parameters(self) -> int:
        """How many weights are learnt."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def flops(self) -> int:
        """Floating-point operations per step of training: 2 per weight forward, 4 backward, matrices only."""
        matrices = sum(
            math.prod(shape)
            for name, shape in self.shapes.items()
            if name != "embedding" and not name.startswith("head.") and len(shape) == 2
        )
        return round(6 * (matrices + self.head.multiplied + self.config.tied * self.head.width * self.features))

    def initialise(self, generator: Generator) -> dict[str, Tensor]:
        """Fresh float32 weights on the CPU."""
        import torch

        weights = {name: torch.zeros(shape) for name, shape in self.shapes.items()}
        if self._table:
            # Unit variance; as output weights, small enough that training begins near the uniform distribution.
            std = self.features**-0.5 if self.config.tied else 1.0
            self.embedding.initialise(weights["embedding"], std, generator)
        for name, one in self._parts:
            one.initialise(part(weights, name), generator)
        if not self.config.tied:
            weights["output.weight"].normal_(std=0.5 * self.features**-0.5, generator=generator)
        self.head.initialise(part(weights, "head"), generator)
        return weights

    def grown(self, weights: Mapping[str, np.ndarray], other: Network) -> dict[str, np.ndarray]:
        """The weights of `other`, a network of the same configuration, as weights of this one, which knows more
        characters of texts (the first ones are those of `other`), or more sorts of steps (a pen that goes back). It
        computes the same as `other`, except that new steps are possible."""
        found = dict(weights)
        new = (self.attention.width if self.attention else 0) - (other.attention.width if other.attention else 0)
        for name, shape in self.shapes.items():
            if new and name.startswith("layer") and found[name].shape != shape:
                # What is attended comes last, and the last of its symbols is the text's end. Most weights read it, and
                # have columns for it; those that change it have rows.
                stack = found[name].reshape(self.matrices[name], -1, found[name].shape[1])
                axis = 1 if found[name].shape[1] == shape[1] else 2
                found[name] = np.insert(stack, [stack.shape[axis] - 1] * new, 0, axis=axis).reshape(shape)
        more = self.head.width - other.head.width
        if more:
            found["output.weight"] = np.pad(found["output.weight"], ((0, more), (0, 0)))
            found["output.bias"] = np.pad(found["output.bias"], (0, more), constant_values=SELDOM)
        return found

    @property
    def state(self) -> dict[str, int]:
        """Name → width of each of the state's parts, [B, width]: `layer0.h` and so on; `attention.` and the name of a
        part of the attention; `attention.output`, if that is fed back."""
        found = {f"layer{n}.{name}": cell.width for n, cell in enumerate(self.cells) for name in cell.state}
        if attention := self.attention:
            own = zip(attention.parts, attention.state, strict=True)
            found |= {f"attention.{name}": width for name, width in own}
            found |= {"attention.output": attention.width} if attention.feedback else {}
        return found

    @property
    def widths(self) -> list[int]:
        """The widths of the state's parts, each [B, width]."""
        return list(self.state.values())

    def zeros(self, rows: int, like: Tensor) -> State:
        """The state of `rows` rows that have read nothing, on the device of `like`."""
        return tuple(like.new_zeros(rows, width) for width in self.widths)

    def run(
        self,
        weights: Mapping[str, Tensor],
        inputs: Tensor,
        state: State,
        reset: Tensor | None = None,
        dropout: Dropout | None = None,
        memory: Memory | None = None,
        covariates: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """inputs [T, B, *shape of a step] → parameters [T, B, P] of the step after each, and the new state.

        reset: as in `Cell.run`. dropout: None for no dropout (evaluation). memory: the texts, if there is attention.
        covariates: [T, B, D] of the step after each, if there are any (of whole units, if there is an encoder).
        """
        from rhapsode.nn.tensors import Tensors

        tensors = Tensors(reset, dropout, memory)
        parts: list[Tensor] = []
        if self.config.autoregressive:
            read = self.embedding.run(inputs, weights.get("embedding"), weights["output.bias"])
            parts.append(tensors.drop(read, "input"))
        if covariates is not None:
            if self.encoder:
                covariates = self.encoder.forward(tensors, part(weights, "encoder"), covariates)
            parts.append(covariates.to(parts[0].dtype) if parts else covariates)
        return self.forward(tensors, weights, parts, state)

    def forward(
        self, operations: Operations[X], weights: Mapping[str, Any], parts: Sequence[X], state: tuple[X, ...] = ()
    ) -> tuple[X, tuple[X, ...]]:
        """parts: of each step the embedding [T, B, ...] and its encoded covariates [T, B, E], as far as there are any →
        parameters [T, B, P] and the new state."""
        config = self.config
        x = below = operations.concatenate(parts)
        beside: list[X] = []  # what the layers above the first read, too
        outputs, new_state = list[X](), list[X]()
        states = iter(state)
        before = [tuple(next(states) for _ in cell.state) for cell in self.cells]
        attending = tuple(states)
        for n, cell in enumerate(self.cells):
            layer = part(weights, f"layer{n}")
            if n == 0 and self.attention:
                own = part(weights, "attention")
                y, w, new, attending = operations.attend(self.attention, own, cell, layer, x, before[n], attending)
                attended = [w]
            else:
                y, new = operations.layer(cell, layer, operations.concatenate([below, *beside]), before[n])
                attended = []
            if n == 0:
                beside = [*[x] * config.skip, *attended]
            elif config.residual:
                y = operations.sum(y, below)
            outputs.append(y)
            new_state += new
            below = operations.drop(y, "between") if n + 1 < len(self.cells) else y
        features = operations.drop(operations.concatenate(outputs) if config.skip else below, "output")
        kernel = weights["embedding"][:-1] if config.tied else weights["output.weight"]
        # Densities need more digits than bf16 has.
        parameters = operations.linear(features, kernel, weights["output.bias"], exact=self.head.exact)
        return parameters, (*new_state, *attending)

    def nll(self, weights: Mapping[str, Tensor], parameters: Tensor, targets: Tensor) -> Tensor:
        """-log p of the targets [..., *shape of a step], by the parameters [..., P] that `run` gave: [...] float32."""
        return self.head.nll(parameters, targets, part(weights, "head"))

    def bound(self, weights: Mapping[str, np.ndarray]) -> Head[Any]:
        """The head, for numpy."""
        return self.head.bound(part(weights, "head"))

    def graph(self, weights: Mapping[str, np.ndarray]) -> bytes:
        """The same computation as an ONNX model for `rhapsode.nn.engine.Engine`, of one step or of a window: see
        `single`. If there is an encoder, it reads the encoder's output (`Encoder.graph`) instead of covariates."""
        graph, parameters, state = self._added(Graph, weights)
        return graph.finish(parameters, state)

    def gates(self, weights: Mapping[str, np.ndarray], layer: int) -> bytes:
        """The same of one step, with the gates of a layer [1, B, G H], in their order, in the place of parameters."""
        graph, _, state = self._added(Opened, weights)
        return graph.finish(graph.concatenate(graph.gates[layer]), state)

    def _added(self, kind: type[G], weights: Mapping[str, np.ndarray]) -> tuple[G, str, tuple[str, ...]]:
        """A graph with the forward pass in it, and the names of the parameters and of the new state."""
        graph = kind(
            self.steps.shape,
            whole=np.issubdtype(self.steps.input_dtype, np.integer),
            attends=self.attention is not None,
            covariates=self.encoded,
            single=self.single,
        )
        parts = []
        if self.config.autoregressive:
            parts.append(self.embedding.graph(graph, INPUT, weights.get("embedding")))
        parts += [graph.covariates] * bool(self.covariates)
        state = tuple(graph.state(name, width) for name, width in self.state.items())
        return graph, *self.forward(graph, weights, parts, state)
