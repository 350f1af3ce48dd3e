"""The vocoder of Fan, Qian, Xie & Soong 2014 in plain numpy: line spectral frequencies, and pulses or noise.

What is more than theirs: the spectrum is smoothed over F0 before it is modelled (after Morise 2015), so that it does
not follow the harmonics; and voiced frames have noise in them, so much in each band.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from rhapsode.modalities.speech.acoustics import (
    AT_ONCE,
    HIGHEST,
    HOP,
    LOWEST,
    Acoustics,
    around,
    centres,
    checked,
    frames,
    log_f0,
    loud,
    within,
)
from rhapsode.modalities.speech.lsf import apart, frequencies, predictor, response
from rhapsode.modalities.speech.pitch import pitch
from rhapsode.modalities.speech.utterance import Sound

EDGES = (0, 1000, 2000, 4000, 6000, 8000, 12000, 16000, 24000)
"""Hz, of the bands that have a share of noise each."""
UNVOICED = 120.0
"""Hz: where there is no F0, windows are as if it were this."""
QUIET = 1e-10
"""Power of the rounding of 16 bits, and of silence."""
SHARP = 20.0
"""Hz, the least distance of two line spectral frequencies when made sound of: a tone any sharper would ring on."""
LEAST = -40.0
"""dB, no less of a band is noise."""
PAIR = 0.015
"""Seconds that are held beside what is a period later."""
DRIFT, DRIFTS = 1.5e-4, 9
"""Seconds by which a period may be longer or shorter in a band; how many such are tried."""
WAVE = 8
"""Samples to each side of a pulse, which is a windowed sinc: it may lie between samples."""
TAIL = 0.045
"""Seconds for which a filter rings."""


class Lsp:
    """spectrum: natural logarithm of the power that linear prediction leaves, then line spectral frequencies, radians.
    aperiodicity: dB, -40 to 0, the share of noise in the power of each band. The same input gives the same output.

    lowest, highest: Hz, between which F0 is sought. Raises `UserError`.
    """

    name = "lsp"

    def __init__(self, lowest: float = LOWEST, highest: float = HIGHEST) -> None:
        self.lowest, self.highest = within(lowest, highest)

    def dims(self, rate: int) -> tuple[int, int]:
        return _order(rate) + 1, len(_bands(rate)) - 1

    def analyse(self, sound: Sound, hop: float = HOP) -> Acoustics:
        checked(sound, hop)
        count = frames(sound, hop)
        f0 = pitch(sound, hop, self.lowest, self.highest)
        middle = centres(count, hop, sound.rate)
        parts = [slice(first, first + AT_ONCE) for first in range(0, count, AT_ONCE)]
        spectrum = [_spectrum(sound, middle[part], f0[part], self.lowest) for part in parts]
        noise = [_noise(sound, middle[part], f0[part]) for part in parts]
        dims = self.dims(sound.rate)
        return Acoustics(
            np.concatenate([np.zeros((0, dims[0])), *spectrum]),
            np.concatenate([np.zeros((0, dims[1])), *noise]),
            f0,
            hop,
            sound.rate,
            self.name,
        )

    def synthesise(self, acoustics: Acoustics) -> Sound:
        rate, count = acoustics.rate, len(acoustics)
        if not count:
            return Sound(np.zeros(0), rate)
        middle = centres(count + 1, acoustics.hop, rate)
        reach = int(np.diff(middle).max())
        behind, ahead = np.diff(middle, prepend=-reach)[:-1, None], np.diff(middle)[:, None]
        size = 1 << int(2 * reach + TAIL * rate).bit_length()
        sound = np.zeros(int(middle[-1]) + reach + size)
        pulses, noise = _excitation(acoustics, int(middle[-1]))
        spectrum = _apart(acoustics)
        at = np.arange(2 * reach) - reach
        for first in range(0, count, AT_ONCE):
            part = slice(first, first + AT_ONCE)
            where = middle[:-1][part]
            # Neighbours fade into each other, and add up to 1.
            fade = np.clip(np.where(at < 0, 1 + at / behind[part], 1 - at / ahead[part]), 0, 1)
            filters = np.exp(spectrum[part, :1] / 2) / response(spectrum[part, 1:], size // 2 + 1)
            share = _shares(acoustics.aperiodicity[part], acoustics.f0[part], rate, size // 2 + 1)
            voice = np.fft.rfft(around(pulses, where, 2 * reach) * fade, size) * np.sqrt(1 - share)
            breath = np.fft.rfft(around(noise, where, 2 * reach) * fade, size) * np.sqrt(share)
            for start, ringing in zip(where, np.fft.irfft((voice + breath) * filters, size), strict=True):
                sound[start : start + size] += ringing
        return loud(sound[reach : reach + int(middle[-1])], rate)

    def envelope(self, acoustics: Acoustics, bins: int) -> np.ndarray:
        spectrum = _apart(acoustics)
        return np.asarray(np.exp(spectrum[:, :1]) / np.abs(response(spectrum[:, 1:], bins)) ** 2)


def _order(rate: int) -> int:
    """Of linear prediction: 40 at 16 kHz, as the paper; 20 at 8 kHz, 60 from 24 kHz on."""
    return min(2 * (rate // 800), 60)


def _bands(rate: int) -> np.ndarray:
    """Edges of bands, Hz."""
    return np.array([*(edge for edge in EDGES if edge < rate / 2), rate / 2])


def _apart(acoustics: Acoustics) -> np.ndarray:
    """Its spectrum, whose filters are stable."""
    lines = apart(acoustics.spectrum[:, 1:], 2 * np.pi * SHARP / acoustics.rate)
    return np.concatenate([acoustics.spectrum[:, :1], lines], axis=1)


def _spectrum(sound: Sound, middle: np.ndarray, f0: np.ndarray, lowest: float) -> np.ndarray:
    """[N, 1 + order]. A window is of three periods; what it sees is averaged over two thirds of F0 in the power."""
    rate, order = sound.rate, _order(sound.rate)
    f0 = np.where(f0 > 0, f0, UNVOICED)[:, None]
    length = 2 * int(1.5 * rate / min(lowest, UNVOICED)) + 1
    at = np.arange(length) - length // 2
    shape = np.where(np.abs(at) < 1.5 * rate / f0, 0.5 + 0.5 * np.cos(2 * np.pi * at * f0 / (3 * rate)), 0.0)
    shape /= np.sqrt((shape**2).sum(axis=1, keepdims=True))
    size = 1 << length.bit_length()
    power = np.abs(np.fft.rfft(around(sound.samples, middle, length) * shape, size)) ** 2
    # Averaging is the same as multiplying the autocorrelation by a sinc; a Gaussian takes what sharpness is left.
    lags = np.arange(order + 1)
    correlation = np.fft.irfft(power)[:, : order + 1]
    correlation *= np.sinc(2 / 3 * f0 * lags / rate) * np.exp(-0.5 * (2 * np.pi * SHARP * lags / rate) ** 2)
    correlation[:, 0] = correlation[:, 0] * (1 + 1e-6) + QUIET
    found, left = predictor(correlation)
    return np.concatenate([np.log(left)[:, None], frequencies(found)], axis=1)


def _noise(sound: Sound, middle: np.ndarray, f0: np.ndarray) -> np.ndarray:
    """[N, A] dB. A band is as periodic as it is like itself a period later: that is the share of its power that is."""
    rate, edges = sound.rate, _bands(sound.rate)
    period = rate / np.where(f0 > 0, f0, UNVOICED)
    before = middle - np.rint(period / 2).astype(np.intp)
    after = before + np.rint(period).astype(np.intp)
    length = 2 * round(PAIR / 2 * rate)
    size = 1 << (length - 1).bit_length()
    one, two = (np.fft.rfft(around(sound.samples, at, length) * np.hanning(length), size) for at in (before, after))
    cross = one * two.conj()
    # A period is no whole number of samples, and changes.
    turns = np.exp(-2j * np.pi * np.arange(size // 2 + 1)[:, None] / size * np.linspace(-DRIFT, DRIFT, DRIFTS) * rate)
    bins = np.searchsorted(np.arange(size // 2 + 1) * rate / size, edges)
    periodic = []
    for low, high in pairwise(bins):
        power = (np.abs(one[:, low:high]) ** 2).sum(axis=1) * (np.abs(two[:, low:high]) ** 2).sum(axis=1)
        alike = (cross[:, low:high] @ turns[low:high]).real.max(axis=1)
        periodic.append(alike / np.sqrt(power + QUIET**2))
    share = np.where(f0[:, None] > 0, 1 - np.stack(periodic, axis=1), 1.0)
    return np.asarray(10 * np.log10(np.clip(share, 10 ** (LEAST / 10), 1)))


def _shares(coded: np.ndarray, f0: np.ndarray, rate: int, bins: int) -> np.ndarray:
    """dB [N, A] → [N, bins], the share of noise in the power: between the middles of bands on a line, in dB."""
    edges = _bands(rate)
    middles = (edges[1:] + edges[:-1]) / 2
    weights = np.stack([np.interp(np.linspace(0, rate / 2, bins), middles, row) for row in np.eye(len(middles))])
    share = 10 ** (np.clip(coded, LEAST, 0) @ weights / 10)
    return np.where(f0[:, None] > 0, share, 1.0)


def _excitation(acoustics: Acoustics, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pulses, one a period, and noise: [count] samples each, of power 1."""
    rate = acoustics.rate
    line, _ = log_f0(acoustics.f0)
    f0 = np.exp(np.interp(np.arange(count) / rate, np.arange(len(line)) * acoustics.hop, line))
    passed = np.concatenate([[0.0], np.cumsum(f0 / rate)])
    at = np.interp(np.arange(1, int(passed[-1]) + 1), passed, np.arange(count + 1))
    near = np.floor(at).astype(np.intp)[:, None] + np.arange(1 - WAVE, WAVE + 1)
    off = near - at[:, None]
    height = np.sqrt(rate / f0[np.minimum(at.astype(np.intp), count - 1)])[:, None]
    pulses = np.zeros(count + 2 * WAVE)
    np.add.at(pulses, near + WAVE, height * np.sinc(off) * (0.5 + 0.5 * np.cos(np.pi * off / WAVE)))
    return pulses[WAVE : WAVE + count], np.random.default_rng(0).standard_normal(count)
