"""What the heads over frames share: flags, each a Bernoulli variable, independent of all else given the past."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic.randomness import Randomness
from rhapsode.nn.samplers import Draw

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 1e6
"""Parameters, and distances in sigmas, are cut to this, so that no product of them is infinite."""
LOG_2PI = math.log(2 * math.pi)


def nll(logits: Tensor, targets: Tensor) -> Tensor:
    """-log p: logits and targets [..., F] → [...]."""
    from torch.nn.functional import softplus

    return (softplus(logits) - logits * targets).sum(-1)


def log_prob(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """logits and targets [..., F] → [...]."""
    return np.asarray((logits * targets - np.logaddexp(0, logits)).sum(axis=-1))


def draw(logits: np.ndarray, how: Draw) -> list[float]:
    """One of [F]; at temperature 0 the likelier value."""
    if how.sampling.temperature == 0:
        return [float(one > 0) for one in logits.tolist()]
    chances = (max(-700.0, min(700.0, one / how.sampling.temperature)) for one in logits.tolist())
    return [float(how.randomness.uniform() < 1 / (1 + math.exp(-one))) for one in chances]


def normals(count: int, randomness: Randomness) -> np.ndarray:
    """So many standard normal numbers [count] (Box & Muller 1958)."""
    half = (count + 1) // 2
    u, v = (np.array([randomness.uniform() for _ in range(half)]) for _ in range(2))
    far = np.sqrt(-2 * np.log1p(-u))  # u is never 1
    return np.concatenate([far * np.cos(2 * math.pi * v), far * np.sin(2 * math.pi * v)])[:count]
