"""Quantisation: float32 weights as integers. docs/arithmetic.md specifies it, section "Quantisation".

Everything is computed element by element in doubles, or in integers. So any machine makes the same integers of the same
weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rhapsode.errors import UserError

COARSE, FINE = 127, 4095
"""How many units make 1, of an activation: in networks that give logits, and in those that give doubles."""
CELL, NUMBER, GATE, LOGIT = 2048, 1024, 512, 1024
"""The same of a memory cell, a number that is read, the sum of a gate, a logit."""
LARGEST_NUMBER = 32767
LARGEST_BIAS = 1 << 20
SEVEN_BITS, EIGHT_BITS = 63, 127
"""The greatest weight of coarse activations, and of fine ones."""


class Unfit(UserError):
    """The weights are so large that no integers of these formats stand for them."""


class Rows(NamedTuple):
    """A matrix whose row r is `weights[r] * multiplier[r] / 2**shift`, in units of the result for each unit of what is
    read: weights [R, K] int8 or int16, multiplier [R] int32, shift [] int32."""

    weights: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray


class Scaled(NamedTuple):
    """A matrix whose row r is `weights[r] * scale[r]`: weights [R, K] int16, scale [R] float64."""

    weights: np.ndarray
    scale: np.ndarray


class Reach(NamedTuple):
    """The greatest absolute value of what is read. Of each of these groups of columns, only one is not 0.

    largest: [K] int64. groups: the sizes of the groups, one after another; none if any column may be read with others.
    """

    largest: np.ndarray
    groups: tuple[int, ...] = ()

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """The greatest absolute value of the product with each row of weights [R, K]: [R] int64."""
        each = np.abs(weights.astype(np.int64)) * self.largest
        if not self.groups:
            return np.asarray(each.sum(axis=1))
        begins = np.cumsum([0, *self.groups[:-1]])
        return np.asarray(np.maximum.reduceat(each, begins, axis=1).sum(axis=1))


def number(values: np.ndarray) -> np.ndarray:
    """Real numbers, float32, as numbers that a network reads: int16."""
    scaled = np.rint(values.astype(np.float64) * NUMBER)
    return np.asarray(np.clip(scaled, -LARGEST_NUMBER, LARGEST_NUMBER).astype(np.int16))


def exact_product(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Whole numbers [..., K] times weights [R, K] → [..., R] int64. No sum may pass 2**53: then any order is exact."""
    return np.asarray((values.astype(np.float64) @ weights.T.astype(np.float64)).astype(np.int64))


def coarse(weights: np.ndarray, unit: int) -> Rows:
    """Weights [R, K] of coarse activations. unit: how many units of the result make 1. Raises `Unfit`."""
    w, per = weights.astype(np.float64), unit / COARSE
    top = _top(w) / SEVEN_BITS * per
    for shift in range(24, 0, -1):
        multiplier = np.maximum(1, np.ceil(top * 2.0**shift))
        if multiplier.max() >= 2.0**31:
            continue
        whole = np.rint(w * (per * 2.0**shift) / multiplier[:, None])
        if np.abs(whole).max(initial=0) <= SEVEN_BITS and bounded(whole, multiplier):
            return Rows(whole.astype(np.int8), multiplier.astype(np.int32), np.array(shift, np.int32))
    raise Unfit("its weights are too large for whole numbers")


def bounded(whole: np.ndarray, multiplier: np.ndarray) -> bool:
    """Whether no sum over coarse activations can overflow, times the multipliers: integers [R, K] and [R]."""
    sums = np.abs(whole).sum(axis=1).astype(np.int64) * COARSE
    return bool((sums * multiplier.astype(np.int64) < 2**31 - 2**24).all() and (sums < 2**31).all())


def fine(weights: np.ndarray) -> Rows:
    """Weights [R, K] of fine activations, for the sums of gates. Raises `Unfit`."""
    return _reaching(weights, FINE, EIGHT_BITS, np.int8, Reach(np.full(weights.shape[1], FINE)))


def numbers(weights: np.ndarray, reach: Reach) -> Rows:
    """Weights [R, K] of numbers that are read, for the sums of gates. Raises `Unfit`."""
    return _reaching(weights, NUMBER, LARGEST_NUMBER, np.int16, reach)


