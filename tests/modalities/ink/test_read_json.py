import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rhapsode.modalities.ink import read as module
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from rhapsode.modalities.ink.formats import own
from rhapsode.modalities.ink.read import recognised
from tests.modalities.ink.inkfiles import BIGBANK, DRAWN, OWN, RAW, all_of, one, put, refused, strokes

FLOATS = st.floats(-1e12, 1e12)


@st.composite
def drawings(draw):
    lengths = draw(st.lists(st.integers(1, 4), max_size=4))
    total = sum(lengths)

    def column(values):
        return np.array(draw(st.lists(values, min_size=total, max_size=total)), np.float64)

    ends = np.zeros(total, bool)
    ends[np.cumsum(lengths, dtype=int) - 1] = True
    return Drawing(
        np.stack([column(FLOATS), column(FLOATS)], axis=1),
        ends,
        draw(st.none() | st.text()),
        "",
        column(st.floats(0, 1)) if total and draw(st.booleans()) else None,
        column(FLOATS) if total and draw(st.booleans()) else None,
    )


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(st.lists(drawings(), min_size=1, max_size=3))
def test_own_files_come_back_to_the_last_bit(tmp_path_factory, given_):
    path = tmp_path_factory.mktemp("own") / "a.jsonl"
    found = all_of(path, "".join(own.dumps(each) + "\n" for each in given_))
    for before, after in zip(given_, found, strict=True):
        assert before.text == after.text
        for field in ("points", "ends", "pressure", "seconds"):
            old, new = getattr(before, field), getattr(after, field)
            assert (old is None) == (new is None)
            assert old is None or old.tobytes() == new.tobytes()


def test_own_files_say_what_is_wrong(tmp_path):
    assert strokes(one(tmp_path / "a.jsonl", OWN)) == [[[0, 1], [2, 3]], [[4, 5]]]
    assert all_of(tmp_path / "a.jsonl", OWN + "\n" + OWN)[1].name == "a.jsonl#2"
    never_ended = Drawing(np.zeros((2, 2)), np.zeros(2, bool))
    assert one(tmp_path / "a.jsonl", own.dumps(never_ended)).ends.tolist() == [False, True]
    assert len(one(tmp_path / "a.jsonl", own.dumps(from_strokes([])))) == 0
    for line, words in {
        '{"text": "a"}': ("line 2", "'strokes'"),
        "{": ("line 2", "not JSON"),
        "[1]": ("line 2", "expected an object"),
        "[" * 100_000: ("line 2", "not JSON"),
        '{"rhapsode": "ink/2"}': ("line 2", "Update"),
        '{"strokes": [[[0, 1]]], "text": 3}': ("line 2", "'text'"),
        '{"strokes": 3}': ("line 2", "expected a list"),
        '{"strokes": [[[0, NaN]]]}': ("line 2", "stroke 1", "point 1", "finite"),
        '{"strokes": [[[0, 1], [0, -Infinity]]]}': ("point 2", "finite"),
        '{"strokes": [[[0, 1e300]]]}': ("point 1", "larger"),
        '{"strokes": [[[0, 1' + "0" * 400 + "]]]}": ("stroke 1", "points"),
        '{"strokes": [[[0, 1, 2]]]}': ("each of 2 numbers",),
        '{"strokes": [[["0", "1"]]]}': ("each of 2 numbers",),
        '{"strokes": [[[0, null]]]}': ("each of 2 numbers",),
        '{"strokes": [[[0, 1]]], "pressure": [[0, 1]]}': ("a number for each point",),
        '{"strokes": [[[0, 1]]], "pressure": [[2]]}': ("0 ... 1",),
        '{"strokes": [[[0, 1]]], "seconds": [["x"]]}': ("list of numbers",),
    }.items():
        refused(tmp_path / "a.jsonl", OWN + line, *words)


def test_lines_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("rhapsode.files.json.LINE", len(OWN) + 5)
    refused(tmp_path / "a.jsonl", OWN + " " * 200, "line 2", "longer")


def test_quick_draw(tmp_path):
    path = tmp_path / "a.ndjson"
    first, second = all_of(path, DRAWN + RAW)
    assert strokes(first) == [[[0, 5], [1, 6]], [[2, 3]]] and first.text is None and first.seconds is None
    assert strokes(second) == [[[0.5, 5], [1, 6]]] and second.seconds.tolist() == [0, 0.25]
    assert second.name == "a.ndjson#2"
    assert len(one(path, '{"word": "x", "drawing": []}')) == 0
    refused(path, DRAWN + '{"word": "x", "drawing": [[[0, 1], [1]]]}', "line 2", "stroke 1", "one length")
    refused(path, DRAWN + '{"word": "x", "drawing": [[0, 1]]}', "line 2", "stroke 1", "list of numbers")
    refused(path, DRAWN + '{"word": "x", "drawing": [[[NaN], [1]]]}', "line 2", "stroke 1", "finite")
    refused(path, DRAWN + '{"word": "x"}', "line 2", "'drawing'")


