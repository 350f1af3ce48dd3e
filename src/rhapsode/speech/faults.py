"""What is wrong with a recording that someone might want a voice of."""

from __future__ import annotations

import numpy as np

from rhapsode.speech.acoustics import LONGEST, RATES
from rhapsode.speech.utterance import Sound

CLIPPED = 0.001
"""The share of samples that may be as loud as the loudest, beside another that is."""
SILENT = -60.0
"""dB of full scale: no sample louder, and it is silence."""
QUIET = -34.0
"""dB of full scale, which a twentieth of the samples should exceed."""
SHORTEST = 0.1
"""Seconds."""
OFFSET = 0.02
"""The mean of the samples, which ought to be 0."""
NARROW = 16000
"""Samples a second: with fewer, a voice sounds as on the telephone."""


def unfit(sound: Sound) -> str:
    """Why nothing can be learnt of it, in a few words; empty if something can."""
    if not np.isfinite(sound.samples).all():
        return "samples that are not numbers"
    if sound.seconds < SHORTEST:
        return f"{sound.seconds:.3f} seconds short"
    return "silent" if _decibels(float(np.abs(sound.samples).max())) < SILENT else ""


def faults(sound: Sound) -> tuple[str, ...]:
    """What is to be said of it, the worst first, each a few words; none if it is fit for use.

    Those that are `unfit` teach nothing; all else can be used, and will be heard.
    """
    if why := unfit(sound):
        return (why,)
    samples, level = sound.samples, np.abs(sound.samples)
    found = []
    if sound.seconds > LONGEST:
        found.append(f"{sound.seconds / 60:.1f} minutes long: cut it at its pauses")
    top = level >= 0.999 * level.max()
    share = float((top[1:] & top[:-1]).mean())
    if share > CLIPPED:
        found.append(f"clipped: {100 * share:.1f} % of its samples are at its peak")
    loud = _decibels(float(np.quantile(level, 0.95)))
    if loud < QUIET:
        found.append(f"too quiet: speech at {loud:.0f} dB of the limit")
    if not RATES[0] <= sound.rate <= RATES[1]:
        found.append(f"{sound.rate} samples a second, which must be {RATES[0]} to {RATES[1]}")
    elif sound.rate < NARROW:
        found.append(f"{sound.rate} samples a second: nothing above {sound.rate / 2000:g} kHz")
    if abs(float(samples.mean())) > OFFSET:
        found.append(f"off centre by {float(samples.mean()):+.2f}")
    return tuple(found)


def _decibels(level: float) -> float:
    return float(20 * np.log10(max(level, 1e-10)))
