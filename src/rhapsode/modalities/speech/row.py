"""What may be heard in a recording, one after another: its phones, and pauses between any two words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhapsode.modalities.speech.utterance import PAUSE, Phone


@dataclass(frozen=True)
class PhoneRow:
    """phones: [U], a pause first and last and wherever there may be one; optional: [U] bool, which may be missing."""

    phones: tuple[Phone, ...]
    optional: np.ndarray

    @property
    def pauses(self) -> np.ndarray:
        """[U] bool."""
        return np.array([phone.symbol == PAUSE for phone in self.phones])


def row(phones: Sequence[Phone]) -> PhoneRow:
    """Of an utterance's phones, of which one at least is no pause. Pauses within a word stay possible."""
    found: list[Phone] = []
    optional: list[bool] = []
    paused = True
    for phone in phones:
        if phone.symbol == PAUSE:
            paused = True
            continue
        before = found[-1] if found else phone
        if paused or phone.word != before.word:
            found.append(Phone(PAUSE, 0, before.syllable, before.word, before.phrase))
            optional.append(len(found) > 1)
        found.append(phone)
        optional.append(False)
        paused = False
    last = found[-1]
    found.append(Phone(PAUSE, 0, last.syllable, last.word, last.phrase))
    return PhoneRow(tuple(found), np.array([*optional, False]))
