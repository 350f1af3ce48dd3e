"""Quantisation: float32 weights as integers. docs/arithmetic.md specifies it, section "Quantisation".

Everything is computed element by element in doubles, or in integers. So any machine makes the same integers of the same
weights. Each way to write a matrix in integers is a `Form`. It makes them, and checks those that a file brings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from rhapsode.errors import UserError

COARSE, FINE = 127, 4095
"""How many units make 1, of an activation: in networks that give logits, and in those that give doubles."""
CELL, NUMBER, GATE, LOGIT = 2048, 1024, 512, 1024
"""The same of a memory cell, a number that is read, the sum of a gate, a logit."""
LARGEST_NUMBER = 32767
LARGEST_BIAS = 1 << 20
LARGEST_DOUBLE = 2.0**64
"""Of the weights, scales and biases of an output in doubles."""
SEVEN_BITS, EIGHT_BITS = 63, 127
"""The greatest weight of coarse activations, and of fine ones."""
TOO_LARGE = "weights too large for whole numbers"


class Unfit(UserError):
    """No integers of these formats stand for the weights; or a file has integers that no weights give."""


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


M = TypeVar("M", Rows, Scaled)


class Form(ABC, Generic[M]):
    """A way to write a matrix of weights [R, K] in integers."""

    type: ClassVar[type[np.signedinteger[Any]]]
    """Of the integers."""

    @abstractmethod
    def made(self, weights: np.ndarray) -> M:
        """Float32 weights in integers. Raises `Unfit`."""

    @abstractmethod
    def check(self, matrix: M) -> None:
        """Raises `Unfit` for integers, of the right types, that are not as `made` makes them: sums could overflow."""

    @abstractmethod
    def real(self, matrix: M) -> np.ndarray:
        """The float32 weights that integers stand for."""

    @abstractmethod
    def shapes(self, rows: int, columns: int) -> M:
        """The shape and type of each part of the matrix [R, K], in its place."""

    def tensors(self, name: str, matrix: M) -> dict[str, Any]:
        """The parts of a matrix, by the names that they have in files."""
        fields = matrix._asdict()
        return {name: fields.pop("weights")} | {f"{name}.{field}": value for field, value in fields.items()}

    @abstractmethod
    def read(self, name: str, tensors: Mapping[str, np.ndarray]) -> M:
        """The matrix of this name."""


class Whole(Form[Rows]):
    """The results are whole numbers."""

    most: int
    """The greatest absolute value of a weight."""
    multipliers: int
    """All multipliers are less."""
    shift: ClassVar[int] = 24
    """The greatest shift."""
    unit: int
    per: int
    """Units to 1: of the result, and of what is read."""

    def check(self, matrix: Rows) -> None:
        _within("weights", matrix.weights, -self.most, self.most)
        _within("multipliers", matrix.multiplier, 1, self.multipliers - 1)
        _within("shift", matrix.shift, 1, self.shift)
        if not self.bounded(matrix.weights, matrix.multiplier):
            raise Unfit("its sums could overflow")

    def bounded(self, whole: np.ndarray, multiplier: np.ndarray) -> bool:
        """Whether no sum can overflow: whole numbers [R, K], and multipliers [R]."""
        return True

    def made(self, weights: np.ndarray) -> Rows:
        w, per = weights.astype(np.float64), self.unit / self.per
        top = _top(w) / self.most * per
        for shift in range(self.shift, 0, -1):
            multiplier = np.maximum(1, np.ceil(top * 2.0**shift))
            if multiplier.max(initial=1) < self.multipliers:
                whole = np.rint(w * (per * 2.0**shift) / multiplier[:, None])
                if np.abs(whole).max(initial=0) <= self.most and self.bounded(whole, multiplier):
                    return self._rows(whole, multiplier, shift)
        raise Unfit(TOO_LARGE)

    def real(self, matrix: Rows) -> np.ndarray:
        scale = matrix.multiplier * 2.0 ** -int(matrix.shift) / (self.unit / self.per)
        return np.asarray((matrix.weights * scale[:, None]).astype(np.float32))

    def shapes(self, rows: int, columns: int) -> Rows:
        parts: Any = ((rows, columns), self.type), ((rows,), np.int32), ((), np.int32)
        return Rows(*parts)

    def read(self, name: str, tensors: Mapping[str, np.ndarray]) -> Rows:
        return Rows(tensors[name], tensors[f"{name}.multiplier"], tensors[f"{name}.shift"])

    def _rows(self, whole: np.ndarray, multiplier: np.ndarray, shift: int) -> Rows:
        return Rows(whole.astype(self.type), multiplier.astype(np.int32), np.array(shift, np.int32))


@dataclass(frozen=True)
class Coarse(Whole):
    """Weights of coarse activations. unit: of the result, a sum of gates or a logit."""

    unit: int
    type = np.int8
    most = SEVEN_BITS
    multipliers = 1 << 31
    per = COARSE

    def bounded(self, whole: np.ndarray, multiplier: np.ndarray) -> bool:
        sums = np.abs(whole).sum(axis=1, dtype=np.int64) * COARSE
        return bool((sums * multiplier.astype(np.int64) < 2**31 - 2**24).all() and (sums < 2**31).all())


class Reaching(Whole):
    """Weights for the sums of gates of what has a `reach`. Each row has as many bits as it can."""

    multipliers = 1 << 15
    shift = 40
    unit = GATE
    reach: Reach

    def bounded(self, whole: np.ndarray, multiplier: np.ndarray) -> bool:
        return bool((self.reach.sums(whole) < 2**31).all())

    def made(self, weights: np.ndarray) -> Rows:
        w, per = weights.astype(np.float64), self.unit / self.per
        most = np.full(len(w), float(self.most))
        while True:
            top = _top(w) / most * per
            fitting = (s for s in range(self.shift, 0, -1) if np.ceil(top * 2.0**s).max(initial=1) < self.multipliers)
            shift = next(fitting, 0)
            if not shift:
                raise Unfit(TOO_LARGE)
            multiplier = np.maximum(1, np.ceil(top * 2.0**shift))
            whole = np.rint(w * (per * 2.0**shift) / multiplier[:, None])
            unfit = (np.abs(whole) > self.most).any(axis=1)
            unfit |= self.reach.sums(np.where(unfit[:, None], 0, whole)) >= 2**31
            if not unfit.any():
                return self._rows(whole, multiplier, shift)
            most = _fewer(most, unfit)


class Fine(Reaching):
    """Weights of fine activations."""

    type = np.int8
    most = EIGHT_BITS
    per = FINE

    def __init__(self, columns: int) -> None:
        self.reach = Reach(np.full(columns, FINE))


class Numbers(Reaching):
    """Weights of numbers that are read."""

    type = np.int16
    most = LARGEST_NUMBER
    per = NUMBER

    def __init__(self, reach: Reach) -> None:
        self.reach = reach


class Embedding(Whole):
    """The table of an embedding [V + 1, E]: a row for each symbol."""

    type = np.int8
    most = EIGHT_BITS
    multipliers = 1 << 15
    unit, per = NUMBER, 1


class Peepholes(Whole):
    """Weights of memory cells, one a cell: [3, H]. All multipliers are 1, and no file has them."""

    type = np.int16
    most = LARGEST_NUMBER
    multipliers = 2
    unit, per = GATE, CELL

    def made(self, weights: np.ndarray) -> Rows:
        w = weights.astype(np.float64)
        for shift in range(self.shift, 0, -1):
            whole = np.rint(w * (self.unit / self.per * 2.0**shift))
            if np.abs(whole).max(initial=0) <= self.most:
                return self._rows(whole, np.ones(len(w)), shift)
        raise Unfit(TOO_LARGE)

    def tensors(self, name: str, matrix: Rows) -> dict[str, Any]:
        return {name: matrix.weights, f"{name}.shift": matrix.shift}

    def read(self, name: str, tensors: Mapping[str, np.ndarray]) -> Rows:
        return Rows(tensors[name], np.ones(len(tensors[name]), np.int32), tensors[f"{name}.shift"])


@dataclass(frozen=True)
class Doubles(Form[Scaled]):
    """The results are doubles. What is read has `per` units to 1, and is `largest` at most."""

    per: int
    largest: int
    type = np.int16

    def made(self, weights: np.ndarray) -> Scaled:
        w = weights.astype(np.float64)
        top = _top(w)
        if top.max(initial=0) > LARGEST_DOUBLE:
            raise Unfit(TOO_LARGE)
        most = np.full(len(w), float(LARGEST_NUMBER))
        while True:
            scale = np.where(top > 0, top / most / self.per, 1.0)
            whole = np.rint(w / self.per / scale[:, None])
            unfit = (np.abs(whole) > LARGEST_NUMBER).any(axis=1)
            unfit |= np.abs(whole).sum(axis=1) * self.largest >= 2**31
            if not unfit.any():
                return Scaled(whole.astype(self.type), scale)
            most = _fewer(most, unfit)

    def check(self, matrix: Scaled) -> None:
        _within("weights", matrix.weights, -LARGEST_NUMBER, LARGEST_NUMBER)
        _within("scales", matrix.scale, np.nextafter(0, 1), LARGEST_DOUBLE)
        if (np.abs(matrix.weights.astype(np.int64)).sum(axis=1) * self.largest >= 2**31).any():
            raise Unfit("its sums could overflow")

    def real(self, matrix: Scaled) -> np.ndarray:
        return np.asarray((matrix.weights * matrix.scale[:, None] * self.per).astype(np.float32))

    def shapes(self, rows: int, columns: int) -> Scaled:
        parts: Any = ((rows, columns), self.type), ((rows,), np.float64)
        return Scaled(*parts)

    def read(self, name: str, tensors: Mapping[str, np.ndarray]) -> Scaled:
        return Scaled(tensors[name], tensors[f"{name}.scale"])


def embedded(table: Rows) -> np.ndarray:
    """The embedding as numbers that are read: [V + 1, E] int16."""
    product = table.weights.astype(np.int64) * table.multiplier[:, None]
    half = 1 << (int(table.shift) - 1)
    found = (product + half) >> int(table.shift)
    return np.asarray(np.clip(found, -LARGEST_NUMBER, LARGEST_NUMBER).astype(np.int16))


def bias(values: np.ndarray, unit: int) -> np.ndarray:
    """Biases [R], in units of the result: int32; or as doubles, if `unit` is 0."""
    if not unit:
        return values.astype(np.float64)
    scaled = np.rint(values.astype(np.float64) * unit)
    return np.asarray(np.clip(scaled, -LARGEST_BIAS, LARGEST_BIAS).astype(np.int32))


def check_bias(values: np.ndarray) -> None:
    """Raises `Unfit` for what `bias` does not give."""
    most = LARGEST_BIAS if values.dtype == np.int32 else LARGEST_DOUBLE
    _within("biases", values, -most, most)


def _within(what: str, values: np.ndarray, least: float, most: float) -> None:
    """Raises `Unfit` for values that are not in this range, both ends included."""
    if not ((values >= least) & (values <= most)).all():
        raise Unfit(f"its {what} are not within {least:,} and {most:,}")


def _top(w: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(w).max(axis=1, initial=0.0))


def _fewer(most: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """One bit less for some rows. Raises `Unfit`."""
    fewer = np.where(rows, (most + 1) / 2 - 1, most)
    if fewer.min() < 1:
        raise Unfit("rows too long for whole numbers")
    return fewer
