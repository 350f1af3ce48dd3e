"""A count as a negative binomial number: its variance is the mean, and more (Salinas et al. 2017, section 3.1).

The parameters of a step are two, mu^ and alpha^, and the scale is that of the step:

    mu = scale · softplus(mu^)        alpha = FLOOR + softplus(alpha^) / √scale        variance = mu + alpha mu²

A missing count has no share in log p.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.modalities.series.heads.student import log_gamma
from rhapsode.modalities.series.values import DISTANCE, FEWEST, MOST, SCALE, SEEN, Counts
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw

if TYPE_CHECKING:
    from torch import Tensor

FLOOR = 1e-6
"""Least alpha, and least mean in scales."""
LARGEST = 1e3
"""Parameters are cut to this."""


class NegativeBinomial(Head[Counts]):
    """Probability of `Counts`. Its `distribution` [..., 2] has mu / scale and alpha √scale."""

    name = "negative_binomial"
    kind = Counts
    options = frozenset({"temperature"})
    exact = True

    @property
    def width(self) -> int:
        return 2

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        import torch
        from torch.nn.functional import softplus

        p, step = parameters.double().clamp(-LARGEST, LARGEST), targets.double()
        scale = step[..., SCALE].clamp(min=FEWEST)
        count = torch.round(step[..., DISTANCE] * scale).clamp(0, MOST)
        mu = scale * (softplus(p[..., 0]) + FLOOR)
        size = 1 / (softplus(p[..., 1]) / torch.sqrt(scale) + FLOOR)
        log_p = torch.lgamma(count + size) - torch.lgamma(count + 1) - torch.lgamma(size)
        log_p = log_p - size * torch.log1p(mu / size) - count * torch.log1p(size / mu)
        return (-log_p * step[..., SEEN]).float()

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        p = np.clip(parameters.astype(np.float64), -LARGEST, LARGEST)
        return np.logaddexp(0, p)

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return self._log_prob(self.distribution(parameters), np.asarray(targets))

    def _moments(self, distribution: np.ndarray, scale: Any) -> tuple[Any, Any]:
        """mu and 1 / alpha."""
        mu = scale * (distribution[..., 0] + FLOOR)
        return mu, 1 / (distribution[..., 1] / np.sqrt(scale) + FLOOR)

    def _log_prob(self, distribution: np.ndarray, targets: np.ndarray) -> np.ndarray:
        step = targets.astype(np.float64)
        scale = np.maximum(step[..., SCALE], FEWEST)
        count = np.clip(np.rint(step[..., DISTANCE] * scale), 0, MOST)
        mu, size = self._moments(distribution, scale)
        log_p = log_gamma(count + size) - log_gamma(count + 1) - log_gamma(size)
        log_p = log_p - size * np.log1p(mu / size) - count * np.log1p(size / mu)
        return np.asarray(np.where(step[..., SEEN] > 0, log_p, 0.0))

    def draw(self, distribution: np.ndarray, how: Draw) -> Drawn:
        """At temperature T: alpha T; at 0 the likeliest count."""
        frame = self.steps.next(how.recent)
        mu, size = (float(one) for one in self._moments(distribution, frame.scale))
        if how.sampling.temperature:
            size /= how.sampling.temperature
            # Of numpy's generators, this one's numbers are promised to stay the same from version to version.
            frozen = np.random.RandomState(int(how.randomness.uniform() * 2.0**32))
            count = float(frozen.negative_binomial(size, size / (size + mu)))
        else:
            count = float(math.floor(mu * (size - 1) / size)) if size > 1 else 0.0
        step = self.steps.step(frame, min(count, MOST))
        return Drawn(step, float(self._log_prob(distribution, step)))
