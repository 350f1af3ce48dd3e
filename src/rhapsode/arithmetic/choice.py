"""A choice among V symbols, in whole numbers: docs/arithmetic.md, "A choice among symbols".

A distribution is the *distance* d of each symbol: how far it is below the likeliest one, in 1/1024 nats. Its frequency
is a function of the distance alone, so a sampling option makes new distances of old ones. A symbol that was removed has
the distance `GONE`, and the frequency 0. All functions take rows [..., V] and treat each by itself.

The options act in a fixed order: mask → repetition penalty → logit bias, frequency and presence penalty → temperature
→ top-k → top-p → min-p → typical. At least one symbol always stays, and of symbols at the same distance the one with
the lower number wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from rhapsode.arithmetic import doubles, tables
from rhapsode.arithmetic.sampling import UNBIASED, Sampling
from rhapsode.arithmetic.tables import CERTAIN, FARTHEST
from rhapsode.errors import UserError

PER_NAT = 1024
"""Logits and distances are counted in this part of a nat."""
LARGEST = float(1 << 20)
"""Logits that are made of real numbers are cut to so many nats."""
GONE = FARTHEST + 1
"""The distance of a symbol that was removed."""
NUMBER = 24
"""Bits of a symbol's number."""
COUNTED = 1_000_000
"""Penalties count no more than so many of a symbol, so that sums fit into 32 bits."""
TYPICAL = 1 << 19
"""The most symbols for `typical`: with more, its products could have more than 63 bits."""


def logits_of(parameters: np.ndarray) -> np.ndarray:
    """Unnormalised log-probabilities [..., V] as int32 in 1/1024 nats: float32 or float64 in nats; int32 are logits
    already."""
    if parameters.dtype == np.int32:
        return parameters
    scaled = np.maximum(parameters, -LARGEST)  # of large vocabularies, new memory costs more than the arithmetic
    np.minimum(scaled, LARGEST, out=scaled)
    np.multiply(scaled, PER_NAT, out=scaled)
    return np.asarray(np.rint(scaled, out=scaled).astype(np.int32))


def distances(logits: np.ndarray) -> np.ndarray:
    """[..., V] int32 → [..., V] int64: how far each symbol is below the likeliest, cut to `FARTHEST`."""
    wide = logits.astype(np.int64)
    return np.asarray(np.minimum(np.maximum.reduce(wide, axis=-1, keepdims=True) - wide, FARTHEST))


@cache
def _frequencies() -> np.ndarray:
    return np.append(tables.frequencies(), np.uint32(0))


def frequencies(distance: np.ndarray) -> np.ndarray:
    """[..., V] uint32: in proportion to the probabilities."""
    return np.asarray(_frequencies().take(distance))


def totals(frequency: np.ndarray) -> np.ndarray:
    """Their sums [...] int64, below 2**53."""
    return np.asarray(np.add.reduce(frequency, axis=-1, dtype=np.int64))


