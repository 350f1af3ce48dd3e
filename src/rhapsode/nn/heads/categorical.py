"""One of V symbols (Bridle 1990): p(symbol i) = softmax(parameters)_i."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.numerics import log_softmax
from rhapsode.nn.samplers import Draw, Sampling, choose
from rhapsode.steps.symbols import Symbols

if TYPE_CHECKING:
    from torch import Tensor


class Categorical(Head[Symbols]):
    """The parameters [P = V] of a step are unnormalised log-probabilities, one a symbol."""

    name = "categorical"
    whole = True
    kind = Symbols
    options = frozenset(Sampling.model_fields) - {"bias"}

    @property
    def width(self) -> int:
        return self.steps.size

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        from torch.nn.functional import cross_entropy

        flat = parameters.reshape(-1, self.width).float()
        return cross_entropy(flat, targets.reshape(-1), reduction="none").view(targets.shape)

    def log_probs(self, parameters: np.ndarray) -> np.ndarray:
        """log p of every symbol: [..., V] → [..., V] float64, each row's exp summing to 1."""
        return log_softmax(parameters.astype(np.float64))

    distribution = log_probs

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        index = np.asarray(targets).astype(np.int64)[..., None]
        return np.take_along_axis(self.log_probs(parameters), index, axis=-1)[..., 0]

    def draw(self, distribution: np.ndarray, how: Draw) -> Drawn:
        symbol, log_mass = choose(distribution, how)
        return Drawn(symbol, distribution.item(symbol), log_mass)
