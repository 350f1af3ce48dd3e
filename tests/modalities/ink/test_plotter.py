import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from rhapsode.errors import UserError
from rhapsode.modalities.ink.drawing import from_strokes
from rhapsode.modalities.ink.page import Page, lay_out
from rhapsode.modalities.ink.plotter import LIFTS, gcode, hpgl
from rhapsode.modalities.ink.wrap import Paragraph
from tests.modalities.ink.letters import write
from tests.modalities.ink.test_svg import odd

PAGE = Page.named("card", ruled=True)
LAYOUT = lay_out([Paragraph((write("the moon"), write("is in")))], PAGE)


def moved(program):
    """A machine that moves a pen: polylines [n, 2] of what it draws, and the commands that it knows nothing of."""
    at, z, spindle, servo, absolute, unit = np.zeros(2), 9.0, None, None, False, None
    lines, others, speed = [], [], None
    for line in program.splitlines():
        words = [(word[0], float(word[1:])) for word in line.partition(";")[0].split()]
        if not words:
            continue
        command, values = words[0], dict(words[1:])
        if command in (("G", 0), ("G", 1)):
            assert absolute and unit == "mm" and not (set(values) - set("XYZF"))
            down = z <= 0 or spindle or servo == 30
            speed = values.get("F", speed)
            z = values.get("Z", z)
            if "X" in values:
                assert "Z" not in values and speed
                assert bool(down) == (command == ("G", 1)), "travels are lifted, and nothing is drawn in a hurry"
                to = np.array([values["X"], values["Y"]])
                if down:
                    lines[-1].append(to)
                at = to
            if "Z" in values and values["Z"] <= 0:
                lines.append([at])
            continue
        now = (spindle, servo)
        if command == ("M", 3):
            spindle = values["S"]
        elif command == ("M", 5):
            spindle = None
        elif command == ("M", 280):
            servo = values["S"]
        elif command == ("G", 21):
            unit = "mm"
        elif command == ("G", 90):
            absolute = True
        else:
            others.append((command, values))
        if now != (spindle, servo) and (spindle or servo == 30):
            lines.append([at])
    assert z > 0 and spindle is None and servo != 30 and not at.any(), "lifted, and at home"
    return [np.array(line) for line in lines], others


@pytest.mark.parametrize("lift", LIFTS)
@pytest.mark.parametrize("tolerance", [0, 0.02])
def test_gcode_draws_the_rules_and_the_strokes_in_order_with_y_up(lift, tolerance):
    lines, others = moved(gcode(LAYOUT, lift=lift, tolerance=tolerance))
    wait = {"servo": 0.15, "marlin": 150}.get(lift)
    assert others == ([(("G", 4), {"P": wait})] * (2 * len(lines) + 1) if wait else [])
    ruled, written = lines[: PAGE.rows], lines[PAGE.rows :]
    top, right, bottom, left = PAGE.margins
    for line, y in zip(ruled, LAYOUT.sheets[0].rules, strict=True):
        assert line == pytest.approx(np.array([[left, PAGE.height - y], [PAGE.width - right, PAGE.height - y]]))
    strokes = list(LAYOUT.sheets[0].strokes())
    for line, stroke in zip(written, strokes, strict=True):
        flipped = stroke.points * (1, -1) + (0, PAGE.height)
        assert line[0] == pytest.approx(flipped[0], abs=6e-4)
        assert line[-1] == pytest.approx(flipped[-1], abs=6e-4)
        distance = np.abs(line[:, None] - flipped).max(axis=2)
        assert distance.min(axis=0).max() < 1e-3  # all points are gone through
    low, high = np.concatenate(lines).min(axis=0), np.concatenate(lines).max(axis=0)
    assert (low >= (left, bottom)).all() and (high <= (PAGE.width - right, PAGE.height - top)).all()
    assert written[0][:, 1].mean() > written[-1][:, 1].mean(), "the first line is the upper one"


