"""F0 and voicing, after Boersma, "Accurate short-term analysis of the fundamental frequency" (1993): peaks of the
autocorrelation, divided by that of the window, and the cheapest path through them."""

from __future__ import annotations

import numpy as np

from rhapsode.modalities.speech.acoustics import AT_ONCE, HIGHEST, HOP, LOWEST, around, centres, frames
from rhapsode.modalities.speech.utterance import Sound

PERIODS = 2.5
"""Of the lowest F0 in a window."""
PASS, STOP = 1500.0, 3000.0
"""Hz, between which what is looked at fades out: higher harmonics are noisy."""
LAGS = 16000
"""Lags a second, about, at which the autocorrelation is computed; a parabola finds peaks between them."""
KEPT = 8
"""Peaks of a frame."""
VOICED, SILENT = 0.5, 0.02
"""A peak this high is voiced, where it is at least this loud beside the loudest: Boersma's thresholds."""
LOW, LEAP, TURN = 0.04, 0.6, 0.2
"""What an octave lower costs a peak; what a leap of an octave in 10 ms costs a path; what voicing on or off does."""


def pitch(sound: Sound, hop: float = HOP, lowest: float = LOWEST, highest: float = HIGHEST) -> np.ndarray:
    """[N] float64, Hz, 0 where unvoiced; N is `frames(sound, hop)`."""
    count = frames(sound, hop)
    middle, length = centres(count, hop, sound.rate), round(PERIODS / lowest * sound.rate)
    found = [
        _peaks(around(sound.samples, middle[first : first + AT_ONCE], length), sound.rate, lowest, highest)
        for first in range(0, count, AT_ONCE)
    ]
    if not found:
        return np.zeros(0)
    lags, heights, power = (np.concatenate(each) for each in zip(*found, strict=True))
    loud = np.sqrt(power / max(float(np.quantile(power, 0.99)), 1e-30))
    unvoiced = VOICED + np.maximum(0, 2 - loud * (1 + VOICED) / SILENT)
    tried = np.concatenate([np.zeros((count, 1)), 1 / lags], axis=1)
    worth = np.concatenate([unvoiced[:, None], heights - LOW * np.log2(lags * lowest)], axis=1)
    return np.asarray(tried[np.arange(count), _path(tried, worth, hop)])


def _peaks(windows: np.ndarray, rate: int, lowest: float, highest: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples [N, L] → seconds of lag [N, KEPT], heights [N, KEPT], power [N]; height -9 where there is no peak."""
    length = windows.shape[1]
    shape = np.hanning(length + 2)[1:-1]
    windows = (windows - windows.mean(axis=1, keepdims=True)) * shape
    size = 1 << (length + round(rate / lowest)).bit_length()
    much = 2 * round(size * LAGS / rate / 2)
    bins = min(size, much) // 2 + 1
    fade = np.clip((STOP - np.arange(bins) * rate / size) / (STOP - PASS), 0, 1)
    spectrum = np.abs(np.fft.rfft(windows, size)[:, :bins]) ** 2 * fade
    step = size / rate / much
    first, last = int(1 / highest / step), int(np.ceil(1 / lowest / step)) + 1
    whole = np.fft.irfft(spectrum, much)[:, : last + 1]
    power = whole[:, 0].copy()
    share = np.arange(first - 1, last + 1) * step * rate / length
    own = (1 - share) * (2 + np.cos(2 * np.pi * share)) / 3 + np.sin(2 * np.pi * share) / (2 * np.pi)
    height = whole[:, first - 1 :] / np.maximum(power, 1e-30)[:, None] / own
    left, here, right = height[:, :-2], height[:, 1:-1], height[:, 2:]
    peak = (here > left) & (here >= right)
    best = np.argpartition(np.where(peak, -here, 9.0), KEPT, axis=1)[:, :KEPT]
    left, here, right, peak = (np.take_along_axis(each, best, axis=1) for each in (left, here, right, peak))
    bend = np.where(peak, left - 2 * here + right, -1.0)
    off = np.where(peak, (left - right) / (2 * bend), 0.0)
    found = (first + best + off) * step
    kept = peak & (found >= 1 / highest) & (found <= 1 / lowest)
    # What is above 1 is the window's doing: such a peak is worth as much less.
    top = here - (left - right) * off / 4
    top = np.where(top > 1, 1 / np.maximum(top, 1), top)
    return np.clip(found, 1 / highest, 1 / lowest), np.where(kept, top, -9.0), power


def _path(tried: np.ndarray, worth: np.ndarray, hop: float) -> np.ndarray:
    """F0 [N, K], 0 for unvoiced, and what each is worth [N, K] → which [N] are the path that is worth most."""
    voiced = tried > 0
    octaves = np.log2(np.where(voiced, tried, 1.0))
    total, back = worth[0], np.zeros(tried.shape, np.intp)
    pace = 0.01 / hop
    for n in range(1, len(tried)):
        turn = voiced[n - 1][:, None] != voiced[n]
        leap = np.abs(octaves[n - 1][:, None] - octaves[n])
        sums = total[:, None] - pace * np.where(turn, TURN, np.where(voiced[n], LEAP * leap, 0.0))
        back[n] = sums.argmax(axis=0)
        total = sums.max(axis=0) + worth[n]
    which = np.zeros(len(tried), np.intp)
    which[-1] = total.argmax()
    for n in range(len(tried) - 1, 0, -1):
        which[n - 1] = back[n, which[n]]
    return which
