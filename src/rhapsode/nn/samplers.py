"""Sampling a symbol from a categorical distribution.

Generation uses three things of this module: `adjust` changes the model's distribution by the user's `Sampling`,
`Randomness` gives one uniform number for each step, and `draw` makes a symbol of the two. Everything is numpy in
float64. Log-probabilities are in nats, and -inf marks a symbol that was removed.

The options act in a fixed order: repetition penalty → temperature → top-k → top-p → min-p → typical. Each works on the
renormalised result of the one before. At least one symbol always stays, and of equally probable symbols the one with
the lower number wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from rhapsode.errors import UserError
from rhapsode.nn.numerics import log_softmax, log_sum_exp

SLACK = 1e-12
"""The tolerance of the filters to rounding: of ten symbols of 0.1, nine reach a mass of 0.9, not ten."""


class Sampling(BaseModel):
    """The options of sampling. The defaults sample from the model's own distribution."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    temperature: Annotated[
        float,
        Field(
            ge=0,
            description="Divides the log-probabilities: below 1 is safer, above 1 is wilder, 0 always takes the most "
            "probable symbol (Ackley, Hinton & Sejnowski 1985).",
        ),
    ] = 1.0
    top_k: Annotated[
        int, Field(ge=0, description="Keep only the K most probable symbols; 0 is off (Fan et al. 2018, 1805.04833).")
    ] = 0
    top_p: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Nucleus sampling: keep the fewest most probable symbols that together reach this mass; "
            "1 is off (Holtzman et al. 2020, 1904.09751).",
        ),
    ] = 1.0
    min_p: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="Keep the symbols at least this fraction as probable as the most probable one; "
            "0 is off (Nguyen et al. 2024, 2407.01082).",
        ),
    ] = 0.0
    typical: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Locally typical sampling: keep the fewest symbols that together reach this mass, those whose "
            "surprise is nearest to the expected surprise first; 1 is off (Meister et al. 2023, 2202.00666).",
        ),
    ] = 1.0
    repetition_penalty: Annotated[
        float,
        Field(
            gt=0,
            le=1000,
            description="Multiplies the log-probability of each symbol seen in the repetition window: above 1 makes "
            "repeating rarer, below 1 more common, 1 is off (Keskar et al. 2019, CTRL, 1909.05858).",
        ),
    ] = 1.0
    repetition_window: Annotated[
        int, Field(ge=1, description="How many of the latest symbols the repetition penalty looks at.")
    ] = 64
    bias: Annotated[
        float,
        Field(
            ge=0,
            le=100,
            description="Pens: how much neater than the model's own hand; 0 is unbiased (Graves 2013, section 5.4).",
        ),
    ] = 0.0


def adjust(log_probs: np.ndarray, sampling: Sampling, recent: Sequence[int] | np.ndarray = ()) -> np.ndarray:
    """The distribution to draw from: [V] → new [V] float64 log-probabilities whose exp sums to 1.

    recent: the symbols so far, latest last; numbers from V on (the start symbol) are passed over. Only
    the repetition penalty reads it. Raises ValueError when a log-probability is NaN or all are -inf.
    """
    z = np.array(log_probs, np.float64)
    if sampling.repetition_penalty != 1:
        z = penalise(z, sampling.repetition_penalty, recent[-sampling.repetition_window :])
    if sampling.temperature == 0:
        return certain(z)
    z = heat(z, sampling.temperature)
    if 0 < sampling.top_k < len(z):
        z = top_k(z, sampling.top_k)
    if sampling.top_p < 1:
        z = top_p(z, sampling.top_p)
    if sampling.min_p > 0:
        z = min_p(z, sampling.min_p)
    if sampling.typical < 1:
        z = typical(z, sampling.typical)
    return z


def draw(log_probs: np.ndarray, uniform: float) -> int:
    """The symbol at `uniform`, in [0, 1), of the cumulative distribution of `log_probs` [V].

    Never a removed symbol, whatever the rounding, and even for a `uniform` that was rounded up to 1.
    """
    mass = np.exp(log_probs).cumsum()
    total = mass[-1]
    symbol = int(mass.searchsorted(uniform * total, side="right"))
    # Where `uniform` is 1, it is the symbol that completes the total.
    return symbol if symbol < len(mass) else int(mass.searchsorted(total))


class Randomness:
    """The uniform numbers of one sample, one a step: a function of (seed, row, step) and of nothing else.

    So a sample comes out the same alone, in a batch of any size, streamed or served. `seed`, `row` and
    `step` (how many numbers were drawn) are the whole state; made anew from the three it goes on where it
    was. The generator is PCG64 (O'Neill 2014); its raw output, unlike numpy's distributions, is promised
    to stay the same from version to version.
    """

    def __init__(self, seed: int, row: int = 0, step: int = 0, particle: int | None = None) -> None:
        """particle: the number of the particle, if several are drawn in this row."""
        if seed < 0:
            raise UserError(f"seed: {seed} is not allowed. Allowed: whole numbers from 0.")
        self.seed, self.row, self.step, self.particle = seed, row, step, particle
        # As a spawn key, and not joined to the seed, no row of one seed can meet a row of another.
        self._bits = np.random.PCG64(
            np.random.SeedSequence(seed, spawn_key=(row,) if particle is None else (row, particle))
        )
        self._bits.advance(step)

    def uniform(self) -> float:
        """The next number: a multiple of 2**-53 in [0, 1)."""
        self.step += 1
        return int(self._bits.random_raw() >> 11) * 2.0**-53

    def uniforms(self, count: int) -> np.ndarray:
        """The next numbers [count], float64."""
        self.step += count
        return np.asarray((self._bits.random_raw(count) >> np.uint64(11)) * 2.0**-53)

    def copy(self) -> Randomness:
        """An independent copy."""
        return Randomness(self.seed, self.row, self.step, self.particle)


