"""Lines of handwriting laid out on pages, in millimetres."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.metrics import LIMIT, Metrics, check, metrics
from rhapsode.modalities.ink.wrap import Paragraph

SIZES = {
    "a3": (297.0, 420.0),
    "a4": (210.0, 297.0),
    "a5": (148.0, 210.0),
    "a6": (105.0, 148.0),
    "letter": (215.9, 279.4),
    "legal": (215.9, 355.6),
    "card": (148.0, 105.0),
}
"""Width and height in mm."""
LANDSCAPE = "-landscape"
"""With this at the end of its name, a page lies on its longer side."""
ALIGN = ("left", "right", "centre", "justify")
LARGEST = 5000.0
"""mm: no side of a page is longer."""
NARROWEST = 0.5
"""A line that is too long is squeezed, its x-height kept, to no less than this share of its width."""
FITTED = 4.0
"""mm: the x-height of writing on a page that is cut to it, unless it is given."""
LINE_HEIGHT = 4.0
"""From base line to base line, in x-heights, unless it is given."""
BELOW = 0.35
"""Of the line height, the room below a base line, for what hangs down."""


@dataclass(frozen=True)
class Page:
    """A page to write on. All lengths are in mm. Raises `UserError` for one that nothing can be written on.

    margins:  top, right, bottom, left.
    x_height: of the writing.
    line_height: from base line to base line; the last is at least `BELOW` of it above the bottom margin.
    ruled:    whether the base lines are drawn.
    align:    one of `ALIGN`.
    """

    width: float = 210.0
    height: float = 297.0
    margins: tuple[float, float, float, float] = (20.0, 20.0, 20.0, 20.0)
    x_height: float = 2.5
    line_height: float = 10.0
    ruled: bool = False
    align: str = "left"

    def __post_init__(self) -> None:
        if self.align not in ALIGN:
            raise choice("alignment", self.align, ALIGN)
        for what, value in (("width", self.width), ("height", self.height)):
            if not 0 < value <= LARGEST:
                raise UserError(f"the page's {what} is {value:g} mm: it must be more than 0 and at most {LARGEST:g}.")
        if len(self.margins) != 4 or not all(0 <= margin <= LARGEST for margin in self.margins):
            raise UserError(f"margins {self.margins}: give top, right, bottom and left in mm, none below 0.")
        if not 0.01 <= self.x_height <= LARGEST:
            raise UserError(f"an x-height of {self.x_height:g} mm cannot be written: 2 to 4 mm are usual.")
        if not self.x_height <= self.line_height <= LARGEST:
            raise UserError(
                f"base lines {self.line_height:g} mm apart cannot hold writing with an x-height of {self.x_height:g} "
                f"mm: give a line height of about {LINE_HEIGHT * self.x_height:g} mm."
            )
        top, right, bottom, left = self.margins
        if self.room <= 0:
            raise UserError(
                f"margins of {left:g} mm on the left and {right:g} mm on the right leave no room on a page "
                f"{self.width:g} mm wide. Make them smaller or the page larger."
            )
        if self.rows < 1:
            raise UserError(
                f"margins of {top:g} mm above and {bottom:g} mm below leave no room for a line of {self.line_height:g} "
                f"mm on a page {self.height:g} mm high. Make them smaller, the page larger or the line height smaller."
            )

    @staticmethod
    def named(name: str = "a4", margin: float | None = None, **options: Any) -> Page:
        """A page of a size in `SIZES`, or one like `120x80` in mm; with `LANDSCAPE` after it, on its longer side.

        margin: on all sides, in mm; a tenth of the shorter side by default.
        The line height is 4 x-heights by default; `options` are further fields of `Page`. Raises `UserError`.
        """
        size = name.lower().removesuffix(LANDSCAPE)
        given = re.fullmatch(r"(\d+(?:\.\d+)?)[x×](\d+(?:\.\d+)?)", size)
        if given:
            width, height = float(given[1]), float(given[2])
        elif size in SIZES:
            width, height = SIZES[size]
        else:
            raise choice("page size", name, SIZES, f"Or a4{LANDSCAPE} and so on, or width and height in mm: 120x80.")
        if size != name.lower():
            width, height = max(width, height), min(width, height)
        if "margins" not in options:
            options["margins"] = (min(width, height) / 10 if margin is None else margin,) * 4
        options.setdefault("line_height", LINE_HEIGHT * options.get("x_height", Page.x_height))
        return Page(width, height, **options)

    @property
    def room(self) -> float:
        """mm between the left and the right margin."""
        return self.width - self.margins[1] - self.margins[3]

    @property
    def rows(self) -> int:
        """How many lines a page takes."""
        return math.floor((self.height - self.margins[0] - self.margins[2]) / self.line_height + 1e-9)

    def baseline(self, row: int) -> float:
        """mm from the page's top to the base line of a row; rows count from 0."""
        return self.margins[0] + (row + 1 - BELOW) * self.line_height

    def columns(self, advance: float) -> int:
        """How many characters a line holds, at an average of `advance` mm per character. Raises `UserError`."""
        if not advance > 0:
            raise UserError(f"characters {advance:g} mm wide cannot be written: the width must be more than 0.")
        return math.floor(min(self.room / advance, 1e6) + 1e-9)


