"""The texts that go with steps, e.g. with the moves of a pen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Text:
    """What the symbols of texts are: `size` of them, numbered from 0; the last one ends each text.

    pace: symbols a step, in the mean of the training data.
    """

    size: int
    pace: float = 0.05

    @property
    def end(self) -> int:
        """The symbol after a text's last one."""
        return self.size - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every symbol."""
        return np.min_scalar_type(self.size - 1)
