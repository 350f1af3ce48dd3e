"""WORLD (Morise, Yokomori & Ozawa 2016) by pyworld: envelope by CheapTrick, aperiodicity by D4C, in WORLD's code."""

from __future__ import annotations

from typing import Any

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.modalities.speech.acoustics import (
    AT_ONCE,
    HIGHEST,
    HOP,
    LOWEST,
    Acoustics,
    centres,
    checked,
    frames,
    loud,
    within,
)
from rhapsode.modalities.speech.pitch import pitch
from rhapsode.modalities.speech.utterance import Sound

TRACKERS = ("pitch", "dio", "harvest")
LOVED = 0.85
"""Harvest takes nearly all for voiced; where D4C finds less than this periodic, it is not."""
NARROW = 12000
"""Samples a second, below which WORLD has no band whose aperiodicity it codes."""
LEAST = -60.0
"""dB, WORLD's aperiodicity at 0 Hz; it is 0 at the highest frequency."""


class World:
    """spectrum: WORLD's code of an envelope: the cosine transform of its logarithm on the mel scale. aperiodicity: dB,
    up to 0, every 3 kHz; none for less than 12000 samples a second.

    lowest, highest: Hz, between which F0 is sought. tracker: how: by `pitch`; by WORLD's DIO, about as fast, or
    Harvest, thirty times slower, either refined by StoneMask. Raises `UserError`, also if pyworld is not installed.
    """

    name = "world"

    def __init__(self, lowest: float = LOWEST, highest: float = HIGHEST, tracker: str = TRACKERS[0]) -> None:
        self.lowest, self.highest = within(lowest, highest)
        if tracker not in TRACKERS:
            raise choice("tracker of F0", tracker, TRACKERS)
        self.tracker = tracker
        self._world = _imported()

    def dims(self, rate: int) -> tuple[int, int]:
        return (25 if rate < NARROW else 40 if rate < 32000 else 60), _bands(rate)

    def analyse(self, sound: Sound, hop: float = HOP) -> Acoustics:
        checked(sound, hop)
        world, rate, (order, bands) = self._world, sound.rate, self.dims(sound.rate)
        count = frames(sound, hop)
        # WORLD reads beyond what is very short.
        samples = np.concatenate([sound.samples, np.zeros(rate // 10)]).astype(np.float64)
        times = np.arange(count) * hop
        f0 = self._f0(Sound(samples, rate), hop)[:count] if count else np.zeros(0)
        size = world.get_cheaptrick_fft_size(rate, self.lowest)
        spectrum, aperiodicity = np.zeros((count, order)), np.zeros((count, bands))
        for first in range(0, count, AT_ONCE):
            part = slice(first, first + AT_ONCE)
            envelope = world.cheaptrick(samples, f0[part], times[part], rate, fft_size=size)
            spectrum[part] = world.code_spectral_envelope(envelope, rate, order)
            # D4C has nothing to say without bands, and reads what is not there.
            if bands:
                threshold = LOVED if self.tracker == "harvest" else 0.0
                noise = world.d4c(samples, f0[part], times[part], rate, threshold=threshold, fft_size=size)
                f0[part] = np.where(noise.min(axis=1) > 0.999, 0.0, f0[part])
                aperiodicity[part] = world.code_aperiodicity(noise, rate)
        return Acoustics(spectrum, aperiodicity, f0, hop, rate, self.name)

    def synthesise(self, acoustics: Acoustics) -> Sound:
        if not len(acoustics):
            return Sound(np.zeros(0), acoustics.rate)
        bins = self._world.get_cheaptrick_fft_size(acoustics.rate, self.lowest) // 2 + 1
        f0 = np.ascontiguousarray(acoustics.f0, np.float64)
        noise = self._noise(acoustics, bins)
        samples = self._world.synthesize(
            f0, self.envelope(acoustics, bins), noise, acoustics.rate, acoustics.hop * 1000
        )
        count = int(centres(len(acoustics) + 1, acoustics.hop, acoustics.rate)[-1])
        return loud(np.concatenate([samples, np.zeros(count)])[:count], acoustics.rate)

    def envelope(self, acoustics: Acoustics, bins: int) -> np.ndarray:
        size = self._world.get_cheaptrick_fft_size(acoustics.rate, self.lowest)
        coded = np.ascontiguousarray(acoustics.spectrum, np.float64)
        if not len(coded):
            return np.ones((0, bins))
        found = self._world.decode_spectral_envelope(coded, acoustics.rate, size)
        if bins == found.shape[1]:
            return np.asarray(found)
        at = np.linspace(0, found.shape[1] - 1, bins)
        low = np.minimum(at.astype(np.intp), found.shape[1] - 2)
        return np.asarray(np.exp(np.log(found[:, low]) * (1 - at + low) + np.log(found[:, low + 1]) * (at - low)))

    def _f0(self, sound: Sound, hop: float) -> np.ndarray:
        if self.tracker == "pitch":
            return pitch(sound, hop, self.lowest, self.highest)
        track = self._world.harvest if self.tracker == "harvest" else self._world.dio
        found, times = track(sound.samples, sound.rate, self.lowest, self.highest, frame_period=hop * 1000)
        return np.asarray(self._world.stonemask(sound.samples, found, times, sound.rate))

    def _noise(self, acoustics: Acoustics, bins: int) -> np.ndarray:
        """Aperiodicity [N, bins], of amplitude; 1 where unvoiced."""
        if acoustics.aperiodicity.shape[1]:
            coded = np.ascontiguousarray(np.minimum(acoustics.aperiodicity, 0), np.float64)
            found = self._world.decode_aperiodicity(coded, acoustics.rate, 2 * (bins - 1))
        else:
            found = np.tile(10 ** (np.linspace(LEAST, 0, bins) / 20), (len(acoustics), 1))
        return np.ascontiguousarray(np.where(acoustics.voiced[:, None], found, 1.0))


def _bands(rate: int) -> int:
    """Of 3 kHz, up to 15 kHz, and 3 kHz below the highest frequency."""
    return int(min(15000, rate / 2 - 3000) / 3000)


def _imported() -> Any:
    try:
        import pyworld
    except ImportError:
        raise UserError(
            "vocoder 'world' is pyworld, which is not installed: pip install 'rhapsode[speech]'. "
            "Vocoder 'lsp' needs nothing installed."
        ) from None
    return pyworld