class Draw(NamedTuple):
    """How one step is sampled.

    recent: the steps before it, as many as `sampling` needs.
    mask:   [choices of the kind of step] bool: the values that are allowed, see `Guide`; None for all.
    """

    sampling: Sampling
    randomness: Randomness
    recent: Sequence[Any] = ()
    mask: np.ndarray | None = None

    def part(self, values: slice) -> Draw:
        """How some of the step's values are sampled separately."""
        return Draw(self.sampling, self.randomness, (), None if self.mask is None else self.mask[values])


def choose(log_probs: np.ndarray, how: Draw) -> tuple[int, float]:
    """One of V symbols, given their log-probabilities [V]; and log p of all symbols that the mask allows (0 without a
    mask)."""
    sampling, randomness, recent, mask = how
    # Only the penalty reads `recent`, so it is not made an array for nothing.
    seen = () if sampling.repetition_penalty == 1 else tuple(recent)
    if mask is None:
        return draw(adjust(log_probs, sampling, seen), randomness.uniform()), 0.0
    some = np.where(mask, log_probs, -np.inf)
    most = some.max()
    if most == -np.inf:  # at a distance at which numbers end, all that is allowed is equally likely
        some, most = np.where(mask, 0.0, -np.inf), 0.0
        mass = -np.inf
    else:
        mass = float(log_sum_exp(some))
    return draw(adjust(log_softmax(some), sampling, seen), randomness.uniform()), min(mass, 0.0)


# Each filter is a pure function, [V] float64 → [V] float64, and returns normalised log-probabilities.
# All but the first two are given normalised ones.


def penalise(z: np.ndarray, penalty: float, recent: Sequence[int] | np.ndarray) -> np.ndarray:
    """p → p ** penalty for the symbols in `recent`, not renormalised.

    CTRL divides raw scores, which makes the effect depend on the scores' arbitrary zero, and reverses it
    below zero. A log-probability has a fixed zero and is never above it, so multiplying always penalises.
    """
    seen = np.asarray(recent, np.intp)
    seen = seen[seen < len(z)]
    z = z.copy()
    z[seen] = z[seen] * penalty  # not *=, so that a symbol seen twice counts once
    return z


def certain(z: np.ndarray) -> np.ndarray:
    """All mass on the most probable symbol."""
    best = z.argmax()
    _check(z[best])
    return np.where(np.arange(len(z)) == best, 0.0, -np.inf)


def heat(z: np.ndarray, temperature: float) -> np.ndarray:
    """p → p ** (1 / temperature), for a temperature above 0."""
    if temperature == 1:
        return _normal(z)
    highest = z.max()
    _check(highest)
    with np.errstate(over="ignore"):  # the coldest temperatures: -inf is what is meant
        return _normal((z - highest) / temperature)


def top_k(z: np.ndarray, k: int) -> np.ndarray:
    """Only the k most probable symbols, 1 <= k <= V."""
    return _largest(z, k, np.partition(z, -k)[-k])


def top_p(z: np.ndarray, mass: float) -> np.ndarray:
    """The fewest most probable symbols that together have at least this mass."""
    descending = np.sort(z)[::-1]
    n = np.exp(descending).cumsum().searchsorted(mass - SLACK)
    n = min(int(n), len(z) - 1)
    return _largest(z, n + 1, descending[n])


def min_p(z: np.ndarray, fraction: float) -> np.ndarray:
    """Only symbols at least `fraction` as probable as the most probable one."""
    return _only(z, z >= z.max() + np.log(fraction) - SLACK)


def typical(z: np.ndarray, mass: float) -> np.ndarray:
    """The fewest symbols, nearest to the expected surprise first, that together have at least this mass."""
    probs = np.exp(z)
    alive = np.flatnonzero(probs)
    logs, probs = z[alive], probs[alive]
    # Rounded, so that symbols equally far above and below the entropy are equals whatever log() made of them.
    distance = np.abs(logs - probs @ logs).round(9)
    order = distance.argsort()
    n = int(probs[order].cumsum().searchsorted(mass - SLACK))
    last = distance[order[min(n, len(order) - 1)]]
    # This sort leaves equals in any order (a stable one takes three times as long): settle those at the cut.
    nearer = distance < last
    ties = np.flatnonzero(distance == last)
    n = int(probs[ties].cumsum().searchsorted(mass - SLACK - probs[nearer].sum())) + 1
    keep = np.zeros(len(z), bool)
    keep[alive[nearer]] = True
    keep[alive[ties[:n]]] = True
    return _only(z, keep)


def _largest(z: np.ndarray, n: int, nth: float) -> np.ndarray:
    """Only the n most probable symbols, of which the last has the value `nth`."""
    keep = z > nth
    ties = np.flatnonzero(z == nth)
    keep[ties[: n - np.count_nonzero(keep)]] = True
    return _only(z, keep)


def _only(z: np.ndarray, keep: np.ndarray) -> np.ndarray:
    return _normal(np.where(keep, z, -np.inf))


def _normal(z: np.ndarray) -> np.ndarray:
    """Log-weights as log-probabilities."""
    _check(z.max())
    return log_softmax(z)


def _check(highest: float) -> None:
    """The highest value is NaN if any is, and -inf if all are."""
    if not -np.inf < highest < np.inf:
        raise ValueError(f"the highest log-probability is {highest}: this is not a distribution")
