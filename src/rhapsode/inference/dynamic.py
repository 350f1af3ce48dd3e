"""Dynamic evaluation: the weights learn from each segment of the text after it was scored.

It is the likelihood of the text by a model that goes on learning (Graves 2013; Krause et al. 2018, 1709.07432). It
needs torch, and its arithmetic is not that of `compress`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.inference.evaluation import Evaluation, Scored, regrouped
from rhapsode.inference.trained import Trained
from rhapsode.inference.units import Units
from rhapsode.report import Report

if TYPE_CHECKING:
    from torch import Tensor

    Weights = dict[str, Tensor]
    Update = Any

SEGMENT = 32
"""Steps in a segment."""
RATE = 1e-3
"""Of learning (Adam)."""
DECAY = 0.003
"""After each segment, the weights move this part of the way back to the trained weights."""

RATES = (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
DECAYS = (0.0, 0.003, 0.02)
"""Those among which `Rms.of` chooses."""
STATISTICS, TRIED = 200_000, 16_384
"""The most steps of the training text from which gradients are taken, and on which each pair of rates is tried."""


class Rule(ABC):
    """How weights learn from one segment."""

    @abstractmethod
    def begun(self, weights: Weights, trained: Mapping[str, Tensor]) -> Update:
        """A function to be called after the gradients of a segment are there, which changes the weights in place."""


@dataclass(frozen=True)
class Adam(Rule):
    """Adam without momentum, and all weights move the same part of the way back. Needs nothing to be known."""

    def begun(self, weights: Weights, trained: Mapping[str, Tensor]) -> Update:
        import torch

        from rhapsode.nn.uncompiled import stepping

        optimizer = torch.optim.Adam(weights.values(), lr=RATE, betas=(0.0, 0.999), fused=True)
        step = stepping(optimizer)
        current, old = list(weights.values()), list(trained.values())

        def update() -> None:
            step()
            optimizer.zero_grad()
            with torch.no_grad():
                torch._foreach_lerp_(current, old, DECAY)

        return update


@dataclass(frozen=True)
class Rms(Rule):
    """RMS with the decay prior of Krause, Kahembwe, Murray & Renals 2018, equations 5 to 8:

        w ← w - rate g / (r + ε) + decay r' (w₀ - w)    r = √(mean of g² on the training text), r' = r / mean of r

    A weight whose gradients are great on the training text learns in smaller steps, and returns sooner. decay r' is 1
    at the most. ε is a hundredth of the mean of r. Make one with `Rms.of`.

    scale: r by name of weight.
    """

    rate: float
    decay: float
    scale: Mapping[str, np.ndarray]

    def begun(self, weights: Weights, trained: Mapping[str, Tensor]) -> Update:
        import torch

        mean = _mean(self.scale)
        steps = {name: torch.tensor(self.rate / (r + 0.01 * mean)) for name, r in self.scale.items()}
        back = {name: torch.tensor(np.minimum(self.decay / mean * r, 1)) for name, r in self.scale.items()}

        def update() -> None:
            with torch.no_grad():
                for name, weight in weights.items():
                    if weight.grad is None:
                        continue
                    weight.sub_(steps[name] * weight.grad)
                    weight.lerp_(trained[name], back[name])
                    weight.grad = None

        return update

    @staticmethod
    def of(model: Trained, training: bytes, report: Report | None = None) -> Rms:
        """The rule for a model, from text that it was trained on; nothing else may decide, or a score of another text
        would not be one. The first part gives the gradients, the rest chooses rate and decay (of `RATES`, `DECAYS`).

        Raises `UserError` for a text that is too short, and for models that do not carry their state.
        """
        report = report or Report()
        symbols = model.text_codec.encode(training)[: STATISTICS + TRIED].astype(np.int64)
        tried = min(TRIED, len(symbols) // 4)
        if tried < SEGMENT:
            raise UserError(
                f"RMS dynamic evaluation: {len(symbols):,} steps of training text are too few to measure gradients. "
                f"Allowed: {4 * SEGMENT} or more. Give the text that the model was trained on."
            )
        known, rest = symbols[:-tried], symbols[-tried:]
        scale = _gradients(model, known, report)
        found: list[tuple[float, float, float]] = []
        pairs = list(product(RATES, DECAYS))
        for n, (rate, decay) in enumerate(pairs):
            report.stage("choosing rates", n / len(pairs))
            learner = Learner(model, Rms(rate, decay, scale))
            nats = math.fsum(float(learner.learn(block).sum()) for block in regrouped([rest], SEGMENT))
            found.append((nats if math.isfinite(nats) else math.inf, rate, decay))
        report.stage("choosing rates", 1.0)
        _, rate, decay = min(found)
        return Rms(rate, decay, scale)


def _mean(scale: Mapping[str, np.ndarray]) -> float:
    """The mean over all weights."""
    total = math.fsum(float(r.sum(dtype=np.float64)) for r in scale.values())
    return max(total / sum(r.size for r in scale.values()), 1e-30)


def _gradients(model: Trained, symbols: np.ndarray, report: Report) -> dict[str, np.ndarray]:
    """The root of the mean square of each weight's gradient, over the segments of these symbols, by trained weights."""
    learner = Learner(model, _Squares())
    for n, block in enumerate(regrouped([symbols], SEGMENT)):
        learner.learn(block)
        report.stage("measuring gradients", n * SEGMENT / len(symbols))
    report.stage("measuring gradients", 1.0)
    return learner.update.roots()  # type: ignore[no-any-return]


