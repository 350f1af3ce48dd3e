"""A tuple whose fields are independent of one another, given what came before.

    p(x) = prod_i p(x_i)    p(x_i) = softmax(parameters of field i)

The parameters [P = A] of a step are unnormalised log-probabilities, one a value of each field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.nn.heads._fields import Fields

if TYPE_CHECKING:
    from torch import Tensor


class Product(Fields):
    """A softmax for each field."""

    name = "product"
    whole = True

    @property
    def width(self) -> int:
        return self.steps.size

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        import torch
        from torch.nn.functional import cross_entropy

        flat, wanted = parameters.reshape(-1, self.width).float(), targets.reshape(-1, len(self.slices)).long()
        each = [cross_entropy(flat[:, part], wanted[:, n], reduction="none") for n, part in enumerate(self.slices)]
        return torch.stack(each).sum(0).view(targets.shape[:-1])

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        """Logits [..., A] int32, in 1/1024 nats."""
        return choice.logits_of(parameters)

    def _logits(self, parameters: np.ndarray, field: int, before: np.ndarray) -> np.ndarray:
        return parameters[..., self.slices[field]]
