"""Acoustics: what a vocoder finds in a recording, frame by frame, and makes sound of again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.speech.utterance import Sound

HOP = 0.005
"""Seconds from frame to frame, as Fan et al. 2014 have it."""
LOWEST, HIGHEST = 60.0, 400.0
"""Hz, between which F0 is sought: those of most speakers."""
AT_ONCE = 128
"""Frames that are computed at a time, so that memory does not grow with the recording."""
LONGEST = 600
"""Seconds that are analysed at once."""
RATES = 8000, 96000
"""Samples a second."""
USUAL = 120.0
"""Hz, the F0 of what has none."""


@dataclass(frozen=True)
class Acoustics:
    """spectrum: [N, S] float64, the coded spectral envelope; aperiodicity: [N, A] float64, coded, A may be 0; what
    these numbers mean, the vocoder says. f0: [N] float64, Hz, 0 where unvoiced. hop: seconds from frame to frame, frame
    n is centred at n * hop. rate: of the sound, samples in a second. vocoder: its name."""

    spectrum: np.ndarray
    aperiodicity: np.ndarray
    f0: np.ndarray
    hop: float
    rate: int
    vocoder: str

    def __len__(self) -> int:
        return len(self.f0)

    @property
    def voiced(self) -> np.ndarray:
        """[N] bool."""
        return np.asarray(self.f0 > 0)

    @property
    def seconds(self) -> float:
        return len(self) * self.hop

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> Acoustics:
        """The same with its three arrays as `change` makes them."""
        spectrum, aperiodicity, f0 = map(change, (self.spectrum, self.aperiodicity, self.f0))
        return replace(self, spectrum=spectrum, aperiodicity=aperiodicity, f0=f0)


def chained(parts: Sequence[Acoustics]) -> Acoustics:
    """Frames of several, at least one, one after another; all are of one rate, hop and vocoder."""
    spectrum, aperiodicity, f0 = (
        np.concatenate([getattr(each, name) for each in parts]) for name in ("spectrum", "aperiodicity", "f0")
    )
    return replace(parts[0], spectrum=spectrum, aperiodicity=aperiodicity, f0=f0)


class Vocoder(Protocol):
    """analyse and synthesise are each other's inverse but for what the code leaves out."""

    name: str

    def dims(self, rate: int) -> tuple[int, int]:
        """S and A at this rate."""
        ...

    def analyse(self, sound: Sound, hop: float = HOP) -> Acoustics:
        """Frames, one every `hop` seconds: `frames` says how many. Raises `UserError`."""
        ...

    def synthesise(self, acoustics: Acoustics) -> Sound:
        """len(acoustics) * hop seconds, within -1 to 1."""
        ...

    def envelope(self, acoustics: Acoustics, bins: int) -> np.ndarray:
        """[N, bins] float64, power at `bins` frequencies from 0 to rate / 2, evenly spaced; above 0."""
        ...


def frames(sound: Sound, hop: float = HOP) -> int:
    """How many frames a vocoder makes of it: one at 0 and at each `hop` after it that is within the sound."""
    return int(round(len(sound.samples) / sound.rate / hop, 6)) + 1 if len(sound.samples) else 0


def log_f0(f0: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[N] Hz, 0 where unvoiced → ([N] log Hz, [N] bool: where voiced).

    Where unvoiced, it is a straight line between its neighbours (F0 exponential, as Fan et al. 2014); before the first
    and after the last voiced frame it is held; that of `USUAL` if none is voiced.
    """
    voiced = f0 > 0
    if not voiced.any():
        return np.full(len(f0), np.log(USUAL)), voiced
    at = np.flatnonzero(voiced)
    return np.interp(np.arange(len(f0)), at, np.log(f0[at])), voiced


def centres(count: int, hop: float, rate: int) -> np.ndarray:
    """[count] the sample nearest to the centre of each frame."""
    return np.asarray(np.rint(np.arange(count) * hop * rate).astype(np.intp))


def around(samples: np.ndarray, middle: np.ndarray, length: int) -> np.ndarray:
    """[n, length] of the samples [N] around each middle [n], which is number length // 2; zeros beyond the ends."""
    padded = np.concatenate([np.zeros(length), samples, np.zeros(length)])
    first = np.clip(middle - length // 2, -length, len(samples)) + length
    return np.asarray(padded[first[:, None] + np.arange(length)])


def checked(sound: Sound, hop: float = HOP) -> Sound:
    """The same. Raises `UserError` if a vocoder cannot analyse it."""
    low, high = RATES
    if not low <= sound.rate <= high:
        raise UserError(f"a sound of {sound.rate} samples a second: {low} to {high} can be analysed. Resample it.")
    if not 0.001 <= hop <= 0.05:
        raise UserError(f"a frame every {hop:g} seconds: 0.001 to 0.05 are possible, 0.005 is usual.")
    if sound.seconds > LONGEST:
        raise UserError(
            f"a sound of {sound.seconds / 60:,.1f} minutes: up to {LONGEST // 60} are analysed at once. "
            "Cut it at its pauses."
        )
    if not np.isfinite(sound.samples).all():
        raise UserError("a sound with samples that are not numbers. Its file is damaged: write it again.")
    return sound


def within(lowest: float, highest: float) -> tuple[float, float]:
    """The same. Raises `UserError` if F0 cannot be sought between them."""
    if not (lowest >= 40 and 1.5 * lowest <= highest <= 1000):
        raise UserError(
            f"F0 from {lowest:g} to {highest:g} Hz: the lowest must be at least 40, the highest at most 1000 and "
            f"1.5 times the lowest. {LOWEST:g} to {HIGHEST:g} are usual."
        )
    return lowest, highest


def loud(samples: np.ndarray, rate: int) -> Sound:
    """The samples, softer if they are louder than a sound can be."""
    return Sound(samples / max(1.0, float(np.abs(samples).max(initial=0))), rate)
