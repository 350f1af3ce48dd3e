"""What every kind of step offers.

A *kind* says what one step is: a symbol, a set, a tuple, a frame of numbers. The network, the heads, framing, training
and scoring ask the kind, and never which kind it is. A modality may bring a kind of its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from rhapsode.config import Dropout
from rhapsode.steps.embedding import Embedding, Numbers


class Rising(NamedTuple):
    """A dropout rate that grows with the number of epochs: 0 up to `free` epochs, `slope` more each time that these
    double, and never more than `largest`."""

    free: float
    slope: float
    largest: float

    def at(self, epochs: float) -> float:
        """The rate where a corpus is read so many times."""
        return round(min(self.largest, self.slope * math.log2(max(epochs, self.free) / self.free)), 2)


class Kind(ABC):
    """One kind of step. Its subclasses are frozen dataclasses."""

    density: ClassVar[bool] = False
    """Steps are real numbers, so that p(step) is a density: -log p may be negative."""

    input_dtype: ClassVar[type] = np.float32
    """Of steps as a network reads them: float32, or int64 for values that are numbered."""

    hidden: ClassVar[bool] = False
    """Dropout of the input is part of the task: validation has it, too. See `rhapsode.training.validation`."""

    tabled: ClassVar[bool] = False
    """A network can read steps of this kind through a table that it learns: see `embedding`."""

    feature_dropout: ClassVar[Rising] = Rising(5, 0.2, 0.5)
    """The rate of features, unless the user gives one."""

    recurrent_dropout: ClassVar[Rising] = Rising(2, 0.15, 0.5)
    """The rate of recurrent weights, unless the user gives one."""

    # --- values ---

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """S, the shape of one step: () for a symbol."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """In which steps are kept on disk."""

    @property
    @abstractmethod
    def start(self) -> Any:
        """[*S], only ever an input: it is fed where there is no step before. That is the beginning of a document, a
        line, ... according to the reset policy, or an empty prompt."""

    def log_jacobian(self, steps: np.ndarray) -> float:
        """How much larger -log p of steps [N, *S] is in units of the data than in the normalised units of `dtype`, in
        nats: the log-Jacobian of the normalisation."""
        return 0.0

    @property
    def choices(self) -> int:
        """A, how many values can be allowed or forbidden when a step is drawn; 0 where there is no such choice."""
        return 0

    def chosen(self, steps: np.ndarray) -> np.ndarray:
        """[N, A] bool: the values that steps [N, *S] are made of, in the order of the masks of `Guide`."""
        return np.zeros((len(steps), self.choices), bool)

    # --- reading ---

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """A copy of steps [..., *S] as a network reads them: of `input_dtype`. (`start` may not fit `dtype`.)"""
        return np.array(values, self.input_dtype)

    def embedding(self, numbers: int) -> Embedding:
        """How a network reads steps. numbers: those of an entry of the table that it learns, where the kind has such;
        0 for one-hot inputs."""
        return Numbers(math.prod(self.shape))

    # --- training ---

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """A copy of steps [..., *S] as training sees them, of `input_dtype`.

        What is random about them is a function of their place: their index in the sequence, their unit and the epoch,
        [...] each. In epoch -1, which is for validation, only such noise is added as is part of the task.
        """
        return self.inputs(values)

    def dropout(self, rate: float, recurrent: float) -> Dropout:
        """All rates that go with these: of features, and of recurrent weights."""
        # Dropout of the features before the head blurs the parameters of a density.
        return Dropout(between=rate, output=rate / 2, recurrent=recurrent)

    # --- examples, for tests and measurements ---

    @classmethod
    @abstractmethod
    def example(cls, size: int = 7) -> Self:
        """A kind whose steps have so many values or numbers, if it can be chosen."""

    @abstractmethod
    def random(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Steps [*shape, *S] at random, of `dtype`."""

    @abstractmethod
    def extremes(self) -> np.ndarray:
        """[N, *S], of `dtype`: every step there is; of numbers, steps as far away as numbers go."""
