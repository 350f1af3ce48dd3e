"""Writing as SVG, in millimetres: for screens, printers and plotters, and as a film of its being written.

The group of each line of writing says what is needed to read the drawing again as it was (`ink.formats.svg`):
`data-text`, what is written there; `data-rhapsode-unit`, the mm that one of its own units became, which also says that
the ends of curves are the pen's points; and `data-rhapsode-thin` if these are a model's steps (`Drawing.thin`): `true`,
or their order, as parts `first:stop`. A stroke in several parts is a group with its whole path in
`data-rhapsode-stroke`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.modalities.ink.curve import beziers, distinct, lengths, split, widths
from rhapsode.modalities.ink.drawing import Drawing, to_runs
from rhapsode.modalities.ink.page import Layout, Sheet, Stroke, WrittenLine, sheet_of

MODES = ("ink", "plotter")
COLOURS = {"ink": "#1a2456", "plotter": "#000"}
RULE_COLOUR = "#b9cbe0"
PER_MM = 1000
"""Parts of a mm that coordinates are whole numbers of: finer than is seen, so that a model that reads its writing again
finds it as probable as it was."""
STEPS = 12
"""Ink's breadth changes in steps of this part of the nib, too small to be seen."""
DOT = 0.05
"""Seconds that a dot takes."""

STYLE = """<style>
@media (prefers-reduced-motion: no-preference) {
.rhapsode-line { stroke-dasharray: 1 2; animation: rhapsode-line 1s linear both }
.rhapsode-dot { animation: rhapsode-dot 1s step-start both }
}
@keyframes rhapsode-line { from { stroke-dashoffset: 1.01 } to { stroke-dashoffset: 0 } }
@keyframes rhapsode-dot { from { visibility: hidden } to { visibility: visible } }
</style>
"""


@dataclass(frozen=True, eq=False)
class Run:
    """A part of a stroke with one breadth. curves: [n, 4, 2] in `PER_MM` of a mm; a dot has [1, 4, 2] of one point.

    start, length: from where in the stroke to how much farther it goes, as shares of the stroke.
    """

    curves: np.ndarray
    width: float
    start: float
    length: float

    @property
    def dot(self) -> bool:
        whole = np.rint(self.curves)
        return bool(np.all(whole == whole[0, 0]))


def svg(
    what: Drawing | Layout,
    *,
    sheet: int | None = None,
    mode: str = "plotter",
    animated: bool = False,
    seconds: float | None = None,
    nib: float | None = None,
    colour: str | None = None,
    paper: str | None = None,
) -> str:
    """An SVG document of one page, or of a drawing on a page cut to it.

    sheet:    which page, counted from 0; needed only where there are several.
    mode:     `plotter`: one path per stroke, its centre line. `ink`: as broad as a pen leaves it, in one path for each
              part of a stroke that has one breadth.
    animated: it writes itself when opened, unless the reader's system asks for less motion; no script is in it.
    seconds:  how long that takes; at the speed of a hand by default.
    nib:      mm, the (average) breadth of a line; an eighth of the x-height by default.
    colour:   of the ink; paper: of the page, by default none.

    Paths go through all points, to a thousandth of a mm, in the order of writing. Raises `UserError`.
    """
    if mode not in MODES:
        raise choice("mode of drawing", mode, MODES)
    page = sheet_of(what, sheet)
    nib = nib_of(page, nib)
    ink = _colour(colour or COLOURS[mode])
    strokes = list(page.strokes())
    broad = breadths(strokes, nib, mode)
    parts = [list(_runs(stroke.points, width, nib)) for stroke, width in zip(strokes, broad, strict=True)]
    times = timing(strokes, page.page.x_height, seconds) if animated else []
    width, height = _number(page.page.width), _number(page.page.height)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
        f'viewBox="0 0 {width} {height}" role="img">\n'
        f"{_words(page)}{STYLE if animated else ''}"
    ]
    if paper is not None:
        out.append(f'<rect width="{width}" height="{height}" fill="{_colour(paper)}"/>\n')
    if page.rules:
        left, across = _number(page.page.margins[3]), _number(page.page.room)
        d = "".join(f"M{left} {_number(y)}h{across}" for y in page.rules)
        out.append(f'<path fill="none" stroke="{RULE_COLOUR}" stroke-width=".2" d="{d}"/>\n')
    out.append(
        f'<g fill="none" stroke="{ink}" stroke-width="{_number(nib)}" stroke-linecap="round" stroke-linejoin="round">\n'
    )
    lines = {each.index: each for each in page.lines}
    line = None
    for i, (stroke, runs) in enumerate(zip(strokes, parts, strict=True)):
        if stroke.line != line:
            out.append(f"{'' if line is None else '</g>'}<g{_origin(lines[stroke.line])}>\n")
            line = stroke.line
        whole = next(_runs(stroke.points, np.full(len(stroke.points), nib), nib))
        out.append(f'<g data-rhapsode-stroke="{_path(whole)}">\n' if len(runs) > 1 else "")
        for run in runs:
            breadth = "" if mode == "plotter" else f' stroke-width="{_number(run.width)}"'
            film = _film(run, *times[i]) if animated else ""
            out.append(f'<path{breadth}{film} d="{_path(run)}"/>\n')
        out.append("</g>\n" if len(runs) > 1 else "")
    out.append("</g></g></svg>\n" if strokes else "</g></svg>\n")
    return "".join(out)


