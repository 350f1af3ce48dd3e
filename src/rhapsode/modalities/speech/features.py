"""What is known of each phone and frame of an utterance before it is heard: the phones around, stress, positions.

The questions are those of statistical speech synthesis (Fan et al. 2014, section 4.1: phone, neighbours, stress,
positions in syllable, word and phrase; after Tokuda, Zen & Black 2002), as numbers from 0 to about 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Timed, Utterance

AROUND = (-2, -1, 0, 1, 2)
"""Phones of which it is told what they are."""
MOST = 10
"""Counts are divided by this, and end at twice it."""
ENDS = (".", "?", "!", ",")
"""How a sentence may end."""
ROUNDING = 1e-6
"""Seconds: what begins with a frame is not to be missed by less."""
SLOW = 20
"""Frames that make 1 of a place in a phone."""


class Features:
    """Of utterances with these phone symbols and speakers.

    D of a phone is `phone_size`, and of a frame `phone_size + FRAME_SIZE`.
    """

    FRAME_SIZE = 8

    def __init__(self, symbols: Sequence[str], speakers: Sequence[str]) -> None:
        self.symbols, self.speakers = tuple(symbols), tuple(speakers)
        self._numbers = {symbol: n for n, symbol in enumerate(self.symbols)}
        self.phone_size = len(self.of_phones(Utterance((Phone(PAUSE),), speaker=self.speakers[0])).T)

    @property
    def frame_size(self) -> int:
        return self.phone_size + self.FRAME_SIZE

    def of_phones(self, utterance: Utterance) -> np.ndarray:
        """[P, phone_size] float32."""
        phones = utterance.phones
        count = len(phones)
        parts = [self._names(phones), _stress(phones), _places(phones)]
        end = utterance.text.rstrip("\"' )]\u201d\u2019")[-1:]
        whole = [float(end == one) for one in ENDS]
        if len(self.speakers) > 1:
            whole += [float(utterance.speaker == one) for one in self.speakers]
        parts.append(np.tile(np.array(whole, np.float32), (count, 1)))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def of_frames(self, utterance: Timed, count: int, hop: float) -> np.ndarray:
        """[count, frame_size] float32: frame n is `n * hop` seconds after the utterance's first moment."""
        times = utterance.times - utterance.times[0]
        at = np.arange(count) * hop
        which = (times.searchsorted(at + ROUNDING, side="right") - 1).clip(0, len(utterance.phones) - 1)
        begin, length = times[which], np.diff(times)[which]
        part = ((at - begin) / np.maximum(length, 1e-6)).clip(0, 1)
        places = [part, 1 - part, (at - begin) / hop / SLOW, (begin + length - at) / hop / SLOW, length / hop / SLOW]
        bumps = [doubles.exp(-(((part - centre) / 0.25) ** 2)) for centre in (0.0, 0.5, 1.0)]
        own = np.stack([*places, *bumps], axis=1).clip(0, 4)
        return np.concatenate([self.of_phones(utterance)[which], own], axis=1).astype(np.float32)

    def _names(self, phones: Sequence[Phone]) -> np.ndarray:
        """What the phones around are called, one-hot each; nothing beyond the ends, or for a phone never seen."""
        numbers = np.array([self._numbers.get(phone.symbol, -1) for phone in phones])
        found = np.zeros((len(phones), len(AROUND), len(self.symbols)), np.float32)
        for n, by in enumerate(AROUND):
            where = np.arange(len(phones)) + by
            known = (where >= 0) & (where < len(phones))
            known[known] = numbers[where[known]] >= 0
            found[known, n, numbers[where[known]]] = 1
        return found.reshape(len(phones), -1)


def _stress(phones: Sequence[Phone]) -> np.ndarray:
    """Of the phone's syllable, the one before and the one after, one-hot; and whether the phone is a pause."""
    stresses = {phone.syllable: phone.stress for phone in phones if phone.symbol != PAUSE}
    rows = []
    for phone in phones:
        quiet = phone.symbol == PAUSE
        around = (stresses.get(phone.syllable + by, -1) for by in (-1, 0, 1))
        rows.append([float(quiet), *(float(one == level and not quiet) for one in around for level in (0, 1, 2))])
    return np.array(rows, np.float32)


def _places(phones: Sequence[Phone]) -> np.ndarray:
    """Of smaller things in larger ones: from the beginning, from the end, and how many there are; and from pauses."""
    sound = [n for n, phone in enumerate(phones) if phone.symbol != PAUSE]
    found = np.zeros((len(phones), 26), np.float32)
    if not sound:
        return found
    spoken = [phones[n] for n in sound]
    syllable, word, phrase = (
        np.array([getattr(phone, name) for phone in spoken]) for name in ("syllable", "word", "phrase")
    )
    every = np.zeros(len(spoken), int)
    own = np.arange(len(spoken))
    columns: list[np.ndarray] = []
    for small, large in (
        (own, syllable),
        (own, word),
        (syllable, word),
        (syllable, phrase),
        (word, phrase),
        (phrase, every),
        (word, every),
    ):
        first, last = _ends(small, large)
        columns += [small - first, last - small, last - first + 1]
    stressed = np.unique(syllable[[phone.stress == 2 for phone in spoken]])
    before = stressed.searchsorted(syllable, side="left") - 1
    after = stressed.searchsorted(syllable, side="right")
    if len(stressed):
        columns.append(np.where(before >= 0, syllable - stressed[before.clip(0)], 2 * MOST))
        columns.append(np.where(after < len(stressed), stressed[after.clip(0, len(stressed) - 1)] - syllable, 2 * MOST))
    else:
        columns += [np.full(len(spoken), 2 * MOST)] * 2
    runs = np.cumsum(np.diff(sound, prepend=sound[0] - 1) > 1)  # numbers of the stretches between pauses
    first, last = _ends(own, runs)
    columns += [own - first, last - own, last - first + 1]
    found[sound] = np.minimum(np.stack(columns, axis=1), 2 * MOST) / MOST
    return found


def _ends(small: np.ndarray, large: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each, the numbers of the first and the last small thing in the same large one. Both rise."""
    first, last = large.searchsorted(large, side="left"), large.searchsorted(large, side="right") - 1
    return small[first], small[last]
