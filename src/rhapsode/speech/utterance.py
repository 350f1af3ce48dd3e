"""An utterance: what is said, phone by phone, and what is known of how it sounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

PAUSE = "_"
"""The phone of silence."""


@dataclass(frozen=True)
class Sound:
    """samples: [N] float64, -1 to 1, one channel; rate: of them in a second."""

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Phone:
    """symbol: as espeak-ng or a label file calls it, `PAUSE` for silence; stress: of its syllable, 0 none, 1 secondary,
    2 primary; syllable, word, phrase: their numbers in the utterance, from 0. A pause has those of the phone before it.
    """

    symbol: str
    stress: int = 0
    syllable: int = 0
    word: int = 0
    phrase: int = 0


@dataclass(frozen=True)
class Utterance:
    """phones in order; times: [P + 1] float64, seconds, where each begins and the last one ends, if that is known;
    speaker: empty where there is but one; sound: gives what was recorded, if anything was."""

    phones: tuple[Phone, ...]
    times: np.ndarray | None = None
    text: str = ""
    name: str = ""
    speaker: str = ""
    sound: Callable[[], Sound] | None = None

    def __len__(self) -> int:
        return len(self.phones)
