"""What the heads over sets share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.arithmetic.randomness import uniforms
from rhapsode.nn.heads._head import Drawn
from rhapsode.nn.samplers import Draw
from rhapsode.steps.sets import Sets


def log_odds(z: np.ndarray, members: np.ndarray) -> np.ndarray:
    """log p [...] of a set, members [..., D] of zeros and ones, by the log-odds of each thing [..., D]."""
    return doubles.total(z * members - doubles.softplus(z))


class Choice:
    """Which things are in the sets of N rows, each by a random number of its own. The masks say of each that it may be
    out, and in."""

    def __init__(self, steps: Sets, hows: Sequence[Draw]) -> None:
        size, self._places, temperature = steps.size, steps.places, hows[0].sampling.temperature
        u = uniforms([how.randomness for how in hows], size)
        # At temperature 0, what is likelier.
        self._bar = temperature * doubles.log(u / (1 - u)) if temperature else np.zeros(u.shape)
        both = np.ones((len(hows), size, 2), bool)
        for row, how in zip(both, hows, strict=True):
            if how.mask is not None:
                row[:] = how.mask.reshape(-1, 2)
        self._out, self._into = both[..., 0], both[..., 1]

    def members(self, z: np.ndarray, some: slice) -> np.ndarray:
        """Which of some things, whose log-odds are z [N, n], are in: [N, n] bool."""
        return np.asarray(self._into[:, some] & ((z > self._bar[:, some]) | ~self._out[:, some]))

    def taken(self, members: np.ndarray, first: int) -> None:
        """Things [N, n] from the first on, all of one group, are in or not: where they are, those of their places in
        later groups are not."""
        for at in range(first + self._places, self._into.shape[1], self._places):
            self._into[:, at : at + members.shape[1]] &= ~members

    def drawn(self, z: np.ndarray, found: np.ndarray) -> list[Drawn]:
        """The sets [N, D] uint8 that were drawn, by all log-odds [N, D]."""
        forced = ~(self._out & self._into)
        masses = [0.0] * len(z)
        for row in np.flatnonzero(forced.any(axis=1)).tolist():
            some = forced[row]
            costs = doubles.softplus(np.where(self._into[row], -z[row], z[row])[some])
            masses[row] = -float(doubles.total(costs))
        return list(map(Drawn, found, log_odds(z, found).tolist(), masses))
