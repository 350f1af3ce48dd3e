import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from rhapsode.modalities.ink.metrics import Metrics, metrics
from rhapsode.modalities.ink.page import ALIGN, BELOW, SIZES, Page, fit, lay_out, sheet_of
from rhapsode.modalities.ink.wrap import Paragraph, wrap
from tests.modalities.ink.letters import write
from tests.modalities.ink.test_svg import odd

TEXT = "the old man sat in the open hall and told a tale"


@pytest.mark.parametrize("size", [1e-3, 1.0, 700.0])
@pytest.mark.parametrize("slant", [-0.2, 0.0, 0.4])
def test_metrics_of_known_writing(size, slant):
    found = metrics(write(TEXT, size=size, slant=slant, at=(3 * size, 40 * size)))
    assert found.x_height == pytest.approx(size, rel=0.02)
    assert found.baseline == pytest.approx(40 * size, abs=0.02 * size)
    assert found.slope == pytest.approx(0, abs=1e-3)
    assert found.slant == pytest.approx(slant, abs=0.05)


@pytest.mark.parametrize("slope", [-0.08, 0.03, 0.1])
def test_metrics_of_writing_that_rises_or_falls(slope):
    found = metrics(write(TEXT, slope=slope, rough=0.05))
    assert found.x_height == pytest.approx(1, rel=0.06)
    assert found.slope == pytest.approx(slope, abs=0.004)
    assert found.baseline == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize("text", ["all told", "dig", "gap", "hill", "mild", "i sit in it"])
def test_metrics_of_few_letters(text):
    found = metrics(write(text))
    assert found.x_height == pytest.approx(1, rel=0.1)
    assert found.baseline == pytest.approx(0, abs=0.1)


def test_metrics_are_not_led_astray_by_a_blot_and_a_flourish():
    drawing = write(TEXT, rough=0.04)
    strokes = [*drawing.strokes(), np.array([[5, 9.0]]), np.array([[0, -6.0], [4, -7], [8, -6]])]
    found = metrics(from_strokes(strokes, TEXT))
    assert found.x_height == pytest.approx(1, rel=0.06)
    assert found.baseline == pytest.approx(0, abs=0.06)


def test_capitals_are_higher_than_an_x():
    drawing = replace(write("oooo"), text="OOOO")
    assert metrics(drawing).x_height == pytest.approx(2 / 3, rel=0.02)


def test_known_x_height_finds_the_base_line_of_a_line_without_small_letters():
    found = metrics(write("l l l l"), x_height=1.0)
    assert (found.x_height, found.baseline) == (1.0, pytest.approx(0, abs=0.02))


@pytest.mark.parametrize("strokes", [[], [[[1, 1]]], [[[0, 0], [5, 0]]]])
def test_nothing_to_measure(strokes):
    with pytest.raises(UserError, match="too little ink"):
        metrics(from_strokes([np.array(stroke, float) for stroke in strokes]))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e101])
def test_what_is_no_place_is_refused(bad):
    drawing = from_strokes([np.array([[0, 0], [1, bad]])], name="a#1")
    for function in (metrics, fit, lambda d: lay_out([Paragraph((d,))], Page())):
        with pytest.raises(UserError, match="a#1: point 1"):
            function(drawing)


@given(odd)
def test_metrics_of_odd_drawings(drawing):
    try:
        found = metrics(drawing)
    except UserError:
        assert not len(drawing) or np.ptp(drawing.points[:, 1]) < 1e-100
        return
    assert found.x_height > 0 and np.isfinite([found.baseline, found.x_height, found.slant, found.slope]).all()
    try:
        layout = lay_out([Paragraph((drawing,))], Page())
    except UserError as error:  # its points are too far apart for the x-height that was measured
        assert "would be" in str(error)
        return
    points = layout.sheets[0].lines[0].drawing.points
    assert np.isfinite(points).all() and np.ptp(points[:, 0]) <= Page().room + 1e-6


def test_x_height_and_line_height_are_exact():
    page = Page.named("a5", x_height=3, line_height=11)
    known = Metrics(None, 1.0)
    layout = lay_out(
        [Paragraph((write("nono"), write("no", at=(9, 7)))), Paragraph((write("on"),), above=1)], page, known
    )
    (sheet,) = layout.sheets
    assert [line.baseline for line in sheet.lines] == [page.margins[0] + 11 * (row - BELOW) for row in (1, 2, 4)]
    for line in sheet.lines:
        x0, top, _, bottom = line.drawing.bounds
        assert bottom == pytest.approx(line.baseline, abs=0.02)
        assert bottom - top == pytest.approx(3, abs=1e-9)
        assert x0 == pytest.approx(page.margins[3])
    exact = lay_out([Paragraph((write("nono", at=(1, 5)),))], page, Metrics(5.0, 1.0)).sheets[0].lines[0]
    assert exact.drawing.bounds[3] == pytest.approx(exact.baseline, abs=1e-9)


