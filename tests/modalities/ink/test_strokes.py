"""The codec of pen strokes: what goes in comes out, at its own scale; texts; hostile files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.drawing import Drawing, from_strokes
from tests.conftest import WORDS, MakeModel, written


def fitted(drawings: list[Drawing], **options: int) -> Strokes:
    return Strokes.fit(lambda: iter(drawings), **{"every": 1, **options})


def test_steps_are_normalised_and_come_back_in_the_datas_units() -> None:
    drawings = written(WORDS)
    codec = fitted(drawings)
    steps = np.concatenate([codec.encode(drawing) for drawing in drawings])
    np.testing.assert_allclose(steps[:, :2].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(steps[:, :2].std(axis=0), 1, atol=1e-5)
    for drawing in drawings:
        back = codec.decode(codec.encode(drawing), drawing.text)
        np.testing.assert_allclose(back.points, drawing.points - drawing.points[0], atol=1e-4)
        assert np.array_equal(back.ends, drawing.ends) and back.text == drawing.text


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 2**32))
def test_any_drawing_round_trips(lengths: list[int], seed: int) -> None:
    """Dots too, at the beginning as well: there the point stands twice."""
    rng = np.random.default_rng(seed)
    drawing = from_strokes([rng.standard_normal((n, 2)) * 100 for n in lengths])
    codec = fitted(written(WORDS))
    if len(drawing) < 2:
        assert "fewer than two points" in codec.refusal(drawing)
        return
    back = codec.decode(codec.encode(drawing))
    twice = int(drawing.ends[0])
    np.testing.assert_allclose(back.points[twice:], drawing.points - drawing.points[0], atol=1e-3)
    assert np.array_equal(back.ends[twice:], drawing.ends)


def test_every_nth_point_and_the_ends_of_strokes_are_kept() -> None:
    strokes = [np.stack([np.arange(n), np.arange(n) ** 2], axis=1).astype(float) + n for n in (1, 2, 7, 8)]
    drawing = from_strokes(strokes)
    codec = fitted(written(WORDS), every=3)
    expected = np.concatenate([strokes[0], strokes[0], strokes[1], strokes[2][[0, 3, 6]], strokes[3][[0, 3, 6, 7]]])
    back = codec.decode(codec.encode(drawing))
    np.testing.assert_allclose(back.points, expected - strokes[0], atol=1e-4)
    assert np.flatnonzero(back.ends).tolist() == [1, 3, 6, 10]


def test_points_that_are_too_many_are_thinned_by_themselves() -> None:
    dense = [
        from_strokes([np.repeat(stroke, 12, axis=0) + np.arange(96)[:, None] for stroke in d.strokes()], d.text)
        for d in written(WORDS)
    ]
    assert Strokes.fit(lambda: iter(dense)).every == 5  # 96 points a character; 19 are enough
    bare = [Drawing(d.points, d.ends) for d in dense]
    assert Strokes.fit(lambda: iter(bare)).every == 1  # of drawings nobody knows how many are


def test_texts() -> None:
    codec = fitted(written(WORDS))
    assert codec.alphabet == "abcde" and codec.text is not None and codec.text.size == 6
    assert codec.encode_text("bad").tolist() == [1, 0, 3, 5]
    assert codec.decode_text(codec.encode_text("bad")) == "bad"
    total = sum(len(word) for word in WORDS)
    assert codec.text.pace == pytest.approx(total / sum(len(d) - 1 for d in written(WORDS)))
    with pytest.raises(UserError, match=r"never seen 'x', 'z'.*'abcde'"):
        codec.encode_text("zax")


def test_a_corpus_may_lack_some_texts_but_not_most() -> None:
    drawings = written(WORDS)
    bare = [Drawing(d.points, d.ends) for d in drawings]
    codec = fitted(drawings + bare[:4])
    assert codec.text is not None and codec.refusal(bare[0]) == "without text" and not codec.refusal(drawings[0])
    free = fitted(drawings[:4] + bare)
    assert free.text is None and not free.refusal(bare[0]) and free.alphabet == ""
    with pytest.raises(UserError, match="trained without texts"):
        free.encode_text("a")


def test_the_grid_is_found() -> None:
    rounded = [Drawing(np.round(d.points / 0.25) * 0.25, d.ends, d.text) for d in written(WORDS * 4)]
    assert fitted(rounded).steps.grid == pytest.approx((0.25, 0.25), rel=1e-3)
    assert fitted(written(WORDS * 4)).steps.grid == (0, 0)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((0, 2)), "nothing to learn"),
        (np.zeros((30, 2)), "does not move along"),
        (np.stack([np.arange(30.0), np.zeros(30)], axis=1), "does not move along"),
    ],
)
def test_what_cannot_be_learnt_from(points: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fitted([from_strokes([points])])


def test_it_survives_json() -> None:
    codec = fitted(written(WORDS), every=2, scale=20)
    again = Strokes.from_json(codec.to_json())
    assert again.to_json() == codec.to_json() and again.steps == codec.steps and again.text == codec.text
    assert again.steps.scale == 0.2


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [0]},
        {"sd": [1, 0]},
        {"sd": [1, -1]},
        {"sd": [1, float("nan")]},
        {"grid": [-1, 0]},
        {"grid": "ab"},
        {"scale": 1},
        {"scale": True},
        {"every": 0},
        {"every": 2.5},
        {"alphabet": "aa"},
        {"alphabet": 7},
        {"pace": 0},
        {"pace": float("inf")},
        {"hand": [1]},
        {"hand": [1, 0, 3]},
        {"hand": [1, 2]},
        {"hand": "abc"},
        {"more": 1},
    ],
    ids=str,
)
def test_damaged_models_are_refused(change: dict[str, Any]) -> None:
    data = fitted(written(WORDS)).to_json() | change
    with pytest.raises(UserError, match="codec strokes: the model file is damaged"):
        Strokes.from_json(data)


def test_options() -> None:
    with pytest.raises(UserError, match="every"):
        fitted(written(WORDS), every=-1)
    with pytest.raises(UserError, match="evry"):
        Strokes.fit(lambda: iter(written(WORDS)), evry=3)


def test_what_was_begun(tiny_model: MakeModel) -> None:
    """The sample is the whole drawing; its steps are those behind what was begun; a stroke that is open goes on."""
    model = tiny_model(codec="strokes")
    codec = model.record_codec
    [whole] = written(["abc"])
    first = len(next(whole.strokes()))
    begun = Drawing(whole.points[:first], whole.ends[:first], thin=True)
    for still in (False, True):
        if still:
            begun = replace(begun, ends=np.zeros(first, bool))
        before = codec.beginning(begun)
        assert before[-1, 2] == (0 if still else 1) and len(before) == first - 1
        sample = model.generate("abc", begun=begun, length=6, seed=1)[0]
        expected = codec.decode(np.concatenate([before, sample.steps]), "abc")
        assert (
            len(sample.steps) == len(sample.log_probs) <= 6
            and len(sample.record) == len(before) + len(sample.steps) + 1
        )
        assert np.array_equal(sample.record.points, expected.points) and sample.record.text == sample.text == "abc"
        # The model reads what was begun as if it had drawn it.
        reader = model.reader(1, codec.encode_text("abc"))
        for _ in reader.read_all(before):
            pass
        assert model.head.log_prob(reader.parameters[0], sample.steps[0]) == pytest.approx(sample.log_probs[0])
    with pytest.raises(UserError, match="one of the two must go|one of them must go"):
        model.generate("abc", begun=begun, style=whole)
    with pytest.raises(UserError, match="begun"):
        tiny_model().generate("abc", begun=begun)
