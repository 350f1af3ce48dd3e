"""A set whose members are independent of one another, given what came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.heads._sets import Choice, log_odds
from rhapsode.nn.samplers import Randomness, Sampling
from rhapsode.steps.sets import Sets

if TYPE_CHECKING:
    from torch import Tensor


class Bernoulli(Head[Sets]):
    """p(set) = product of sigmoid(±parameter). Parameters are log-odds, one a thing."""

    name = "bernoulli"
    kind = Sets
    options = frozenset({"temperature"})

    @property
    def width(self) -> int:
        return self.steps.size

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        from torch.nn.functional import softplus

        z = parameters.float()
        return (softplus(z) - z * targets).sum(-1)

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        return parameters.astype(np.float64)

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return log_odds(parameters.astype(np.float64), np.asarray(targets))

    def draw(
        self,
        distribution: np.ndarray,
        sampling: Sampling,
        randomness: Randomness,
        recent: Sequence[Any],
        mask: np.ndarray | None = None,
    ) -> Drawn:
        one = Choice(self.steps, sampling.temperature, randomness, mask)
        for thing in np.flatnonzero(one.members(distribution)).tolist():
            one.taken(thing)
        found = one.members(distribution).astype(np.uint8)
        return Drawn(found, float(log_odds(distribution, found)), one.log_mass(distribution))
