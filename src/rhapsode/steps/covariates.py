"""Covariates: numbers that are known of each step before it is predicted. They are stored, or they are earlier
steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhapsode.steps.kind import Kind


@dataclass(frozen=True)
class Places:
    """The places of steps in a sequence: [T, B] int64 each.

    index:  the index of the step in the sequence; at a reset step, that of the step before it.
    within: how many steps of its unit are before it; -1 at a reset step, see `rhapsode.data.framing`.
    unit:   the number of its unit.
    epoch:  the epoch; -1 in validation.
    """

    index: np.ndarray
    within: np.ndarray
    unit: np.ndarray
    epoch: np.ndarray


class Covariates(ABC):
    """The covariates of all steps of a sequence."""

    @abstractmethod
    def at(self, places: Places) -> np.ndarray:
        """[T, B, D] float32: the covariates of the steps at these places; 0 at reset steps."""


class Stored(Covariates):
    """Covariates that are stored in a file, usually a memory map: values [N, D] float16."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def at(self, places: Places) -> np.ndarray:
        return np.where((places.within < 0)[..., None], 0, self.values[places.index]).astype(np.float32)


class Lookback(Covariates):
    """Covariates that are earlier steps of the same unit, at these distances; 0 before its beginning. values: [N, *S],
    all steps."""

    def __init__(self, values: np.ndarray, kind: Kind, distances: Sequence[int]) -> None:
        self._values, self._kind, self._distances = values, kind, np.array(distances)

    def at(self, places: Places) -> np.ndarray:
        # The sequence may be shorter than the distance. Before the beginning of a unit, any step will do.
        index = np.maximum(places.index[..., None] - self._distances, 0)  # [T, B, L]
        unit, epoch = (np.broadcast_to(one[..., None], index.shape) for one in (places.unit, places.epoch))
        steps = self._kind.augmented(self._values[index], index, unit, epoch).reshape(*index.shape, -1)
        steps *= (places.within[..., None] >= self._distances)[..., None]
        return steps.reshape(*index.shape[:2], -1)
