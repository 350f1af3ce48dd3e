"""A value of a series as a number from Student's t-distribution, whose tails are as heavy as the data asks for.

    p(x) = t(z, nu) / sigma        z = (x - mu) / sigma, x in scales from the level

The parameters of a step are three: mu^, sigma^ and nu^:

    mu = mu^        sigma = FLOOR + exp(sigma^)        nu = 2 + 4 exp(nu^)

A missing value has no share in log p.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.arithmetic.randomness import uniforms
from rhapsode.modalities.series.values import DISTANCE, LEVEL, SEEN, Reals
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw

if TYPE_CHECKING:
    from torch import Tensor

FLOOR = 0.001
"""Least sigma, in scales: of a series that repeats its values exactly, a density would have no bound."""
LARGEST = 1e6
"""Means are cut to this, in scales."""
WIDEST = 10.0
"""Largest log sigma."""
TAILS = 5.0
"""nu^ is cut to ± this."""


class Student(Head[Reals]):
    """Density of `Reals`, in scales. Its `distribution` [..., 4] has mu, sigma, nu, and the logarithm of the density
    at mu."""

    name = "student"
    kind = Reals
    options = frozenset({"temperature"})
    exact = True

    @property
    def width(self) -> int:
        return 3

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        import torch

        p, step = parameters.double(), targets.double()
        mu, log_sigma, tails = p.clamp(-LARGEST, LARGEST).unbind(-1)
        log_sigma = torch.logaddexp(log_sigma.clamp(max=WIDEST), log_sigma.new_tensor(math.log(FLOOR)))
        nu = 2 + 4 * torch.exp(tails.clamp(-TAILS, TAILS))
        z = (step[..., DISTANCE] - mu) * torch.exp(-log_sigma)
        norm = torch.lgamma((nu + 1) / 2) - torch.lgamma(nu / 2) - 0.5 * torch.log(math.pi * nu)
        log_p = norm - log_sigma - 0.5 * (nu + 1) * torch.log1p(z * z / nu)
        return (-log_p * step[..., SEEN]).float()

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        p = doubles.clip(parameters.astype(np.float64), LARGEST)
        mu, sigma, tails = p[..., 0], p[..., 1], p[..., 2]
        sigma = FLOOR + doubles.exp(np.minimum(sigma, WIDEST))
        nu = 2 + 4 * doubles.exp(doubles.clip(tails, TAILS))
        most = doubles.log_gamma((nu + 1) / 2) - doubles.log_gamma(nu / 2) - 0.5 * doubles.log(math.pi * nu)
        return np.stack([mu, sigma, nu, most - doubles.log(sigma)], axis=-1)

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return self._log_prob(self.distribution(parameters), np.asarray(targets))

    def _log_prob(self, distribution: np.ndarray, targets: np.ndarray) -> np.ndarray:
        mu, sigma, nu, most = (distribution[..., n] for n in range(4))
        step = targets.astype(np.float64)
        z = (step[..., DISTANCE] - mu) / sigma
        log_p = most - 0.5 * (nu + 1) * doubles.log1p(z * z / nu)
        return np.asarray(np.where(step[..., SEEN] > 0, log_p, 0.0))

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        """At temperature T: sigma T; at 0 the middle."""
        mu, sigma, nu, _ = distribution.T
        temperature, distance = hows[0].sampling.temperature, mu
        if temperature:
            u, v = uniforms([how.randomness for how in hows], 2).T
            # Bailey (1994), which is Box and Muller's way for t; 1 - u is never 0, and exact.
            far = np.sqrt(nu * doubles.expm1(-2 / nu * doubles.log(1 - u)))
            distance = mu + temperature * sigma * (far * doubles.cosine(v))
        frames = np.array([self.steps.next(how.recent) for how in hows])
        steps = np.ones((len(hows), 4), np.float32)
        steps[:, DISTANCE], steps[:, LEVEL:] = distance, frames
        return list(map(Drawn, steps, self._log_prob(distribution, steps).tolist()))
