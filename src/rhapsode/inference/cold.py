"""Evaluation without a carried state: in windows, each of which begins with a zero state.

Each window of n steps is given one symbol of context, the one before it (`start` at the beginning of the text). This is
what systems without a state report, e.g. nanoGPT with its windows of 256. Units begin within a window as ever.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rhapsode.errors import UserError
from rhapsode.inference.evaluation import Evaluation, Scored, regrouped
from rhapsode.inference.trained import Trained
from rhapsode.inference.units import Units
from rhapsode.nn.compiled import Compiled

ROWS = 32
"""Windows that are run in parallel."""
GROUP = 1 << 14
"""At least so many steps are collected before they are run, so that windows of similar lengths can be run together."""
LIMIT = 65_536
NUMBERS = 1 << 22
"""About how many parameters are computed at a time, which bounds the memory for any vocabulary."""


class Cold(Evaluation):
    """Predicts each step from the steps before it in its window of n steps, and from the last step before the
    window."""

    def __init__(self, model: Trained, prompt: np.ndarray, n: int) -> None:
        """Raises `UserError` for impossible windows, and for models that do not carry their state."""
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= LIMIT:
            raise UserError(f"cold: {n!r} is not allowed. Allowed: windows of 1 to {LIMIT:,} steps.")
        if not model.framing.carried:
            raise UserError(
                f"cold windows compare models that carry their state; with framing {model.framing.name} "
                "this model's state starts from zero by itself. Score it without them."
            )
        self._model, self._n, self._begin = model, n, Units(model)
        self._begin.inputs(prompt)
        self.reset()

    def reset(self) -> None:
        self._units = self._begin.copy()

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        n = self._n
        for block in regrouped(pieces, n * max(ROWS, GROUP // n)):
            inputs, begins = self._units.inputs(block)
            # Where the state is zero: windows and units begin. (A unit that begins after the block begins with the
            # next.)
            zeros = np.union1d(np.arange(0, len(block), n), np.flatnonzero(begins[:-1]) + 1)
            yield block, _from_zero(self._model, inputs, block, zeros)


def _from_zero(model: Trained, inputs: np.ndarray, targets: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Nats [N] of the targets [N] given the inputs [N], the state being zero at each of `starts`."""
    nats = np.empty(len(targets))
    lengths = np.diff(starts, append=len(targets))
    order = np.argsort(-lengths, kind="stable")  # rows of like length run together: little is run in vain
    span = max(1, NUMBERS // (ROWS * model.head.width))
    for at in range(0, len(order), ROWS):
        rows = order[at : at + ROWS]
        state = model.engine.zeros(len(rows))
        for t in range(0, lengths[rows[0]], span):
            into = np.arange(t, min(t + span, lengths[rows[0]]))[:, None]
            live = into < lengths[rows]
            index = np.minimum(starts[rows] + into, len(targets) - 1)  # a row that has ended reads on, for nothing
            of_target = index[live]
            if isinstance(model.engine, Compiled) and model.head.whole:
                found, state = model.engine.score(inputs[index], state, targets[index])
                nats[of_target] = found[live]
            else:
                parameters, state = model.engine.run(inputs[index], state)
                nats[of_target] = -model.head.log_prob(parameters[live], targets[of_target])
    return nats
