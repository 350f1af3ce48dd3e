"""A place in sequences whose steps were all predicted at once: of networks that do not read the step before."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self

import numpy as np

from rhapsode.inference.reader import NONE
from rhapsode.inference.trained import Trained


class Precomputed:
    """A place in sequences of a network that does not read the step before: it computes all steps at once.

    covariates: [N, D] of all steps, `encoded`. Generation uses it as it uses a `Reader`.
    """

    def __init__(self, model: Trained, covariates: np.ndarray) -> None:
        start = np.asarray(model.codec.steps.start)
        inputs = model.codec.steps.inputs(np.broadcast_to(start, (len(covariates), 1, *start.shape)))
        self.all_parameters = model.engine.run(inputs, model.engine.zeros(1), None, covariates[:, None])[0][:, 0]
        """[N, P]: the parameters of each step's distribution."""
        self._at, self.rows = 0, 1

    @property
    def parameters(self) -> np.ndarray:
        return np.repeat(self.all_parameters[self._at][None], self.rows, axis=0)

    @property
    def attention(self) -> np.ndarray:
        return np.empty((self.rows, 0), np.float32)

    def seen(self, row: int) -> np.ndarray:
        """[0]: it attends to nothing."""
        return np.zeros(0, np.float32)

    def take(self, index: Sequence[int]) -> Self:
        other = copy.copy(self)
        other.rows = len(index)
        return other

    def repeat(self, rows: int) -> Self:
        return self.take(range(rows))

    def read(self, steps: np.ndarray, covariates: np.ndarray = NONE) -> None:
        self._at += 1
