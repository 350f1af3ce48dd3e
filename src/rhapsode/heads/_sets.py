"""What the heads over sets share."""

from __future__ import annotations

import math

import numpy as np

from rhapsode.samplers import Randomness


def log_odds(z: np.ndarray, members: np.ndarray) -> np.ndarray:
    """log p [...] of a set, members [..., D] of zeros and ones, by the log-odds of each thing [..., D]."""
    return np.asarray((z * members - np.logaddexp(0, z)).sum(axis=-1))


class Choice:
    """Whether one thing after another is in the set.

    allowed: [2 D] bool, of each thing that it may be out, and in; None for both. log_allowed: log p of what was allowed
    of the things so far.
    """

    def __init__(self, temperature: float, randomness: Randomness, allowed: np.ndarray | None) -> None:
        self._temperature, self._randomness = temperature, randomness
        self._allowed = None if allowed is None else iter(allowed.reshape(-1, 2).tolist())
        self.log_allowed = 0.0

    def drawn(self, z: float) -> bool:
        """Of the next thing, whose log-odds are z; at temperature 0, whether that is likelier than not."""
        u = self._randomness.uniform()
        out, into = (True, True) if self._allowed is None else next(self._allowed)
        if not (out and into):
            self.log_allowed -= float(np.logaddexp(0, -z if into else z))
            return bool(into)
        if self._temperature == 0:
            return z > 0
        return u < 1 / (1 + math.exp(-max(-700.0, min(700.0, z / self._temperature))))
