"""A sequence of steps as positions, from which examples are cut; see `rhapsode.data.framing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rhapsode.steps.covariates import Places
from rhapsode.steps.kind import Kind
from rhapsode.steps.sequence import Steps


class UnitTexts(NamedTuple):
    """The texts of the units in the rows of a batch.

    symbols: [U, B] int64, the texts of all units of a row, one after another (0 after the last)
    begin, end: [T, B] int64, the part of `symbols` that belongs to the step's unit
    """

    symbols: np.ndarray
    begin: np.ndarray
    end: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Time-major examples, all [T, B] or [T, B, *shape of a step].

    inputs:  the previous step, as the kind's `inputs`, or `start`
    targets: the step to predict (0 where the weight is 0)
    weight:  float32, the weight of the target in the loss
    reset:   bool, whether this is a reset step: the state of row b after step t is zero
    texts:   the texts of the batch, if units have texts
    covariates: [T, B, D] float32, those of the target, if steps have any
    """

    inputs: np.ndarray
    targets: np.ndarray
    weight: np.ndarray
    reset: np.ndarray
    texts: UnitTexts | None = None
    covariates: np.ndarray | None = None


class Framed:
    """A sequence of steps with a reset step before each unit; see the module.

    augment: each epoch augments the steps in another way (noise, other sizes, other keys), if their kind has
             augmentation. If false, they have the fixed noise of validation.
    """

    def __init__(self, steps: Steps, kind: Kind, augment: bool = False) -> None:
        if len(steps) == 0:
            raise ValueError("no steps to frame")
        self.steps, self.kind, self.augment = steps, kind, augment
        self.begins = steps.units + np.arange(len(steps.units))  # positions of the reset steps
        self.length = len(steps) + len(steps.units)

    def at(self, positions: np.ndarray) -> Batch:
        """The examples at these positions, [T, B] int64. A position is taken modulo the length of the framed sequence;
        the quotient is the epoch."""
        epoch, p = np.divmod(positions, self.length)
        unit = np.searchsorted(self.begins, p, side="right") - 1
        into = p - self.begins[unit]  # 0: the reset step, 1: the unit's first step, ...
        raw = p - unit - 1  # the target's index; at a reset step, that of the step before it, or -1
        reset = into == 0
        shown = epoch if self.augment else np.full_like(epoch, -1)
        values, kind = self.steps.values, self.kind
        targets = kind.augmented(values[raw], raw, unit, shown)
        targets[reset] = 0
        inputs = kind.augmented(values[raw - 1], raw - 1, unit, shown)
        inputs[into <= 1] = kind.start
        covariates = self.steps.covariates
        given = None if covariates is None else covariates.at(Places(raw, into - 1, unit, shown))
        return Batch(inputs, targets, (~reset).astype(np.float32), reset, self._texts(unit, epoch), given)

    def _texts(self, unit: np.ndarray, epoch: np.ndarray) -> UnitTexts | None:
        """The texts of the batch; None if there are none."""
        texts = self.steps.texts
        if texts is None:
            return None
        whole = len(texts.symbols)

        def place(units: np.ndarray, epochs: np.ndarray) -> np.ndarray:
            return np.asarray(texts.begins[units] + epochs * whole)  # as if the texts were repeated each epoch

        first = place(unit[0], epoch[0])
        begin, end = place(unit, epoch) - first, place(unit + 1, epoch) - first
        index = np.arange(end[-1].max())[:, None]
        text = texts.symbols[(first + index) % whole].astype(np.int64)
        text[index >= end[-1]] = 0
        return UnitTexts(text, begin, end)
