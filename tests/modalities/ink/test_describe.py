import json
from dataclasses import replace

import numpy as np
import pytest

from rhapsode.modalities.ink import describe as module
from rhapsode.modalities.ink.codecs.strokes import added_later
from rhapsode.modalities.ink.delayed import marks
from rhapsode.modalities.ink.describe import describe
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from rhapsode.modalities.ink.hershey import JOINED, lines


def walk(seed, count=200, step=lambda rng, count: rng.normal(size=(count, 2))):
    return np.cumsum(step(np.random.default_rng(seed), count), axis=0)


def only(found, *words):
    """The one warning that has these words."""
    (warning,) = [each for each in found.warnings if all(word in each for word in words)]
    return warning


def test_counts():
    drawings = [from_strokes([walk(0, 30), walk(1, 10)], "a b"), from_strokes([walk(2, 20)], "ab\n")]
    found = describe(drawings)
    assert (found.drawings, found.points, found.strokes) == (2, 60, 3)
    assert found.strokes_per_drawing == (1, 1.5, 2) and found.points_per_drawing == (20, 30.0, 40)
    assert found.characters == {"a": 2, "b": 2, "\n": 1, " ": 1} and list(found.characters)[0] == "a"
    assert found.points_per_character == 15 and found.grid is None
    assert "' ' 1" in only(found, "less than 10 times") and "'\\n' 1" in str(found)
    assert json.loads(json.dumps(found.to_json()))["points"] == 60
    assert "points          60, 20 … 30 … 40 a drawing" in list(found.lines())


def test_how_many_dots_come_after_their_word():
    for hand, least, most in ((JOINED, 0, 3), (replace(JOINED, delayed=1.0), 15, 60)):
        found = describe(lines(["little things", "next exit", "initial"], 0, hand))
        assert least <= found.delayed <= most
        assert f"added later     {found.delayed:.1f} dots and bars to a hundred characters" in str(found)


def test_nothing_to_describe():
    assert describe([]).warnings == ("there are no drawings.",)
    found = describe([from_strokes([], name="a"), from_strokes([np.zeros((1, 2))])])
    assert only(found, "no points") == "1 drawings have no points (in a)." and found.points == 1
    assert found.points_per_character is None and found.characters == {}


def test_ordinary_writing_has_no_warnings():
    text = "ab" * 10
    assert describe([from_strokes([walk(seed)], text) for seed in range(5)]).warnings == ()


@pytest.mark.parametrize("digits", [8, 4])
def test_grids_are_found_although_they_were_rounded(digits):
    def step(rng, count):
        return rng.integers(-3, 4, (count, 2)) * [0.0123, 0.005]

    found = describe([from_strokes([np.round(walk(seed, step=step), digits)]) for seed in range(20)])
    assert found.grid is not None and found.grid.pitch == pytest.approx((0.0123, 0.005), rel=0.02)
    assert 0 < found.grid.common < 0.5
    assert "0.0123 in x and 0.005 in y" in only(found, "grid") or digits == 4


def test_a_grid_on_one_axis_and_one_too_fine():
    def mixed(rng, count):
        return np.stack([rng.normal(size=count), rng.integers(-3, 4, count)], axis=1)

    found = describe([from_strokes([walk(0, 1000, mixed)])])
    assert found.grid is not None and found.grid.pitch == (0, pytest.approx(1))
    assert "of 1 in y" in only(found, "grid")
    fine = np.round(walk(0, 1000) * 1000)
    assert describe([from_strokes([fine])]).grid is None


def test_jumps_repetitions_and_missing_texts():
    line = walk(0)
    line[100:] += 500
    line = np.concatenate([line, line[-1:]])
    found = describe([from_strokes([line], "a" * 10, "far"), from_strokes([walk(1)], None, "untitled")])
    assert only(found, "jumps") == "1 jumps with the pen down, 30 times the median step or more (in far)."
    assert "1 points repeat the one before, 0.2%" not in only(found, "repeat") and "(in far)" in only(found, "repeat")
    assert only(found, "text") == "1 of 2 drawings have no text (in untitled)."
    apart = from_strokes([walk(0), walk(0) + 500], "a" * 10)
    assert describe([apart]).warnings == (), "with the pen up, it may go anywhere"


def test_times():
    points = walk(0, 50)
    ends = np.zeros(50, bool)
    ends[[20, 49]] = True
    seconds = np.arange(50) * 0.01
    assert describe([Drawing(points, ends, seconds=seconds)]).warnings == ()
    late = seconds + (np.arange(50) > 20) * 5
    assert describe([Drawing(points, ends, seconds=late)]).warnings == (), "between strokes, one may rest"
    late += (np.arange(50) > 30) * 5 - (np.arange(50) == 40) * 1
    found = describe([Drawing(points, ends, name="b", seconds=late, pressure=np.ones(50))] * 5)
    assert found.timed == found.pressed == 5 and len(found.warnings) == 2
    assert only(found, "backwards") == "5 times run backwards (in b, b, b, …)."
    assert only(found, "pauses").startswith("10 pauses within strokes")


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "SAMPLE", 100)
    sample = module._OffsetSample()
    rng = np.random.default_rng(0)
    rows = np.arange(2000).reshape(-1, 2)
    at = 0
    while at < len(rows):
        size = int(rng.integers(0, 30))
        sample.add(rows[at : at + size])
        at += size
        assert len(sample.rows()) <= 100
    assert sample.rows().tolist() == rows[::16].tolist()


def test_drawings_that_begin_below_seem_upside_down():
    def drawn(file, sign, count):
        points = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0], [3.0, 4.0]]) * [1, sign]
        return [from_strokes([points], "2", f"{file}#{number}") for number in range(count)]

    warning = only(describe(drawn("a.dat", -1, 30)), "upside")
    assert warning.startswith("30 of 30 drawings begin in their lower half") and "--flip" in warning
    warning = only(describe(drawn("a.dat", 1, 30) + drawn("b.dat", -1, 20)), "upside")
    assert warning.startswith("the drawings of b.dat begin in their lower half")
    for fine in (drawn("a.dat", 1, 30), drawn("a.dat", -1, 19), drawn("a", 1, 10) + drawn("b", -1, 15)):
        assert not [each for each in describe(fine).warnings if "upside" in each]


def test_strokes_of_single_characters_are_not_added_later():
    frame = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 9.0], [9.0, 0.0]])
    mark = np.array([[1.0, 4.0], [2.0, 4.0]])
    drawing = from_strokes([frame, mark])
    assert marks(drawing.points, drawing.ends)
    for texts, later in ((["日", "月", "火"], False), (["日月", "火水"], True)):
        records = [from_strokes([frame, mark], text) for text in texts]
        assert (describe(records).delayed > 0) == (added_later(lambda records=records: iter(records)) > 0) == later
