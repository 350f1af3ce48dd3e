"""An utterance: what is said, phone by phone, and what is known of how it sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from rhapsode.errors import UserError

if TYPE_CHECKING:
    from rhapsode.modalities.speech.acoustics import Acoustics

PAUSE = "_"
"""The phone of silence."""
TOGETHER = 3
"""Words of a text that are said as one, at the most."""


@dataclass(frozen=True)
class Sound:
    """samples: [N] float64, -1 to 1, one channel; rate: of them in a second."""

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


class NoSound(UserError):
    """There is no recording, or it cannot be read. why: in a word, of several to be told together."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


def unrecorded() -> Sound:
    """The sound of an utterance that has none. Raises `NoSound`."""
    raise NoSound("there is no recording of it. Leave it out, or give one.", "without a recording")


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
class Delivery:
    """How phones are to be said: speed: [P], 2 is twice as fast; pitch: [P], 2 is an octave higher; seconds: [P], how
    long those last whose length is given, nan for others. All float64."""

    speed: np.ndarray
    pitch: np.ndarray
    seconds: np.ndarray

    @property
    def anything(self) -> bool:
        """Whether it changes something."""
        return bool((self.speed != 1).any() or (self.pitch != 1).any() or np.isfinite(self.seconds).any())


Kind = TypeVar("Kind", bound="Utterance")


@dataclass(frozen=True)
class Utterance:
    """phones in order; speaker: empty where there is but one; sound: gives what was recorded or made, and raises
    `NoSound` where nothing was; path: of the recording, if it is a file; root: the folder that was given, in which it
    was found; delivery: how one that has yet to be said should be."""

    phones: tuple[Phone, ...]
    text: str = ""
    name: str = ""
    speaker: str = ""
    sound: Callable[[], Sound] = unrecorded
    path: Path | None = None
    root: Path | None = None
    delivery: Delivery | None = None

    def __len__(self) -> int:
        return len(self.phones)

    @property
    def recorded(self) -> bool:
        """Whether there is a sound. It may be damaged."""
        return self.sound is not unrecorded

    def to(self, kind: type[Kind], **changes: Any) -> Kind:
        """The same as a `Timed` or `Spoken` one, or without what these have more; with these fields changed."""
        own = {each.name: getattr(self, each.name) for each in fields(kind) if hasattr(self, each.name)}
        return kind(**{**own, **changes})


@dataclass(frozen=True)
class Timed(Utterance):
    """An utterance of which it is known when each phone is said.

    times: [P + 1] float64, seconds, where each phone begins and the last one ends; melody: [P] float64, Hz, see
    `speech.melody`, if it is known.
    """

    times: np.ndarray = field(kw_only=True)
    melody: np.ndarray | None = field(default=None, kw_only=True)

    @property
    def seconds(self) -> float:
        """From the beginning of the first phone to the end of the last."""
        return float(self.times[-1] - self.times[0])

    def frames(self, hop: float) -> int:
        """How many frames it has, of which one begins each `hop` seconds."""
        return round(self.seconds / hop) + 1

    def words(self) -> list[tuple[float, float, str]]:
        """Where each word and each pause (an empty one) begins and ends, in seconds. Words are as the text has them, if
        it can be told which these are; else their phones."""
        times = self.times.tolist()
        found: list[tuple[float, float, str]] = []
        lengths: list[int] = []
        for key, group in groupby(
            enumerate(self.phones), lambda each: None if each[1].symbol == PAUSE else each[1].word
        ):
            places, phones = zip(*group, strict=True)
            label = "" if key is None else "".join(phone.symbol for phone in phones)
            found.append((times[places[0]], times[places[-1] + 1], label))
            lengths += [len(phones)] if label else []
        spoken = [at for at, (_, _, label) in enumerate(found) if label]
        for at, word in zip(spoken, as_written(self.text, lengths), strict=False):
            found[at] = (*found[at][:2], word)
        return found


def as_written(text: str, lengths: Sequence[int]) -> list[str]:
    """The text of each word, given how many phones these have; nothing if it cannot be told.

    Where a text has more words than are said, some are said as one (`of the`): those with which words have the most
    even number of letters to a phone, by dynamic programming.
    """
    whole = text.split()
    written = [word for word in whole if any(letter.isalnum() for letter in word)]
    for known in (written, whole):  # a dash is not said, and `&` may be
        if len(known) == len(lengths):
            return known
    more = len(written) - len(lengths)
    if not 0 < more <= len(lengths) or any(letter.isdigit() for letter in text):
        return []
    letters = np.cumsum([0, *(sum(letter.isalnum() for letter in word) for word in written)]).tolist()
    a_phone = letters[-1] / max(1, sum(lengths))
    best: dict[int, tuple[float, Any]] = {0: (0.0, None)}
    """Words of the text that were used → the least cost, and where the last word ends, with the same of it before."""
    for count, length in enumerate(lengths, 1):
        new: dict[int, tuple[float, Any]] = {}
        for used, (cost, before) in best.items():
            for end in range(used + 1, min(used + TOGETHER, count + more) + 1):
                total = cost + (letters[end] - letters[used] - a_phone * length) ** 2
                if end not in new or total < new[end][0]:
                    new[end] = total, (end, before)
        best = new
    if len(written) not in best:
        return []
    ends, last = [0], best[len(written)][1]
    while last is not None:
        ends.insert(1, last[0])
        last = last[1]
    return [" ".join(written[begin:end]) for begin, end in pairwise(ends)]


@dataclass(frozen=True)
class Spoken(Timed):
    """An utterance that a vocoder has heard, or a voice has said. acoustics: gives its sound as frames, of which the
    first one is at times[0]; given: [P] float64, Hz, the melody that a voice was given, which it may not quite keep."""

    acoustics: Callable[[], Acoustics] = field(kw_only=True)
    given: np.ndarray | None = field(default=None, kw_only=True)

    def frames(self, hop: float) -> int:
        return len(self.acoustics())


def joined(utterances: Sequence[Spoken]) -> Spoken:
    """One after another, as one. All have sound and acoustics at one rate. Raises `ValueError` for none.

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
        times.append(times[-1][-1] + one.times[1:] - one.times[0])
    ends = np.array([each[-1] for each in times])

    def sound() -> Sound:
        found = [one.sound() for one in utterances]
        return Sound(np.concatenate([each.samples for each in found]), found[0].rate)

    def acoustics() -> Acoustics:
        found = [one.acoustics() for one in utterances]
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
        given=None,
        delivery=None,
    )
