"""Models of pen strokes are trained: what they learn from, what is held out, and how they go on."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.data.corpus import prepare
from rhapsode.data.recognition import codec_for
from rhapsode.data.resets import ResetPolicy
from rhapsode.data.validation import held_out
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.read import read
from tests.conftest import WORDS, Stop, written

DOCUMENT = ResetPolicy.parse("document")


def test_the_codec_is_found_by_what_the_files_hold(pens: Path, tmp_path: Path) -> None:
    book = tmp_path / "book.txt"
    book.write_text("Once upon a time.\n")
    assert codec_for([pens]) == "strokes" and codec_for([book]) == "chars" and codec_for(["-", "none"]) == "chars"


def test_texts_that_are_held_out_are_nowhere_in_training(tmp_path: Path) -> None:
    path = tmp_path / "pens.jsonl"
    words = [word for word in WORDS for _ in range(8)]
    bare = [Drawing(d.points, d.ends) for d in written(["ab"])]
    path.write_text("".join(f"{dumps(d)}\n" for d in [*written(words), *bare]))
    found = prepare([path], reset=DOCUMENT, valid_fraction=0.3, cache=tmp_path / "cache")
    sides = []
    for part in (found.train, found.valid):
        assert part.texts is not None
        texts = np.split(np.asarray(part.texts.symbols), part.texts.begins[1:-1])
        sides.append({found.codec.decode_text(text) for text in texts})  # type: ignore[attr-defined]
        assert len(part.units) == len(texts)
    assert sides[0] | sides[1] == set(WORDS) and not sides[0] & sides[1] and all(sides)
    assert "Left out: drawings 1 without text." in found.notes
    again = prepare([path], reset=DOCUMENT, valid_fraction=0.3, cache=tmp_path / "cache")
    assert again.key == found.key and again.notes == found.notes
    assert np.array_equal(again.train.values, found.train.values)


def test_of_little_one_text_is_held_out(tmp_path: Path) -> None:
    path = tmp_path / "pens.jsonl"

    def parts(words: list[str]) -> tuple[list[str], list[str]]:
        path.write_text("".join(f"{dumps(d)}\n" for d in written(words)))
        found = prepare([path], reset=DOCUMENT, valid_fraction=1e-6, cache=tmp_path / "cache")
        sides = []
        for part in (found.train, found.valid):
            assert part.texts is not None
            texts = np.split(np.asarray(part.texts.symbols), part.texts.begins[1:-1])
            sides.append([found.codec.decode_text(text) for text in texts])  # type: ignore[attr-defined]
        return sides[0], sides[1]

    first = min(WORDS, key=lambda word: hashlib.sha256(word.encode()).digest())
    assert parts(WORDS * 2) == ([word for word in WORDS if word != first] * 2, [first] * 2)
    with pytest.raises(UserError, match=r"0 to validate on \(0 drawings\)"):  # of one text there is nothing to hold out
        parts(["abc"] * 20)


def test_which_lots_are_held_out() -> None:
    assert held_out([0.5, 0.3, 0.7], 0.4) == 0.4
    for lots in ([0.5, 0.3, 0.7, 0.3], [0.3, 1.0], [0.5, 0.3]):
        below = held_out(lots, 0.1)
        assert [split_hash < below for split_hash in lots] == [split_hash == 0.3 for split_hash in lots]
    assert held_out([0.3, 0.3], 0.1) == held_out([], 0.1) == 0.1
    assert held_out(itertools.cycle([0.5, 0.05]), 0.1) == 0.1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reset": ResetPolicy.parse("line")}, "is for text"),
        ({"valid_by": "tail"}, "is for text"),
        ({"separator": "x"}, "is for text"),
        ({"codec_options": {"min_count": 3}}, "min_count"),
    ],
)
def test_options_of_text_are_refused(pens: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepare([pens], **{"reset": DOCUMENT, "cache": tmp_path, **options})


def test_too_little_and_nothing(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(dumps(written(["ab"])[0]) + "\n")
    with pytest.raises(UserError, match=r"too little data|nothing to learn"):
        prepare([path], reset=DOCUMENT, cache=tmp_path / "c")


@pytest.mark.parametrize("feedback", [False, True])
def test_training_learns_and_resumes_exactly(pens: Path, tmp_path: Path, feedback: bool) -> None:
    from rhapsode.files import checkpoint
    from rhapsode.training.run import train

    options: dict[str, Any] = {
        "network": {"width": 16, "head": {"mixtures": 4}, "attention": {"components": 3, "feedback": feedback}},
        "dropout": {"output": 0.1},
        "plan": {"batch_size": 4, "sequence_length": 16, "threads": 1},
        "precision": "fp32",
        "device": "cpu",
    }
    whole = train([pens], tmp_path / "whole", updates=50, **options)
    assert whole.valid_nats < 2.2  # a Gaussian knows 2.8 and the lifts
    assert not train([pens], tmp_path / "half", updates=50, report=Stop(0.5), **options).finished
    again = train([], tmp_path / "half", resume=True, device="cpu")
    assert again.valid_nats == whole.valid_nats
    one, other = (
        checkpoint.load_tensors(
            path, {n: shape for n, (shape, _) in checkpoint.load_info(path)[2].items()}, checkpoint.load_info(path)[1]
        )
        for path in (tmp_path / "whole" / checkpoint.MODEL, tmp_path / "half" / checkpoint.MODEL)
    )
    assert one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


def test_fine_tuning_takes_the_units_of_the_new_drawings(pens: Path, tmp_path: Path) -> None:
    from rhapsode.training.run import train

    options: dict[str, Any] = {
        "dropout": {"output": 0.0},
        "plan": {"batch_size": 4, "sequence_length": 16, "threads": 1},
        "precision": "fp32",
        "device": "cpu",
    }
    base = train([pens], tmp_path / "base", updates=80, network={"width": 16}, **options)
    large = tmp_path / "large.jsonl"
    drawings = [Drawing(d.points * 100 + 7, d.ends, d.text) for d in read(pens)]
    odd = written(["xyz"])
    large.write_text("".join(f"{dumps(d)}\n" for d in [*drawings, *odd]))
    options["plan"] |= {"rate": 1e-6, "matrix_rate": 1e-6}
    tuned = train([large], tmp_path / "tuned", updates=2, base=tmp_path / "base", **options)
    assert tuned.valid_nats < base.valid_nats + 0.3  # nothing to learn anew
    one, other = (Model.load(tmp_path / name).record_codec for name in ("base", "tuned"))
    assert other.steps.sd == pytest.approx(np.multiply(one.steps.sd, 100), rel=0.02)  # type: ignore[union-attr]
    assert other.alphabet == one.alphabet
    drawn = Model.load(tmp_path / "tuned").generate("bad", seed=0, length=40)[0].record
    assert np.ptp(drawn.points[:, 0]) > 50 * np.ptp(written(["b"])[0].points[:, 0]) / 4


def test_framings_that_tear_steps_from_their_texts_are_refused(pens: Path, tmp_path: Path) -> None:
    from rhapsode.training.run import train

    with pytest.raises(UserError, match="needs stream"):
        train([pens], tmp_path / "m", updates=1, framing="many-to-one", window=5, device="cpu")
