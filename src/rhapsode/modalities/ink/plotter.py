"""Writing for machines that move a pen: G-code and HPGL. Both have the origin at the page's lower left, y up."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.modalities.ink.curve import distinct, flatten
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.page import Layout, Sheet, sheet_of


@dataclass(frozen=True)
class Lift:
    """How a machine lifts its pen and lowers it.

    up, down: commands.
    number:   the commands with a number of one's own, for up and for down.
    dwell:    seconds for which the machine waits after each.
    units:    how many of the machine's units of `G4 P` are a second.
    """

    up: str
    down: str
    number: tuple[str, str]
    dwell: float = 0.0
    units: int = 1


SERVO = 0.15
"""Seconds that a servo takes; controllers do not wait for it."""
LIFTS = {
    "z": Lift("G0 Z3", "G1 Z0 F{feed}", ("G0 Z{}", "G1 Z{} F{feed}")),
    "servo": Lift("M5", "M3 S90", ("M3 S{}", "M3 S{}"), SERVO),
    "laser": Lift("M5", "M3 S300", ("M3 S{}", "M3 S{}")),
    "marlin": Lift("M280 P0 S90", "M280 P0 S30", ("M280 P0 S{}", "M280 P0 S{}"), SERVO, 1000),
}
"""An axis in mm; a servo, and a laser's power, as controllers with GRBL have them at the spindle; a servo of Marlin."""
COMMAND = re.compile(r"[GM]\d+(\.\d+)?( +[A-WZ]-?\d+(\.\d+)?)*")
"""A G-code command that does not move the pen over the paper."""
HPGL_UNITS = 40
"""Per mm."""
CM_S = 600.0
"""mm a minute in a cm a second, which HPGL counts in; it knows up to `FASTEST`."""
FASTEST = 127
COMMENT = 70
"""Characters; controllers have short lines."""


def gcode(
    what: Drawing | Layout,
    *,
    sheet: int | None = None,
    lift: str = "z",
    up: str | None = None,
    down: str | None = None,
    feed: float = 1500.0,
    travel: float = 6000.0,
    dwell: float | None = None,
    tolerance: float = 0.02,
) -> str:
    """G-code for one page (counted from 0), or for a drawing on a page cut to it. Ruled lines are drawn first, and then
    strokes in the order of writing. The pen begins and ends at the page's lower left, lifted.

    lift:   a name in `LIFTS`.
    up, down: what lifts and lowers the pen, instead of the lift's own: a number for its command, or commands, with
        commas between them.
    feed, travel: mm per minute with the pen down and up.
    dwell:  seconds to wait after the pen was lifted or lowered.
    tolerance: mm that the straight moves may lie beside the curve; 0 goes straight from point to point.
    Raises `UserError`, also for ink that lies outside the page.
    """
    if lift not in LIFTS:
        raise choice("way to lift the pen", lift, LIFTS)
    for name, value in (("feed", feed), ("travel", travel)):
        if not 0 < value < math.inf:
            raise UserError(f"{name} is {value:g} mm per minute: it must be more than 0.")
    usual = LIFTS[lift]
    wait = usual.dwell if dwell is None else dwell
    if not 0 <= wait <= 60:
        raise UserError(f"a dwell of {wait:g} seconds: it must be from 0 to 60.")
    raised, lowered = (
        _commands(own, number, given).replace("{feed}", _number(feed))
        for own, number, given in zip((usual.up, usual.down), usual.number, (up, down), strict=True)
    )
    if up is not None and up == down or raised == lowered:
        raise UserError(f"{raised.splitlines()[0]!r} is to lift the pen and to lower it: they must differ.")
    waiting = f"\nG4 P{_number(wait * usual.units)}" if wait else ""
    page = sheet_of(what, sheet)
    lines = list(_polylines(page, tolerance))
    out = [f"; {_comment(title)}" for title in (*_measures(page, lines), *page.text.splitlines())]
    out += ["G21 ; mm", "G90 ; absolute", raised + waiting]
    for points in lines:
        moves = [f"X{_number(x)} Y{_number(y)}" for x, y in points.tolist()]
        out += [f"G0 {moves[0]} F{_number(travel)}", lowered + waiting]
        out += [f"G1 {move} F{_number(feed)}" if i == 0 else f"G1 {move}" for i, move in enumerate(moves[1:])]
        out.append(raised + waiting)
    out += [f"G0 X0 Y0 F{_number(travel)}", ""]
    return "\n".join(out)


def hpgl(
    what: Drawing | Layout,
    *,
    sheet: int | None = None,
    pen: int = 1,
    feed: float | None = None,
    tolerance: float = 0.02,
) -> str:
    """HPGL for one page, as in `gcode`. pen: the number of the plotter's pen. feed: mm per minute, to whole cm per
    second; by default the plotter's own. Raises `UserError`."""
    if not 1 <= pen <= 64:
        raise UserError(f"there is no pen {pen}: plotters have pens from 1.")
    out = ["IN;", f"SP{pen};"]
    if feed is not None:
        if not 1 <= (speed := feed / CM_S) <= FASTEST:
            raise UserError(f"a feed of {feed:g} mm per minute: HPGL knows {CM_S:g} to {CM_S * FASTEST:g}.")
        out.append(f"VS{round(speed)};")
    for points in _polylines(sheet_of(what, sheet), tolerance):
        units = np.rint(points * HPGL_UNITS).astype(np.int64)
        units = units[distinct(units)]
        moves = ",".join(f"{x},{y}" for x, y in units[1:].tolist())
        out.append(f"PU{units[0, 0]},{units[0, 1]};PD{moves};PU;")
    return "\n".join([*out, "PU0,0;", "SP0;", ""])


def _commands(own: str, number: str, given: str | None) -> str:
    """What lifts or lowers the pen, one command a line. Raises `UserError`."""
    if given is None:
        return own
    if re.fullmatch(r"-?\d+(\.\d+)?", given.strip()):
        return number.replace("{}", _number(float(given)))
    found = [each.strip().upper() for each in given.split(",")]
    for each in found:
        if not COMMAND.fullmatch(each):
            raise UserError(
                f"{each[:80]!r} cannot lift or lower a pen. Give a number, or G-code without X and Y, with commas "
                "between commands: M3 S90, G4 P0.2"
            )
    return "\n".join(found)


def _polylines(sheet: Sheet, tolerance: float) -> Iterator[np.ndarray]:
    """What the pen draws, [n, 2] mm from the lower left, without moves too small to be told from rest."""
    if not 0 <= tolerance <= 10:
        raise UserError(f"a tolerance of {tolerance:g} mm is out of range: 0 to 10 mm.")
    page = sheet.page
    left, right = page.margins[3], page.width - page.margins[1]
    lines = [np.array([[left, y], [right, y]]) for y in sheet.rules]
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


def _measures(sheet: Sheet, lines: list[np.ndarray]) -> Iterator[str]:
    """What to know before the machine is started."""
    page = sheet.page
    yield f"{_number(page.width)} x {_number(page.height)} mm, origin at the lower left, Y goes up"
    if lines:
        low = np.min([line.min(axis=0) for line in lines], axis=0)
        high = np.max([line.max(axis=0) for line in lines], axis=0)
        corners = (f"X{_number(x)} Y{_number(y)}" for x, y in (low.tolist(), high.tolist()))
        yield f"the pen draws from {' to '.join(corners)}"


def _comment(text: str) -> str:
    """Text as controllers take it in comments: ASCII without brackets or semicolons."""
    return "".join(c if 32 <= ord(c) < 127 and c not in "();%" else "?" for c in text[:COMMENT])


def _number(value: float) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
