"""What every head offers.

The network ends in a linear map from features to P parameters per step. A head gives those
parameters a meaning: a distribution over the next step. It says so twice, once for torch (training,
differentiable) and once for numpy in float64 (scoring, generation, compression, which share one
arithmetic and need no torch). The conformance tests hold the two against each other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rhapsode.steps import Symbols

if TYPE_CHECKING:
    from torch import Tensor


class Head(ABC):
    """A distribution of the next step, given P numbers."""

    name: ClassVar[str]

    def __init__(self, steps: Symbols) -> None:
        self.steps = steps

    @property
    @abstractmethod
    def width(self) -> int:
        """P, the number of parameters per step."""

    @abstractmethod
    def nats(self, parameters: Tensor, targets: Tensor) -> Tensor:
        """-log p(target): parameters [..., P], targets [...] → [...] float32, differentiable."""

    @abstractmethod
    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """log p(target) in nats: parameters [..., P], targets [...] → [...] float64."""
