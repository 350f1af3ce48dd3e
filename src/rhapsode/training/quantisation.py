"""How much worse a model predicts in whole numbers than with the float32 weights that training left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rhapsode.data.corpus import Corpus
from rhapsode.data.framed import Framed
from rhapsode.inference.model import Model

STEPS = 4096
WEIGHTS = 1 << 34
"""The most steps that are read, and the most weights with which (at least one step is): some seconds."""


class Quantisation(NamedTuple):
    """Nats per step in float32 and in whole numbers, of so many steps. density: of real numbers, where 0 nats have no
    meaning."""

    real: float
    whole: float
    steps: int
    density: bool = False

    def __str__(self) -> str:
        lost = self.whole - self.real
        part = f" ({lost / self.real:+.3%})" if not self.density else ""
        return f"whole numbers cost {lost:+.4f} nats a step{part}, by {self.steps:,} validation steps"


def measured(real: Model, whole: Model, corpus: Corpus) -> Quantisation:
    """Both models on the same steps, the first ones of the validation data."""
    framed, nats = Framed(corpus.valid, corpus.codec.steps), np.zeros(2)
    left = most = min(STEPS, 1 + WEIGHTS // whole.network.parameters)
    ends = np.append(framed.begins[1:], framed.length)
    for begin, end in zip(framed.begins, ends, strict=True):
        # Covariates of a whole unit are encoded at once; of others, a part is enough.
        last = end if whole.network.encoder else min(end, begin + 1 + left)
        batch = framed.at(np.arange(begin + 1, last)[:, None])
        text = None
        if whole.text and batch.texts:
            first, after = batch.texts.begin[0, 0], batch.texts.end[0, 0]
            text = batch.texts.symbols[first:after], np.array([after - first])
        for n, model in enumerate((real, whole)):
            known = None
            if batch.covariates is not None and model.network.covariates:
                known = model.encoded(batch.covariates[:, 0])[:, None]
            parameters, _ = model.engine.run(batch.inputs, model.engine.zeros(1), text, known)
            nats[n] -= model.head.log_prob(parameters[:, 0], batch.targets[:, 0]).sum()
        left -= len(batch.inputs)
        if left <= 0:
            break
    steps = most - left
    return Quantisation(nats[0] / steps, nats[1] / steps, steps, corpus.codec.steps.density)
