"""Detects collapse: the steps that a model generates are poorer than the data, e.g. always one note, or a loop.

Validation does not show it, because there the model continues the data, and not its own output.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from rhapsode.steps.sequence import Steps

ROWS, LENGTH = 2, 100
"""Samples and steps that are generated at each evaluation, at temperature 1."""
READ = 1 << 17
"""How many validation steps are searched for repeats."""
FEWEST = 64
"""No warning is given for fewer generated steps."""
SHARE, GAP, DENSITY_GAP = 0.25, 0.25, 2.0
"""The entropy is far below the validation loss if it is less than this share of it, and less by so many nats. For
densities, which may be negative, only the nats count."""
CHANGES = 16
"""The absence of changes from step to step means something only if at least this many were to be expected."""
LOOKS = 2
"""A warning needs this many evaluations in a row: one sample may just be a long rest."""


class Collapse:
    """Compares generated steps with the validation data. It gives each warning once in a run."""

    def __init__(self, valid: Steps, density: bool) -> None:
        self._density = density
        changes = self._changes(valid.values[:READ])
        begun = valid.units[(valid.units > 0) & (valid.units < len(changes) + 1)]
        self._data = _repeats([np.delete(changes, begun - 1)])
        self._in_a_row = {"entropy": 0, "repeats": 0}

    def measure(self, steps: list[np.ndarray], log_probs: list[np.ndarray]) -> dict[str, float]:
        """Values for the log, of samples at temperature 1:

        sampled_nats:    the mean -log p of a step: an estimate of the model's entropy.
        sampled_repeats: the share of steps that equal the one before. Real numbers never do; they have no such value.
        valid_repeats:   the same for the validation data.
        """
        found = {}
        if sum(map(len, log_probs)):
            found["sampled_nats"] = -float(np.concatenate(log_probs).mean())
        repeats = _repeats([self._changes(each) for each in steps])
        if repeats is not None and self._data is not None:
            found |= {"sampled_repeats": repeats, "valid_repeats": self._data}
        return found

    def warnings(self, found: dict[str, float], count: int, valid: float) -> Iterator[str]:
        """The warnings for `count` generated steps. found: the result of `measure`. valid: nats per validation step."""
        if count < FEWEST:
            return
        entropy = found.get("sampled_nats", math.inf)
        far = DENSITY_GAP if self._density else max(GAP, (1 - SHARE) * valid)
        if self._again("entropy", entropy < valid - far):
            yield (
                f"left to itself, the model is far surer than the data lets it be: {entropy:.2f} nats a step of what "
                f"it draws, {valid:.2f} of the validation data. It goes round in a loop, or has learnt by heart. More "
                "data, more dropout or a smaller network would help; in drawing, a temperature above 1 helps a little."
            )
        repeats, usual = found.get("sampled_repeats", 0.0), found.get("valid_repeats", 0.0)
        expected = (1 - usual) * count
        if self._again("repeats", expected >= CHANGES and 1 - repeats < SHARE * (1 - usual)):
            yield (
                f"what the model draws hardly moves: {repeats:.0%} of its steps are the same as the one before, of the "
                f"validation data's {usual:.0%}. If that stays so, train for longer, at lower rates, or with a codec "
                "whose steps are longer."
            )

    def _changes(self, steps: np.ndarray) -> np.ndarray:
        """[N - 1] bool: whether each of the steps [N, ...] differs from the one before; empty for real numbers."""
        if self._density:
            return np.zeros(0, bool)
        return np.asarray((steps[1:] != steps[:-1]).any(axis=tuple(range(1, steps.ndim))))

    def _again(self, what: str, is_so: bool) -> bool:
        """Whether `is_so` has been true at `LOOKS` evaluations in a row, for the first time."""
        if self._in_a_row[what] < LOOKS:
            self._in_a_row[what] = self._in_a_row[what] + 1 if is_so else 0
            return self._in_a_row[what] == LOOKS
        return False


def _repeats(changes: list[np.ndarray]) -> float | None:
    every = np.concatenate(changes)
    return 1 - float(every.mean()) if len(every) else None
