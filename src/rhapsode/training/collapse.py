"""Whether what a model draws by itself has come down to something poorer than the data: to one note, to a loop.

Validation does not show that: there the model goes on from the data's past, here from its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from rhapsode.steps.sequence import Steps

ROWS, LENGTH = 2, 100
"""What is drawn at each look, at temperature 1."""
READ = 1 << 17
"""Validation steps that repeats are counted in."""
FEWEST = 64
"""Steps that must have been drawn for anything to be said."""
SHARE, GAP, DENSITY_GAP = 0.25, 0.25, 2.0
"""Entropy is far below valid when it is less than that share of it and so many nats less; of densities, which may be
negative, when it is so many nats less."""
CHANGES = 16
"""So many changes from step to step must be expected for their absence to mean anything."""
LOOKS = 2
"""It must be so at as many looks in a row: one sample may be a long rest."""


class Collapse:
    """Looks at what is drawn, beside the validation data. It warns of each thing once in a run."""

    def __init__(self, valid: Steps, density: bool) -> None:
        self._density = density
        changes = self._changes(valid.values[:READ])
        begun = valid.units[(valid.units > 0) & (valid.units < len(changes) + 1)]
        self._data = _repeats([np.delete(changes, begun - 1)])
        self._in_a_row = {"entropy": 0, "repeats": 0}

    def measure(self, steps: list[np.ndarray], log_probs: list[np.ndarray]) -> dict[str, float]:
        """Of samples drawn at temperature 1, for the log:

        sampled_nats:    -log p of a step, in the mean: an estimate of the entropy that the model draws with.
        sampled_repeats: the share of steps that are the same as the one before; valid_repeats: that of the validation
                         data. Numbers with fractions are never quite the same; of such there is no share.
        """
        found = {}
        if sum(map(len, log_probs)):
            found["sampled_nats"] = -float(np.concatenate(log_probs).mean())
        repeats = _repeats([self._changes(each) for each in steps])
        if repeats is not None and self._data is not None:
            found |= {"sampled_repeats": repeats, "valid_repeats": self._data}
        return found

    def warnings(self, found: dict[str, float], count: int, valid: float) -> Iterator[str]:
        """What to tell of `count` steps drawn, of which `measure` found this. valid: nats of a validation step."""
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
        """[N - 1] bool: whether a step [N, ...] differs from the one before; empty for real numbers."""
        if self._density:
            return np.zeros(0, bool)
        return np.asarray((steps[1:] != steps[:-1]).any(axis=tuple(range(1, steps.ndim))))

    def _again(self, what: str, is_so: bool) -> bool:
        """Whether it has now been so at `LOOKS` looks in a row, for the first time."""
        if self._in_a_row[what] < LOOKS:
            self._in_a_row[what] = self._in_a_row[what] + 1 if is_so else 0
            return self._in_a_row[what] == LOOKS
        return False


def _repeats(changes: list[np.ndarray]) -> float | None:
    every = np.concatenate(changes)
    return 1 - float(every.mean()) if len(every) else None
