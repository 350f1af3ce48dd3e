"""The picture of a comparison: histograms of generated tunes beside held-out ones."""

from __future__ import annotations

import io

from rhapsode.modalities.music.compare import GENERATED, HELD_OUT, Comparison
from rhapsode.modalities.music.measures import HISTOGRAMS, PLACES

COLOURS = {HELD_OUT: "#0072b2", GENERATED: "#d55e00"}
SHOWN = 0.998
"""Of each histogram; what lies beyond is rare, and far off."""


def picture(comparison: Comparison) -> bytes:
    """A PNG with a panel for each of `HISTOGRAMS`, with the overlap and, in brackets, that of held-out halves."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6), layout="constrained")
    FigureCanvasAgg(figure)
    *axes, last_panel = figure.subplots(2, 3).ravel()
    for panel, (name, words) in zip(axes, HISTOGRAMS.items(), strict=True):
        scale = PLACES if name in ("lengths", "onsets") else 1
        counts = {which: comparison.sums[which].histograms[name] for which in COLOURS}
        both = sorted((counts[GENERATED] + counts[HELD_OUT]).elements())
        rare = int((1 - SHOWN) * len(both))
        keys = [key for key in sorted(set(both)) if both[rare] <= key <= both[-1 - rare]]
        gap = min((after - before for before, after in zip(keys, keys[1:], strict=False)), default=1) / scale
        for side, (which, colour) in enumerate(COLOURS.items()):
            heights = [counts[which][key] / counts[which].total() for key in keys]
            at = [key / scale + (side - 0.5) * 0.4 * gap for key in keys]
            panel.bar(at, heights, 0.4 * gap, color=colour, label=which)
        row = comparison.overlaps[name]
        halves = "" if row["halves"] is None else f" ({row['halves']:.2f})"
        panel.set_title(f"{words}: overlap {row[GENERATED]:.2f}{halves}", fontsize=10)
        panel.set_xlabel("quarter notes" if scale > 1 else "notes" if name == "density" else "semitones", fontsize=8)
        panel.tick_params(labelsize=8)
    last_panel.axis("off")
    last_panel.legend(*axes[0].get_legend_handles_labels(), loc="center")
    figure.supxlabel("shares; in brackets: the overlap of one half of the held-out tunes with the other", fontsize=8)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=120, format="png")
    return drawn.getvalue()
