"""A frame as a mixture of Gaussians with diagonal covariances (Bishop 1994; of speech, Zen & Senior 2014).

    p(x, flags) = sum_k pi_k prod_i N(x_i | mu_ki, sigma_ki) · prod_j e_j^flag_j (1 - e_j)^(1 - flag_j)

The parameters [P = K (1 + 2 N) + F] of a step are K numbers pi^, then K times N each of mu and sigma^, then one e^ a
flag:

    pi = softmax(pi^)   mu = mu^   sigma = FLOOR + exp(sigma^)   e = sigmoid(e^)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from rhapsode.arithmetic import doubles
from rhapsode.arithmetic.doubles import LOG_TWO_PI
from rhapsode.arithmetic.randomness import uniforms
from rhapsode.config import Part
from rhapsode.nn.heads import _flags
from rhapsode.nn.heads._flags import LARGEST
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw
from rhapsode.steps.frames import Frames

if TYPE_CHECKING:
    from torch import Tensor

FLOOR = 0.01
"""Least sigma, in the units of normalised steps."""
WIDEST = 10.0
"""Largest log sigma."""


class Gaussians(Head[Frames]):
    """Density of `Frames`, in normalised units. Its `distribution` [..., P + K] has log pi, mu, sigma, e^, and last the
    logarithms of the Gaussians' densities at their means, times pi."""

    name = "gaussians"
    kind = Frames
    options = frozenset({"temperature"})
    example = {"mixtures": 3}
    exact = True

    class Settings(Part):
        """Settings of it."""

        name: str = "gaussians"
        mixtures: int = Field(default=20, ge=1, le=1000)
        """K, Gaussians in the distribution of a frame."""

    def __init__(self, steps: Frames, settings: Settings) -> None:
        super().__init__(steps, settings)
        self.numbers, self.mixtures = steps.numbers, settings.mixtures
        self._ends = np.cumsum([self.mixtures, *[self.mixtures * self.numbers] * 2]).tolist()

    @property
    def width(self) -> int:
        return self.mixtures * (1 + 2 * self.numbers) + self.steps.size - self.numbers

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        import torch

        p, x, n = parameters.float().clamp(-LARGEST, LARGEST), targets.float(), self.numbers
        weight, mu, log_sigma, flags = torch.tensor_split(p, self._ends, dim=-1)
        mu, log_sigma = (part.reshape(*part.shape[:-1], self.mixtures, n) for part in (mu, log_sigma))
        log_sigma = torch.logaddexp(log_sigma.clamp(max=WIDEST), log_sigma.new_tensor(math.log(FLOOR)))
        far = ((x[..., None, :n] - mu) * torch.exp(-log_sigma)).clamp(-LARGEST, LARGEST)
        each = weight.log_softmax(-1) - (0.5 * far * far + log_sigma).sum(-1) - 0.5 * n * LOG_TWO_PI
        return _flags.nll(flags, x[..., n:]) - torch.logsumexp(each, -1)

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        p = doubles.clip(parameters.astype(np.float64), LARGEST)
        k, end = self._ends[0], self._ends[2]
        weight = doubles.log_softmax(p[..., :k])
        sigma = FLOOR + doubles.exp(np.minimum(p[..., self._ends[1] : end], WIDEST))
        logs = doubles.log(sigma).reshape(*p.shape[:-1], self.mixtures, self.numbers)
        most = weight - doubles.total(logs) - 0.5 * self.numbers * LOG_TWO_PI
        return np.concatenate([weight, p[..., k : self._ends[1]], sigma, p[..., end:], most], axis=-1)

    def _parts(self, distribution: np.ndarray) -> tuple[np.ndarray, ...]:
        """log pi [..., K], mu and sigma [..., K, N], e^ [..., F], log densities [..., K]."""
        (k, middle, end), most = self._ends, distribution.shape[-1] - self.mixtures
        shape = (*distribution.shape[:-1], self.mixtures, self.numbers)
        mu, sigma = distribution[..., k:middle].reshape(shape), distribution[..., middle:end].reshape(shape)
        return distribution[..., :k], mu, sigma, distribution[..., end:most], distribution[..., most:]

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return self._log_prob(self.distribution(parameters), np.asarray(targets))

    def _log_prob(self, distribution: np.ndarray, targets: np.ndarray) -> np.ndarray:
        _, mu, sigma, flags, most = self._parts(distribution)
        x, n = targets.astype(np.float64), self.numbers
        far = doubles.clip((x[..., None, :n] - mu) / sigma, LARGEST)
        numbers = doubles.log_sum_exp(most - 0.5 * doubles.total(far * far))
        return np.asarray(numbers + _flags.log_prob(flags, x[..., n:]))

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        """At temperature T: pi^(1 / T), sigma T, and e^ / T; at 0 the mean of the likeliest Gaussian."""
        weight, mu, sigma, flags, _ = self._parts(distribution)
        temperature, rows = hows[0].sampling.temperature, np.arange(len(hows))
        several, even = int(self.mixtures > 1), self.numbers + self.numbers % 2
        u = uniforms([how.randomness for how in hows], several + even + flags.shape[-1])
        k = weight.argmax(axis=-1)
        if several and temperature:
            with np.errstate(over="ignore"):
                cooled = (weight - weight[rows, k, None]) / temperature
            k = doubles.chosen(doubles.exp(cooled), u[:, 0])
        numbers, end = mu[rows, k], several + even
        if temperature:
            numbers = numbers + temperature * sigma[rows, k] * _flags.normals(u[:, several:end])[:, : self.numbers]
        steps = np.concatenate([numbers, _flags.draw(flags, u[:, end:], temperature)], axis=-1).astype(np.float32)
        return list(map(Drawn, steps, self._log_prob(distribution, steps).tolist()))
