"""A pen's next move: a mixture of bivariate Gaussians, and a Bernoulli for its being lifted (Graves 2013, section 4).

    p(x, y, lift) = sum_k pi_k N(x, y | mu_k, sigma_k, rho_k) · e^lift (1 - e)^(1 - lift)

The parameters [P = 6 K + 1 to 3] of a step are K numbers each for pi, mu x, mu y, sigma x, sigma y, rho, then one for
e (equations 15-22):

    pi = softmax(pi^)   mu = mu^   sigma = FLOOR + exp(sigma^)   rho = LIMIT tanh(rho^)   e = sigmoid(e^)

The paper's e is 1 / (1 + exp(e^)), which is the same up to a sign that is learnt, and its sigma has no floor. Without
one, a step that is repeated exactly has a density without bound.

With `ends`, one more parameter is the same for the drawing's being over, given that the pen is lifted. Where steps have
returns, the last one is the same for the pen's going back, given that it is lifted and the drawing not over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from rhapsode.arithmetic import doubles
from rhapsode.arithmetic.doubles import LOG_TWO_PI
from rhapsode.arithmetic.randomness import Randomness, uniforms
from rhapsode.config import Part
from rhapsode.modalities.ink.moves import Moves
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw

if TYPE_CHECKING:
    from torch import Tensor

FLOOR = 0.01
"""Least sigma, in the units of normalised steps."""
LIMIT = 0.999
"""Greatest correlation."""
LARGEST = 1e6
"""Parameters, and distances in sigmas, are cut to this, so that no product of them is infinite."""
WIDEST = 10.0
"""Largest log sigma."""


class Mixture(Head[Moves]):
    """Density of `Moves`, in normalised units. Its `distribution` [..., P + 2 K] has log pi, mu, sigma, rho,
    √(1 - rho²), the logarithms of the Gaussians' densities at their means, times pi; then e^, and those of the end and
    of going back."""

    name = "mixture"
    kind = Moves
    options = frozenset({"bias"})
    example = {"mixtures": 3}
    exact = True

    class Settings(Part):
        """Settings of it."""

        name: str = "mixture"
        mixtures: int = Field(default=20, ge=1, le=1000)
        """K, Gaussians in the distribution of a pen's next move."""
        ends: bool = True
        """The head says where a drawing ends, too. (The paper's does not.)"""

    def __init__(self, steps: Moves, settings: Settings) -> None:
        super().__init__(steps, settings)
        self.mixtures, self.ends, self.returns = settings.mixtures, settings.ends, steps.returns

    @property
    def width(self) -> int:
        return 6 * self.mixtures + 1 + self.ends + self.returns

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        import torch
        from torch.nn.functional import softplus

        p = parameters.float().clamp(-LARGEST, LARGEST)
        weight, mx, my, sx, sy, r = torch.chunk(p[..., : 6 * self.mixtures], 6, dim=-1)
        lx, ly = (torch.logaddexp(s.clamp(max=WIDEST), s.new_tensor(math.log(FLOOR))) for s in (sx, sy))
        rho = LIMIT * torch.tanh(r)
        x, y, pen = (part.unsqueeze(-1) for part in targets.float().unbind(-1))
        a = ((x - mx) * torch.exp(-lx)).clamp(-LARGEST, LARGEST)
        b = ((y - my) * torch.exp(-ly)).clamp(-LARGEST, LARGEST)
        rest = 1 - rho * rho
        # a² + (b - rho a)² / (1 - rho²): a sum of squares, so rounding cannot make it negative.
        density = -0.5 * (a * a + (b - rho * a) ** 2 / rest) - lx - ly - 0.5 * torch.log(rest) - LOG_TWO_PI
        nats = -torch.logsumexp(weight.log_softmax(-1) + density, -1)
        logits = p[..., 6 * self.mixtures :].unbind(-1)
        for logit, (asked, said) in zip(logits, self._questions(pen.squeeze(-1)), strict=True):
            nats = nats + asked * (softplus(logit) - logit * said)
        return nats

    def _questions(self, pen: Any) -> list[tuple[Any, Any]]:
        """What each parameter of the pen is asked: of which steps, and whether the answer is yes, both [...] bool, from
        the pen's numbers [...]."""
        lifted, over = pen != 0, pen == 2
        found = [(pen == pen, lifted)]
        if self.ends:
            found.append((lifted, over))
        if self.returns:
            found.append((lifted & ~over, pen == -1))
        return found

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        k = self.mixtures
        p = doubles.clip(parameters.astype(np.float64), LARGEST)
        weight = doubles.log_softmax(p[..., :k])
        sigma = FLOOR + doubles.exp(np.minimum(p[..., 3 * k : 5 * k], WIDEST))
        rho = LIMIT * doubles.tanh(p[..., 5 * k : 6 * k])
        root = np.sqrt(1 - rho * rho)
        most = weight - doubles.log(sigma[..., :k] * sigma[..., k:] * root) - LOG_TWO_PI
        return np.concatenate([weight, p[..., k : 3 * k], sigma, rho, root, most, p[..., 6 * k :]], axis=-1)

    def _parts(self, distribution: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """log pi, mu x, mu y, sigma x, sigma y, rho, √(1 - rho²), log densities [..., 8, K]; those of the pen
        [..., 1 to 3]."""
        k = 8 * self.mixtures
        return distribution[..., :k].reshape(*distribution.shape[:-1], 8, self.mixtures), distribution[..., k:]

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return self._log_prob(self.distribution(parameters), np.asarray(targets))

    def _log_prob(self, distribution: np.ndarray, targets: np.ndarray) -> np.ndarray:
        parts, logits = self._parts(distribution)
        step = targets.astype(np.float64)
        # Both axes at once: x and y [..., 2, 1], mu and sigma [..., 2, K].
        far = doubles.clip((step[..., :2, None] - parts[..., 1:3, :]) / parts[..., 3:5, :], LARGEST)
        a = far[..., 0, :]
        c = (far[..., 1, :] - parts[..., 5, :] * a) / parts[..., 6, :]
        found = doubles.log_sum_exp(parts[..., 7, :] - 0.5 * (a * a + c * c))
        costs = doubles.softplus(logits)
        for n, (asked, said) in enumerate(self._questions(step[..., 2])):
            found = found + asked * (logits[..., n] * said - costs[..., n])
        return found

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        """With Graves's bias b: sigma is e^b times smaller, pi = softmax(pi^ (1 + b)) (equations 61, 62)."""
        parts, logits = self._parts(distribution)
        bias, u = hows[0].sampling.bias, uniforms([how.randomness for how in hows], 3)
        weight = parts[:, 0] * (1 + bias)
        k = doubles.chosen(doubles.exp(weight - weight.max(axis=-1, keepdims=True)), u[:, 0])
        _, mx, my, sx, sy, rho, root, _ = parts[np.arange(len(hows)), :, k].T
        # Box & Muller 1958; 1 - u is never 0, and exact.
        far, neater = np.sqrt(-2 * doubles.log(1 - u[:, 1])), doubles.exp(-bias)
        a, b = far * doubles.cosine(u[:, 2]), far * doubles.sine(u[:, 2])
        chances = doubles.sigmoid(logits).tolist()
        pen = [self._pen(chance, how.randomness) for chance, how in zip(chances, hows, strict=True)]
        x, y = mx + neater * sx * a, my + neater * sy * (rho * a + root * b)
        steps = np.array([x, y, pen]).T.astype(np.float32, order="C")
        return list(map(Drawn, steps, self._log_prob(distribution, steps).tolist()))

    def _pen(self, chances: list[float], randomness: Randomness) -> int:
        """The pen's number, drawn by the chances that its questions are answered with yes."""
        yes = (randomness.uniform() < chance for chance in chances)
        if not next(yes):
            return 0
        if self.ends and next(yes):
            return 2
        return -1 if self.returns and next(yes) else 1