def log_probs(frequency: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    """log p of one symbol of each row: frequency [..., V], symbols [...] → [...] float64, nats."""
    own = np.take_along_axis(frequency, symbols[..., None], axis=-1)[..., 0]
    return log_shares(own, totals(frequency))


def likeliest(frequency: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """So many symbols of each row, or all V, the likeliest first, of equally likely ones the lower number; and log p of
    each: frequency [..., V] → [..., count] int64 and float64, nats."""
    last = frequency.shape[-1] - 1
    keys = frequency.astype(np.int64) << NUMBER | np.arange(last, -1, -1)
    if count <= last:
        keys = np.partition(keys, min(last, last + 1 - count), axis=-1)[..., last + 1 - count :]
    symbols = last - (np.sort(keys, axis=-1)[..., ::-1] & (1 << NUMBER) - 1)
    own = np.take_along_axis(frequency, symbols, axis=-1)
    return symbols, log_shares(own, np.broadcast_to(totals(frequency)[..., None], own.shape))


def log_shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """log(part / whole) of whole numbers [...] above 0: [...] float64, nats."""
    if part.size == 1:  # floats are faster, one by one
        return np.full(part.shape, doubles.log(float(part.item())) - doubles.log(float(whole.item())))
    parts, wholes = doubles.log(np.array([part, whole], np.float64))
    return np.asarray(parts - wholes)


def adjusted(
    distance: np.ndarray,
    sampling: Sampling,
    allowed: np.ndarray | None = None,
    seen: np.ndarray | None = None,
    counts: np.ndarray | None = None,
) -> np.ndarray:
    """The distances to draw from: [..., V] → [..., V].

    allowed: [..., V] bool, or None for all. seen: [..., V] bool, the symbols that the repetition penalty is for.
    counts: [..., V], how often each symbol was drawn before, for the other penalties; None for never.
    Raises ValueError if nothing is allowed in a row.
    """
    if allowed is not None:
        distance = mask(distance, allowed)
    if sampling.repetition_penalty != 1 and seen is not None:
        distance = penalise(distance, sampling.repetition_penalty, seen)
    if sampling.logit_bias is not UNBIASED or (sampling.counting and counts is not None):
        distance = add(distance, more(sampling, distance.shape[-1], counts))
    if sampling.temperature == 0:
        return certain(distance)
    if sampling.temperature != 1:
        distance = heat(distance, sampling.temperature)
    if 0 < sampling.top_k < distance.shape[-1]:
        distance = top_k(distance, sampling.top_k)
    if sampling.top_p < 1:
        distance = top_p(distance, sampling.top_p)
    if sampling.min_p > 0:
        distance = min_p(distance, sampling.min_p)
    if sampling.typical < 1:
        distance = typical(distance, sampling.typical)
    return distance


def draw(frequency: np.ndarray, words: Sequence[int]) -> np.ndarray:
    """One symbol of each row: [N, V] frequencies, N random numbers of 64 bits → [N] int64. Never a removed one."""
    sums = frequency.cumsum(axis=-1, dtype=np.int64)
    if len(words) == 1:
        return np.array([sums[0].searchsorted(words[0] * sums.item(-1) >> 64, side="right")])
    targets = [word * total >> 64 for word, total in zip(words, sums[:, -1].tolist(), strict=True)]
    return np.asarray((sums > np.array(targets, np.int64)[:, None]).argmax(axis=-1))


# Each option is a function of distances, [..., V] → new [..., V].


def mask(d: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Only symbols that are allowed."""
    d = np.where(allowed, d, GONE)
    least = d.min(axis=-1, keepdims=True)
    if (least == GONE).any():
        raise ValueError("no symbol is allowed")
    return np.where(allowed, d - least, GONE)


def penalise(d: np.ndarray, penalty: float, seen: np.ndarray) -> np.ndarray:
    """p → p ** penalty for the symbols that were seen.

    CTRL divides raw scores, which makes the effect depend on the scores' arbitrary zero, and reverses it below zero. A
    log-probability has a fixed zero and is never above it, so multiplying always penalises.
    """
    alive = d < GONE
    total = doubles.log(totals(frequencies(d))[..., None].astype(np.float64)) - doubles.log(float(CERTAIN))
    likeliest = np.rint(PER_NAT * total)  # -log p of the likeliest
    d = np.where(seen, np.rint((d + likeliest) * penalty) - likeliest, d).astype(np.int64)
    least = d.min(axis=-1, keepdims=True, where=alive, initial=np.iinfo(np.int64).max)
    return np.where(alive, np.minimum(d - least, FARTHEST), GONE)


def penalties(sampling: Sampling) -> tuple[int, int]:
    """The frequency penalty and the presence penalty, in 1/1024 nats."""
    return round(sampling.frequency_penalty * PER_NAT), round(sampling.presence_penalty * PER_NAT)


def more(sampling: Sampling, size: int, counts: np.ndarray | None) -> np.ndarray:
    """What the logit bias adds to the logits of symbols that were drawn so often, less the frequency and the presence
    penalty: [..., size] or None → [..., size] int64, in 1/1024 nats."""
    bias = sampling.biases
    found = np.zeros(size, np.int64)
    found[bias.symbols] = np.rint(bias.nats * PER_NAT)
    if counts is None:
        return found
    frequency, presence = penalties(sampling)
    return np.asarray(found - np.minimum(counts, COUNTED).astype(np.int64) * frequency - (counts > 0) * presence)


def add(d: np.ndarray, more: np.ndarray) -> np.ndarray:
    """The distances when so much is added to the logits, [..., V] whole numbers. Symbols farther than the farthest are
    removed: so -100 nats forbid a symbol, and 100 all others."""
    alive = d < GONE
    d = d - more
    d = d - d.min(axis=-1, keepdims=True, where=alive, initial=np.iinfo(np.int64).max)
    return np.where(alive & (d <= FARTHEST), d, GONE)


def certain(d: np.ndarray) -> np.ndarray:
    """Only the likeliest symbol."""
    best = d.argmin(axis=-1)[..., None]
    return np.where(np.arange(d.shape[-1]) == best, 0, GONE)


def heat(d: np.ndarray, temperature: float) -> np.ndarray:
    """p → p ** (1 / temperature), for a temperature above 0."""
    with np.errstate(over="ignore"):  # the coldest temperatures: cut to the farthest
        heated = np.minimum(np.rint(d / temperature), FARTHEST).astype(np.int64)
    return np.where(d < GONE, heated, GONE)


def top_k(d: np.ndarray, k: int) -> np.ndarray:
    """Only the k likeliest symbols, 1 <= k < V."""
    keys = _keys(d)
    return np.where(keys <= np.partition(keys, k - 1, axis=-1)[..., k - 1, None], d, GONE)


def top_p(d: np.ndarray, mass: float) -> np.ndarray:
    """The fewest likeliest symbols that together have at least this mass."""
    keys = _keys(d)
    order = np.sort(keys, axis=-1)
    last = _reached(frequencies(order >> NUMBER), mass)
    return np.where(keys <= np.take_along_axis(order, last, axis=-1), d, GONE)


def min_p(d: np.ndarray, fraction: float) -> np.ndarray:
    """Only symbols at least this fraction as probable as the likeliest one."""
    f = frequencies(d)
    return np.where(f < fraction * f.max(axis=-1, keepdims=True).astype(np.float64), GONE, d)


def typical(d: np.ndarray, mass: float) -> np.ndarray:
    """The fewest symbols, nearest to the expected surprise first, that together have at least this mass."""
    if d.shape[-1] > TYPICAL:
        raise UserError(f"typical is for at most {TYPICAL:,} symbols; this model has {d.shape[-1]:,}. Take top_p.")
    f = frequencies(d)
    far = np.abs(d * totals(f)[..., None] - (f * d).sum(axis=-1, keepdims=True))
    far[f == 0] = np.iinfo(np.int64).max
    order = far.argsort(axis=-1, kind="stable")
    last = np.take_along_axis(order, _reached(np.take_along_axis(f, order, axis=-1), mass), axis=-1)
    cut = np.take_along_axis(far, last, axis=-1)
    nearer = (far < cut) | ((far == cut) & (np.arange(d.shape[-1]) <= last))
    return np.where(nearer, d, GONE)


def _keys(d: np.ndarray) -> np.ndarray:
    """Distances and numbers in one: the order of these is that of symbols."""
    return np.asarray(d << NUMBER | np.arange(d.shape[-1]))


def _reached(f: np.ndarray, mass: float) -> np.ndarray:
    """The first place [..., 1] up to which frequencies [..., V] have this part of their sum."""
    sums = f.cumsum(axis=-1, dtype=np.int64)  # below 2**53: doubles count them exactly
    return np.asarray((sums >= mass * sums[..., -1:].astype(np.float64)).argmax(axis=-1)[..., None])
