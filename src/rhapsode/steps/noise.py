"""Random numbers without a state, so that a resumed run is the same run."""

from __future__ import annotations

import numpy as np


def uniform(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """A number in [0, 1) for each counter and key, the same every time: SplitMix64 (Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        z = counter.astype(np.uint64) + (key.astype(np.int64).astype(np.uint64) + np.uint64(1)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53)
