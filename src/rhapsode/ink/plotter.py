"""Writing for machines that move a pen: G-code and HPGL. Both have the origin at the page's lower left, y up."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.ink.curve import distinct, flatten
from rhapsode.ink.drawing import Drawing
from rhapsode.ink.page import Layout, Sheet, sheet_of

LIFTS = {"z": (3.0, 0.0), "m3": (90.0, 30.0), "m280": (90.0, 30.0)}
"""How the pen is lifted, with its values up and down: mm, speed of a spindle, degrees of a servo."""
HPGL_UNITS = 40
"""Per mm."""


def gcode(
    what: Drawing | Layout,
    *,
    sheet: int | None = None,
    lift: str = "z",
    up: float | None = None,
    down: float | None = None,
    feed: float = 1500.0,
    travel: float = 6000.0,
    rest: float = 0.15,
    tolerance: float = 0.02,
    rules: bool = False,
) -> str:
    """G-code for one page (counted from 0), or for a drawing on a page cut to it. Strokes come in the order of writing.

    lift:   `z`: an axis in mm. `m3`: a servo by `M3 S`, as in GRBL. `m280`: a servo by `M280 P0 S`, as in Marlin.
    up, down: the values that lift and lower the pen, 3 and 0 mm or 90 and 30 by default.
    feed, travel: mm per minute with the pen down and up.
    rest:   seconds that a servo is given to move.
    tolerance: mm that the straight moves may lie beside the curve; 0 goes straight from point to point.
    rules:  ruled lines are drawn too, first.
    Raises `UserError`, also for ink that lies outside the page.
    """
    if lift not in LIFTS:
        raise choice("way to lift the pen", lift, LIFTS)
    high, low = (usual if given is None else given for usual, given in zip(LIFTS[lift], (up, down), strict=True))
    for name, value in (("feed", feed), ("travel", travel)):
        if not 0 < value < math.inf:
            raise UserError(f"{name} is {value:g} mm per minute: it must be more than 0.")
    if not (0 <= rest <= 60 and math.isfinite(high) and math.isfinite(low) and high != low):
        raise UserError(
            f"pen up at {high:g}, down at {low:g}, rest of {rest:g} s: up and down must differ, the rest be short."
        )

    def pen(value: float) -> str:
        if lift == "z":
            return f"G0 Z{_number(value)}" if value == high else f"G1 Z{_number(value)} F{_number(feed)}"
        # Controllers do not wait for servos. G4 takes seconds in GRBL and milliseconds in Marlin.
        word, dwell = ("M3", rest) if lift == "m3" else ("M280 P0", 1000 * rest)
        return f"{word} S{_number(value)}\nG4 P{_number(dwell)}"

    out = [f"; {_comment(title)}" for title in _titles(what, sheet)]
    out += ["G21 ; mm", "G90 ; absolute", pen(high)]
    for points in _polylines(sheet_of(what, sheet), tolerance, rules):
        moves = [f"X{_number(x)} Y{_number(y)}" for x, y in points.tolist()]
        out += [f"G0 {moves[0]} F{_number(travel)}", pen(low)]
        out += [f"G1 {move} F{_number(feed)}" if i == 0 else f"G1 {move}" for i, move in enumerate(moves[1:])]
        out.append(pen(high))
    out += [f"G0 X0 Y0 F{_number(travel)}", ""]
    return "\n".join(out)


def hpgl(
    what: Drawing | Layout, *, sheet: int | None = None, pen: int = 1, tolerance: float = 0.02, rules: bool = False
) -> str:
    """HPGL for one page, as in `gcode`. pen: the number of the plotter's pen. Raises `UserError`."""
    if not 1 <= pen <= 64:
        raise UserError(f"there is no pen {pen}: plotters have pens from 1.")
    out = ["IN;", f"SP{pen};"]
    for points in _polylines(sheet_of(what, sheet), tolerance, rules):
        units = np.rint(points * HPGL_UNITS).astype(np.int64)
        units = units[distinct(units)]
        moves = ",".join(f"{x},{y}" for x, y in units[1:].tolist())
        out.append(f"PU{units[0, 0]},{units[0, 1]};PD{moves};PU;")
    return "\n".join([*out, "PU0,0;", "SP0;", ""])


def _polylines(sheet: Sheet, tolerance: float, rules: bool) -> Iterator[np.ndarray]:
    """What the pen draws, [n, 2] mm from the lower left, without moves too small to be told from rest."""
    if not 0 <= tolerance <= 10:
        raise UserError(f"a tolerance of {tolerance:g} mm is out of range: 0 to 10 mm.")
    page = sheet.page
    left, right = page.margins[3], page.width - page.margins[1]
    lines = [np.array([[left, y], [right, y]]) for y in (sheet.rules if rules else ())]
    for points in [*lines, *(stroke.points for stroke in sheet.strokes())]:
        outside = max(-points.min(), *(points.max(axis=0) - (page.width, page.height)))
        if outside > 0.005:
            raise UserError(
                f"ink lies {outside:.2f} mm outside the page, where a plotter may not be able to go. Make the margins "
                "wider."
            )
        points = points[distinct(np.rint(points * 1000))]
        if tolerance:
            points = flatten(points, np.zeros(len(points)), tolerance)[0]
        yield np.clip(points, 0, (page.width, page.height)) * (1, -1) + (0, page.height)


def _titles(what: Drawing | Layout, sheet: int | None) -> list[str]:
    page = sheet_of(what, sheet)
    size = f"{_number(page.page.width)} x {_number(page.page.height)} mm, origin at the lower left"
    return [size, *page.text.splitlines()]


def _comment(text: str) -> str:
    """Text as controllers take it in comments: ASCII without brackets or semicolons."""
    return "".join(c if 32 <= ord(c) < 127 and c not in "();%" else "?" for c in text)


def _number(value: float) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
