"""What the heads over sets share."""

from __future__ import annotations

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.nn.samplers import Draw
from rhapsode.steps.sets import Sets


def log_odds(z: np.ndarray, members: np.ndarray) -> np.ndarray:
    """log p [...] of a set, members [..., D] of zeros and ones, by the log-odds of each thing [..., D]."""
    return doubles.total(z * members - doubles.softplus(z))


class Choice:
    """Which things are in a set, each by a random number of its own. The mask says of each that it may be out, and
    in."""

    def __init__(self, steps: Sets, how: Draw) -> None:
        size, self._places = steps.size, steps.places
        u, temperature = how.randomness.uniforms(size), how.sampling.temperature
        # At temperature 0, what is likelier.
        self._bar = temperature * doubles.log(u / (1 - u)) if temperature else np.zeros(size)
        both = np.ones(2 * size, bool) if how.mask is None else how.mask
        self._out, self._into = both.reshape(-1, 2).T.copy()

    def members(self, z: np.ndarray, some: slice = slice(None)) -> np.ndarray:
        """Which of some things, whose log-odds are z [N], are in: bool [N]."""
        return np.asarray(self._into[some] & ((z > self._bar[some]) | ~self._out[some]))

    def taken(self, thing: int) -> None:
        """It is in: those of its place in the groups after its own are not."""
        self._into[thing + self._places :: self._places] = False

    def log_mass(self, z: np.ndarray) -> float:
        """log p of what was allowed, by the log-odds [D]."""
        forced = ~(self._out & self._into)
        return -float(doubles.total(doubles.softplus(np.where(self._into, -z, z)[forced])))