class _Squares(Rule):
    """Learns nothing, and adds up the squares of gradients."""

    def begun(self, weights: Weights, trained: Mapping[str, Tensor]) -> Update:
        return _Sums(weights)


class _Sums:
    def __init__(self, weights: Weights) -> None:
        import torch

        self._weights, self._count = weights, 0
        self._sums = {name: torch.zeros_like(weight, requires_grad=False) for name, weight in weights.items()}

    def __call__(self) -> None:
        import torch

        self._count += 1
        with torch.no_grad():
            for name, weight in self._weights.items():
                if weight.grad is None:
                    continue
                self._sums[name].addcmul_(weight.grad, weight.grad)
                weight.grad = None

    def roots(self) -> dict[str, np.ndarray]:
        return {name: (total / self._count).sqrt().numpy() for name, total in self._sums.items()}


class Learner:
    """A copy of a model's weights that learns from a text, segment by segment, and the place in the text."""

    def __init__(self, model: Trained, rule: Rule) -> None:
        """Raises `UserError` for models that do not carry their state."""
        import torch

        if not model.framing.carried:
            raise UserError(
                f"dynamic evaluation is for models that carry their state; this one's framing is "
                f"{model.framing.name}. Score it without."
            )
        self._model = model
        trained = {name: torch.tensor(w) for name, w in model.weights.items()}
        self.weights: Weights = {name: w.clone().requires_grad_() for name, w in trained.items()}
        self.update = rule.begun(self.weights, trained)
        self.begin()

    def begin(self) -> None:
        """A text begins: the state is zero. The weights stay."""
        self._state = self._model.network.zeros(1, self.weights["output.bias"].detach())
        self._units = Units(self._model)

    def learn(self, block: np.ndarray) -> np.ndarray:
        """Learn from the next symbols [N] int64, a segment: -log p of each, before it was learnt from, [N] float64."""
        nats = self._nats(block)
        nats.mean().backward()  # type: ignore[no-untyped-call]
        self.update()
        return nats.detach().double().numpy()

    def read(self, block: np.ndarray) -> np.ndarray:
        """As `learn`, but nothing is learnt."""
        import torch

        with torch.no_grad():
            return self._nats(block).double().numpy()

    def _nats(self, block: np.ndarray) -> Tensor:
        import torch

        network, weights, start = self._model.network, self.weights, self._model.codec.steps.start
        inputs, begins = self._units.inputs(block)
        after = np.flatnonzero(begins) + 1  # a reset step stands after the last step of a unit, see `framing`
        reset = np.insert(np.zeros(len(block), bool), after, True)
        x, y = np.insert(inputs, after, start), np.insert(block, after, 0)
        flag = torch.from_numpy(reset)[:, None] if len(after) else None
        parameters, new = network.run(weights, torch.from_numpy(x)[:, None], self._state, flag)
        self._state = tuple(part.detach() for part in new)
        return network.nll(weights, parameters, torch.from_numpy(y)[:, None])[torch.from_numpy(~reset), 0]


class Dynamic(Evaluation):
    """Each step is predicted from all that came before it, by weights that have learnt from the segments before its
    own."""

    def __init__(self, model: Trained, prompt: np.ndarray, rule: Rule | None = None) -> None:
        """rule: None for `Adam`. Raises `UserError` for models that do not carry their state."""
        self._model, self._prompt, self._rule = model, prompt, rule or Adam()
        self._learner = Learner(model, self._rule)
        self._read_prompt()

    def reset(self) -> None:
        """The learnt weights stay, unless there is a prompt."""
        if len(self._prompt):
            self._learner = Learner(self._model, self._rule)
        self._learner.begin()
        self._read_prompt()

    def _read_prompt(self) -> None:
        for _ in self.scored([self._prompt]):
            pass

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        for block in regrouped(pieces, SEGMENT):
            yield block, self._learner.learn(block)