def _reaching(weights: np.ndarray, unit: int, most: int, kind: type, reach: Reach) -> Rows:
    """unit: how many units of what is read make 1. most: the greatest integer."""
    w, per = weights.astype(np.float64), GATE / unit
    each = np.full(len(w), float(most))
    while True:
        top = _top(w) / each * per
        shift = next((s for s in range(40, 0, -1) if np.maximum(1, np.ceil(top * 2.0**s)).max() < 2**15), 0)
        if not shift:
            raise Unfit("its weights are too large for whole numbers")
        multiplier = np.maximum(1, np.ceil(top * 2.0**shift))
        whole = np.rint(w * (per * 2.0**shift) / multiplier[:, None])
        unfit = (np.abs(whole) > most).any(axis=1)
        unfit |= reach.sums(np.where(unfit[:, None], 0, whole)) >= 2**31
        if not unfit.any():
            return Rows(whole.astype(kind), multiplier.astype(np.int32), np.array(shift, np.int32))
        each = _fewer(each, unfit)


def embedding(table: np.ndarray) -> Rows:
    """The table of an embedding [V + 1, E]: a row for each symbol. Raises `Unfit`."""
    w = table.astype(np.float64)
    top = _top(w) / EIGHT_BITS * NUMBER
    for shift in range(24, 0, -1):
        multiplier = np.maximum(1, np.ceil(top * 2.0**shift))
        whole = np.rint(w * (NUMBER * 2.0**shift) / multiplier[:, None])
        if multiplier.max() < 2**15 and np.abs(whole).max(initial=0) <= EIGHT_BITS:
            return Rows(whole.astype(np.int8), multiplier.astype(np.int32), np.array(shift, np.int32))
    raise Unfit("its embedding is too large for whole numbers")


def embedded(table: Rows) -> np.ndarray:
    """The embedding as numbers that are read: [V + 1, E] int16."""
    product = table.weights.astype(np.int64) * table.multiplier[:, None]
    half = 1 << (int(table.shift) - 1)
    found = (product + half) >> int(table.shift)
    return np.asarray(np.clip(found, -LARGEST_NUMBER, LARGEST_NUMBER).astype(np.int16))


def doubles(weights: np.ndarray, per: int, largest: int) -> Scaled:
    """Weights [R, K] of an output in doubles. What is read has `per` units to 1, and is `largest` at most."""
    w = weights.astype(np.float64)
    most = np.full(len(w), float(LARGEST_NUMBER))
    while True:
        top = _top(w)
        scale = np.where(top > 0, top / most / per, 1.0)
        whole = np.rint(w / per / scale[:, None])
        unfit = (np.abs(whole) > LARGEST_NUMBER).any(axis=1) | (np.abs(whole).sum(axis=1) * largest >= 2**31)
        if not unfit.any():
            return Scaled(whole.astype(np.int16), scale)
        most = _fewer(most, unfit)


def peepholes(weights: np.ndarray) -> Rows:
    """Weights of memory cells, one a cell: [3, H]. All multipliers are 1. Raises `Unfit`."""
    w = weights.astype(np.float64)
    for shift in range(24, 0, -1):
        whole = np.rint(w * (GATE / CELL * 2.0**shift))
        if np.abs(whole).max(initial=0) <= LARGEST_NUMBER:
            return Rows(whole.astype(np.int16), np.ones(len(w), np.int32), np.array(shift, np.int32))
    raise Unfit("its peepholes are too large for whole numbers")


def bias(values: np.ndarray, unit: int) -> np.ndarray:
    """Biases [R], in units of the result: int32."""
    scaled = np.rint(values.astype(np.float64) * unit)
    return np.asarray(np.clip(scaled, -LARGEST_BIAS, LARGEST_BIAS).astype(np.int32))


def real(rows: Rows, per: float) -> np.ndarray:
    """The weights that integers stand for: float32. per: units of the result for each unit of what is read."""
    scale = rows.multiplier * 2.0 ** -int(rows.shift) / per
    return np.asarray((rows.weights * scale[:, None]).astype(np.float32))


def real_scaled(rows: Scaled, per: int) -> np.ndarray:
    """As `real`, of an output in doubles."""
    return np.asarray((rows.weights * rows.scale[:, None] * per).astype(np.float32))


def _top(w: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(w).max(axis=1, initial=0.0))


def _fewer(most: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """One bit less for some rows. Raises `Unfit`."""
    fewer = np.where(rows, (most + 1) / 2 - 1, most)
    if fewer.min() < 1:
        raise Unfit("its layers are too wide for whole numbers")
    return fewer
