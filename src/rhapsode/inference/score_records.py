"""Scoring of records: the exact log-likelihood of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rhapsode.data.codecs.output import NO_TEXT
from rhapsode.data.guide import along
from rhapsode.errors import UserError
from rhapsode.files.cache import Cache, cache_folder
from rhapsode.files.refusals import Refusals
from rhapsode.inference.evaluation import carried
from rhapsode.inference.trained import Trained
from rhapsode.report import Report


@dataclass(frozen=True)
class RecordScore:
    """-log p of one record, in nats. If steps are real numbers, p is a density in normalised units.

    raw:   the same in the units of the data.
    chars: the characters of its text.
    """

    name: str
    nats: float
    raw: float
    steps: int
    chars: int

    @property
    def nats_per_step(self) -> float:
        return self.nats / max(self.steps, 1)


def score_records(
    model: Trained, records: Iterable[Any], *, report: Report | None = None, refused: Refusals | None = None
) -> Iterator[RecordScore]:
    """The log-likelihood of each record, given its text if the model has texts. Raises `UserError`.

    Recordings that training would leave out are left out, and the report says so.
    refused: counts the records that the model cannot read; without it, one of them is an error.

    Steps are augmented as in validation: with noise of the width of the data's grid, the same each time. Steps that a
    model drew are read as they are, so that they have the nats that they were drawn with.
    """
    codec, report = model.record_codec, report or Report()
    if codec.prepares:
        prepared = codec.prepared(list(records), Cache(cache_folder(), report.note), report.stage, **codec.settings)
        records = [record for record in prepared.records if record is not None]
        for note in prepared.left_out:  # the other notes are for training
            report.note(note)
    for number, record in enumerate(records):
        text = codec.spelling(record)
        symbols = codec.encode_text(text) if model.text else NO_TEXT
        # Of texts, `encode_text` has said it; and those that the model does not attend to do not matter.
        if codec.text is None and (reason := codec.refusal(record)):
            name = getattr(record, "name", "") or f"number {number + 1}"
            if refused is not None:
                refused.skip(f"a {codec.record} {reason}", name)
                continue
            raise UserError(f"{name}: a {codec.record} {reason}: the model cannot read it. Leave it out.")
        steps = codec.encode(record)
        if codec.drawn(record):
            presented = codec.steps.inputs(steps)
        else:
            n = np.arange(len(steps))
            presented = codec.steps.augmented(steps, n + (number << 32), np.zeros_like(n), np.full_like(n, -1))
        covariates = model.encoded(along(codec.guide(record), steps)) if codec.covariates else None
        nats = math.fsum(carried(model, presented, symbols, covariates))
        name, raw = getattr(record, "name", ""), nats + codec.steps.log_jacobian(steps)
        yield RecordScore(name, nats, raw, len(steps), len(text))
