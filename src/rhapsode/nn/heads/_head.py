"""The base class of heads.

A network ends in a linear map from features to P parameters per step. A head gives these parameters a meaning: a
distribution of the next step. It is written twice: with torch (for training, differentiable), and with numpy in the
arithmetic of docs/arithmetic.md (for scoring, generation and compression, which need no torch). The conformance tests
compare the two.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np

from rhapsode import registry
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.config import Part
from rhapsode.errors import UserError
from rhapsode.nn.samplers import Draw
from rhapsode.steps.kind import Kind

if TYPE_CHECKING:
    from torch import Generator, Tensor

K = TypeVar("K", bound=Kind)


class Drawn(NamedTuple):
    """A sampled step; its log p in nats; and log p of all steps that were allowed in its place (0 if all were). Both
    are the model's own: temperature and other options of sampling do not change them."""

    step: Any
    log_prob: float
    log_mass: float = 0.0


class Head(ABC, Generic[K]):
    """A distribution of the next step, given P numbers. [..., *S] is the shape of steps: S is () for symbols."""

    name: ClassVar[str]
    kind: ClassVar[type[Kind]]
    """K, the kind of step of which it is a distribution."""

    options: ClassVar[frozenset[str]]
    """The options of `Sampling` that it uses."""

    Settings: ClassVar[type[Part]] = Part
    """Its settings: the table [network.head]."""

    example: ClassVar[Mapping[str, Any]] = {}
    """Settings for a small head, for tests."""

    exact: ClassVar[bool] = False
    """Whether its parameters must be computed in float32, whatever the precision of the rest."""

    whole: ClassVar[bool] = False
    """Whether its parameters are logits, which integers can be: 1024 to a nat."""

    ends: bool = True
    """Whether it predicts the end of a sequence, if steps of its kind can say that."""

    weights: Mapping[str, np.ndarray] = {}
    """Its own weights for numpy, see `bound`."""

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
        """Name → shape of its own weights. Most heads have none."""
        return {}

    @property
    def multiplied(self) -> float:
        """How many of its own weights are multiplied for a step of training, in the mean: those of matrices."""
        return sum(math.prod(shape) for shape in self.shapes.values() if len(shape) == 2)

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Fill its own weights in place with the values with which training begins."""
        return

    def bound(self, weights: Mapping[str, np.ndarray]) -> Self:
        """A copy of this head with these weights of its own."""
        other = copy.copy(self)
        other.weights = {name: weight.astype(np.float64) for name, weight in weights.items()}
        return other

    @property
    @abstractmethod
    def width(self) -> int:
        """P, the number of parameters per step."""

    @abstractmethod
    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        """-log p(target) in nats: parameters [..., P], targets [..., *S] → [...] float32, differentiable. weights: its
        own."""

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        """parameters [..., P] → [..., Q] float64, or int32 logits, from which `draw` samples. Each row depends only on
        its own parameters."""
        return parameters.astype(np.float64)

    @abstractmethod
    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """log p(target) in nats: parameters [..., P], targets [..., *S] → [...] float64."""

    @abstractmethod
    def draw_rows(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        """A step of each row [N, Q] of `distribution`, sampled. It does not depend on the other rows. hows: how, of
        each row; the options are the same."""

    def draw_mixed(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        """As `draw_rows`, but each row may have other options."""
        if all(how.sampling is hows[0].sampling for how in hows):
            return self.draw_rows(distribution, hows)
        groups: dict[Sampling, list[int]] = {}
        for n, how in enumerate(hows):
            groups.setdefault(how.sampling, []).append(n)
        found = dict[int, Drawn]()
        for rows in groups.values():
            found.update(zip(rows, self.draw_rows(distribution[rows], [hows[n] for n in rows]), strict=True))
        return [found[n] for n in range(len(hows))]

    def draw(self, distribution: np.ndarray, how: Draw) -> Drawn:
        """A step, sampled from one row [Q] of `distribution`."""
        return self.draw_rows(distribution[None], [how])[0]

    def drawn_at_once(self, distribution: np.ndarray, sampling: Sampling) -> tuple[np.ndarray, np.ndarray] | None:
        """For heads that draw without random numbers, whatever the earlier steps were: what `draw_rows` gives for
        [N, Q], as steps [N, *S] and log p [N] float64. None for other heads."""
        return None

    def check(self, sampling: Sampling) -> None:
        """Raises `UserError` for options of sampling that this head does not use."""
        for name in sorted(sampling.model_fields_set - self.options):
            if getattr(sampling, name) != type(sampling).model_fields[name].default:
                raise UserError(
                    f"{name} means nothing to this model, whose head is {self.name}. "
                    f"It can be drawn from with: {', '.join(sorted(self.options)) or 'no options'}."
                )
