"""What the heads over frames share: flags, each a Bernoulli variable, independent of all else given the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import doubles

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


def draw(logits: np.ndarray, uniform: np.ndarray, temperature: float) -> np.ndarray:
    """One of each: logits, and uniform numbers, [..., F] → [..., F] bool. At temperature 0 the likelier value."""
    if temperature == 0:
        return logits > 0
    with np.errstate(over="ignore"):
        return np.asarray(uniform < doubles.sigmoid(logits / temperature))


def normals(uniform: np.ndarray) -> np.ndarray:
    """Standard normal numbers [..., N], of as many uniform ones (Box & Muller 1958). N is even."""
    half = uniform.shape[-1] // 2
    u, v = uniform[..., :half], uniform[..., half:]
    far = np.sqrt(-2 * doubles.log(1 - u))  # u is never 1, and 1 - u is exact
    return np.concatenate([far * doubles.cosine(v), far * doubles.sine(v)], axis=-1)
