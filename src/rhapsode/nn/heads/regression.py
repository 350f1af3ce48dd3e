"""A frame whose numbers are independent Gaussians of unit variance: -log p is half the squared error, and a constant.

What the literature on speech calls a regression (Fan et al. 2014). It is drawn as its mean: with noise as wide as that,
each number of each frame by itself, it would be no speech.

    p(x, flags) = prod_i N(x_i | mu_i, 1) · prod_j e_j^flag_j (1 - e_j)^(1 - flag_j)    e = sigmoid(e^)

The parameters [P = N + F] of a step are mu, one a number, then e^, one a flag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.arithmetic.doubles import LOG_TWO_PI
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.config import Part
from rhapsode.nn.heads import _flags
from rhapsode.nn.heads._flags import LARGEST
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw
from rhapsode.steps.frames import Frames

if TYPE_CHECKING:
    from torch import Tensor


class Regression(Head[Frames]):
    """Density of `Frames`, in normalised units."""

    name = "regression"
    kind = Frames
    options = frozenset()

    def __init__(self, steps: Frames, settings: Part) -> None:
        super().__init__(steps, settings)
        self.numbers = steps.numbers

    @property
    def width(self) -> int:
        return self.steps.size

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        p, x, n = parameters.float().clamp(-LARGEST, LARGEST), targets.float(), self.numbers
        far = (x[..., :n] - p[..., :n]).clamp(-LARGEST, LARGEST)
        return 0.5 * (far * far).sum(-1) + 0.5 * n * LOG_TWO_PI + _flags.nll(p[..., n:], x[..., n:])

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        return doubles.clip(parameters.astype(np.float64), LARGEST)

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return self._log_prob(self.distribution(parameters), np.asarray(targets))

    def _log_prob(self, distribution: np.ndarray, targets: np.ndarray) -> np.ndarray:
        x, n = targets.astype(np.float64), self.numbers
        far = doubles.clip(x[..., :n] - distribution[..., :n], LARGEST)
        flags = _flags.log_prob(distribution[..., n:], x[..., n:])
        return flags - 0.5 * doubles.total(far * far) - 0.5 * n * LOG_TWO_PI

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        steps, log_probs = self._likeliest(distribution)
        return list(map(Drawn, steps, log_probs.tolist()))

    def drawn_at_once(self, distribution: np.ndarray, sampling: Sampling) -> tuple[np.ndarray, np.ndarray]:
        return self._likeliest(distribution)

    def _likeliest(self, distribution: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = self.numbers
        steps = np.concatenate([distribution[..., :n], distribution[..., n:] > 0], axis=-1).astype(np.float32)
        return steps, self._log_prob(distribution, steps)
