"""What the heads over frames share: flags, each a Bernoulli variable, independent of all else given the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.nn.samplers import Draw

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 1e6
"""Parameters, and distances in sigmas, are cut to this, so that no product of them is infinite."""


def nll(logits: Tensor, targets: Tensor) -> Tensor:
    """-log p: logits and targets [..., F] → [...]."""
    from torch.nn.functional import softplus

    return (softplus(logits) - logits * targets).sum(-1)


def log_prob(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """logits and targets [..., F] → [...]."""
    return doubles.total(logits * targets - doubles.softplus(logits))


def draw(logits: np.ndarray, how: Draw) -> list[float]:
    """One of [F]; at temperature 0 the likelier value."""
    temperature, uniform = how.sampling.temperature, how.randomness.uniform
    if temperature == 0:
        return [float(one > 0) for one in logits.tolist()]
    return [float(uniform() < doubles.sigmoid(one / temperature)) for one in logits.tolist()]


def normals(count: int, randomness: Randomness) -> np.ndarray:
    """So many standard normal numbers [count] (Box & Muller 1958)."""
    half = (count + 1) // 2
    u, v = randomness.uniforms(half), randomness.uniforms(half)
    far = np.sqrt(-2 * doubles.log(1 - u))  # u is never 1, and 1 - u is exact
    return np.concatenate([far * doubles.cosine(v), far * doubles.sine(v)])[:count]