@dataclass(frozen=True, eq=False)
class WrittenLine:
    """A line of writing in its place. drawing: in mm from the page's upper left; index: its number in the layout.

    unit: mm that one of the drawing's own units became, so that whoever reads it again can undo that.
    """

    drawing: Drawing
    index: int
    baseline: float
    unit: float = 1.0


@dataclass(frozen=True, eq=False)
class Stroke:
    """What the pen draws without being lifted. points: [n, 2] mm; pressure, seconds: [n] where recorded."""

    points: np.ndarray
    line: int
    pressure: np.ndarray | None
    seconds: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Sheet:
    """One page as written. rules: heights in mm of ruled lines, which go from margin to margin."""

    page: Page
    lines: tuple[WrittenLine, ...]
    rules: tuple[float, ...]

    def strokes(self) -> Iterator[Stroke]:
        """All strokes in the order of writing."""
        for line in self.lines:
            drawing, at = line.drawing, 0
            for points in drawing.strokes():
                part = slice(at, at + len(points))
                at = part.stop
                pressure = None if drawing.pressure is None else drawing.pressure[part]
                yield Stroke(points, line.index, pressure, None if drawing.seconds is None else drawing.seconds[part])

    @property
    def text(self) -> str:
        """What is written there, where known."""
        return "\n".join(line.drawing.text for line in self.lines if line.drawing.text)


@dataclass(frozen=True, eq=False)
class Layout:
    """Pages as written, at least one."""

    page: Page
    sheets: tuple[Sheet, ...]


def lay_out(
    paragraphs: Sequence[Paragraph[Drawing]], page: Page, known: Metrics | Sequence[Metrics] | None = None
) -> Layout:
    """Put lines of writing on as many pages as they need.

    Each is scaled to the page's x-height and straightened to lie on its base line. A line that is too long for the page
    is squeezed in width. All ink is on the page; a line that reaches beyond its upper or lower edge is moved.

    known: the metrics of the lines: one for all, whose base line may be None, or one for each. Otherwise all lines are
        taken to be as large as their median, and each base line is measured.
    Raises `UserError` for a line that cannot be measured or does not fit.
    """
    found = _metrics([line for paragraph in paragraphs for line in paragraph.lines], known)
    sheets: list[list[WrittenLine]] = [[]]
    row = index = 0
    for paragraph in paragraphs:
        if row:
            row = int(min(row + paragraph.above, page.rows))
        for position, line in enumerate(paragraph.lines):
            if row >= page.rows:
                sheets.append([])
                row = 0
            full = position < len(paragraph.lines) - 1
            indent = 0.0 if position else paragraph.indent
            placed = _place(line, found[index], page, page.baseline(row), indent, full, index)
            unit = page.x_height / found[index].x_height
            sheets[-1].append(WrittenLine(placed, index, page.baseline(row), unit))
            row += 1
            index += 1
    rules = tuple(map(page.baseline, range(page.rows))) if page.ruled else ()
    return Layout(page, tuple(Sheet(page, tuple(lines), rules) for lines in sheets))


def fit(
    drawing: Drawing,
    x_height: float | None = None,
    margin: float = 5.0,
    size: float = 100.0,
    own_x_height: float | None = None,
) -> Layout:
    """A page cut to a drawing, all in mm; every point keeps its place relative to the others.

    x_height: to scale it to; by default `FITTED` if the drawing has a text, and or else its longer side becomes `size`.
    own_x_height: the drawing's own x-height; otherwise it is measured.
    """
    check(drawing)
    left, top, right, bottom = drawing.bounds
    longer = max(right - left, bottom - top)
    nominal = size / 25
    scale = size / longer if longer > 1 / LIMIT else 1.0
    if x_height is not None or drawing.text is not None:
        nominal = FITTED if x_height is None else x_height
        # A dot or a dash has no x-height, and any scale will do.
        scale = nominal / (own_x_height or metrics(drawing).x_height) if bottom - top >= 1 / LIMIT else min(scale, 1.0)
    if not longer * scale + 2 * margin <= LARGEST:
        raise UserError(
            f"{drawing.name or 'the drawing'} would be {longer * scale + 2 * margin:,.0f} mm long at that x-height, "
            f"and a page is at most {LARGEST:,.0f} mm: give a smaller x-height, or break it into lines."
        )
    width, height = max((right - left) * scale, nominal), max((bottom - top) * scale, nominal)
    page = Page(width + 2 * margin, height + 2 * margin, (margin,) * 4, nominal, height)
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    moved = (drawing.points - middle) * scale + (page.width / 2, page.height / 2)
    line = WrittenLine(replace(drawing, points=moved), 0, page.height - margin, scale)
    return Layout(page, (Sheet(page, (line,), ()),))