def nib_of(page: Sheet, nib: float | None) -> float:
    """The breadth of lines in mm. Raises `UserError`."""
    if nib is not None and not 0.01 <= nib <= 100:
        raise UserError(f"a nib of {nib:g} mm cannot be drawn: it must be from 0.01 to 100 mm.")
    return max(page.page.x_height / 8, 0.01) if nib is None else nib


def breadths(strokes: list[Stroke], nib: float, mode: str) -> list[np.ndarray]:
    """How broad the line is at each point of each stroke, in mm."""
    return widths(strokes, nib) if mode == "ink" else [np.full(len(stroke.points), nib) for stroke in strokes]


def timing(strokes: list[Stroke], x_height: float, seconds: float | None = None) -> list[tuple[float, float]]:
    """When each stroke begins and how long it takes, in seconds.

    The pen makes 20 x-heights per second, and twice that in the air, with a short rest between strokes.
    seconds: how long all of it takes; by default as long as it takes at that speed.
    """
    if seconds is not None and not 0 < seconds <= 1e5:
        raise UserError(f"an animation of {seconds:g} seconds cannot be made: give more than 0.")
    speed = 20 * x_height
    times: list[tuple[float, float]] = []
    at = 0.0
    last = None
    for stroke in strokes:
        if last is not None:
            at += min(0.04 + float(np.linalg.norm(stroke.points[0] - last)) / (2 * speed), 0.5)
        length = float(lengths(beziers(stroke.points[distinct(stroke.points)])).sum())
        times.append((at, max(length / speed, DOT)))
        at += times[-1][1]
        last = stroke.points[-1]
    factor = 1.0 if seconds is None or not at else seconds / at
    return [(start * factor, length * factor) for start, length in times]


def _runs(points: np.ndarray, broad: np.ndarray, nib: float) -> Iterator[Run]:
    """A stroke in parts of one breadth."""
    kept = distinct(np.rint(points * PER_MM))
    points, broad = points[kept], broad[kept]
    if len(points) < 2:
        yield Run(np.repeat(points * PER_MM, 4, axis=0)[None], float(broad[0]), 0.0, 1.0)
        return
    curves = beziers(points)
    step = nib / STEPS
    level = np.rint(broad / step)
    pieces: list[np.ndarray] = []
    levels: list[int] = []
    for curve, here, there in zip(curves, level[:-1], level[1:], strict=True):
        count = max(int(abs(there - here)), 1)
        pieces += split(curve, count)
        levels += (
            [int(here + (i + 0.5) * np.sign(there - here)) for i in range(count)] if here != there else [int(here)]
        )
    whole = np.stack(pieces)
    along = np.concatenate([[0], np.cumsum(lengths(whole))])
    along /= along[-1]
    cuts = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(levels)]
    for first, last in zip(cuts[:-1], cuts[1:], strict=True):
        width = levels[first] * step if len(cuts) > 2 else float(broad.mean())
        yield Run(whole[first:last] * PER_MM, width, float(along[first]), float(along[last] - along[first]))


def _path(run: Run) -> str:
    """Path data: relative to the point before, which is exact since all are whole `PER_MM`."""
    at = np.rint(run.curves[0, 0]).astype(np.int64)
    d = [f"M{_joined(at.tolist())}"]
    if run.dot:
        return f"{d[0]}h0"
    for curve in np.rint(run.curves[:, 1:]).astype(np.int64):
        d.append(f"c{_joined((curve - at).ravel().tolist())}")
        at = curve[2]
    return "".join(d)


def _film(run: Run, start: float, length: float) -> str:
    kind = "dot" if run.dot else "line"
    once = "" if run.dot else ' pathLength="1"'
    delay, takes = start + run.start * length, max(run.length * length, 0.001)
    return f' class="rhapsode-{kind}"{once} style="animation-delay:{_time(delay)}s;animation-duration:{_time(takes)}s"'


def _joined(whole: list[int]) -> str:
    """Numbers in `PER_MM`, written as short as SVG allows."""
    out = ""
    for value in whole:
        text = _number(value / PER_MM)
        out += text if not out or text.startswith("-") else f" {text}"
    return out


def _number(value: float) -> str:
    """At most three decimals, without what need not be written."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    if text.startswith(("0.", "-0.")):
        text = text.replace("0.", ".", 1)
    return "0" if text in ("-0", "", "-") else text


def _time(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") or "0"


def _origin(line: WrittenLine) -> str:
    """Attributes that say what the line's drawing was before it came to the page."""
    drawing = line.drawing
    text = "" if drawing.text is None else f" data-text={quoteattr(_allowed(drawing.text))}"
    thin = "true" if drawing.order is None else " ".join(f"{first}:{stop}" for first, stop in to_runs(drawing.order))
    return f'{text} data-rhapsode-unit="{line.unit:.9g}"' + (f' data-rhapsode-thin="{thin}"' if drawing.thin else "")


def _words(page: Sheet) -> str:
    """What it says, for those who do not see it."""
    text = _allowed(page.text)
    first = text.partition("\n")[0].strip()
    title = f"{first[:79]}…" if len(first) > 80 else first
    return f"<title>{escape(title or 'Handwriting')}</title>\n" + (f"<desc>{escape(text)}</desc>\n" if text else "")


def _allowed(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def _colour(colour: str) -> str:
    if not re.fullmatch(r"[#\w(),.%/ -]+", colour, re.ASCII):
        raise UserError(f"{colour!r} is no colour. Give a name or a number: navy, #1a2456.")
    return colour
