"""A count as a negative binomial number: its variance is the mean, and more (Salinas et al. 2017, section 3.1).

The parameters of a step are two, mu^ and alpha^, and the scale is that of the step:

    mu = scale · softplus(mu^)        alpha = FLOOR + softplus(alpha^) / √scale        variance = mu + alpha mu²

A missing count has no share in log p.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.arithmetic import doubles
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
        return doubles.softplus(doubles.clip(parameters.astype(np.float64), LARGEST))

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
        log_p = doubles.log_gamma(count + size) - doubles.log_gamma(count + 1) - doubles.log_gamma(size)
        log_p = log_p - size * doubles.log1p(mu / size) - count * doubles.log1p(size / mu)
        return np.asarray(np.where(step[..., SEEN] > 0, log_p, 0.0))

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        """At temperature T: alpha T; at 0 the likeliest count."""
        steps = np.stack([self._drawn(row, how) for row, how in zip(distribution, hows, strict=True)])
        return list(map(Drawn, steps, self._log_prob(distribution, steps).tolist()))

    def _drawn(self, distribution: np.ndarray, how: Draw) -> np.ndarray:
        frame = self.steps.next(how.recent)
        mu, size = (float(one) for one in self._moments(distribution, frame.scale))
        if how.sampling.temperature:
            size, uniform = size / how.sampling.temperature, how.randomness.uniform
            count = _poisson(_gamma(size, uniform) * (mu / size), uniform)
        else:
            count = float(math.floor(mu * (size - 1) / size)) if size > 1 else 0.0
        return self.steps.step(frame, min(count, MOST))


def _gamma(shape: float, uniform: Callable[[], float]) -> float:
    """A number from the gamma distribution of this shape and scale 1 (Marsaglia & Tsang 2000)."""
    if shape < 1:
        less = doubles.exp(doubles.log(1 - uniform()) / shape)
        return less * _gamma(shape + 1, uniform)
    d = shape - 1 / 3
    c = 1 / math.sqrt(9 * d)
    while True:
        x = math.sqrt(-2 * doubles.log(1 - uniform())) * doubles.cosine(uniform())
        v = 1 + c * x
        if v <= 0:
            continue
        v = v * v * v
        if doubles.log(1 - uniform()) < 0.5 * x * x + (d - d * v + d * doubles.log(v)):
            return d * v


def _poisson(mean: float, uniform: Callable[[], float]) -> float:
    """A number from the Poisson distribution; of means above 2 `MOST`, which give no smaller ones, `MOST`."""
    if mean > 2 * MOST:
        return MOST
    if mean < 10:  # the first count at which the sum of the probabilities is above a uniform number
        u, count, p = uniform(), 0, doubles.exp(-mean)
        while u >= p and count < 100:
            u, count = u - p, count + 1
            p *= mean / count
        return count
    # Transformed rejection (PTRS, Hoermann 1993).
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = 0.02483 * b - 0.059
    inverse, right, log_mean = 1.1239 + 1.1328 / (b - 3.4), 0.9277 - 3.6224 / (b - 2), doubles.log(mean)
    while True:
        u, v = uniform() - 0.5, uniform()
        near = 0.5 - abs(u)
        if near < 0.013 and v >= near:
            continue
        count = math.floor((2 * a / near + b) * u + mean + 0.43)
        if near >= 0.07 and v <= right:
            return count
        likely = doubles.log(v * inverse / (a / (near * near) + b))
        if count >= 0 and likely <= count * log_mean - mean - doubles.log_gamma(count + 1.0):
            return count
