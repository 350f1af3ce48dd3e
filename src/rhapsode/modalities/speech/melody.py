"""The melody of an utterance: one F0 for each phone. What a voice decides phone by phone, like how long each lasts."""

from __future__ import annotations

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.modalities.speech.acoustics import log_f0
from rhapsode.modalities.speech.utterance import Spoken, Timed

SHORTEST = 1e-6
"""Seconds between the middles of two phones, at the least."""


def melody(times: np.ndarray, f0: np.ndarray, hop: float) -> np.ndarray:
    """[P] Hz: the median of each phone's frames; where the voice does not sound, a straight line between neighbours.

    times: [P + 1] seconds, of which the first is the first frame's; f0: [N] Hz, 0 where unvoiced; hop: seconds.
    """
    line = log_f0(f0)[0]
    edges = np.rint((times - times[0]) / hop).astype(int).clip(0, len(line) - 1)
    each = zip(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1), strict=True)
    return doubles.exp(np.array([np.median(line[begin:end]) for begin, end in each]))


def of(utterance: Timed) -> np.ndarray | None:
    """[P] Hz: what is written of it, or of its frames; None if there is neither."""
    if utterance.melody is not None or not isinstance(utterance, Spoken):
        return utterance.melody
    frames = utterance.acoustics()
    return melody(utterance.times, frames.f0, frames.hop)


def contour(times: np.ndarray, hertz: np.ndarray, count: int, hop: float) -> np.ndarray:
    """[count] log Hz, frame n at `n * hop` seconds after the first moment: straight lines between the phones' middles.

    times: [P + 1] seconds; hertz: [P].
    """
    middles, line = (times[:-1] + times[1:]) / 2 - times[0], doubles.log(np.asarray(hertz, np.float64))
    at = np.arange(count) * hop
    # (np.interp has fused products on some processors.)
    before = (middles.searchsorted(at, side="right") - 1).clip(0, max(0, len(middles) - 2))
    after = np.minimum(before + 1, len(middles) - 1)
    share = ((at - middles[before]) / np.maximum(middles[after] - middles[before], SHORTEST)).clip(0, 1)
    return np.asarray(line[before] + share * (line[after] - line[before]))
