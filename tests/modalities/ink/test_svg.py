import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rhapsode.errors import UserError
from rhapsode.modalities.ink.curve import beziers, flatten, split, widths
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from rhapsode.modalities.ink.page import Page, lay_out, sheet_of
from rhapsode.modalities.ink.svg import svg, timing
from rhapsode.modalities.ink.wrap import Paragraph
from tests.modalities.ink.letters import write

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")


def paths(document, stroke_group=True):
    root = ElementTree.fromstring(document)
    return [p for group in root.findall(f"{SVG}g") for p in group.iter(f"{SVG}path")] if stroke_group else root


def corners(d):
    """Ends of a path's curves, [n, 2]."""
    head, *curves = d.replace("h0", "").split("c")
    at = np.array([float(v) for v in NUMBER.findall(head)])
    found = [at]
    for curve in curves:
        values = [float(v) for v in NUMBER.findall(curve)]
        assert len(values) == 6
        at = at + values[4:]
        found.append(at)
    return np.array(found)


odd = st.builds(
    lambda points, bits: Drawing(points, np.resize(np.array([*bits, True]), len(points))),
    st.integers(0, 12).flatmap(
        lambda n: arrays(float, (n, 2), elements=st.sampled_from([0, 1, -1, 0.5, 1e-9, 1e9, 1e99, -1e99, 1e-300, 3]))
    ),
    st.lists(st.booleans(), max_size=5),
)


@pytest.mark.parametrize("mode", ["plotter", "ink"])
def test_paths_go_through_all_points_in_order(mode):
    layout = lay_out([Paragraph((write("the moon"), write("and a tin")))], Page.named("card"))
    document = svg(layout, mode=mode)
    ends = np.concatenate([corners(path.get("d")) for path in paths(document)])
    at = 0
    for stroke in layout.sheets[0].strokes():
        for point in stroke.points:
            while np.abs(ends[at] - point).max() > 0.0051:
                at += 1  # raises IndexError when the point is not there


def test_plotter_mode_is_one_path_per_stroke():
    drawing = write("the moon is in it")
    found = paths(svg(drawing))
    assert len(found) == len(list(drawing.strokes()))
    assert all(path.get("fill") is None for path in found)
    assert 'fill="none"' in svg(drawing)


def test_size_is_in_mm():
    root = ElementTree.fromstring(svg(lay_out([Paragraph((write("no"),))], Page.named("letter"))))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("215.9mm", "279.4mm", "0 0 215.9 279.4")


def test_rules_and_paper():
    page = Page.named("card", ruled=True)
    layout = lay_out([Paragraph((write("no"),))], page)
    root = ElementTree.fromstring(svg(layout, paper="#fffdf6"))
    rules = root.find(f"{SVG}path").get("d")
    assert rules.count("M") == page.rows
    assert root.find(f"{SVG}rect").get("fill") == "#fffdf6"
    assert ElementTree.fromstring(svg(layout)).find(f"{SVG}rect") is None


def test_what_it_says_can_be_read_by_machines():
    text = 'a < b & "c"\x00\ud800'
    document = svg(replace(write("no"), text=text))
    root = ElementTree.fromstring(document.encode())
    assert root.find(f"{SVG}desc").text == 'a < b & "c"\ufffd\ufffd'
    assert root.find(f"{SVG}title").text == root.find(f"{SVG}desc").text
    assert ElementTree.fromstring(svg(from_strokes([]))).find(f"{SVG}title").text == "Handwriting"


def test_ink_is_broader_where_the_pen_is_slow_or_pressed():
    x = np.cumsum([0.0] + [0.2] * 30 + [2.0] * 30)
    slow_then_fast = Drawing(np.stack([x, np.zeros(61)], 1), np.arange(61) == 60)
    broad = [float(p.get("stroke-width")) for p in paths(svg(slow_then_fast, mode="ink"))]
    assert len(broad) > 3 and broad == sorted(broad, reverse=True)
    pressed = replace(slow_then_fast, pressure=np.linspace(0.1, 1, 61))
    broad = [float(p.get("stroke-width")) for p in paths(svg(pressed, mode="ink"))]
    assert len(broad) > 3 and broad == sorted(broad)
    timed = replace(slow_then_fast, seconds=x)  # equally fast
    (one,) = paths(svg(timed, mode="ink"))
    assert float(one.get("stroke-width")) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("mode", ["plotter", "ink"])