def test_quick_draw_as_one_value(tmp_path):
    """A list, on one line or many; or objects, each over several lines."""
    values = [json.loads(line) for line in (DRAWN, RAW)]
    spread = "\n".join(json.dumps(value, indent=2) for value in values)
    for text in (json.dumps(values), "\ufeff" + json.dumps(values, indent=1), spread):
        first, second = all_of(tmp_path / "a.json", text)
        assert strokes(first) == [[[0, 5], [1, 6]], [[2, 3]]] and strokes(second) == [[[0.5, 5], [1, 6]]]
        assert second.name == "a.json#2"
    refused(tmp_path / "b.json", json.dumps(values)[:-20], "element 2", "not JSON")
    refused(tmp_path / "b.json", json.dumps([*values, 3]), "element 3", "an object")
    refused(tmp_path / "b.json", spread[:-9], "element 2", "not JSON")


def test_cursive_words(tmp_path):
    path = tmp_path / "b.json"
    first, second = all_of(path, json.dumps(BIGBANK))
    assert first.text == "hi" and np.allclose(first.points, [[0.6, 0.5], [1.2, 0.6], [1.8, 0.4]])
    assert first.ends.tolist() == [False, True, True], (
        "the point that repeats the last says only that the pen is lifted"
    )
    assert len(second) == 0 and second.name == "b.json#2"
    text = json.dumps(BIGBANK)
    refused(path, text[:-2], "element 2", "not JSON")
    refused(path, text.replace('"aspectRatio": 2', '"aspectRatio": 0'), "element 2", "aspectRatio")
    refused(path, text.replace('"j"', "7"), "element 2", "asciiSequence")
    refused(path, text.replace("0.1", "NaN"), "element 1", "finite")
    refused(path, text.replace('"points": []', '"points": [[1, 2]]'), "element 2", "each of 3 numbers")


def test_numbers_in_json(tmp_path):
    strange = {"drawings": [[[1, -2.5e3], [3, 4]]] * 20}
    for value in (strange, [{"x": 1, "y": 2}] * 20, [[0.5, 1, 0]] * 20):
        for indent in (None, 1):
            path = put(tmp_path / "a.json", json.dumps(value, indent=indent).encode())
            assert module.unfamiliar(path) and not recognised(path)
    for value in ({"text": "Once upon a time", "pages": [1, 2, 3]}, ["a", 1, "b", 2] * 9, {"years": {"born": 1900}}):
        assert not module.unfamiliar(put(tmp_path / "a.json", json.dumps(value).encode()))
    assert not module.unfamiliar(put(tmp_path / "a.csv", b"1,2\n3,4\n" * 9))
    assert not module.unfamiliar(tmp_path / "none")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([[[[0, 0], [1, 2], [3, 3], [4, 4]]]], [[[[0, 0], [1, 2], [3, 3], [4, 4]]]]),
        (
            [[[[0, 1, 3, 4], [0, 2, 3, 5]]], [[[1, 2], [3, 4]]]],
            [[[[0, 0], [1, 2], [3, 3], [4, 5]]], [[[1, 3], [2, 4]]]],
        ),
        ([[[[0, 1], [2, 3]], [[4, 5]]], []], [[[[0, 1], [2, 3]], [[4, 5]]], []]),
        ([[[[0, 1], [2, 3]], [[4], [5]]]], [[[[0, 2], [1, 3]], [[4, 5]]]]),
        ([[[[0, 1, 0.5, 9]], []]], [[[[0, 1]]]]),
    ],
)
def test_plain_lists(tmp_path, value, expected):
    for text in (json.dumps(value), json.dumps(value, indent=1)):
        found = all_of(tmp_path / "a.json", text)
        assert [strokes(each) for each in found] == expected and recognised(tmp_path / "a.json")
        assert found[0].name == "a.json#1" and found[0].seconds is None


def test_plain_lists_with_times_and_mistakes(tmp_path):
    path = tmp_path / "a.json"
    drawing = one(path, json.dumps([[[[0, 1, 2, 3], [5, 6, 7, 8], [100, 150, 200, 300]], [[9], [9], [400]]]]))
    assert drawing.seconds.tolist() == [0, 0.05, 0.1, 0.2, 0.3]
    good = [[[0, 1], [2, 3], [4, 5], [6, 7]]]
    for bad, word in {
        "[[[0, 1], [2], [4, 5], [6, 7]]]": "element 2, stroke 1",
        '[[[0, "1"]]]': "element 2, stroke 1",
        "[[[0, NaN]]]": "finite",
        "[[0, 1]]": "element 2, stroke 1",
        "3": "element 2",
        "[3]": "element 2",
    }.items():
        refused(path, f"[{json.dumps(good)}, {bad}]", word)
    refused(path, f"[{json.dumps(good)}, [[[0", "not JSON")
