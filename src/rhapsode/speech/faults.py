"""What is wrong with a recording that someone might want a voice of."""

from __future__ import annotations

import numpy as np

from rhapsode.speech.acoustics import LONGEST, RATES
from rhapsode.speech.utterance import Sound

CLIPPED = 0.001
"""The share of samples that may be as loud as the loudest, beside another that is."""
SILENT = -60.0
"""dB of full scale: no sample louder, and it is silence."""
SHORTEST = 0.1
"""Seconds."""
OFFSET = 0.02
"""The mean of the samples, which ought to be 0."""
NARROW = 16000
"""Samples a second: with fewer, a voice sounds as on the telephone."""


def faults(sound: Sound) -> tuple[str, ...]:
    """What is to be said of it, the worst first, each a few words; none if it is fit for use.

    Too short, silent or damaged ones teach nothing; all else can be used, and will be heard.
    """
    samples = sound.samples
    if not np.isfinite(samples).all():
        return ("samples that are not numbers",)
    if sound.seconds < SHORTEST:
        return (f"{sound.seconds:.3f} seconds short",)
    peak = float(np.abs(samples).max())
    if 20 * np.log10(max(peak, 1e-10)) < SILENT:
        return ("silent",)
    found = []
    if sound.seconds > LONGEST:
        found.append(f"{sound.seconds / 60:.1f} minutes long: cut it at its pauses")
    top = np.abs(samples) >= 0.999 * peak
    share = float((top[1:] & top[:-1]).mean())
    if share > CLIPPED:
        found.append(f"clipped: {100 * share:.1f} % of its samples are at its peak")
    if not RATES[0] <= sound.rate <= RATES[1]:
        found.append(f"{sound.rate} samples a second, which must be {RATES[0]} to {RATES[1]}")
    elif sound.rate < NARROW:
        found.append(f"{sound.rate} samples a second: nothing above {sound.rate / 2000:g} kHz")
    if abs(float(samples.mean())) > OFFSET:
        found.append(f"off centre by {float(samples.mean()):+.2f}")
    return tuple(found)
