"""The network: embed steps, run the layers, return what the head needs and the new state.

    inputs [T, B] ─▶ embedding ─▶ cell ─▶ ... ─▶ cell ─▶ features [T, B, F] ─▶ parameters [T, B, P]
                        ▲          │      ▲
          given ─▶ context         └▶ condition ◀─ text

A `Network` holds no weights. It says what shapes they have, and computes with weights given: as
torch tensors (`run`, for training) or as arrays written into a graph for the engine (`graph`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode import registry
from rhapsode.config import Dropout, NetworkConfig
from rhapsode.errors import UserError
from rhapsode.nn.attention._attention import Attended, Condition
from rhapsode.nn.cells._cell import Cell
from rhapsode.nn.encoder import Context, part, widths
from rhapsode.nn.engine import INPUT, Graph
from rhapsode.nn.heads._head import Head
from rhapsode.steps.kind import Kind
from rhapsode.steps.text import Text

if TYPE_CHECKING:
    from torch import Generator, Tensor

    State = tuple[Tensor, ...]


SELDOM = -4.0
"""Log odds of a kind of step that a network has never seen."""


class Network:
    """The computation for one configuration, kind of step, kind of text that goes with them (None: there is none), and
    so many numbers that are given of each step before it is predicted.

    The state is a flat tuple of the layers' state parts, each [B, H], first layer first; then those of the condition,
    and what it gave at the last step, if that is fed back.
    """

    def __init__(self, config: NetworkConfig, steps: Kind, text: Text | None = None, covariates: int = 0) -> None:
        self.config = config
        self.steps = steps
        self.covariates = covariates
        head: type[Head[Any]] = registry.get("head", config.head)
        if not isinstance(steps, head.kind):
            fitting = " or ".join(each.name for each in registry.every("head") if isinstance(steps, each.kind))
            raise UserError(
                f"head {config.head} is not for steps that are {type(steps).__name__.lower()}: take {fitting}."
            )
        self.head = head(steps, config)
        self.condition: Condition | None = None
        if config.condition:
            if text is None:
                raise UserError(f"condition {config.condition!r} needs texts that go with the steps; there are none.")
            self.condition = registry.get("condition", config.condition)(config.width, text, config)
            if config.layers == 1 and not config.feedback:
                raise UserError("a condition is read by the layers above the first. Set layers = 2 or feedback = true.")
        self.context = Context(covariates, config) if config.dense or config.both else None
        if not covariates and (self.context or not config.reads or not config.layers):
            raise UserError(
                "nothing is given with these steps: dense and both must be 0, reads true, and layers 1 or more."
            )
        if not config.layers and (config.reads or config.skip or config.condition or config.tied):
            raise UserError("layers = 0 needs reads = false, and no skip, no condition, no tied weights.")
        attended = self.condition.width if self.condition else 0
        if config.feedback and not attended:
            raise UserError(
                "feedback is that of a condition, and there is none. Set condition = 'window', or feedback = false."
            )
        self.encoded = self.context.width if self.context else covariates
        self.embedding = steps.embedding(config.embedding)
        embedded = self.encoded + self.embedding.width * config.reads
        extra = attended + (embedded if config.skip else 0)
        first = embedded + (attended if config.feedback else 0)
        if config.lead:
            if not config.skip or config.layers < 2 or config.tied or covariates or attended:
                raise UserError(
                    "lead needs skip = true and 2 layers or more, no condition, no tied weights, and that nothing is "
                    "given with steps (echoes = 0 under [codec])."
                )
            if self.head.width != self.embedding.width or config.lead >= embedded or steps.density:
                raise UserError(
                    f"lead = {config.lead}: it must be less than a step's {embedded} numbers, and the head bernoulli."
                )
            first = config.lead
        kind = registry.get("cell", config.cell)
        self.cells: list[Cell] = [
            kind(first if n == 0 else config.width + extra, config.width) for n in range(config.layers)
        ]
        self.features = config.width * (config.layers if config.skip else 1) if config.layers else self.encoded
        if config.tied and config.embedding != self.features:
            raise UserError(
                f"tied weights need an embedding as wide as the features: embedding is {config.embedding}, "
                f"features are {self.features}. Set embedding = {self.features}, or tied = false."
            )

    @property
    def _table(self) -> tuple[int, int] | None:
        """The shape of the table in which steps are looked up; None if there is none."""
        return self.embedding.table if self.config.reads else None

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of every weight."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self._table:
            shapes["embedding"] = self._table
        if self.context:
            shapes.update({f"context.{name}": shape for name, shape in self.context.shapes.items()})
        if self.condition:
            shapes.update({f"condition.{name}": shape for name, shape in self.condition.shapes.items()})
        for n, cell in enumerate(self.cells):
            shapes.update({f"layer{n}.{name}": shape for name, shape in cell.shapes.items()})
        if not self.config.tied:
            shapes["output.weight"] = (self.head.width, self.features)
        shapes["output.bias"] = (self.head.width,)
        shapes.update({f"head.{name}": shape for name, shape in self.head.shapes.items()})
        return shapes

    @property
    def matrices(self) -> dict[str, int]:
        """Name → how many matrices it consists of, one a gate, of those weights that are the layers' matrices."""
        found = {} if self.context is None else {f"context.{name}": n for name, n in self.context.matrices.items()}
        for n, cell in enumerate(self.cells):
            gates = max(shape[0] // cell.width for shape in cell.shapes.values())
            rows = gates * cell.width  # peepholes are no matrices
            named = {name for name, shape in cell.shapes.items() if len(shape) == 2 and shape[0] == rows}
            found.update({f"layer{n}.{name}": gates for name in sorted(named)})
        return found

    @property
    def _heard(self) -> np.ndarray:
        """[P, F] of zeros and ones: which features each parameter hears, where the first layer leads."""
        leads = np.arange(self.head.width) < self.config.lead
        own = np.arange(self.features) < self.config.width
        return np.asarray(leads[:, None] == own, np.float32)

    @property
    def framing(self) -> str:
        """The framing that keeps steps beside what goes with them, where anything does."""
        return "whole" if self.context else "stream"

    @property
    def single(self) -> bool:
        """Whether the graph computes one step, which the engine repeats."""
        return self.config.feedback or any(cell.single for cell in self.cells)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its configuration that make a difference to it, with the widths that they come to."""
        config, found = self.config, self.config.model_dump()
        found["dense_width"], found["both_width"] = widths(config)
        parts = (*registry.every("head"), *registry.every("condition"))
        own = {*self.head.settings, *(self.condition.settings if self.condition else ())}
        idle = {name for each in parts for name in each.settings} - own
        for names, used in (
            (("cell", "width"), self.cells),
            (("condition",), self.condition),
            (("embedding", "tied"), self.steps.tabled and config.reads),
            (("skip",), len(self.cells) > 1 or self.condition),
            (("residual",), len(self.cells) > 1),
            (("lead",), config.lead),
            (("reads",), not config.reads),
            (("dense", "dense_width"), config.dense),
            (("both", "both_width"), config.both),
        ):
            idle.update(() if used else names)
        return {name: value for name, value in found.items() if name not in idle}

    @property
    def parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def flops(self) -> int:
        """Floating-point operations per step of training: 2 per weight forward, 4 backward, matrices only."""
        matrices = sum(math.prod(s) for name, s in self.shapes.items() if name != "embedding" and len(s) == 2)
        return 6 * (matrices + self.config.tied * self.head.width * self.features)

    def initialise(self, generator: Generator) -> dict[str, Tensor]:
        """Fresh float32 weights on the CPU."""
        import torch

        weights = {name: torch.zeros(shape) for name, shape in self.shapes.items()}
        if self._table:
            # Unit variance; as output weights, small enough that training begins near the uniform distribution.
            std = self.features**-0.5 if self.config.tied else 1.0
            self.embedding.initialise(weights["embedding"], std, generator)
        if self.context:
            self.context.initialise(part(weights, "context"), generator)
        if self.condition:
            self.condition.initialise(part(weights, "condition"), generator)
        for n, cell in enumerate(self.cells):
            cell.initialise(part(weights, f"layer{n}"), generator)
        if not self.config.tied:
            weights["output.weight"].normal_(std=0.5 * self.features**-0.5, generator=generator)
        self.head.initialise(part(weights, "head"), generator)
        return weights

    def grown(self, weights: Mapping[str, np.ndarray], other: Network) -> dict[str, np.ndarray]:
        """Weights of `other`, a network of the same configuration, as weights of this one, which knows more characters
        of texts (those of `other` are the first of them) or more kinds of steps (a pen that goes back). It computes the
        same as `other`, but that new steps are possible."""
        found = dict(weights)
        new = (self.condition.width if self.condition else 0) - (other.condition.width if other.condition else 0)
        if new:
            for name in (f"layer{n}.input" for n in range(len(self.cells))):
                rows = found[name]
                if rows.shape[1] != self.shapes[name][1]:
                    # What is attended comes last, and the last of its symbols is the text's end.
                    found[name] = np.insert(rows, [rows.shape[1] - 1] * new, 0, axis=1)
        more = self.head.width - other.head.width
        if more:
            found["output.weight"] = np.pad(found["output.weight"], ((0, more), (0, 0)))
            found["output.bias"] = np.pad(found["output.bias"], (0, more), constant_values=SELDOM)
        return found

    @property
    def widths(self) -> list[int]:
        """Of the state's parts, each [B, width]."""
        widths = [cell.width for cell in self.cells for _ in cell.state]
        if self.condition:
            widths += [*self.condition.state, *[self.condition.width] * self.config.feedback]
        return widths

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
        text: Attended | None = None,
        covariates: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """inputs [T, B, *shape of a step] → parameters [T, B, P] of the step after each, and the new state.

        reset as in `Cell.run`. dropout None: none (evaluation). text: where there is a condition. covariates:
        [T, B, D] of the step after each, where there are any (of whole units, where there is a context).
        """
        import torch
        from torch.nn import functional

        drop = dropout or Dropout()
        parts: list[Tensor] = []
        if self.config.reads:
            read = self.embedding.run(inputs, weights.get("embedding"), weights["output.bias"])
            parts.append(self._drop(read, drop.input, drop.locked))
        if covariates is not None and self.context:
            own = self.context.own(weights)
            covariates = self.context.run(own, covariates, reset, lambda x: self._drop(x, drop.between, drop.locked))
        if covariates is not None:
            parts.append(covariates.to(parts[0].dtype) if parts else covariates)
        x = _concatenate(parts)
        below = x
        outputs: list[Tensor] = []
        new_state: list[Tensor] = []
        beside: list[Tensor] = []  # what the condition gives to the layers above the first
        states = iter(state)
        attending = state[sum(len(cell.state) for cell in self.cells) :]
        for n, cell in enumerate(self.cells):
            layer = part(weights, f"layer{n}")
            if drop.recurrent:
                layer.update({name: self._drop(layer[name], drop.recurrent) for name in cell.recurrent})
            before = tuple(next(states) for _ in cell.state)
            if n == 0 and self.condition and text is not None:
                window = part(weights, "condition")
                if self.config.feedback:
                    y, w, new, attending = self.condition.around(cell, layer, window, x, text, before, attending, reset)
                else:
                    y, new = cell.run(layer, x, before, reset)
                    w, attending = self.condition.run(window, y, text, attending, reset)
                beside = [w.to(y.dtype)]
            else:
                into = x[..., : self.config.lead] if n == 0 and self.config.lead else self._join(below, x, beside, n)
                y, new = cell.run(layer, into, before, reset)
            if n and self.config.residual:
                y = y + below
            outputs.append(y)
            new_state.extend(new)
            below = self._drop(y, drop.between, drop.locked) if n + 1 < len(self.cells) else y
        features = _concatenate(outputs) if self.config.skip else below
        kernel = weights["embedding"][:-1] if self.config.tied else weights["output.weight"]
        if self.config.lead:
            kernel = kernel * torch.from_numpy(self._heard).to(kernel.device)
        features = self._drop(features, drop.output, drop.locked)
        # Densities need more digits than bf16 has.
        with torch.autocast(features.device.type, enabled=False) if self.head.exact else nullcontext():
            features = features.to(kernel.dtype) if self.head.exact else features
            parameters = functional.linear(features, kernel, weights["output.bias"])
        return parameters, (*new_state, *attending)

    def nll(self, weights: Mapping[str, Tensor], parameters: Tensor, targets: Tensor) -> Tensor:
        """-log p of the targets [..., *shape of a step], by the parameters [..., P] that `run` gave: [...] float32."""
        return self.head.nll(parameters, targets, part(weights, "head"))

    def bound(self, weights: Mapping[str, np.ndarray]) -> Head[Any]:
        """The head, for numpy."""
        return self.head.bound(part(weights, "head"))

    def _join(self, below: Tensor, x: Tensor, beside: list[Tensor], n: int) -> Tensor:
        return _concatenate([below, *([x] if n and self.config.skip else []), *beside])

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

    def graph(self, weights: Mapping[str, np.ndarray]) -> bytes:
        """The same computation as an ONNX model for `rhapsode.nn.engine.Engine`. It is one step's or a window's: see
        `single`. What is given with its steps is what the context makes of it, where there is one."""
        graph = Graph(
            self.steps.shape,
            whole=np.issubdtype(self.steps.input_dtype, np.integer),
            attends=self.condition is not None,
            covariates=self.encoded,
            single=self.single,
        )
        x = self.embedding.graph(graph, INPUT, weights.get("embedding")) if self.config.reads else ""
        if self.covariates:
            x = graph.add("Concat", x, graph.covariates, axis=2)[0] if self.config.reads else graph.covariates
        state = iter([graph.state(width) for width in self.widths])
        before = [tuple(next(state) for _ in cell.state) for cell in self.cells]
        attending = tuple(state)
        below, outputs, new_state, beside = x, list[str](), list[str](), list[str]()
        for n, cell in enumerate(self.cells):
            joined = [below, *([x] if n and self.config.skip else []), *beside]
            if n == 0 and self.config.lead:
                ends = [graph.constant([at]) for at in (0, self.config.lead, 2)]
                joined = [graph.add("Slice", x, *ends)[0]]
            if n == 0 and self.config.feedback:
                joined = [x, graph.add("Unsqueeze", attending[-1], graph.constant([0]))[0]]
            into = graph.add("Concat", *joined, axis=2)[0] if len(joined) > 1 else joined[0]
            y, new = cell.graph(graph, part(weights, f"layer{n}"), into, before[n])
            if n == 0 and self.condition:
                own = attending[: len(self.condition.state)]
                w, graph.attention, after = self.condition.graph(graph, part(weights, "condition"), y, own)
                beside = [w]
                attending = after
                if self.config.feedback:
                    attending = (*after, graph.add("Squeeze", w, graph.constant([0]))[0])
            if n and self.config.residual:
                y = graph.add("Add", y, below)[0]
            outputs.append(y)
            new_state.extend(new)
            below = y
        features = graph.add("Concat", *outputs, axis=2)[0] if self.config.skip and len(outputs) > 1 else below
        kernel = weights["embedding"][:-1] if self.config.tied else weights["output.weight"]
        kernel = kernel * self._heard if self.config.lead else kernel
        product = graph.add("MatMul", features, graph.constant(kernel.T))[0]
        parameters = graph.add("Add", product, graph.constant(weights["output.bias"]))[0]
        return graph.finish(parameters, [*new_state, *attending])


def _concatenate(parts: list[Tensor]) -> Tensor:
    import torch

    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