def test_animation_goes_in_order_and_ends_on_time(mode):
    drawing = write("the moon is in it")
    document = svg(drawing, mode=mode, animated=True, seconds=4.0)
    assert "<script" not in document and "prefers-reduced-motion: no-preference" in document
    found = paths(document)
    style = [re.fullmatch(r"animation-delay:([\d.]+)s;animation-duration:([\d.]+)s", p.get("style")) for p in found]
    start = np.array([float(m[1]) for m in style])
    length = np.array([float(m[2]) for m in style])
    assert start[0] == 0 and np.all(np.diff(start) > 0)
    assert np.all(start[1:] >= (start + length)[:-1] - 0.002)
    assert (start + length)[-1] == pytest.approx(4, abs=0.003)
    assert {p.get("class") for p in found} == {"rhapsode-line", "rhapsode-dot"}
    assert all((p.get("pathLength") == "1") == (p.get("class") == "rhapsode-line") for p in found)


def test_longer_strokes_take_longer():
    strokes = list(sheet_of(from_strokes([np.array([[0, 0], [n, 0.0]]) for n in (10, 20, 40)])).strokes())
    (_, a), (_, b), (_, c) = timing(strokes, 2.5)
    assert b == pytest.approx(2 * a) and c == pytest.approx(4 * a)


def test_output_is_the_same_each_time():
    drawing = write("the moon")
    assert svg(drawing, mode="ink", animated=True) == svg(drawing, mode="ink", animated=True)


@pytest.mark.parametrize(
    "options",
    [{"mode": "pencil"}, {"nib": 0}, {"colour": '"/>'}, {"paper": "<"}, {"animated": True, "seconds": 0}, {"sheet": 1}],
)
def test_mistakes(options):
    with pytest.raises(UserError):
        svg(write("no"), **options)


@given(odd, st.sampled_from(["ink", "plotter"]), st.booleans())
def test_odd_drawings(drawing, mode, animated):
    document = svg(drawing, mode=mode, animated=animated)
    found = paths(document)
    assert len(found) >= len(list(drawing.strokes()))
    for path in found:
        assert np.all(np.abs(corners(path.get("d"))) <= 120)


@given(arrays(float, st.tuples(st.integers(2, 20), st.just(2)), elements=st.integers(-50, 50).map(float)))
@example(np.zeros((2, 2)))
def test_curves_are_smooth_and_stay_near(points):
    points = points[np.concatenate([[True], np.any(points[1:] != points[:-1], axis=1)])]
    curves = beziers(points)
    assert np.array_equal(curves[:, 0], points[:-1]) and np.array_equal(curves[:, 3], points[1:])
    into, out = curves[:-1, 3] - curves[:-1, 2], curves[1:, 1] - curves[1:, 0]
    cross = into[:, 0] * out[:, 1] - into[:, 1] * out[:, 0]
    assert np.allclose(cross, 0, atol=1e-6)
    path, values = flatten(points, np.arange(len(points), dtype=float), 0.01)
    assert np.all(np.isin(points, path)) and np.all(np.diff(values) > 0)
    # centripetal: a curve strays from its chord by less than the chord's length
    parts = np.split(path[1:], np.flatnonzero(values[1:] % 1 == 0) + 1)[:-1]
    for curve, part in zip(curves, parts, strict=True):
        middle = (curve[0] + curve[3]) / 2
        assert np.linalg.norm(part - middle, axis=1).max() <= 1.5 * np.linalg.norm(curve[3] - curve[0])


def test_split_curves_are_the_curve():
    curve = np.array([[0, 0], [1, 3], [4, 3], [5, -1.0]])

    def at(c, t):
        return (1 - t) ** 3 * c[0] + 3 * t * (1 - t) ** 2 * c[1] + 3 * t * t * (1 - t) * c[2] + t**3 * c[3]

    for i, piece in enumerate(split(curve, 3)):
        for t in (0, 0.3, 1):
            assert at(piece, t) == pytest.approx(at(curve, (i + t) / 3))


def test_breadth_is_the_nib_on_average():
    strokes = list(sheet_of(write("the moon is in the hall")).strokes())
    broad = np.concatenate(widths(strokes, 0.5))
    assert np.median(broad) == pytest.approx(0.5, rel=0.1)
    assert broad.min() >= 0.3
    assert broad.max() <= 0.75
