"""How good a forecast was, once it is known what came."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEVELS = tuple(round(0.05 * n, 2) for n in range(1, 20))
"""Of the quantiles that are judged."""


class Judged(NamedTuple):
    """loss: see `judged`; inside: part of the values that lie in the interval of 80 %."""

    loss: float
    inside: float


def judged(quantiles: np.ndarray, came: np.ndarray, past: np.ndarray, season: int) -> Judged:
    """A forecast's quantiles [LEVELS, H] beside the values that came [H]; those that are missing do not count.

    The loss is the mean over the levels of twice the quantile loss, which approximates the continuous ranked
    probability score (Gneiting & Raftery 2007). It is divided by the mean absolute error of the seasonal-naive forecast
    in the past [N], so that series of any size weigh the same (as Hyndman & Koehler 2006 do).
    """
    level = np.array(LEVELS)[:, None]
    over = came - quantiles
    loss = 2 * np.maximum(level * over, (level - 1) * over)
    low, high = quantiles[LEVELS.index(0.1)], quantiles[LEVELS.index(0.9)]
    there = ~np.isnan(came)
    inside = (came >= low) & (came <= high)
    scale = float(np.nanmean(np.abs(past[season:] - past[:-season])))
    return Judged(float(np.nanmean(loss)) / scale, float(inside[there].mean()))
