"""What General MIDI's drums sound like: swept sines and noise."""

from __future__ import annotations

import numpy as np

KICKS = (35, 36)
SNARES = (37, 38, 39, 40)
TOMS = {41: 80, 43: 95, 45: 115, 47: 140, 48: 165, 50: 195}
"""Hz that they fall to."""
HATS = {42: 0.03, 44: 0.03, 46: 0.22, 54: 0.06, 69: 0.04, 70: 0.03, 82: 0.04}
"""Seconds to 1/e; with what else is shaken."""
CYMBALS = {49: 0.6, 51: 0.35, 52: 0.5, 53: 0.4, 55: 0.3, 57: 0.6, 59: 0.35}
NAMES = {
    35: "kick", 36: "kick", 37: "rim", 38: "snare", 39: "clap", 40: "snare", 42: "hat", 44: "pedal", 46: "open hat",
    49: "crash", 51: "ride", 52: "china", 53: "bell", 54: "tamb.", 55: "splash", 56: "cowbell", 57: "crash", 59: "ride",
} | {tom: "tom" for tom in TOMS}  # fmt: skip
LONGEST = 3.0
"""Seconds."""


def drum(pitch: int, force: float, rate: int) -> np.ndarray:
    """One stroke, float32 [n], which ends by itself. force: from 0 to 1. The same each time."""
    noise = np.random.default_rng(pitch).standard_normal(round(LONGEST * rate))
    t = np.arange(len(noise)) / rate
    if pitch in KICKS:
        sound = 0.9 * _swept(t, 48, 130, 0.03) * np.exp(-t / 0.11)
    elif pitch in SNARES:
        rattle = 0.16 * _high(noise, 1800, rate) * np.exp(-t / (0.06 + 0.05 * force))
        sound = rattle + 0.3 * _swept(t, 185, 60, 0.02) * np.exp(-t / 0.06)
    elif pitch in TOMS:
        sound = 0.6 * _swept(t, TOMS[pitch], 0.5 * TOMS[pitch], 0.05) * np.exp(-t / 0.16)
    elif pitch in HATS:
        sound = 0.07 * _high(noise, 7000, rate) * np.exp(-t / HATS[pitch])
    elif pitch in CYMBALS:
        last = CYMBALS[pitch]
        sound = 0.05 * _high(noise, 4500, rate) * np.exp(-t / last) + 0.03 * _swept(t, 3150, 0, 1) * np.exp(-t / 0.05)
    else:  # wood and metal, each at a pitch of its own
        sound = 0.35 * _swept(t, 300 + 22 * (pitch % 48), 0, 1) * np.exp(-t / 0.05)
    loud = np.flatnonzero(np.abs(sound) > 1e-4)
    sound = sound[: loud[-1] + 1]
    edge = round(0.001 * rate)
    sound[:edge] *= np.arange(edge) / edge
    sound[-edge:] *= np.arange(edge)[::-1] / edge
    return sound.astype(np.float32)


def _swept(t: np.ndarray, hertz: float, above: float, seconds: float) -> np.ndarray:
    """A sine that falls to `hertz` from so much above."""
    return np.sin(2 * np.pi * (hertz * t + above * seconds * (1 - np.exp(-t / seconds))))


def _high(noise: np.ndarray, hertz: float, rate: int) -> np.ndarray:
    """Without what is lower, softly."""
    spectrum = np.fft.rfft(noise)
    at = np.fft.rfftfreq(len(noise), 1 / rate) / hertz
    return np.asarray(np.fft.irfft(spectrum * (at**4 / (1 + at**4)), len(noise)))