def test_lines_of_one_writer_have_one_scale():
    page = Page()
    lines = [write(TEXT), write("a tale"), write("l l")]
    layout = lay_out([Paragraph(tuple(lines))], page)
    widths = [np.ptp(line.drawing.points[:, 0]) for line in layout.sheets[0].lines]
    given = [np.ptp(line.points[:, 0]) for line in lines]
    assert np.ptp(np.divide(widths, given)) < 1e-9
    assert widths[0] / given[0] == pytest.approx(2.5, rel=0.02)


def test_order_lines_and_recordings_are_kept():
    drawing = write("hi")
    n = len(drawing)
    drawing = replace(drawing, seconds=np.arange(n) / 100, pressure=np.linspace(0, 1, n))
    strokes = list(lay_out([Paragraph((drawing, drawing))], Page()).sheets[0].strokes())
    assert [s.line for s in strokes] == [0] * 3 + [1] * 3
    assert np.array_equal(np.concatenate([s.seconds for s in strokes[:3]]), drawing.seconds)
    assert np.array_equal(np.concatenate([s.pressure for s in strokes[3:]]), drawing.pressure)
    for stroke, points in zip(strokes, drawing.strokes(), strict=False):
        assert len(stroke.points) == len(points)


@pytest.mark.parametrize("align", ALIGN)
def test_alignment(align):
    page = Page.named("130x200", align=align)
    lines = [write("the moon and the hut"), write("the moon and the hill and the house in it"), write("a")]
    placed = lay_out([Paragraph(tuple(lines))], page).sheets[0].lines
    left, right = page.margins[3], page.width - page.margins[1]
    for i, line in enumerate(placed):
        x0, _, x1, _ = line.drawing.bounds
        if align in ("left", "justify"):
            assert x0 == pytest.approx(left)
        if align == "right" or align == "justify" and i < 2:
            assert x1 == pytest.approx(right)
        if align == "centre":
            assert x0 - left == pytest.approx(right - x1)
    assert placed[-1].drawing.bounds[2] < right or align == "right"


def test_justified_lines_keep_their_words():
    page = Page.named("75x100", align="justify", margin=5)
    text = "the old man and the hill"
    drawing = write(text)
    first = lay_out([Paragraph((drawing, drawing))], page, Metrics(0.0, 1.0)).sheets[0].lines[0].drawing
    assert first.bounds[2] == pytest.approx(70)
    moved = first.points[:, 0] - drawing.points[:, 0] * 2.5 - 5
    assert len(set(np.round(moved, 6))) == len(text.split())
    assert np.all(np.diff(moved) > -1e-9)


def test_touching_words_do_not_keep_a_line_from_being_justified():
    words = [write("on the hill"), write("tale", at=(10.2, 0))]  # with a gap that is no broader than those in words
    drawing = from_strokes([stroke for word in words for stroke in word.strokes()], "on the hill tale")
    page = Page.named("75x100", align="justify", margin=5)
    lines = lay_out([Paragraph((drawing, drawing))], page, Metrics(0.0, 1.0)).sheets[0].lines
    assert lines[0].drawing.bounds[2] == pytest.approx(70)
    alone = lay_out([Paragraph((write("moon"), drawing))], page, Metrics(0.0, 1.0)).sheets[0].lines[0].drawing
    assert alone.bounds[2] < 20, "a word alone stays as it is"


def test_lines_that_were_given_are_not_stretched():
    page = Page.named("75x100", align="justify", margin=5)
    poem = [Paragraph((write("the moon"),)), Paragraph((write("is in it"),), indent=10), Paragraph((write("a hut"),))]
    placed = [line.drawing.bounds for line in lay_out(poem, page).sheets[0].lines]
    assert [bounds[0] for bounds in placed] == pytest.approx([5, 15, 5])
    assert max(bounds[2] for bounds in placed) < 40


