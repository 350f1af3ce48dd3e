import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from letters import write
from test_svg import odd

from rhapsode.errors import UserError
from rhapsode.ink.drawing import from_strokes
from rhapsode.ink.metrics import Metrics
from rhapsode.ink.page import Page, lay_out
from rhapsode.ink.plotter import LIFTS, gcode, hpgl

PAGE = Page.named("card", ruled=True)
LAYOUT = lay_out([[write("the moon"), write("is in")]], PAGE)


def drawn(program, up, down):
    """Polylines drawn by G-code, [n, 2] each; checks that the pen is up for every G0 and down for every G1."""
    pen, at, lines = "?", None, []
    for line in program.splitlines():
        line = line.partition(";")[0].strip()
        if line.startswith(up):
            pen = "up"
        elif line.startswith(down):
            assert pen == "up"
            pen = "down"
            lines.append([at])
        elif place := re.match(r"G([01]) X(-?[\d.]+) Y(-?[\d.]+)", line):
            assert pen == ("up" if place[1] == "0" else "down")
            at = (float(place[2]), float(place[3]))
            if pen == "down":
                lines[-1].append(at)
    assert pen == "up"
    return [np.array(line) for line in lines]


PENS = {"z": ("G0 Z3", "G1 Z0"), "m3": ("M3 S90", "M3 S30"), "m280": ("M280 P0 S90", "M280 P0 S30")}


@pytest.mark.parametrize("lift", LIFTS)
@pytest.mark.parametrize("tolerance", [0, 0.02])
def test_gcode_draws_the_strokes_in_order_with_y_up(lift, tolerance):
    program = gcode(LAYOUT, lift=lift, tolerance=tolerance)
    lines = drawn(program, *PENS[lift])
    strokes = list(LAYOUT.sheets[0].strokes())
    assert len(lines) == len(strokes)
    for line, stroke in zip(lines, strokes, strict=True):
        flipped = stroke.points * (1, -1) + (0, PAGE.height)
        assert line[0] == pytest.approx(flipped[0], abs=6e-4)
        assert line[-1] == pytest.approx(flipped[-1], abs=6e-4)
        distance = np.abs(line[:, None] - flipped).max(axis=2)
        assert distance.min(axis=0).max() < 1e-3  # all points are gone through
    assert "G21" in program and "G90" in program


def test_gcode_options():
    program = gcode(LAYOUT, up=5, down=-1, feed=800, travel=3000)
    assert program.count("G0 Z5") == program.count("G1 Z-1 F800") + 1
    assert " F800" in program and " F3000" in program
    assert "G4 P0.15" in gcode(LAYOUT, lift="m3") and "G4 P150" in gcode(LAYOUT, lift="m280")
    assert len(drawn(gcode(LAYOUT, rules=True), *PENS["z"])) == len(list(LAYOUT.sheets[0].strokes())) + PAGE.rows
    assert "; the moon\n" in program


def test_a_text_cannot_become_a_command():
    program = gcode(replace(write("no"), text="a\nM112\r\u2028M112;(x) é"))
    assert all(line.startswith(("G", ";")) for line in program.splitlines() if line)
    assert program.isascii()


def hpgl_lines(program):
    assert program.startswith("IN;\nSP1;\n")
    assert re.fullmatch(r"(IN;|SP\d+;|PU(\d+,\d+)?;|PD(\d+,\d+(,\d+,\d+)*)?;|\n)*", program)
    found = re.findall(r"PU([\d,]+);PD([\d,]*);PU;", program)
    return [np.array([int(v) for v in f"{a},{b}".strip(",").split(",")]).reshape(-1, 2) for a, b in found]


def test_hpgl_draws_the_strokes_in_order_with_y_up():
    lines = hpgl_lines(hpgl(LAYOUT))
    strokes = list(LAYOUT.sheets[0].strokes())
    assert len(lines) == len(strokes)
    for line, stroke in zip(lines, strokes, strict=True):
        flipped = (stroke.points * (1, -1) + (0, PAGE.height)) * 40
        assert np.abs(line[0] - flipped[0]).max() <= 0.51
        assert np.abs(line[-1] - flipped[-1]).max() <= 0.51
    assert "SP3;" in hpgl(LAYOUT, pen=3)


def test_coarse_lines_stay_near_the_curve():
    fine, coarse = (drawn(gcode(LAYOUT, tolerance=t), *PENS["z"]) for t in (0.001, 0.1))
    assert sum(map(len, coarse)) < sum(map(len, fine))


def test_ink_outside_the_page_is_refused():
    page = Page(50, 30, (0, 0, 0, 0), 5, 5)
    layout = lay_out([[write("hill")]], page, Metrics(0.0, 1.0))
    for function in (gcode, hpgl):
        with pytest.raises(UserError, match="outside the page"):
            function(layout)


@pytest.mark.parametrize(
    "options", [{"lift": "m4"}, {"feed": 0}, {"up": 1, "down": 1}, {"rest": -1}, {"tolerance": -1}, {"sheet": 4}]
)
def test_mistakes(options):
    with pytest.raises(UserError):
        gcode(LAYOUT, **options)


def test_dots_are_touched():
    dot = from_strokes([np.array([[1, 1.0]]), np.array([[2, 2.0], [2, 2]])])
    assert [len(line) for line in drawn(gcode(dot), *PENS["z"])] == [1, 1]
    assert [len(line) for line in hpgl_lines(hpgl(dot))] == [1, 1]


@given(odd)
def test_odd_drawings(drawing):
    count = len(list(drawing.strokes()))
    assert len(drawn(gcode(drawing), *PENS["z"])) == len(hpgl_lines(hpgl(drawing))) == count
