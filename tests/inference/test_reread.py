"""What a model draws is as probable when it was written to a file and read again."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rhapsode
from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.builders import Sample
from rhapsode.inference.model import Model
from rhapsode.inference.score_records import score_records
from rhapsode.modalities.ink import read as ink
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.drawing import Drawing, from_runs, joined_order, to_runs
from rhapsode.modalities.ink.hershey import JOINED, lines
from rhapsode.modalities.ink.page import Page
from rhapsode.modalities.ink.write import PAGES, SUFFIXES, save
from rhapsode.modalities.ink.writing import write
from tests.conftest import MakeModel, written

EXACT, ROUNDED = 1e-5, 0.02
"""Nats a point: own lines have all digits, and only float32 rounds; SVG has thousandths of a mm, and the narrowest
Gaussian of a step is some hundredths of one."""
WAYS: list[tuple[str, dict[str, Any], float]] = [
    (".json", {}, EXACT),
    (".jsonl", {}, EXACT),
    (".svg", {}, ROUNDED),
    (".svg", {"mode": "ink"}, ROUNDED),
    (".svg", {"mode": "ink", "animated": True, "paper": "#eee"}, ROUNDED),
]


@pytest.fixture(scope="module")
def model() -> Model:
    return rhapsode.load("demo:handwriting")


@pytest.fixture(scope="module")
def drawn(model: Model) -> list[Sample]:
    return [model.generate(text, seed=seed)[0] for seed, text in enumerate(["Hello", "any words", "it is 12."])]


def back(drawing: Drawing, path: Path, **options: Any) -> Drawing:
    (file,) = save(drawing, path, **options)
    (found,) = ink.read(file)
    return found


def test_all_that_is_written_and_can_be_read_is_looked_at() -> None:
    assert {suffix for suffix, _, _ in WAYS} == {*SUFFIXES} - {*PAGES} | {".svg"}


@pytest.mark.parametrize(("suffix", "options", "near"), WAYS)
def test_generation_is_scoring(
    model: Model, drawn: list[Sample], tmp_path: Path, suffix: str, options: dict[str, Any], near: float
) -> None:
    for sample in drawn:
        found = back(sample.record, tmp_path / f"a{suffix}", **options)
        assert found.text == sample.text and found.thin
        (score,) = score_records(model, [found])
        assert score.steps == len(sample.steps), "no point is left out, and none is put between"
        assert score.nats_per_step == pytest.approx(-sample.log_probs.mean(), abs=near)


def test_what_was_drawn_in_another_order_is_read_in_that(tmp_path: Path) -> None:
    """A model that draws dots and bars with their letters: a hand's order is written, and the model's comes back."""
    hand = replace(JOINED, delayed=1.0, lifts=0.0)
    real = list(lines(["little things next", "quixotic", "exit", "moon"], 0, hand))
    codec = Strokes.fit(partial(iter, real), delayed=0, every=5)
    returned = 0
    for each in real:
        steps = codec.encode(each)
        drawn = codec.decode(steps, each.text)
        returned += int((steps[:, 2] < 0).sum())
        for suffix, options, atol in ((".jsonl", {}, 1e-5), (".svg", {}, 0.01), (".svg", {"mode": "ink"}, 0.01)):
            found = codec.encode(back(drawn, tmp_path / f"a{suffix}", **options))
            assert np.array_equal(found[:, 2], steps[:, 2]) and np.allclose(found, steps, atol=atol)
    assert returned > 5
    drawn = codec.decode(codec.encode(real[0]))
    # A picture that someone has changed has an order no longer.
    (file,) = save(drawn, tmp_path / "b.svg")
    text = file.read_text()
    file.write_text(text[: text.rindex("<path")] + "</g></g></svg>")
    (changed,) = ink.read(file)
    assert changed.thin and changed.order is None and 0 < len(changed) < len(drawn)
    (file,) = save(drawn, tmp_path / "c.jsonl")
    value = json.loads(file.read_text())
    assert value["thin"][-1][1] == len(drawn)
    for wrong in ([[0, 3]], [[0, 10**9]], [[1, 3]], [[3, 0]], "x", [[0]], [0, 3], None, 1):
        file.write_text(json.dumps(value | {"thin": wrong}))
        with pytest.raises(UserError, match="thin"):
            list(ink.read(file))


def test_pieces_put_together_keep_the_order() -> None:
    one = replace(written(["ab"])[0], thin=True, order=np.array([*range(8, 16), *range(8)]))
    joined = joined_order([one, one])
    assert joined is not None and to_runs(joined) == [[8, 16], [0, 8], [24, 32], [16, 24]]
    found = from_runs(to_runs(joined), 32)
    assert found is not None and np.array_equal(found, joined)
    assert joined_order([one, written(["ab"])[0]]) is None and joined_order([]) is None and from_runs([], 0) is None


def test_as_a_style_it_is_what_it_was(tiny_model: MakeModel, tmp_path: Path) -> None:
    model = tiny_model(codec="strokes", options={"every": 3})
    sample = model.generate("bead", length=40, seed=3)[0]
    (tmp_path / "a.jsonl").write_bytes(sample.data)
    (found,) = model.record_codec.read(tmp_path / "a.jsonl")
    steps = model.record_codec.encode(found, whole=False)
    assert np.allclose(steps[:, :2], sample.steps[:, :2], atol=1e-5) and len(steps) == len(sample.steps) > 2


@pytest.mark.parametrize("mode", ["plotter", "ink"])
def test_pages_hold_their_lines_in_the_model_s_units(model: Model, tmp_path: Path, mode: str) -> None:
    page = Page.named("a6", x_height=1.5, ruled=True)
    layout = write(model, "Hello to you all\n\nfrom here", page, seed=1).layout
    assert model.record_codec.hand is not None  # type: ignore[attr-defined]
    lines = [line for sheet in layout.sheets for line in sheet.lines]
    for suffix, options in ((".svg", {"mode": mode}), (".jsonl", {})):
        (file,) = save(layout, tmp_path / f"a{suffix}", **options)
        found = list(ink.read(file))
        assert [each.text for each in found] == [line.drawing.text for line in lines], "rules are none of it"
        for each, line in zip(found, lines, strict=True):
            assert each.thin and line.unit == 1.5 / model.record_codec.hand.x_height  # type: ignore[attr-defined]
            assert np.allclose(each.points * line.unit, line.drawing.points, atol=0.00051)
            assert np.array_equal(each.ends, line.drawing.ends)


def test_what_a_pen_recorded_is_thinned_as_ever(tiny_model: MakeModel, tmp_path: Path) -> None:
    codec = tiny_model(codec="strokes", options={"every": 3}).record_codec
    real = written(["abed"])[0]
    for suffix in (".jsonl", ".svg"):
        found = back(real, tmp_path / f"a{suffix}")
        assert not found.thin and len(found) == len(real), "the ends of curves are its points"
        assert len(codec.encode(found)) == len(codec.encode(real)) < len(real) / 2
    assert len(codec.encode(replace(real, thin=True))) == len(real) - 1


def test_what_was_drawn_does_not_tell_how_dense_a_pen_s_points_are() -> None:
    real = [
        replace(each, points=np.repeat(each.points, 6, axis=0), ends=np.repeat(each.ends, 6))
        for each in written(["abc"] * 9)
    ]
    for each in real:
        each.ends[np.flatnonzero(each.ends)[np.arange(each.ends.sum()) % 6 != 5]] = False
    drawn = [replace(each, thin=True) for each in written(["cab"] * 30)]
    for records, every in ((real, 3), (real + drawn, 3), (drawn, 1)):
        assert Strokes.fit(partial(iter, records)).every == every


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for name in ("a.jsonl", "a.svg"):
        file = str(tmp_path / name)
        main(["write", "demo:handwriting", "Hello", "--seed", "1", "-o", file])
        capsys.readouterr()
        main(["score", "demo:handwriting", file, "--json"])
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["steps"] == found[1]["steps"]
    assert found[0]["nats_per_step"] == pytest.approx(found[1]["nats_per_step"], abs=ROUNDED) and found[1]["nats"] < 0


def test_what_was_drawn_lies_on_no_grid(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(codec="strokes", seed=5)
    codec = model.record_codec
    monkeypatch.setattr(codec, "_moves", replace(codec.steps, grid=(0.5, 0.5)))  # type: ignore[type-var]
    sample = next(each for each in model.generate("bead", samples=9, seed=3) if each.stopped == "end")
    (score,) = score_records(model, [sample.record])
    assert score.nats_per_step == pytest.approx(-sample.log_probs.mean(), abs=EXACT)
    (other,) = score_records(model, [replace(sample.record, thin=False)])
    assert abs(other.nats_per_step - score.nats_per_step) > 0.01, "a pen's has the grid's noise"
