"""What the heads over symbols share: a choice among V symbols, by their logits."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw, choose
from rhapsode.steps.symbols import Symbols


class OfSymbols(Head[Symbols]):
    """Gives each symbol a probability, by what `distribution` makes of the parameters."""

    kind = Symbols
    options = frozenset(Sampling.model_fields) - {"bias"}
    mixes = True

    @abstractmethod
    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        """Logits [..., V] int32, in 1/1024 nats."""

    def frequencies(self, parameters: np.ndarray) -> np.ndarray:
        """In proportion to the probabilities: [..., P] → [..., V] uint32, none of them 0."""
        return choice.frequencies(choice.distances(self.distribution(parameters)))

    def probabilities(self, parameters: np.ndarray) -> np.ndarray:
        """[..., P] → [..., V] float64, of which a row adds up to 1 but for rounding."""
        frequency = self.frequencies(parameters).astype(np.float64)
        return np.asarray(frequency / frequency.sum(axis=-1, keepdims=True))

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return choice.log_probs(self.frequencies(parameters), np.asarray(targets).astype(np.int64))

    def check(self, sampling: Sampling) -> None:
        super().check(sampling)
        last = max(sampling.logit_bias, default=0)
        if last >= self.steps.size:
            raise UserError(f"logit_bias: symbol {last} does not exist; they go from 0 to {self.steps.size - 1}.")

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        return list(map(Drawn, *choose(distribution, hows)))
