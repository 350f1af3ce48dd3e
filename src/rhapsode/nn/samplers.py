"""How steps are sampled: with which options and random numbers, and what is allowed. One row, or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling


class Draw(NamedTuple):
    """How one step is sampled.

    recent: the steps before it, as many as `sampling` needs.
    mask:   [choices of the kind of step] bool: the values that are allowed, see `Guide`; None for all.
    late:   a symbol was drawn without the mask, and refused. So of what the options of sampling leave, the mask leaves
            a part. (Else they act on what the mask leaves, as they do where that part is empty.)
    """

    sampling: Sampling
    randomness: Randomness
    recent: Sequence[Any] = ()
    mask: np.ndarray | None = None
    late: bool = False

    def part(self, values: slice) -> Draw:
        """How some of the step's values are sampled separately."""
        return Draw(self.sampling, self.randomness, (), None if self.mask is None else self.mask[values])


class Chosen(NamedTuple):
    """Symbols of N rows, log p of each in nats, and log p of all symbols that the row's mask allows (0 without one)."""

    symbols: list[int]
    log_probs: list[float]
    log_masses: list[float]


def choose(logits: np.ndarray, hows: Sequence[Draw]) -> Chosen:
    """One of V symbols in each row: logits [N, V] int32 in 1/1024 nats. hows: N, with the same `sampling`."""
    sampling = hows[0].sampling
    distance = choice.distances(logits)
    frequency = choice.frequencies(distance)
    seen = None if sampling.repetition_penalty == 1 else _seen(hows, logits.shape)
    allowed = None if all(how.mask is None for how in hows) else _allowed(hows, logits.shape)
    adjusted = choice.adjusted(distance, sampling, allowed, seen)
    if allowed is not None and hows[0].late:
        free = choice.adjusted(distance, sampling, None, seen)
        some = (allowed & (free < choice.GONE)).any(axis=-1)
        adjusted[some] = choice.mask(free[some], allowed[some])
    left = frequency if adjusted is distance else choice.frequencies(adjusted)
    symbols = choice.draw(left, [how.randomness.word() for how in hows])
    parts, totals = frequency[np.arange(len(hows)), symbols], choice.totals(frequency)
    masses = [0.0] * len(hows)
    if allowed is not None:
        masses = choice.log_shares(choice.totals(frequency * allowed), totals).tolist()
    return Chosen(symbols.tolist(), choice.log_shares(parts, totals).tolist(), masses)


def _seen(hows: Sequence[Draw], shape: tuple[int, ...]) -> np.ndarray:
    """[N, V] bool: the symbols among the last ones of each row. The start symbol, V, is passed over."""
    seen = np.zeros((shape[0], shape[1] + 1), bool)
    for row, how in zip(seen, hows, strict=True):
        row[list(how.recent)[-how.sampling.repetition_window :]] = True
    return seen[:, :-1]


def _allowed(hows: Sequence[Draw], shape: tuple[int, ...]) -> np.ndarray:
    """[N, V] bool."""
    allowed = np.ones(shape, bool)
    for row, how in zip(allowed, hows, strict=True):
        if how.mask is not None:
            row[:] = how.mask
    return allowed