def test_empty_lines_and_new_pages():
    page = Page.named("card", x_height=2.5)
    lines = [Paragraph((write("no"),), above) for above in (7, 3, math.inf, math.inf, 1e9, 0)]
    layout = lay_out(lines, page)
    rows = [
        [round((line.baseline - page.baseline(0)) / page.line_height) for line in sheet.lines]
        for sheet in layout.sheets
    ]
    assert rows == [[0, 4], [0], [0], [0, 1]]


@pytest.mark.parametrize("word", ["gap", "hill"])
def test_ink_stays_between_the_margins_and_on_the_page(word):
    page = Page.named("a6")
    layout = lay_out([Paragraph((write(word),) * page.rows)], page)
    ys = np.concatenate([stroke.points[:, 1] for stroke in layout.sheets[0].strokes()])
    assert ys.min() > page.margins[0] and ys.max() < page.height - page.margins[2]
    bare = Page(50, 30, (0, 0, 0, 0), 5, 5)
    layout = lay_out([Paragraph((write(word),) * bare.rows)], bare, Metrics(0.0, 1.0))
    ys = np.concatenate([stroke.points[:, 1] for stroke in layout.sheets[0].strokes()])
    assert ys.min() >= 0 and ys.max() <= bare.height


def test_a_dot_written_later_moves_with_its_word():
    drawing = write("in a tin")
    dots = [s for s in drawing.strokes() if len(s) == 1]
    late = from_strokes([s for s in drawing.strokes() if len(s) > 1] + dots, drawing.text)
    page = Page.named("35x60", align="justify", margin=5)
    first = lay_out([Paragraph((late, late))], page, Metrics(0.0, 1.0)).sheets[0].lines[0].drawing
    moved = first.points[:, 0] - late.points[:, 0] * 2.5
    assert moved[-2] == pytest.approx(moved[0])
    assert moved[-1] == pytest.approx(moved.max())


def test_long_lines_are_squeezed_and_very_long_ones_refused():
    page = Page.named("card", x_height=2.5)
    wide = lay_out([Paragraph((write("moon " * 14),))], page).sheets[0].lines[0].drawing
    assert np.ptp(wide.points[:, 0]) == pytest.approx(page.room)
    assert np.ptp(wide.points[:, 1]) == pytest.approx(2.5, rel=0.02)
    with pytest.raises(UserError, match="shorter lines"):
        lay_out([Paragraph((write("moon " * 40),))], page)


def test_pages_are_filled_one_after_the_other():
    page = Page.named("card", ruled=True)
    rows = page.rows
    layout = lay_out([Paragraph((write("no"),) * rows), Paragraph((write("on"),) * 2, above=2)], page)
    assert [len(sheet.lines) for sheet in layout.sheets] == [rows, 2]
    assert layout.sheets[1].lines[0].baseline == page.baseline(0)  # no empty lines above
    assert [line.index for line in layout.sheets[1].lines] == [rows, rows + 1]
    assert layout.sheets[0].rules == tuple(line.baseline for line in layout.sheets[0].lines)
    assert layout.sheets[0].rules[-1] <= page.height - page.margins[2] + 1e-9
    with pytest.raises(UserError, match="2 pages"):
        sheet_of(layout)
    with pytest.raises(UserError, match="no page 2"):
        sheet_of(layout, 2)


def test_empty_lines_and_pages():
    empty = from_strokes([])
    dash = from_strokes([np.array([[0, 3.0], [4, 3]])])
    layout = lay_out([Paragraph((empty, write("no"), dash))], Page())
    assert len(layout.sheets[0].lines) == 3
    assert layout.sheets[0].lines[2].drawing.bounds[3] == pytest.approx(Page().baseline(2))
    assert not lay_out([], Page()).sheets[0].lines
    assert not list(lay_out([Paragraph((empty,))], Page()).sheets[0].strokes())
    with pytest.raises(UserError, match="too little ink"):
        lay_out([Paragraph((dash,))], Page())


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"width": 30.0}, "no room on a page"),
        ({"height": 40.0}, "no room for a line"),
        ({"x_height": 0.0}, "x-height of 0"),
        ({"line_height": 1.0}, "line height of about 10"),
        ({"line_height": float("nan")}, "line height"),
        ({"width": float("inf")}, "width"),
        ({"margins": (1.0, -1.0, 1.0, 1.0)}, "margins"),
        ({"align": "center"}, "Did you mean 'centre'"),
    ],
)
def test_impossible_pages(options, what):
    with pytest.raises(UserError, match=what):
        Page(**options)


