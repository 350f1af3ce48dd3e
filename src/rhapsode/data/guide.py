"""Guides: what is known from outside of the steps to come, one after another.

A guide walks along a sequence as it is read or drawn. Of the step to come it says two things: the numbers that are
the *covariates* of it (the place in the bar, the chord), which the network reads, and the *mask* of values, which only
drawing heeds: bars are full, a voice stays in its range, what is to be kept is kept. Both may depend on the steps so
far. Every head can be guided; nothing but a codec knows what a guide is about.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import numpy as np


class Guide(ABC):
    """A place in one sequence. Make one with a codec's `guide`."""

    @abstractmethod
    def covariates(self) -> np.ndarray:
        """[D] float32: the numbers of the step to come. D is the codec's `covariates`."""

    def mask(self) -> np.ndarray | None:
        """[A] bool: which values the step to come may have, in the order of the head (see `Head.draw`); None for all.

        At least one whole step must be allowed.
        """
        return None

    def canonical(self, step: Any) -> bool:
        """Whether encoding writes it so. Other steps may mean the same, and `mask` cannot always forbid them: a note
        may be held on by a second step where one would do. They are drawn again."""
        return True

    def ahead(self) -> np.ndarray | None:
        """[N, D] float32: what is given with all steps to come, if that does not depend on them."""
        return None

    def most(self) -> int | None:
        """So many steps are still to come at the most; None if that is not known."""
        return None

    @abstractmethod
    def read(self, step: Any) -> None:
        """Go on by this step."""

    @abstractmethod
    def copy(self) -> Self:
        """Another that goes on from here by itself."""


class Ahead(Guide):
    """All that is given is known from the beginning: rows [N, D] float32, which are all the steps to come."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows, self._at = rows, 0

    def covariates(self) -> np.ndarray:
        return np.asarray(self._rows[self._at])

    def ahead(self) -> np.ndarray:
        return self._rows[self._at :]

    def most(self) -> int:
        return len(self._rows) - self._at

    def read(self, step: Any) -> None:
        self._at += 1

    def copy(self) -> Self:
        return copy.copy(self)


def along(guide: Guide, steps: Iterable[Any]) -> np.ndarray:
    """[N, D] float32: what the guide gives with each of these steps [N, ...]; it has read them all then."""
    found = []
    for step in steps:
        found.append(guide.covariates())
        guide.read(step)
    return np.array(found, np.float32) if found else np.zeros((0, len(guide.covariates())), np.float32)
