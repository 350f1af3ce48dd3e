"""Particles: rows of generation of which one becomes the sample (Gordon, Salmond & Smith 1993)."""

from __future__ import annotations

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.inference.builders import Builder
from rhapsode.inference.rows import Row


class Particles:
    """Rows of which one becomes the sample. A weight is the model's own probability of the values that were allowed."""

    def __init__(self, rows: list[Row], random: Randomness) -> None:
        self._rows, self._random = rows, random

    def going(self, alive: list[Row]) -> tuple[list[Row], list[int]]:
        """If a few rows have most of the weight, they are copied, and replace the others."""
        count, parents, weights = len(self._rows), self._rows, _weights(self._rows)
        if 1 / doubles.total(weights * weights) < count / 2:
            # Systematic: each number of copies is the expected one, rounded up or down.
            points = (np.arange(count) + self._random.uniform()) / count
            chosen = np.minimum(weights.cumsum().searchsorted(points, side="right"), count - 1)
            parents = [self._rows[n] for n in chosen.tolist()]
            self._rows = [row.become(parent) for row, parent in zip(self._rows, parents, strict=True)]
        places = {id(row): place for place, row in enumerate(alive)}
        going = [n for n, row in enumerate(self._rows) if row.goes_on]
        return [self._rows[n] for n in going], [places[id(parents[n])] for n in going]

    def chosen(self) -> Builder:
        """One row, drawn with probabilities in proportion to the weights."""
        return self._rows[doubles.chosen(_weights(self._rows), self._random.uniform())].builder


def _weights(rows: list[Row]) -> np.ndarray:
    """The particles' weights, which sum to 1."""
    logs = np.array([row.builder.log_weight for row in rows])
    most = logs.max()
    weights = doubles.exp(logs - most) if most > -np.inf else np.ones(len(logs))
    return np.asarray(weights / doubles.total(weights))