def test_named_pages():
    for name, size in SIZES.items():
        page = Page.named(name)
        assert (page.width, page.height) == size
    for name, width in (("A4-landscape", 297), ("card-Landscape", 148), ("80x120-landscape", 120)):
        assert Page.named(name).width == width
    assert Page.named("80x60.5", x_height=2.0).line_height == 8.0
    with pytest.raises(UserError, match="Did you mean 'a4'"):
        Page.named("a44")


@pytest.mark.parametrize("known", [Metrics(None, 0.0), Metrics(None, float("nan")), Metrics(float("inf"), 1.0), []])
def test_impossible_metrics(known):
    with pytest.raises(UserError):
        lay_out([Paragraph((write("no"),))], Page(), known)


def test_fit_keeps_shapes():
    drawing = Drawing(np.array([[0, 0], [10, 0], [10, 20.0]]), np.array([False, True, True]))
    sheet = sheet_of(drawing)
    points = sheet.lines[0].drawing.points
    assert np.ptp(points[:, 1]) == pytest.approx(100)
    assert np.ptp(points[:, 0]) == pytest.approx(50)
    assert points.min() == pytest.approx(5)
    written = fit(write("nono"), x_height=7).sheets[0].lines[0].drawing
    assert np.ptp(written.points[:, 1]) == pytest.approx(7, rel=0.01)
    with pytest.raises(UserError, match="smaller x-height"):
        fit(write("no"), x_height=4000.0)


def test_columns():
    assert Page.named("100x100", margin=10).columns(2.5) == 32
    with pytest.raises(UserError):
        Page().columns(0)


def lines_of(text, columns=None, reflow=False):
    return [paragraph.lines for paragraph in wrap(text, columns, reflow)]


def test_wrap():
    assert lines_of("one two  three\nfour\n\n \n five", 9) == [("one two", "three"), ("four",), ("five",)]
    assert lines_of("one two  three\nfour\n\n \n five", 9, True) == [("one two", "three", "four"), ("five",)]
    assert lines_of("a abcdefg hi", 3) == [("a", "abc", "def", "g", "hi")]
    assert lines_of("one\u00a0two six", 8) == [("one\u00a0two", "six")]
    assert lines_of("e\u0301e\u0301 e\u0301", 2) == [("e\u0301e\u0301", "e\u0301")]
    assert lines_of("one two " * 99) == [(("one two " * 99).strip(),)]
    assert lines_of("", 5) == lines_of(" \n\f\n ", 5) == lines_of(" \t") == []
    with pytest.raises(UserError):
        wrap("a", 0)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_line_ends_of_all_systems(end):
    found = wrap(end.join(["", "Ann  ", "Bath\t", "", "", "\tYours,", "  V.", ""]), 20)
    assert [(each.lines[0], each.above, each.indent) for each in found] == [
        *(("Ann", 0, 0), ("Bath", 0, 0), ("Yours,", 2, 4), ("V.", 0, 2))
    ]


def test_form_feeds_begin_pages():
    found = wrap("\fone\n\n\ftwo\f\f\nthree\n\nfour\f", 20)
    assert [(each.lines, each.above) for each in found] == [
        *((("one",), 0), (("two",), math.inf), (("three",), math.inf), (("four",), 1))
    ]


def test_what_is_indented_still_fits():
    assert [(each.lines, each.indent) for each in wrap(" " * 30 + "aaa bb cc\n\taaaaaaaaa", 10)] == [
        *((("aaa", "bb cc"), 5), (("aaaaaaaaa",), 1))
    ]


@given(st.text("ab \n\f\t", max_size=60), st.integers(1, 12) | st.none(), st.booleans())
def test_wrap_loses_nothing(text, columns, reflow):
    paragraphs = wrap(text, columns, reflow)
    lines = [line for paragraph in paragraphs for line in paragraph.lines]
    assert all(0 < len(line) <= (columns or 60) for line in lines)
    assert all(each.indent + len(each.lines[0]) <= (columns or 99) for each in paragraphs)
    assert "".join("".join(lines).split()) == "".join(text.split())
    words = text.split()
    if columns is None or all(len(word) <= columns for word in words):
        assert " ".join(lines).split() == words


def test_long_texts_take_no_long_time():
    """Each of these would take minutes if its time grew with the square of the length."""
    assert len(wrap("ab " * 300_000)[0].lines) == 1
    assert len(wrap("ab" * 300_000, 10)[0].lines) == 60_000
    assert len(wrap("\n\f" * 200_000 + "a" + "\tb\n" * 50_000, 10)) == 50_000
