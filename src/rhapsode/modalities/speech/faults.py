"""What is wrong with a recording that someone might want a voice of, or with its text."""

from __future__ import annotations

import numpy as np

from rhapsode.modalities.speech.acoustics import RATES
from rhapsode.modalities.speech.utterance import Sound

CLIPPED = 0.001
"""The share of samples that may be as loud as the loudest, beside another that is."""
SILENT = -60.0
"""dB of full scale: no sample louder, and it is silence."""
QUIET = -34.0
"""dB of full scale, which a twentieth of the samples should exceed."""
SHORTEST = 0.1
"""Seconds."""
FASTEST = 192000
"""Samples a second, the most that recorders take."""
OFFSET = 0.02
"""The mean of the samples, which ought to be 0."""
LONG, SHORT = "with texts far too long for them", "with texts far too short for them"
BLOCK, FAINT = 0.02, 30.0
"""Seconds over which loudness is taken; and dB below the loudest, from where on it is no speech."""
PACES = 2.0, 25.0
"""Phones a second of speech, at least and at most. Who reads aloud says 8 to 15, an auctioneer 25."""
UNUSUAL, SPARE = 1.75, 6
"""Times the usual pace of a collection, and phones more, that are more than its speaker says; less is likewise."""
ENOUGH = 8
"""Recordings by which the usual pace is known."""
NARROW = 16000
"""Samples a second: with fewer, a voice sounds as on the telephone."""


def unfit(sound: Sound, longest: float) -> str:
    """Why nothing can be learnt of it, in a few words; empty if something can. longest: seconds."""
    if not np.isfinite(sound.samples).all():
        return "with samples that are not numbers"
    if not RATES[0] <= sound.rate <= FASTEST:
        return f"not of {RATES[0]:,} to {FASTEST:,} samples a second"
    if sound.seconds < SHORTEST:
        return f"shorter than {SHORTEST:g} seconds"
    if sound.seconds > longest:
        return f"longer than {longest:g} seconds"
    return "silent" if _decibels(float(np.abs(sound.samples).max())) < SILENT else ""


def faults(sound: Sound) -> tuple[str, ...]:
    """What is to be said of one that is not `unfit`, the worst first, each a few words; it will be heard."""
    samples, level = sound.samples, np.abs(sound.samples)
    found = []
    top = level >= 0.999 * level.max()
    share = float((top[1:] & top[:-1]).mean())
    if share > CLIPPED:
        found.append(f"clipped: {100 * share:.1f} % of its samples are at its peak")
    loud = _decibels(float(np.quantile(level, 0.95)))
    if loud < QUIET:
        found.append(f"too quiet: speech at {loud:.0f} dB of the limit")
    if sound.rate < NARROW:
        found.append(f"{sound.rate} samples a second: nothing above {sound.rate / 2000:g} kHz")
    if abs(float(samples.mean())) > OFFSET:
        found.append(f"off centre by {float(samples.mean()):+.2f}")
    return tuple(found)


def spoken(sound: Sound) -> float:
    """Seconds in which it is no more than `FAINT` below its loudest."""
    size = max(round(BLOCK * sound.rate), 1)
    blocks = np.pad(sound.samples, (0, -len(sound.samples) % size)).reshape(-1, size)
    level = np.sqrt((blocks**2).mean(axis=1))
    return float((level > np.quantile(level, 0.98) * 10 ** (-FAINT / 20)).sum() * size / sound.rate)


def misfits(phones: np.ndarray, seconds: np.ndarray) -> list[str]:
    """Of texts of so many phones [N], in so many seconds of speech [N]: why one cannot be what is said, in a few words;
    empty if it can. By what anyone can say, and by the pace of the others."""
    least, most = PACES
    if len(phones) >= ENOUGH:
        usual = float(np.median(phones / seconds))
        least, most = max(least, usual / UNUSUAL), min(most, usual * UNUSUAL)
    long, short = phones > most * seconds + SPARE, phones < least * seconds - SPARE
    return [
        LONG if too_long else SHORT * too_short
        for too_long, too_short in zip(long.tolist(), short.tolist(), strict=True)
    ]


def _decibels(level: float) -> float:
    return float(20 * np.log10(max(level, 1e-10)))
