"""What the heads over tuples share: fields drawn one after another, each a choice among its values."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from rhapsode.config import Part
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.numerics import log_softmax
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
        """Of one field's values [..., size]: parameters [..., P] float64, before [..., field] int64: those known."""

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        p, found = parameters.astype(np.float64), np.asarray(targets).astype(np.int64)
        total = np.zeros(found.shape[:-1])
        for n in range(len(self.slices)):
            z = log_softmax(self._logits(p, n, found[..., :n]))
            total += np.take_along_axis(z, found[..., n : n + 1], axis=-1)[..., 0]
        return total

    def draw(self, distribution: np.ndarray, how: Draw) -> Drawn:
        found = np.zeros(len(self.slices), np.int64)
        log_prob = log_mass = 0.0
        for n, part in enumerate(self.slices):
            z = log_softmax(self._logits(distribution, n, found[:n]))
            value, mass = choose(z, how.part(part))
            found[n] = value
            log_prob += z.item(value)
            log_mass += mass
        return Drawn(found.astype(self.steps.dtype), log_prob, log_mass)
