"""Dots and bars that come after their word: found, put to their letters, and brought back."""

import time
from dataclasses import replace

import numpy as np
import pytest

from rhapsode.modalities.ink.delayed import BACK, DOWN, UP, again, apart, marks, offsets, together, whole_strokes
from rhapsode.modalities.ink.drawing import from_strokes
from rhapsode.modalities.ink.hershey import JOINED, lines

LATE = replace(JOINED, delayed=1.0, lifts=0.0)
WORDS = [
    "exit",
    "jump",
    "tilt",
    "quixotic",
    "advantage",
    "it",
    "little things next",
    "extraordinarily",
    "Taxi!",
    "moon",
]


def zigzag(letters=6):
    """A word of joined peaks, one unit apart, one high."""
    x = np.arange(0, letters, 0.125)
    return np.stack([x, np.abs((x % 1) - 0.5) * 2], axis=1)


def dot(x):
    return np.array([[x, -0.5], [x + 0.05, -0.45]])


def read_and_written(drawing):
    """What comes back from the offsets."""
    order, pen = together(drawing.points, drawing.ends)
    placed = drawing.points[order]
    path = np.concatenate([placed[:1], placed[0] + offsets(placed, pen).cumsum(axis=0)])
    return apart(path, pen)[:2]


def strokes(points, ends):
    return sorted(np.round(part, 9).tolist() for part in np.split(points, np.flatnonzero(ends) + 1) if len(part))


def test_a_dot_interrupts_the_stroke_below_it():
    word, mark = zigzag(), dot(1.5)
    drawing = from_strokes([word, mark])
    [found] = marks(drawing.points, drawing.ends)
    assert (found.first, found.stop) == (len(word), len(word) + 2) and 1.4 < word[found.under, 0] < 1.7
    order, pen = together(drawing.points, drawing.ends)
    at = found.under + 1
    assert order.tolist() == [*range(at), len(word), len(word) + 1, *range(at, len(word))]
    assert pen[at - 1] == UP and pen[at] == DOWN and pen[at + 1] == BACK and pen[-1] == UP
    moves = offsets(drawing.points[order], pen)
    np.testing.assert_allclose(moves[at + 1], word[at] - word[at - 1])  # on from where the pen had been
    points, ends = read_and_written(drawing)
    np.testing.assert_allclose(points, drawing.points)
    assert np.array_equal(ends, drawing.ends)


def test_strokes_that_are_not_late_stay_where_they_are():
    stem, bar = np.array([[0, 0.0], [0, 2]]), np.array([[-0.4, 0.7], [0.4, 0.7]])
    for drawing in (
        from_strokes([stem, bar, zigzag() + (1, 0)]),  # a cross that is finished before the pen goes on
        from_strokes([zigzag(), dot(5.6)]),  # at the word's end
        from_strokes([zigzag(), zigzag() + (0, 3)]),  # the next line
        from_strokes([zigzag(), np.array([[0, 1.2], [5, 1.2]])]),  # underlined
        from_strokes([zigzag(), dot(1.5) - (0, 9)]),  # far above
        from_strokes([np.zeros((1, 2)), np.ones((1, 2))]),
    ):
        order, pen = together(drawing.points, drawing.ends)
        assert order.tolist() == list(range(len(drawing))) and np.array_equal(pen == UP, drawing.ends)


def test_what_is_late_stands_behind_a_stroke_that_ends_under_it():
    first, second = zigzag(2), zigzag(4) + (2.2, 0)
    drawing = from_strokes([first, second, dot(1.6)])
    order, pen = together(drawing.points, drawing.ends)
    assert order.tolist() == [*range(16), 48, 49, *range(16, 48)] and BACK not in pen


def test_two_dots_over_one_letter_and_marks_of_one_point():
    drawing = from_strokes([zigzag(), np.array([[1.5, -0.5]]), np.array([[1.5, -0.6]]), dot(3.5)])
    order, pen = together(drawing.points, drawing.ends)
    assert (pen == BACK).sum() == 3
    points, ends = read_and_written(drawing)
    assert strokes(points, ends) == strokes(drawing.points, drawing.ends)


@pytest.mark.parametrize("seed", range(3))
def test_every_dot_and_bar_finds_its_letter_and_no_point_moves(seed):
    for drawing in lines(WORDS, seed, LATE):
        found = marks(drawing.points, drawing.ends)
        late = sum(c in "ijtx" for c in drawing.text)
        at_the_end = 2 * (drawing.text[-1] in "ijtx" or drawing.text[-2] in "ijtx")
        assert late - at_the_end <= len(found) <= late + (drawing.text[0] == "T")
        unders = [one.under for one in found if one.first > drawing.ends.argmax()]
        assert unders == sorted(unders)  # they were made from left to right
        points, ends = read_and_written(drawing)
        assert strokes(points, ends) == strokes(drawing.points, drawing.ends)
        order, pen = together(drawing.points, drawing.ends)
        again, pen_again = together(points, ends)  # what was written is read as what was read first
        np.testing.assert_allclose(points[again], drawing.points[order], atol=1e-9)
        assert np.array_equal(pen_again, pen)


def test_natural_writing_has_few_late_strokes():
    drawings = list(lines(WORDS * 5, 0, JOINED))
    assert sum(len(marks(one.points, one.ends)) for one in drawings) < 0.02 * sum(len(one.text) for one in drawings)


def test_whole_strokes_take_up_again_where_they_were_left():
    for drawing in (*lines(WORDS, 1, LATE), from_strokes([zigzag(), np.array([[1.5, -0.5]])])):
        order, ends = whole_strokes(drawing.points, drawing.ends)
        assert set(order) == set(range(len(drawing))) and ends[-1]
        parts = np.split(order, np.flatnonzero(ends)[:-1] + 1)
        again = [part[0] for part, two in zip(parts[2:], parts, strict=False) if part[0] == two[-1]]
        assert len(order) - len(drawing) == len(again) == (together(drawing.points, drawing.ends)[1] == BACK).sum()


def test_a_way_back_that_leads_nowhere_lifts_the_pen():
    points = np.arange(12.0).reshape(6, 2)
    found, ends, order = apart(points, np.array([DOWN, BACK, DOWN, UP, DOWN, DOWN]))
    assert again(ends, order).tolist() == [DOWN, UP, DOWN, UP, DOWN, DOWN]
    np.testing.assert_allclose(found, points)
    assert ends.tolist() == [False, True, False, True, False, False]  # the last one breaks off
    found, ends, order = apart(points, np.array([DOWN, UP, BACK, BACK, DOWN, UP]))  # a second one ends what went on
    assert np.flatnonzero(ends).tolist() == [2, 3, 5] and len(found) == 6
    assert again(ends, order).tolist() == [DOWN, UP, BACK, UP, DOWN, UP]
    found, ends, _ = apart(points[:3], np.array([DOWN, UP, BACK]))
    np.testing.assert_allclose(found, points[:3])
    assert ends.tolist() == [False, True, True]
    assert len(apart(points[:0], np.zeros(0, int))[0]) == 0


@pytest.mark.parametrize("crowded", [False, True])
def test_time_grows_with_the_points(crowded):
    def seconds(count):
        drawing = from_strokes([zigzag(count), *(dot(1.5 if crowded else x) for x in range(count))])
        begun = time.process_time()
        together(drawing.points, drawing.ends)
        return time.process_time() - begun

    assert seconds(4000) < 12 * seconds(1000) + 0.2
