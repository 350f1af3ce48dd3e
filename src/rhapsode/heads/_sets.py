"""What the heads over sets share."""

from __future__ import annotations

import math

import numpy as np

from rhapsode.samplers import Randomness


def log_odds(z: np.ndarray, members: np.ndarray) -> np.ndarray:
    """log p [...] of a set, members [..., D] of zeros and ones, by the log-odds of each thing [..., D]."""
    return np.asarray((z * members - np.logaddexp(0, z)).sum(axis=-1))


def drawn(z: float, temperature: float, randomness: Randomness) -> bool:
    """Whether something of log-odds z comes true; at temperature 0, whether that is likelier than not."""
    u = randomness.uniform()
    if temperature == 0:
        return z > 0
    return u < 1 / (1 + math.exp(-max(-700.0, min(700.0, z / temperature))))
