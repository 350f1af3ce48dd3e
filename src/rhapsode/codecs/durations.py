"""The codec `durations`: a step is how long a phone lasts, the logarithm of its seconds.

A voice's `speech` model has one of these beside it, which says when each phone of a new text is to be spoken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.codecs._records import Prepared
from rhapsode.codecs._utterances import UtteranceCodec
from rhapsode.guide import Ahead
from rhapsode.speech.utterance import Utterance

LEAST = 0.005
"""Seconds of a phone, at least."""


class Durations(UtteranceCodec):
    """Utterances ⇄ how long their phones last."""

    name = "durations"
    summary = "a step is how long a phone lasts: the rhythm of speech"
    unit = "phone"
    rank = None
    usage = ""

    @classmethod
    def prepared(
        cls, records: Sequence[Any], cache: Path, report: Callable[[str, float], None], **options: Any
    ) -> Prepared:
        found = super().prepared(records, cache, report, **options)
        return Prepared(found.records, [], [])  # the voice's training has told the rest

    @property
    def given(self) -> int:
        return self.features.phone_size

    @classmethod
    def numbers(cls, utterance: Utterance, own: dict[str, Any]) -> np.ndarray:
        assert utterance.times is not None
        return np.log(np.maximum(np.diff(utterance.times), LEAST))[:, None]

    def guide(self, record: Utterance) -> Ahead:
        return Ahead(self.features.of_phones(record))

    def decode(
        self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Utterance | None = None
    ) -> Utterance:
        seconds = np.exp(np.asarray(steps, np.float64)[:, 0] * self.sd[0] + self.mean[0])
        found = outline or self.example
        phones = found.phones[: len(steps)]
        return replace(found, phones=phones, times=np.concatenate([[0.0], seconds.cumsum()]), sound=None)

    def show(self, record: Utterance) -> str:
        assert record.times is not None
        each = zip(record.phones, np.diff(record.times), strict=True)
        return " ".join(f"{phone.symbol} {1000 * seconds:.0f}" for phone, seconds in each) + " ms"
