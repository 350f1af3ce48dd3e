"""Piano rolls as pictures: SVG and PNG."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.modalities.music.rollplan import COLOURS, Box, RollLine, RollPlan, Word, plan
from rhapsode.modalities.music.tune import Tune

PAPER = ("#ffffff", "#16181c")
"""By day and by night; so are all pairs here."""
LINES = {
    "beat": (("#e4e6ea", "#2b2f36"), 0.6),
    "bar": (("#9aa1ad", "#5d6573"), 1.0),
    "octave": (("#7f93b8", "#4f6388"), 0.9),
    "edge": (("#c4c9d1", "#3a404a"), 0.8),
}
NIGHT = ("#3a9bdc", "#f0792b", "#1fbf93", "#e09ac2", "#f0b429", "#7cc7f2", "#b8945a", "#9aa0ac")
"""`COLOURS` by night."""
BLACK = ("#f3f4f7", "#1d2026")
WORDS = {
    "title": (("#1c2433", "#e8eaef"), 16, True),
    "fact": (("#5a606c", "#a3a9b5"), 12, False),
    "number": (("#7a808c", "#8a909c"), 9, False),
    "pitch": (("#7a808c", "#8a909c"), 7.5, False),
    "octave-name": (("#1c2433", "#e8eaef"), 8.5, True),
    "chord": (("#1c2433", "#e8eaef"), 12, True),
}
"""Colours, size in pixels, bold."""
HOLLOW = 0.18
"""How full a marked note is."""
PIXELS = 60_000_000
"""Larger pictures are refused."""


def svg(tune: Tune, *, marks: np.ndarray | None = None, marked: str = "marked", bars: int = 8) -> bytes:
    """An SVG of the tune's notes over time, which suits light and dark pages.

    marks:  [N] of bool, notes to be drawn hollow: a primer, say, or what is copied; marked: what the legend calls them.
    bars:   in a row.

    A note is a `<rect>` of class `note`, in the order of `Tune.notes`; where it goes on in the next row, that is of
    class `more`. Velocity is its opacity. Raises `UserError`.
    """
    return document(plan([tune], [marks], bars=bars, marked=marked)).encode()


def png(
    tune: Tune, *, marks: np.ndarray | None = None, marked: str = "marked", bars: int = 8, scale: float = 2
) -> bytes:
    """The same as a PNG; scale: its pixels for each of the SVG's."""
    return picture(plan([tune], [marks], bars=bars, marked=marked), scale)


def rolls(
    tunes: Sequence[Tune],
    suffix: str = ".svg",
    *,
    marks: Sequence[np.ndarray | None] | None = None,
    marked: str = "marked",
    bars: int = 8,
) -> bytes:
    """Several tunes one below the other, as `.svg` or `.png`. Raises `UserError`."""
    if suffix not in (".svg", ".png"):
        raise choice("kind of picture", suffix, [".svg", ".png"])
    found = plan(tunes, marks, bars=bars, marked=marked)
    return document(found).encode() if suffix == ".svg" else picture(found)


def document(what: RollPlan) -> str:
    """All of it as an SVG document."""
    size = f'width="{_n(what.width)}" height="{_n(what.height)}"'
    return element(what, 0, what.width, f'xmlns="http://www.w3.org/2000/svg" {size} ', paper=True)


def element(what: RollPlan, left: float, right: float, attributes: str = "", *, paper: bool = False) -> str:
    """What of it begins between two x, as an `<svg>` element."""
    size = f"{_n(left)} 0 {_n(right - left)} {_n(what.height)}"
    out = [f'<svg {attributes}viewBox="{size}" role="img" font-family="system-ui, sans-serif">\n{_style(paper)}']
    if paper:
        out.append(f"<title>{escape(_allowed(what.title))}</title>\n")
        out.append(f'<rect class="paper" width="{_n(what.width)}" height="{_n(what.height)}" fill="{PAPER[0]}"/>\n')
    boxes = [box for box in what.boxes if left <= box.x <= right]
    out += [_box(box) for box in boxes if box.role == "black"]
    out += [_line(line) for line in what.lines if left <= line.x1 <= right]
    out += [_box(box) for box in boxes if box.role != "black"]
    out += [_word(word) for word in what.words if left <= word.x <= right]
    return "".join([*out, "</svg>\n"])


