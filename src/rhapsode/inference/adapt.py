"""Adaptation: a copy of a model that has learnt from a page of the user's own, to write on in its manner.

The page is read some times by dynamic evaluation (`rhapsode.inference.dynamic`). The page itself says how often: its
last fifth is held out until the others have been read. It needs torch. The model on disk stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from rhapsode.arithmetic.quantise import Unfit
from rhapsode.errors import UserError
from rhapsode.inference.dynamic import SEGMENT, Adam, Learner
from rhapsode.inference.evaluation import regrouped
from rhapsode.inference.reader import as_bytes
from rhapsode.inference.trained import Trained
from rhapsode.report import Report

PASSES = 10
"""The page is read so many times at the most."""
HELD = 5
"""One part in so many is held out to choose the passes; less than a segment is too little to choose by."""

M = TypeVar("M", bound=Trained)


@dataclass(frozen=True)
class Adapted(Generic[M]):
    """An adapted model.

    passes: how many times it has read the page. before, after: nats per step of the page's last fifth, by the model as
    it was and by one that has read the other parts so many times; 0 if the page is too short to hold a part out.
    """

    model: M
    passes: int
    before: float = 0.0
    after: float = 0.0


def adapted(model: M, text: bytes | str, *, report: Report | None = None) -> Adapted[M]:
    """A copy of the model that has learnt from the text; the copy is kept in memory only.

        model.adapted(Path("page.txt").read_text()).model.generate("It was")

    Raises `UserError` for an empty text, and for models that do not carry their state.
    """
    report = report or Report()
    symbols = model.text_codec.encode(as_bytes(text, "text")).astype(np.int64)
    if not len(symbols):
        raise UserError("the text to adapt to is empty. Give one in the manner that is wanted.")
    known, passes, before, after = symbols[: len(symbols) - len(symbols) // HELD], 1, 0.0, 0.0
    if len(symbols) - len(known) >= SEGMENT:
        learner, passes = Learner(model, Adam()), 0
        before = after = _held(learner, symbols, len(known))
        while passes < PASSES:
            report.stage("choosing how often to read", passes / PASSES)
            _read(learner, known)
            nats = _held(learner, symbols, len(known))
            if nats >= after:
                break
            passes, after = passes + 1, nats
        report.stage("choosing how often to read", 1.0)
        if not passes:
            return Adapted(model, 0, before, after)
    learner = Learner(model, Adam())
    for n in range(passes):
        report.stage("adapting", n / passes)
        _read(learner, symbols)
    report.stage("adapting", 1.0)
    weights = {name: weight.detach().numpy() for name, weight in learner.weights.items()}
    made = type(model)(model.config.model_copy(update={"arithmetic": "float32"}), weights)
    if model.whole:
        try:
            made = made.quantised()
        except Unfit as error:
            report.warn(f"the adapted model computes in float32 ({error}).")
    return Adapted(made, passes, before, after)


def _read(learner: Learner, symbols: np.ndarray) -> None:
    learner.begin()
    for block in regrouped([symbols], SEGMENT):
        learner.learn(block)


def _held(learner: Learner, symbols: np.ndarray, begin: int) -> float:
    """Nats per step of the symbols from `begin` on, after those before; nothing is learnt."""
    learner.begin()
    nats = np.concatenate([learner.read(block) for block in regrouped([symbols], SEGMENT)])
    return float(nats[begin:].mean())
