"""How a model learnt: `learning.html`, a page with the loss curve and a sample of the same seed at each look."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rhapsode.errors import UserError
from rhapsode.files.place import place
from rhapsode.report import duration, nats

LEARNING = "learning.html"
SEED = 0
"""That of all samples, so that only the weights differ."""
MOST = 64
"""Samples on the page: of more, some are left out, evenly."""
WIDE, HIGH = 720, 220
"""The size of the curve, in its own units."""
MARGIN = 44
COLOURS = Path(__file__).parents[1] / "colours.css"
"""Those of all pages."""
DATA = re.compile(r'<script type="application/json" id="looks">(.*?)</script>', re.DOTALL)
STYLE = """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem clamp(.75rem, 3vw, 2rem) 2rem; max-width: 80rem; }
h1 { margin: 0; font-size: 1.4rem; }
p { margin: .2rem 0 1rem; color: var(--quiet); }
svg, section { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; }
svg { display: block; width: 100%; height: auto; }
svg path { fill: none; stroke-width: 2; }
svg .train { stroke: var(--quiet); opacity: .6; } svg .valid { stroke: var(--accent); }
svg circle { fill: var(--accent); } svg text { fill: var(--quiet); font-size: 12px; } svg line { stroke: var(--line); }
@media (max-width: 30rem) { svg text { font-size: 20px; } }
.caption { margin: .4rem 0; font-size: .85rem; } .caption b { color: var(--accent); font-weight: inherit; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1rem; margin-top: 1rem; }
section { padding: .75rem; overflow: hidden; }
h2 { margin: 0 0 .5rem; font-size: .95rem; font-weight: 600; } h2 span { color: var(--quiet); font-weight: 400; }
pre { margin: 0; font: .85rem/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


class Learning:
    """The page in a model's folder. It is written anew at each look. That of a run that goes on is read first."""

    def __init__(self, folder: Path, name: str, updates: int) -> None:
        """name: of the model, for its heading. updates: later looks are forgotten, since a resumed run makes them
        again."""
        self._path, self._name = folder / LEARNING, name
        self._looks = [look for look in _read(self._path) if look["update"] <= updates]

    def add(self, update: int, seconds: float, valid: float, text: str, records: Sequence[Mapping[str, Any]]) -> None:
        """A look: the validation loss in nats per step, and the sample. records: the training log's."""
        self._looks.append({"update": update, "seconds": seconds, "valid": valid, "text": text})
        place(self._path, page(self._name, self._looks, records).encode("utf-8", "replace"), sync=False)


def _read(path: Path) -> list[dict[str, Any]]:
    """The looks on an earlier page; none if there is no such page, or it was changed."""
    try:
        found = DATA.search(path.read_text(encoding="utf-8"))
        looks = json.loads(found[1]) if found else []
        kept = [{key: look[key] for key in ("update", "seconds", "valid", "text")} for look in looks]
        numbers = all(isinstance(look[key], int | float) for look in kept for key in ("update", "seconds", "valid"))
    except (OSError, ValueError, LookupError, TypeError, UserError, RecursionError):
        return []
    return kept if numbers and all(isinstance(look["text"], str) for look in kept) else []


def page(name: str, looks: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> str:
    """The page, which needs no other file and no network."""
    shown = looks if len(looks) <= MOST else [looks[at * (len(looks) - 1) // (MOST - 1)] for at in range(MOST)]
    cards = "".join(
        f"<section><h2>update {look['update']:,} "
        f"<span>· {duration(look['seconds'])} · valid {nats(look['valid'])}</span></h2>"
        f"<pre>{html.escape(look['text'])}</pre></section>\n"
        for look in shown
    )
    data = json.dumps(looks).replace("<", "\\u003c")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>How {html.escape(name)} learnt</title>\n"
        f"<style>\n{COLOURS.read_text(encoding='utf-8')}{STYLE}</style></head>\n"
        f"<body><h1>How {html.escape(name)} learnt</h1>\n"
        f"<p>The loss, and what the model writes at each look from the same random numbers (seed {SEED}).</p>\n"
        f"{curve(records)}\n<main>\n{cards}</main>\n"
        f'<script type="application/json" id="looks">{data}</script>\n</body></html>\n'
    )


def curve(records: Sequence[Mapping[str, Any]]) -> str:
    """Training and validation loss against seconds, as SVG with a caption; nothing where there is nothing to draw. The
    scale ends at the highest validation loss: training loss above it is drawn there."""
    lines = {
        key: [(r["seconds"], r[key]) for r in records if {key, "seconds"} <= r.keys()] for key in ("train", "valid")
    }
    values = [value for _, value in lines["valid"]]
    if not values:
        return ""
    last = max(seconds for points in lines.values() for seconds, _ in points) or 1.0
    best = min(values)
    low, high = min([best, *(value for _, value in lines["train"])]), max(*values, best + 0.1)

    def place_of(seconds: float, value: float) -> tuple[float, float]:
        up = (min(max(value, low), high) - low) / (high - low)
        return round(MARGIN + (WIDE - 2 * MARGIN) * seconds / last, 1), round(HIGH - 20 - (HIGH - 40) * up, 1)

    drawn = []
    for key, points in lines.items():
        path = " ".join(
            f"{'L' if at else 'M'}{x} {y}" for at, (x, y) in enumerate(place_of(*point) for point in points)
        )
        drawn.append(f'<path class="{key}" d="{path}"/>')
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="3"/>' for x, y in (place_of(*point) for point in lines["valid"]))
    grid = "".join(
        f'<line x1="{MARGIN}" x2="{WIDE - MARGIN}" y1="{place_of(0, value)[1]}" y2="{place_of(0, value)[1]}"/>'
        f'<text x="6" y="{place_of(0, value)[1] + 4}">{value:.2f}</text>'
        for value in (low, (low + high) / 2, high)
    )
    said = f"Loss in nats per step over {duration(last)} of training; the best on the validation data is {best:.3f}."
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{said}">{grid}{"".join(drawn)}{dots}</svg>\n'
        f'<p class="caption">{said} <b>Blue</b>: validation; grey: training.</p>'
    )
