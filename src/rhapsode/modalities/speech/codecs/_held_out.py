"""The training index of a voice: some of the utterances that were held out, which it is compared with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.speech.formats.own import dumps, timed_of
from rhapsode.modalities.speech.utterance import Spoken

if TYPE_CHECKING:
    from rhapsode.modalities.speech.codecs.speech import Speech

MOST = 20
"""Utterances that are kept."""


class HeldOut:
    """The first ones of those that are for validation: phones with times and texts, and frames as steps."""

    def __init__(self, codec: Speech) -> None:
        self._codec = codec
        self._kept: list[dict[str, Any]] = []
        self._steps: list[np.ndarray] = []

    def add(self, record: Spoken, held_out: bool) -> None:
        if held_out and len(self._kept) < MOST:
            self._kept.append(json.loads(dumps(record)))
            self._steps.append(self._codec.encode(record))

    def saved(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        lengths = [len(each) for each in self._steps]
        size = self._codec.steps.size
        return {"utterances": self._kept, "lengths": lengths}, {
            "steps": np.concatenate([np.zeros((0, size), np.float32), *self._steps])
        }


def restored(codec: Speech, info: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Iterator[Spoken]:
    """The utterances of a training index, with their frames. Raises `UserError` if it is none."""
    try:
        lengths = [int(length) for length in info["lengths"]]
        parts = np.split(arrays["steps"], np.cumsum(lengths)[:-1]) if lengths else []
        for value, steps in zip(info["utterances"], parts, strict=True):
            yield codec.decode(steps, outline=timed_of(value, "a kept utterance"))
    except (LookupError, TypeError, ValueError) as error:
        raise UserError(f"the utterances that were held out cannot be read ({error}). Train the voice again.") from None
