"""What every head offers.

The network ends in a linear map from features to P parameters per step. A head gives those
parameters a meaning: a distribution over the next step. It says so twice, once for torch (training,
differentiable) and once for numpy in float64 (scoring, generation, compression, which share one
arithmetic and need no torch). The conformance tests hold the two against each other.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np

from rhapsode import registry
from rhapsode.config import Part
from rhapsode.errors import UserError
from rhapsode.nn.samplers import Draw, Sampling
from rhapsode.steps.kind import Kind

if TYPE_CHECKING:
    from torch import Generator, Tensor

K = TypeVar("K", bound=Kind)


class Drawn(NamedTuple):
    """A step, its log p in nats, and log p of all that was allowed in its place: 0 if nothing was forbidden. Both are
    the model's own and know nothing of how it was drawn."""

    step: Any
    log_prob: float
    log_mass: float = 0.0


class Head(ABC, Generic[K]):
    """A distribution of the next step, given P numbers. [..., *S] is the shape of steps: S is () for symbols."""

    name: ClassVar[str]
    kind: ClassVar[type[Kind]]
    """Of the steps that it is a distribution of: K."""

    options: ClassVar[frozenset[str]]
    """The options of `Sampling` that have a meaning for it."""

    Settings: ClassVar[type[Part]] = Part
    """What can be set of it: the table [network.head]."""

    example: ClassVar[Mapping[str, Any]] = {}
    """Settings of its own with which it is small, for tests."""

    exact: ClassVar[bool] = False
    """Its parameters are to be computed in float32, whatever the precision of the rest."""

    ends: bool = True
    """It says where a sequence is over, if steps of its kind do."""

    weights: Mapping[str, np.ndarray] = {}
    """Of its own, for numpy: see `bound`."""

    def __init__(self, steps: K, settings: Part) -> None:
        """settings: of the class `Settings`. Raises `UserError` for steps of another kind."""
        if not isinstance(steps, self.kind):
            fitting = " or ".join(head.name for head in registry.every("head") if isinstance(steps, head.kind))
            raise UserError(
                f"head {self.name} is not for steps that are {type(steps).__name__.lower()}: take {fitting}."
            )
        self.steps = steps

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of weights of its own, which most heads have not."""
        return {}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Fill its own weights in place with the values training begins with."""
        return

    def bound(self, weights: Mapping[str, np.ndarray]) -> Self:
        """This head with weights of its own."""
        other = copy.copy(self)
        other.weights = {name: weight.astype(np.float64) for name, weight in weights.items()}
        return other

    @property
    @abstractmethod
    def width(self) -> int:
        """P, the number of parameters per step."""

    @abstractmethod
    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """-log p(target): parameters [..., P], targets [..., *S] → [...] float32, differentiable. weights: its own."""

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        """parameters [..., P] → [..., Q] float64: what `draw` draws from. It depends on a row's own numbers only."""
        return parameters.astype(np.float64)

    @abstractmethod
    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """log p(target) in nats: parameters [..., P], targets [..., *S] → [...] float64."""

    @abstractmethod
    def draw(self, distribution: np.ndarray, how: Draw) -> Drawn:
        """A step drawn from one row [Q] of `distribution`."""

    def drawn_at_once(self, distribution: np.ndarray, sampling: Sampling) -> tuple[np.ndarray, np.ndarray] | None:
        """What `draw` gives for each row of [N, Q], of a head that draws nothing by chance and looks at no step before:
        steps [N, *S], and log p [N] float64. None for others."""
        return None

    def check(self, sampling: Sampling) -> None:
        """Raises `UserError` for options of drawing that mean nothing here."""
        for name in sorted(sampling.model_fields_set - self.options):
            if getattr(sampling, name) != type(sampling).model_fields[name].default:
                raise UserError(
                    f"{name} means nothing to this model, whose head is {self.name}. "
                    f"It can be drawn from with: {', '.join(sorted(self.options)) or 'no options'}."
                )
