"""What the heads over tuples share: fields drawn one after another, each a choice among its values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.config import Part
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw, choose
from rhapsode.steps.tuples import Tuples


class Fields(Head[Tuples]):
    """p(tuple) = product of p(field | fields before it). Subclasses say what a field's logits are.

    The first parameters of a step are the logits b of all values; what else there is, is the subclass's.
    """

    kind = Tuples
    options = frozenset({"temperature", "top_k", "top_p", "min_p", "typical"})

    def __init__(self, steps: Tuples, settings: Part) -> None:
        super().__init__(steps, settings)
        self.slices = steps.slices

    @abstractmethod
    def _logits(self, parameters: np.ndarray, field: int, before: np.ndarray) -> np.ndarray:
        """Of one field's values [..., size], int32 or float64. parameters: [..., P], a `distribution`. before:
        [..., field] int64, the fields before it."""

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        distribution, found = self.distribution(parameters), np.asarray(targets).astype(np.int64)
        total = np.zeros(found.shape[:-1])
        for n in range(len(self.slices)):
            logits = choice.logits_of(self._logits(distribution, n, found[..., :n]))
            total += choice.log_probs(choice.frequencies(choice.distances(logits)), found[..., n])
        return total

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        found = np.zeros((len(hows), len(self.slices)), np.int64)
        log_probs, log_masses = np.zeros(len(hows)), np.zeros(len(hows))
        for n, part in enumerate(self.slices):
            logits = choice.logits_of(self._logits(distribution, n, found[:, :n]))
            chosen = choose(logits, [how.part(part) for how in hows])
            found[:, n] = chosen.symbols
            log_probs += chosen.log_probs
            log_masses += chosen.log_masses
        return list(map(Drawn, found.astype(self.steps.dtype), log_probs.tolist(), log_masses.tolist()))