def sheet_of(what: Drawing | Layout, sheet: int | None = None) -> Sheet:
    """One page of a layout, counted from 0; a drawing gets a page cut to it.

    Raises `UserError` if there is no such page, or several and none is asked for.
    """
    layout = fit(what) if isinstance(what, Drawing) else what
    count = len(layout.sheets)
    if sheet is None and count > 1:
        raise UserError(f"there are {count} pages: say which one, from 0 to {count - 1}, or save all of them.")
    if not 0 <= (sheet or 0) < count:
        raise UserError(f"there is no page {sheet}: pages are counted from 0 to {count - 1}.")
    return layout.sheets[sheet or 0]


def _metrics(lines: Sequence[Drawing], known: Metrics | Sequence[Metrics] | None) -> list[Metrics]:
    """The metrics of each line."""
    for line in lines:
        check(line)
    if isinstance(known, Sequence):
        if len(known) != len(lines):
            raise UserError(f"there are {len(lines)} lines and metrics for {len(known)}: give one for each.")
        pairs = list(zip(lines, known, strict=True))
    else:
        if known is None:
            inked = [line for line in lines if len(line)]
            tall = [line for line in inked if np.ptp(line.points[:, 1]) >= 1 / LIMIT]
            heights = [metrics(line).x_height for line in tall or inked[:1]]  # of which the latter tells what is wrong
            known = Metrics(None, float(np.median(heights)) if heights else 1.0)
        pairs = [(line, known) for line in lines]
    for _, given in pairs:
        if not 1 / LIMIT < given.x_height < LIMIT or not max(abs(given.baseline or 0.0), abs(given.slope)) < LIMIT:
            raise UserError(f"{given} cannot be used: the x-height must be more than 0, and all of it numbers.")
    return [_measured(line, given) if given.baseline is None else given for line, given in pairs]


def _measured(line: Drawing, known: Metrics) -> Metrics:
    """Metrics with the line's own base line."""
    try:
        found = metrics(line, known.x_height)
        return replace(found, x_height=known.x_height)
    except UserError:  # a dash or nothing
        return replace(known, baseline=line.bounds[3])


def _place(
    line: Drawing, known: Metrics, page: Page, baseline: float, indent: float, full: bool, index: int
) -> Drawing:
    """The line in mm on its base line. full: whether it ends only since the next word has no room."""
    if not len(line):
        return line
    assert known.baseline is not None
    scale = page.x_height / known.x_height
    x = (line.points[:, 0] - line.points[:, 0].min()) * scale
    y = (line.points[:, 1] - known.baseline - known.slope * line.points[:, 0]) * scale
    width = float(x.max())
    indent = min(indent, max(page.room - width * NARROWEST, 0.0)) if page.align in ("left", "justify") else 0.0
    room = page.room - indent
    what = f"line {index + 1}" + (f" ({line.text[:40]!r})" if line.text else "")
    if not width * NARROWEST <= room:
        raise UserError(
            f"{what} would be {width:,.0f} mm wide, and the page has room for {room:,.0f} mm. "
            "Break it into shorter lines, or give a smaller x-height or a larger page."
        )
    if not np.ptp(y) <= page.height or not np.abs(y).max() <= LARGEST:
        raise UserError(f"{what} would be higher than the page. Check the metrics, or give a smaller x-height.")
    if width > room:
        x *= room / width
    elif full and page.align == "justify":
        x += _shifts(line, x, room - width, page.x_height)
    spare = room - float(x.max())
    x += page.margins[3] + indent + {"right": spare, "centre": spare / 2}.get(page.align, 0.0)
    y += baseline
    y -= min(float(y.min()), 0.0) + max(float(y.max()) - page.height, 0.0)
    return replace(line, points=np.stack([x, y], axis=1))


def _shifts(line: Drawing, x: np.ndarray, spare: float, x_height: float) -> np.ndarray:
    """How far each point moves to the right, [n], so that the gaps between words take up `spare` mm.

    Nothing moves where there are no gaps, as in a line of one word.
    """
    starts = np.concatenate([[0], np.flatnonzero(line.ends[:-1]) + 1])
    left, right = np.minimum.reduceat(x, starts), np.maximum.reduceat(x, starts)
    order = np.argsort(left, kind="stable")
    reach = np.maximum.accumulate(right[order])[:-1]
    gaps = left[order][1:] - reach
    if line.text is None:
        chosen = np.flatnonzero(gaps > 0.5 * x_height)
    else:  # the widest are those between words
        widest = np.argsort(-gaps, kind="stable")[: max(len(line.text.split()) - 1, 0)]
        chosen = widest[gaps[widest] > 0]
    if not len(chosen):
        return np.zeros_like(x)
    counts = np.searchsorted(np.sort(reach[chosen]), left, side="left")
    per_stroke = counts * (spare / len(chosen))
    return np.repeat(per_stroke, np.diff(np.append(starts, len(x))))
