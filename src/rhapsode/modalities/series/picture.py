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
INK, MIDDLE, TRUTH = "#222222", "#014f86", "#d1495b"
FAN = (0.16, 0.44, 0.59)
LIGHT, DARK = 0.25, 0.65
"""How much of that colour the widest band has, and the narrowest of several."""
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


def chart(
    every: Sequence[Forecast], form: str, levels: Sequence[float] = (0.1, 0.5, 0.9), truth: Sequence[Any] | None = None
) -> bytes:
    """A fan chart of the first `MOST` forecasts, one below another: the past, the middle, and a band between each level
    and the one that is as far from the other end.

    form: png or svg. truth: of each, the values that came, if they are known. The same input gives the same file with
    the same version of matplotlib.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = every[:MOST]
    with rc_context({"svg.hashsalt": "rhapsode", "svg.fonttype": "path"}):
        figure = Figure(figsize=(9, 2.6 * len(shown) + 0.4), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        for n, (axes, one) in enumerate(zip(np.ravel(figure.subplots(len(shown), 1)), shown, strict=True)):
            past, horizon = one.past, one.paths.shape[1]
            seen = min(len(past), max(SEEN * horizon, 40))
            before, times = past.times[-seen:], one.times
            axes.plot(before, past.values[-seen:], color=INK, linewidth=1, label="past")
            # Bands begin where the past ends: all paths go on from there.
            joined = np.concatenate([before[-1:], times])
            lows = sorted(level for level in levels if level < 0.5)
            for rank, low in enumerate(lows):
                band = np.concatenate([np.full((2, 1), past.values[-1]), one.quantiles((low, 1 - low))], axis=1)
                label = f"{100 * (1 - 2 * low):.0f} % of the paths"
                axes.fill_between(
                    joined, band[0], band[1], color=_shade(rank / max(1, len(lows) - 1)), linewidth=0, label=label
                )
            middle = np.concatenate([past.values[-1:], one.quantiles((0.5,))[0]])
            axes.plot(joined, middle, color=MIDDLE, linewidth=1.4, label="middle")
            if truth is not None:
                axes.plot(times, truth[n], color=TRUTH, linewidth=1, label="what came")
            axes.set_title(past.name, fontsize=10, parse_math=False)
            axes.margins(x=0.01)
            if n == 0:
                axes.legend(fontsize=8, loc="upper left", frameon=False)
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata={"Software": None} if form == "png" else {"Date": None})
    return out.getvalue()


def _shade(part: float) -> tuple[float, ...]:
    """The colour of a band: 0 for the widest, 1 for the narrowest."""
    strength = LIGHT + (DARK - LIGHT) * part
    return tuple(1 - strength * (1 - channel) for channel in FAN)
