"""A set whose members are independent of one another, given what came before (Boulanger-Lewandowski et al. 2012, RNN).

    p(v) = prod_i p_i^(v_i) (1 - p_i)^(1 - v_i)    p_i = sigmoid(parameter i)

The parameters [P = D] of a step are the log-odds of each thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.heads._sets import Choice, log_odds
from rhapsode.nn.samplers import Draw
from rhapsode.steps.sets import Sets

if TYPE_CHECKING:
    from torch import Tensor


class Bernoulli(Head[Sets]):
    """A Bernoulli variable for each thing."""

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

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return log_odds(parameters.astype(np.float64), np.asarray(targets))

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        choice, found = Choice(self.steps, hows), np.empty(distribution.shape, np.uint8)
        for first in range(0, self.steps.size, self.steps.places):
            group = slice(first, first + self.steps.places)
            members = choice.members(distribution[:, group], group)
            found[:, group] = members
            choice.taken(members, first)
        return choice.drawn(distribution, found)
