"""The codec `prosody`: a step is how a phone is said: the logarithms of its seconds, and of its F0 in Hz.

A voice's `speech` model has one of these beside it, which says when each phone of a new text is to be spoken, and how
high: the rhythm and the melody. It is a mixture of Gaussians given the phones around and how those before were said, so
that both can be drawn, and differ from one rendering to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.data.codecs.records import Prepared
from rhapsode.data.guide import Ahead
from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.modalities.speech import melody
from rhapsode.modalities.speech.acoustics import HIGHEST, LOWEST
from rhapsode.modalities.speech.codecs._utterances import UtteranceCodec
from rhapsode.modalities.speech.utterance import Timed, Utterance, unrecorded

LEAST = 0.005
"""Seconds of a phone, at least."""


class Prosody(UtteranceCodec):
    """Utterances ⇄ how long their phones last, and how high they are."""

    name = "prosody"
    summary = "a step is how long and how high a phone is: the rhythm and melody of speech"
    unit = "phone"
    head = "gaussians"
    rank = None
    usage = ""

    @classmethod
    def prepared(
        cls, records: Sequence[Any], cache: Cache, report: Callable[[str, float], None], **options: Any
    ) -> Prepared:
        found = super().prepared(records, cache, report, **options)
        return Prepared(found.records, [], [])  # the voice's training has told the rest

    @property
    def network(self) -> dict[str, Any]:
        return {**super().network, "layers": 1, "autoregressive": True, "head": {"name": self.head, "mixtures": 3}}

    @classmethod
    def check(cls, own: dict[str, Any], size: int) -> None:
        if own or size != 2:
            raise ValueError("a step is two numbers, and nothing else is known")

    @property
    def covariates(self) -> int:
        return self.features.phone_size

    @classmethod
    def numbers(cls, utterance: Timed, own: dict[str, Any]) -> np.ndarray:
        hertz = melody.of(utterance)
        if hertz is None:
            raise UserError(f"{utterance.name}: it has neither F0 nor sound, so its melody is not known. Leave it out.")
        return np.asarray(np.log(np.stack([np.maximum(np.diff(utterance.times), LEAST), hertz], axis=1)))

    def guide(self, record: Utterance) -> Ahead:
        return Ahead(self.features.of_phones(record))

    def decode(self, steps: np.ndarray, text: str | None = None, begun: bool = False, outline: Any = None) -> Timed:
        seconds, hertz = doubles.exp(np.asarray(steps, np.float64) * self.sd + self.mean).T
        found: Utterance = outline or self.example
        phones, times = found.phones[: len(steps)], np.concatenate([[0.0], seconds.cumsum()])
        return found.to(Timed, phones=phones, times=times, melody=hertz.clip(LOWEST, HIGHEST), sound=unrecorded)

    def show(self, record: Timed) -> str:
        each = zip(record.phones, np.exp(self.numbers(record, {})), strict=True)
        return " ".join(f"{phone.symbol} {1000 * seconds:.0f} ms {hertz:.0f} Hz" for phone, (seconds, hertz) in each)
