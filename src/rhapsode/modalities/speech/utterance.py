"""An utterance: what is said, phone by phone, and what is known of how it sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rhapsode.modalities.speech.acoustics import Acoustics

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
class Asked:
    """How phones are to be said: speed: [P], 2 is twice as fast; pitch: [P], 2 is an octave higher; seconds: [P], how
    long those last whose length is given, nan for others. All float64."""

    speed: np.ndarray
    pitch: np.ndarray
    seconds: np.ndarray

    @property
    def anything(self) -> bool:
        """Whether it changes something."""
        return bool((self.speed != 1).any() or (self.pitch != 1).any() or np.isfinite(self.seconds).any())


@dataclass(frozen=True)
class Utterance:
    """phones in order; times: [P + 1] float64, seconds, where each begins and the last one ends, if that is known;
    speaker: empty where there is but one; sound: gives what was recorded or made, if anything was; acoustics:
    the same as frames, the first one at times[0]; melody: [P] float64, Hz, see `speech.melody`; path: of the recording,
    if it is a file; root: the folder that was given, in which it was found; asked: what is asked for of one that has
    yet to be said."""

    phones: tuple[Phone, ...]
    times: np.ndarray | None = None
    text: str = ""
    name: str = ""
    speaker: str = ""
    sound: Callable[[], Sound] | None = None
    acoustics: Callable[[], Acoustics] | None = None
    melody: np.ndarray | None = None
    path: Path | None = None
    root: Path | None = None
    asked: Asked | None = None

    def __len__(self) -> int:
        return len(self.phones)

    def words(self) -> list[tuple[float, float, str]]:
        """Where each word and each pause (an empty one) begins and ends, in seconds; there are times. Words are as the
        text has them, if it has as many; else their phones."""
        assert self.times is not None
        times, written = self.times.tolist(), self.text.split()
        found: list[tuple[float, float, str]] = []
        for key, group in groupby(
            enumerate(self.phones), lambda each: None if each[1].symbol == PAUSE else each[1].word
        ):
            places, phones = zip(*group, strict=True)
            label = "" if key is None else "".join(phone.symbol for phone in phones)
            found.append((times[places[0]], times[places[-1] + 1], label))
        spoken = [at for at, (_, _, label) in enumerate(found) if label]
        if len(spoken) == len(written):
            for at, word in zip(spoken, written, strict=True):
                found[at] = (*found[at][:2], word)
        return found


def joined(utterances: Sequence[Utterance]) -> Utterance:
    """One after another, as one. All have times, and sound and acoustics at one rate. Raises `ValueError` for none.

    Sounds are as long as times say. Frames are not: each utterance has one at its end, too. So those of the whole are
    the nearest to its own moments, a hop apart.
    """
    if not utterances:
        raise ValueError("no utterance to join")
    if len(utterances) == 1:
        return utterances[0]
    phones, times = list[Phone](), [np.zeros(1)]
    for one in utterances:
        last = phones[-1] if phones else Phone(PAUSE, syllable=-1, word=-1, phrase=-1)
        by = {name: getattr(last, name) + 1 for name in ("syllable", "word", "phrase")}
        phones += [replace(phone, **{name: getattr(phone, name) + n for name, n in by.items()}) for phone in one.phones]
        assert one.times is not None
        times.append(times[-1][-1] + one.times[1:] - one.times[0])
    ends = np.array([each[-1] for each in times])

    def sound() -> Sound:
        found = [one.sound() for one in utterances if one.sound]
        return Sound(np.concatenate([each.samples for each in found]), found[0].rate)

    def acoustics() -> Acoustics:
        found = [one.acoustics() for one in utterances if one.acoustics]
        counts, hop = np.array([len(each) for each in found]), found[0].hop
        at = np.arange(round(ends[-1] / hop) + 1) * hop
        which = ends[1:].searchsorted(at, side="right").clip(max=len(found) - 1)
        places = np.rint((at - ends[which]) / hop).astype(int).clip(0, counts[which] - 1)
        places += (counts.cumsum() - counts)[which]
        spectrum, aperiodicity, f0 = (
            np.concatenate([getattr(each, name) for each in found])[places]
            for name in ("spectrum", "aperiodicity", "f0")
        )
        return replace(found[0], spectrum=spectrum, aperiodicity=aperiodicity, f0=f0)

    melodies = [one.melody for one in utterances if one.melody is not None]
    return replace(
        utterances[0],
        phones=tuple(phones),
        times=np.concatenate(times),
        text=" ".join(one.text for one in utterances),
        sound=sound,
        acoustics=acoustics,
        melody=np.concatenate(melodies) if len(melodies) == len(utterances) else None,
        asked=None,
    )
