"""How steps are sampled: with which options and random numbers, and what is allowed. One row, or several at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from rhapsode.arithmetic import choice, drawing
from rhapsode.arithmetic import kernel as compiled
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling


class Draw(NamedTuple):
    """How one step is sampled.

    recent: the steps before it, as many as `sampling` needs.
    counts: [V] int32: how often each symbol was drawn before; None for never, and if the sampling does not ask for it.
    mask:   [choices of the kind of step] bool: the values that are allowed, see `Guide`; None for all.
    late:   a symbol was drawn without the mask, and refused. So of what the options of sampling leave, the mask leaves
            a part. (Else they act on what the mask leaves, as they do where that part is empty.)
    """

    sampling: Sampling
    randomness: Randomness
    recent: Sequence[Any] = ()
    mask: np.ndarray | None = None
    late: bool = False
    counts: np.ndarray | None = None

    def part(self, values: slice) -> Draw:
        """How some of the step's values are sampled separately."""
        return Draw(self.sampling, self.randomness, (), None if self.mask is None else self.mask[values])


class Chosen(NamedTuple):
    """Symbols of N rows, log p of each in nats, and log p of all symbols that the row's mask allows (0 without one)."""

    symbols: list[int]
    log_probs: list[float]
    log_masses: list[float]


def choose(logits: np.ndarray, hows: Sequence[Draw]) -> Chosen:
    """One of V symbols in each row: logits [N, V] int32 in 1/1024 nats. hows: N; each has its own options.

    Raises ValueError if nothing is allowed in a row, and `UserError` for `typical` of too many symbols.
    """
    kernel, size = compiled.kernel(), logits.shape[1]
    if kernel is None or size > choice.TYPICAL:
        return _by_numpy(logits, hows)
    allowed = None if all(how.mask is None for how in hows) else _allowed(hows, logits.shape)
    if allowed is not None and not allowed.any(axis=-1).all():
        raise ValueError("no symbol is allowed")
    samplings = [how.sampling for how in hows]
    recent, _ = drawing.recents([how.recent for how in hows], samplings)
    late = [how.late for how in hows]
    counts = [how.counts if how.sampling.counting else None for how in hows]
    how = drawing.options(samplings, counts, recent.shape[1], late, masked=allowed is not None)
    words = np.array([how.randomness.word() for how in hows], np.uint64)
    found = drawing.draw(kernel, logits, words, recent, how, allowed)
    return Chosen(*(part.tolist() for part in found))


def remaining(logits: np.ndarray, how: Draw) -> np.ndarray:
    """The probabilities of which `choose` draws: logits [V] int32 → [V] float64, 0 for what the options remove."""
    adjusted, _ = _adjusted(choice.distances(logits[None]), [how])
    frequency = choice.frequencies(adjusted)[0]
    return np.asarray(frequency / frequency.sum(dtype=np.float64))


def _by_numpy(logits: np.ndarray, hows: Sequence[Draw]) -> Chosen:
    """As `choose`: the reference."""
    groups: dict[tuple[Sampling, bool], list[int]] = {}
    for n, how in enumerate(hows):
        groups.setdefault((how.sampling, how.late), []).append(n)
    if len(groups) == 1:
        return _alike(logits, hows)
    symbols, log_probs, masses = [0] * len(hows), [0.0] * len(hows), [0.0] * len(hows)
    for rows in groups.values():
        found = _alike(logits[rows], [hows[n] for n in rows])
        for n, symbol, log_prob, mass in zip(rows, *found, strict=True):
            symbols[n], log_probs[n], masses[n] = symbol, log_prob, mass
    return Chosen(symbols, log_probs, masses)


def _alike(logits: np.ndarray, hows: Sequence[Draw]) -> Chosen:
    """As `choose`, in numpy, of rows with the same options."""
    distance = choice.distances(logits)
    frequency = choice.frequencies(distance)
    adjusted, allowed = _adjusted(distance, hows)
    left = frequency if adjusted is distance else choice.frequencies(adjusted)
    symbols = choice.draw(left, [how.randomness.word() for how in hows])
    parts, totals = frequency[np.arange(len(hows)), symbols], choice.totals(frequency)
    masses = [0.0] * len(hows)
    if allowed is not None:
        masses = choice.log_shares(choice.totals(frequency * allowed), totals).tolist()
    return Chosen(symbols.tolist(), choice.log_shares(parts, totals).tolist(), masses)


def _adjusted(distance: np.ndarray, hows: Sequence[Draw]) -> tuple[np.ndarray, np.ndarray | None]:
    """Of rows with the same options: the distances to draw from; which symbols are allowed, None for all: [N, V]."""
    sampling = hows[0].sampling
    seen = None if sampling.repetition_penalty == 1 else _seen(hows, distance.shape)
    allowed = None if all(how.mask is None for how in hows) else _allowed(hows, distance.shape)
    counts = _counts(hows, distance.shape) if sampling.counting else None
    adjusted = choice.adjusted(distance, sampling, allowed, seen, counts)
    if allowed is not None and hows[0].late:
        free = choice.adjusted(distance, sampling, None, seen, counts)
        some = (allowed & (free < choice.GONE)).any(axis=-1)
        adjusted[some] = choice.mask(free[some], allowed[some])
    return adjusted, allowed


def _seen(hows: Sequence[Draw], shape: tuple[int, ...]) -> np.ndarray:
    """[N, V] bool: the symbols among the last ones of each row. The start symbol, V, is passed over."""
    seen = np.zeros((shape[0], shape[1] + 1), bool)
    for row, how in zip(seen, hows, strict=True):
        row[list(how.recent)[-how.sampling.repetition_window :]] = True
    return seen[:, :-1]


def _counts(hows: Sequence[Draw], shape: tuple[int, ...]) -> np.ndarray:
    """[N, V] int32: how often each symbol was drawn before in each row."""
    counts = np.zeros(shape, np.int32)
    for row, how in zip(counts, hows, strict=True):
        if how.counts is not None:
            row[:] = how.counts
    return counts


def _allowed(hows: Sequence[Draw], shape: tuple[int, ...]) -> np.ndarray:
    """[N, V] bool."""
    allowed = np.ones(shape, bool)
    for row, how in zip(allowed, hows, strict=True):
        if how.mask is not None:
            row[:] = how.mask
    return allowed
