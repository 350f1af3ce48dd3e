"""Evaluation: the nats of steps, each given the steps before it. Usually, the state is carried."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import numpy as np

from rhapsode.data.codecs.output import NO_TEXT
from rhapsode.data.guide import NOTHING
from rhapsode.inference.loops import Loops, reader_of
from rhapsode.inference.reader import NONE, Reader
from rhapsode.inference.trained import Trained

Scored = Iterator[tuple[np.ndarray, np.ndarray]]
"""Steps [n] and the nats [n] float64 of each, block by block."""
BLOCK = 4096
"""Steps that an engine scores at a time, where it scores by itself."""


class Evaluation(ABC):
    """A place in a text, and the way in which the network sees the past. Each call of `scored` goes on from there."""

    @abstractmethod
    def reset(self) -> None:
        """Go back to the place just after the prompt."""

    @abstractmethod
    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        """The steps that come next, in pieces [n] of any size."""


class Carried(Evaluation):
    """Predicts each step from all steps before it, as far as the model's reset policy and framing allow. This is the
    model's likelihood of the text, and the size that `compress` reaches."""

    def __init__(self, model: Trained, prompt: np.ndarray) -> None:
        self._model, self._begin = model, reader_of(model)
        for _ in self._begin.read_all(prompt):
            pass
        self.reset()

    def reset(self) -> None:
        self._reader = self._begin.copy()

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        for piece in pieces:
            yield from _scored(self._model, self._reader, piece, NONE)


def carried(
    model: Trained, steps: np.ndarray, text: np.ndarray = NO_TEXT, covariates: np.ndarray | None = None
) -> np.ndarray:
    """Nats [N] of a whole sequence of steps, and the text that goes with it.

    text: [U] symbols. covariates: [N, D] of all steps, where there are any.
    """
    first, after = NOTHING, NONE
    if covariates is not None and len(covariates):
        # Reading the last step predicts one that is not there: any covariates will do for it.
        first, after = covariates[0], np.roll(covariates, -1, axis=0)
    blocks = [nats for _, nats in _scored(model, reader_of(model, text, first), steps, after)]
    return np.concatenate(blocks) if blocks else np.zeros(0)


def _scored(model: Trained, reader: Reader, steps: np.ndarray, covariates: np.ndarray) -> Scored:
    """The nats of each step, before the reader reads it. covariates: [N, D] of the step after each."""
    if isinstance(reader, Loops):
        for at in range(0, len(steps), BLOCK):
            block = steps[at : at + BLOCK]
            yield block, reader.score(block)
        return
    at = 0
    for parameters in reader.read_all(steps, covariates):
        block = steps[at : at + len(parameters)]
        at += len(parameters)
        yield block, -model.head.log_prob(parameters, block)


def regrouped(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same symbols in int64 arrays of exactly `size`; the last one holds the rest."""
    kept: list[np.ndarray] = []
    count = 0
    for piece in pieces:
        kept.append(piece.astype(np.int64))
        count += len(piece)
        if count >= size:
            joined = np.concatenate(kept)
            whole = count - count % size
            yield from joined[:whole].reshape(-1, size)
            kept, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(kept)