def picture(what: RollPlan, scale: float = 2) -> bytes:
    """All of it as a PNG by day. The same input gives the same file with the same version of matplotlib."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.colors import to_rgba
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    pixels = what.width * what.height * scale**2
    if not 0.1 <= scale <= 20 or pixels > PIXELS or max(what.width, what.height) * scale > 65_000:
        raise UserError(
            f"a picture of {what.width * scale:,.0f} × {what.height * scale:,.0f} pixels cannot be made. "
            "Give a smaller scale, more bars in a row, or fewer tunes."
        )
    dots = 100 * scale
    figure = Figure(figsize=(what.width / 100, what.height / 100), dpi=dots, facecolor=PAPER[0])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, what.width), ylim=(what.height, 0))
    axes.axis("off")
    point = 0.72  # of a pixel
    boxes = sorted(what.boxes, key=lambda box: box.role != "black")
    drawn = [Rectangle((box.x, box.y), box.width, box.height) for box in boxes]
    hues = [BLACK[0] if box.role == "black" else COLOURS[box.part % len(COLOURS)] for box in boxes]
    fills = [to_rgba(hue, HOLLOW if box.marked else box.opacity) for hue, box in zip(hues, boxes, strict=True)]
    edges = [to_rgba(hue, 1.0 if box.marked else 0.0) for hue, box in zip(hues, boxes, strict=True)]
    ground = sum(box.role == "black" for box in boxes)
    for some, order in ((slice(0, ground), 1), (slice(ground, None), 3)):
        axes.add_collection(
            PatchCollection(drawn[some], facecolors=fills[some], edgecolors=edges[some], linewidths=point, zorder=order)
        )
    ends = [[(line.x1, line.y1), (line.x2, line.y2)] for line in what.lines]
    colours, widths = [LINES[line.role][0][0] for line in what.lines], [LINES[line.role][1] for line in what.lines]
    axes.add_collection(LineCollection(ends, colors=colours, linewidths=[w * point for w in widths], zorder=2))
    for word in what.words:
        (colour, _), size, bold = WORDS[word.role]
        axes.text(
            word.x, word.y, _allowed(word.text), color=colour, fontsize=size * point, parse_math=False,
            fontweight="bold" if bold else "normal", ha="right" if word.right else "left", va="baseline",
        )  # fmt: skip
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a title's script that the font has not
        figure.savefig(out, format="png", dpi=dots, metadata={"Software": None})
    return out.getvalue()


def _style(paper: bool) -> str:
    """The parts' colours, and what is other in the dark."""
    day = [f".p{part}{{color:{colour}}}" for part, colour in enumerate(COLOURS)]
    night = [f".{role}{{stroke:{dark}}}" for role, ((_, dark), _) in LINES.items()]
    night += [f".{role}{{fill:{dark}}}" for role, ((_, dark), _, _) in WORDS.items()]
    night += [f".p{part}{{color:{colour}}}" for part, colour in enumerate(NIGHT)]
    night += [f".black{{fill:{BLACK[1]}}}"] + ([f".paper{{fill:{PAPER[1]}}}"] if paper else [])
    return f"<style>{''.join(day)}@media (prefers-color-scheme: dark){{{''.join(night)}}}</style>\n"


def _box(box: Box) -> str:
    where = f'x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"'
    if box.role == "black":
        return f'<rect class="black" {where} fill="{BLACK[0]}"/>\n'
    hue = box.part % len(COLOURS)
    look = f'fill-opacity="{HOLLOW}" stroke="currentColor"' if box.marked else f'fill-opacity="{_n(box.opacity)}"'
    return f'<rect class="{box.role} p{hue}" {where} rx="1.5" color="{COLOURS[hue]}" fill="currentColor" {look}/>\n'


def _line(line: RollLine) -> str:
    (colour, _), width = LINES[line.role]
    where = f'x1="{_n(line.x1)}" y1="{_n(line.y1)}" x2="{_n(line.x2)}" y2="{_n(line.y2)}"'
    return f'<line class="{line.role}" {where} stroke="{colour}" stroke-width="{width}"/>\n'


def _word(word: Word) -> str:
    (colour, _), size, bold = WORDS[word.role]
    more = (' font-weight="600"' if bold else "") + (' text-anchor="end"' if word.right else "")
    where = f'x="{_n(word.x)}" y="{_n(word.y)}" font-size="{size}"'
    return f'<text class="{word.role}" {where} fill="{colour}"{more}>{escape(_allowed(word.text))}</text>\n'


def _n(value: float) -> str:
    """At most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _allowed(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
