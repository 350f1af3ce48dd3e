"""The texts that belong to units of steps, e.g. to drawings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Text:
    """The symbols of texts: `size` of them, numbered from 0; the last one ends each text.

    pace: the mean number of symbols per step in the training data.
    """

    size: int
    pace: float = 0.05

    @property
    def end(self) -> int:
        """The symbol that ends a text."""
        return self.size - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type for all symbols."""
        return np.min_scalar_type(self.size - 1)
