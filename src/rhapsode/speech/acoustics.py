"""Acoustics: what a vocoder finds in a recording, frame by frame, and makes sound of again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rhapsode.speech.utterance import Sound

HOP = 0.005
"""Seconds from frame to frame, as Fan et al. 2014 have it."""
LOWEST, HIGHEST = 60.0, 400.0
"""Hz, between which F0 is sought: those of most speakers."""
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
