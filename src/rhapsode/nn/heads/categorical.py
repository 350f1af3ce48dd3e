"""One of V symbols (Bridle 1990): p(symbol i) = softmax(parameters)_i."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw, choose
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

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        """Logits [..., V] int32, in 1/1024 nats."""
        return choice.logits_of(parameters)

    def frequencies(self, parameters: np.ndarray) -> np.ndarray:
        """In proportion to the probabilities: [..., V] → [..., V] uint32, none of them 0."""
        return choice.frequencies(choice.distances(self.distribution(parameters)))

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return choice.log_probs(self.frequencies(parameters), np.asarray(targets).astype(np.int64))

    def draw_rows(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        return list(map(Drawn, *choose(distribution, hows)))

    draw_mixed = draw_rows
