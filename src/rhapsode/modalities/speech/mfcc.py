"""Mel-frequency cepstra (Davis & Mermelstein 1980): what a sound is like from moment to moment, for comparing."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rhapsode.modalities.speech.utterance import Sound

HOP = 0.005
"""Seconds from frame to frame. Frame t is centred at t * HOP."""
WINDOW = 0.016
"""Seconds that a frame sees: longer ones hear what begins after silence too early."""
LOW, HIGH = 80.0, 7600.0
"""Hz between which sounds are compared; recordings of few samples a second end lower, see `highest`."""
FILTERS = 30
SIZE = 13
"""Numbers of a frame; the first is its loudness."""
EMPHASIS = 0.97
QUIET = 1e-5
"""Amplitude of the noise below which all is silence: steps of 16 bits are three times as large."""
BLOCK = 4096
"""Frames that are computed at a time, so that long sounds need little memory."""


def highest(rate: int) -> float:
    """Hz up to which a sound of this rate has something to compare."""
    return min(HIGH, 0.47 * rate)


def mfcc(sound: Sound, high: float | None = None) -> np.ndarray:
    """[T, SIZE] float32 of a sound: T is 1 + its seconds / HOP, rounded down. high: Hz, at most `highest(sound.rate)`,
    which it is by default; sounds of any rates compare if it is the same."""
    high = highest(sound.rate) if high is None else high
    width = round(WINDOW * sound.rate)
    size = 1 << (width - 1).bit_length()
    samples = np.asarray(sound.samples, np.float64)
    samples = np.append(samples[:1], samples[1:] - EMPHASIS * samples[:-1])
    frames = 1 + int(sound.seconds / HOP)
    padded = np.pad(samples, (width // 2, width + 1))
    # The rate need not be a multiple of the frames in a second: each frame begins at the nearest sample.
    begins = np.rint(np.arange(frames) * HOP * sound.rate).astype(np.int64)
    window = np.hamming(width)
    bank, cosine = _filters(sound.rate, size, high), _cosine()
    noise = (QUIET**2 * np.sum(window**2)) * bank.sum(0)
    found = np.empty((frames, SIZE), np.float32)
    for at in range(0, frames, BLOCK):
        cut = padded[begins[at : at + BLOCK, None] + np.arange(width)] * window
        power = np.abs(np.fft.rfft(cut, size)) ** 2
        found[at : at + BLOCK] = np.log(power @ bank + noise) @ cosine
    return found


def deltas(frames: np.ndarray, reach: int = 2) -> np.ndarray:
    """[T, 3 D]: frames [T, D], their slopes over `reach` frames to both sides, and the slopes of these."""
    first = _slope(frames, reach)
    return np.concatenate([frames, first, _slope(first, reach)], axis=1)


def _slope(frames: np.ndarray, reach: int) -> np.ndarray:
    padded = np.pad(frames, ((reach, reach), (0, 0)), mode="edge")
    total = sum(
        n * (padded[reach + n : reach + n + len(frames)] - padded[reach - n : reach - n + len(frames)])
        for n in range(1, reach + 1)
    )
    return np.asarray(total / (2 * sum(n * n for n in range(1, reach + 1))), frames.dtype)


@lru_cache(maxsize=8)
def _filters(rate: int, size: int, high: float) -> np.ndarray:
    """[size // 2 + 1, FILTERS]: triangles evenly spaced in mel, each of area 1 in Hz, whatever the rate."""
    low, top = (float(2595 * np.log10(1 + each / 700)) for each in (LOW, high))
    edges = 700 * (10 ** (np.linspace(low, top, FILTERS + 2) / 2595) - 1)
    hz = np.arange(size // 2 + 1)[:, None] * rate / size
    rise, fall = (hz - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - hz) / np.diff(edges)[1:]
    bank = np.maximum(np.minimum(rise, fall), 0)
    # The lowest are narrower than a bin.
    bank[np.rint(edges[1:-1] * size / rate).astype(int), np.arange(FILTERS)] += 1e-3
    return np.asarray(bank / bank.sum(0))


@lru_cache(maxsize=1)
def _cosine() -> np.ndarray:
    """[FILTERS, SIZE]: the orthonormal cosine transform."""
    angle = np.pi / FILTERS * (np.arange(FILTERS)[:, None] + 0.5) * np.arange(SIZE)
    basis = np.sqrt(2 / FILTERS) * np.cos(angle)
    basis[:, 0] /= np.sqrt(2)
    return np.asarray(basis)
