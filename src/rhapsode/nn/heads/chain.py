"""A tuple whose fields depend on one another: drawn one after another, each knowing those before it.

As in `nade`, of fields that have more than two values (Larochelle & Murray 2011; Uria et al. 2016, section 2):

    p(x) = prod_i p(x_i | x_<i)    p(x_i | x_<i) = softmax(b_i + V_i h_i)    h_i = sigmoid(c + sum_(j<i) W_j[x_j])

The parameters [P = A + H] of a step are b (one a value of each field) and c (one a hidden unit). W and V are weights of
the head's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.nn.heads._fields import Fields
from rhapsode.nn.heads._hidden import Hidden
from rhapsode.steps.tuples import Tuples

if TYPE_CHECKING:
    from torch import Tensor


class Chain(Hidden[Tuples], Fields):
    """`into` and `out` are W and V above, of the A values of all fields."""

    name = "chain"

    class Settings(Hidden.Settings):
        """Settings of it."""

        name: str = "chain"

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        import torch
        from torch.nn.functional import cross_entropy

        size = self.steps.size
        with torch.autocast(parameters.device.type, enabled=False):
            p, wanted = parameters.float().reshape(-1, self.width), targets.reshape(-1, len(self.slices)).long()
            total, a = p.new_zeros(len(p)), p[:, size:]
            for n, part in enumerate(self.slices):
                z = torch.addmm(p[:, part], torch.sigmoid(a), weights["out"][part].t())
                total = total + cross_entropy(z, wanted[:, n], reduction="none")
                a = a + weights["into"][part][wanted[:, n]]
            return total.view(targets.shape[:-1])

    def _logits(self, parameters: np.ndarray, field: int, before: np.ndarray) -> np.ndarray:
        size, part = self.steps.size, self.slices[field]
        a = parameters[..., size:]
        for n in range(field):
            a = a + self.weights["into"][self.slices[n]][before[..., n]]
        h = doubles.sigmoid(a)
        return np.asarray(parameters[..., part] + doubles.total(h[..., None, :] * self.weights["out"][part]))
