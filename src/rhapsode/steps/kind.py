"""The base class of kinds of step.

A *kind* says what one step is: a symbol, a set, a tuple, a frame of numbers. The network, the heads, framing, training
and scoring ask the kind for its properties, and never which kind it is. A modality may have a kind of its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from rhapsode.config import Dropout
from rhapsode.steps.embedding import Embedding, Numbers


class Rising(NamedTuple):
    """A dropout rate that grows with the number of epochs: 0 up to `free` epochs, then `slope` more for each doubling,
    up to `largest`."""

    free: float
    slope: float
    largest: float

    def at(self, epochs: float) -> float:
        """The rate for this number of epochs."""
        return round(min(self.largest, self.slope * math.log2(max(epochs, self.free) / self.free)), 2)


class Kind(ABC):
    """One kind of step. Its subclasses are frozen dataclasses."""

    density: ClassVar[bool] = False
    """Whether steps are real numbers, so that p(step) is a density: -log p may be negative."""

    input_dtype: ClassVar[type] = np.float32
    """The type of steps as a network reads them: float32, or int64 for numbered values."""

    hidden: ClassVar[bool] = False
    """Whether dropout of the input belongs to the task, so that validation has it, too. See
    `rhapsode.training.validation`."""

    tabled: ClassVar[bool] = False
    """Whether a network can read these steps through a table that it learns: see `embedding`."""

    feature_dropout: ClassVar[Rising] = Rising(5, 0.2, 0.5)
    """The dropout rate of features, unless the user gives one."""

    recurrent_dropout: ClassVar[Rising] = Rising(2, 0.15, 0.5)
    """The dropout rate of recurrent weights, unless the user gives one."""

    # --- values ---

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """S, the shape of one step: () for a symbol."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """The type in which steps are stored on disk."""

    @property
    @abstractmethod
    def start(self) -> Any:
        """[*S]: the input if there is no previous step, which is so at the beginning of a unit (a document, a line,
        ...), and for an empty prompt. It is never a target."""

    @property
    def symbols(self) -> int:
        """How many values the network can read at a step, `start` among them, if a step is a symbol; else 0."""
        return 0

    def log_jacobian(self, steps: np.ndarray) -> float:
        """How much larger -log p of steps [N, *S] is in the units of the data than in normalised units, in nats: the
        log-Jacobian of the normalisation."""
        return 0.0

    @property
    def choices(self) -> int:
        """A, how many values a mask can allow or forbid when a step is sampled; 0 if the kind has no masks."""
        return 0

    def chosen(self, steps: np.ndarray) -> np.ndarray:
        """[N, A] bool: the values that steps [N, *S] consist of, in the order of masks, see `Guide.mask`."""
        return np.zeros((len(steps), self.choices), bool)

    # --- reading ---

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """A copy of steps [..., *S] in the type `input_dtype`, in which a network reads them. (`start` may not fit
        `dtype`.)"""
        return np.array(values, self.input_dtype)

    def embedding(self, numbers: int) -> Embedding:
        """The embedding of these steps. numbers: how many numbers an entry of its table has, if it has a table; 0 for
        one-hot inputs."""
        return Numbers(math.prod(self.shape))

    # --- training ---

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """A copy of steps [..., *S], of `input_dtype`, with augmentation as in training.

        Everything random is a function of the step's index in the sequence, its unit and the epoch, [...] each. In
        epoch -1, which is validation, only noise that belongs to the task is added.
        """
        return self.inputs(values)

    def dropout(self, rate: float, recurrent: float) -> Dropout:
        """All dropout rates, given those of features and of recurrent weights."""
        # Dropout of the features before the head blurs the parameters of a density.
        return Dropout(between=rate, output=rate / 2, recurrent=recurrent)

    # --- examples, for tests and measurements ---

    @classmethod
    @abstractmethod
    def example(cls, size: int = 7) -> Self:
        """A small kind. size: how many values or numbers its steps have, if that can be chosen."""

    @abstractmethod
    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Random steps [*shape, *S], of `dtype`."""

    @abstractmethod
    def extremes(self) -> np.ndarray:
        """[N, *S], of `dtype`: all possible steps; of real numbers, the most extreme ones."""