def test_gcode_options():
    program = gcode(LAYOUT, up="5", down="-1", feed=800, travel=3000, dwell=0.5)
    assert program.count("G0 Z5\nG4 P0.5\n") == program.count("G1 Z-1 F800\nG4 P0.5\n") + 1
    assert " F800" in program and " F3000" in program
    program = gcode(LAYOUT, lift="servo", up="m3 s30, G4 P0.2", down="M3 S80", dwell=0)
    assert program.count("M3 S30\nG4 P0.2\n") == program.count("M3 S80\n") + 1
    assert "M3 S60\nG4 P0.15" in gcode(LAYOUT, lift="servo", down="60")
    assert "G4 P400" in gcode(LAYOUT, lift="marlin", dwell=0.4)
    assert "M280 P0 S12" in gcode(LAYOUT, lift="marlin", up="12")
    assert "; the moon\n" in program
    plain = lay_out([Paragraph((write("the moon"),))], Page.named("a6-landscape"))
    assert "; 148 x 105 mm, origin at the lower left" in gcode(plain)
    corners = re.search(r"draws from X(\S+) Y(\S+) to X(\S+) Y(\S+)\n", gcode(plain))
    lines = np.concatenate(moved(gcode(plain))[0])
    assert [float(each) for each in corners.groups()] == pytest.approx([*lines.min(axis=0), *lines.max(axis=0)])


def test_a_text_cannot_become_a_command():
    program = gcode(replace(write("no"), text="a\nM112\r\u2028M112;(x) é"))
    assert all(line.startswith(("G", ";")) for line in program.splitlines() if line)
    assert program.isascii()


def hpgl_lines(program):
    assert program.startswith("IN;\nSP1;\n")
    assert re.fullmatch(r"(IN;|SP\d+;|VS\d+;|PU(\d+,\d+)?;|PD(\d+,\d+(,\d+,\d+)*)?;|\n)*", program)
    found = re.findall(r"PU([\d,]+);PD([\d,]*);PU;", program)
    return [np.array([int(v) for v in f"{a},{b}".strip(",").split(",")]).reshape(-1, 2) for a, b in found]


def test_hpgl_draws_the_rules_and_the_strokes_in_order_with_y_up():
    lines = hpgl_lines(hpgl(LAYOUT))
    strokes = list(LAYOUT.sheets[0].strokes())
    assert len(lines) == PAGE.rows + len(strokes)
    assert all(line[0, 1] == line[1, 1] for line in lines[: PAGE.rows])
    for line, stroke in zip(lines[PAGE.rows :], strokes, strict=True):
        flipped = (stroke.points * (1, -1) + (0, PAGE.height)) * 40
        assert np.abs(line[0] - flipped[0]).max() <= 0.51
        assert np.abs(line[-1] - flipped[-1]).max() <= 0.51
    assert "SP3;\nPU" in hpgl(LAYOUT, pen=3)
    assert "SP1;\nVS20;\nPU" in hpgl(LAYOUT, feed=12_000)
    for wrong in ({"pen": 0}, {"feed": 500}, {"feed": 1e6}, {"feed": float("nan")}):
        with pytest.raises(UserError):
            hpgl(LAYOUT, **wrong)


def test_coarse_lines_stay_near_the_curve():
    fine, coarse = (moved(gcode(LAYOUT, tolerance=t))[0] for t in (0.001, 0.1))
    assert sum(map(len, coarse)) < sum(map(len, fine))


def test_ink_outside_the_page_is_refused():
    layout = lay_out([Paragraph((write("hill"),))], Page.named("a6"))
    [line] = layout.sheets[0].lines
    high = replace(line, drawing=replace(line.drawing, points=line.drawing.points - (0, 40)))
    layout = replace(layout, sheets=(replace(layout.sheets[0], lines=(high,)),))
    for function in (gcode, hpgl):
        with pytest.raises(UserError, match="outside the page"):
            function(layout)


@pytest.mark.parametrize(
    "options",
    [
        {"lift": "m4"},
        {"feed": 0},
        {"travel": float("nan")},
        {"up": "1", "down": "1"},
        {"up": "M3 S90", "down": "m3 s90"},
        *({"up": wrong} for wrong in ("", "G0 X5", "G1 Y0", "up", "M5\nM112", "M3 S90;", "M3 Snan", "M5,")),
        {"dwell": -1},
        {"tolerance": -1},
        {"sheet": 4},
    ],
)
def test_mistakes(options):
    with pytest.raises(UserError):
        gcode(LAYOUT, **options)


def test_dots_are_touched():
    dot = from_strokes([np.array([[1, 1.0]]), np.array([[2, 2.0], [2, 2]])])
    assert [len(line) for line in moved(gcode(dot))[0]] == [1, 1]
    assert [len(line) for line in hpgl_lines(hpgl(dot))] == [1, 1]


@given(odd)
def test_odd_drawings(drawing):
    count = len(list(drawing.strokes()))
    assert len(moved(gcode(drawing))[0]) == len(hpgl_lines(hpgl(drawing))) == count
