"""One of V symbols (Bridle 1990): p(symbol i) = softmax(parameters)_i."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.nn.heads._symbols import OfSymbols

if TYPE_CHECKING:
    from torch import Tensor


class Categorical(OfSymbols):
    """The parameters [P = V] of a step are unnormalised log-probabilities, one a symbol."""

    name = "categorical"
    whole = True

    @property
    def width(self) -> int:
        return self.steps.size

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        from torch.nn.functional import cross_entropy

        flat = parameters.reshape(-1, self.width).float()
        return cross_entropy(flat, targets.reshape(-1), reduction="none").view(targets.shape)

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        return choice.logits_of(parameters)
