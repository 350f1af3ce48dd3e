"""Series as pictures: a line for a terminal, and a fan chart of a forecast."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.modalities.series.series import Series
from rhapsode.modalities.series.times import said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rhapsode.modalities.series.forecast import Forecast

BLOCKS = "▁▂▃▄▅▆▇█"
INK, FAN, MIDDLE, TRUTH = "#222222", "#2a6f97", "#014f86", "#d1495b"
MOST = 12
"""Series in a chart."""
SEEN = 4
"""Times the horizon that is shown of the past, at least so many values as the horizon times this."""


def preview(record: Series, columns: int = 72) -> str:
    """The course of a series in a line of block characters, and one that says its ends and its scale."""
    values = record.values
    parts = np.array_split(np.arange(len(values)), min(columns, len(values)))
    means = np.array([np.nanmean(values[part]) if not np.isnan(values[part]).all() else np.nan for part in parts])
    if np.isnan(means).all():
        return "no values\n"
    low, high = float(np.nanmin(means)), float(np.nanmax(means))
    place = np.full(len(means), 0.5) if low == high else (means - low) / (high - low)
    line = "".join(" " if one != one else BLOCKS[min(7, int(8 * one))] for one in place.tolist())
    ends = record.times[[0, -1]]
    return f"{line}\n{record.name or 'values'}: {said(ends[0])} to {said(ends[1])}, {low:.4g} to {high:.4g}\n"
