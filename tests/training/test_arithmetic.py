"""Trainings leave models in whole numbers, of every modality; their checkpoints stay in float32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.arithmetic.quantise import Unfit
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.inference.trained import Trained
from rhapsode.report import Report
from rhapsode.training import loop, quantisation
from rhapsode.training.run import train
from rhapsode.training.trainer import UNFIT, Trainer
from tests import made
from tests.training.small import SMALL, small, weights


class Heard(Report):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "EVALUATIONS", 2)
    monkeypatch.setattr(quantisation, "STEPS", 300)


SOURCES: dict[str, tuple[Callable[[Path], None], str, str | None]] = {
    "text": (made.text, "book.txt", None),
    "handwriting": (made.drawings, "strokes.jsonl", None),
    "tunes": (made.tunes, "tunes", None),
    "melodies": (made.tunes, "tunes", "melody"),
    "chorales": (made.chorales, "chorales", "chorale"),
    "piano roll": (made.tunes, "tunes", "pianoroll"),
    "series": (made.table, "sales.csv", None),
    "voice": (made.recordings, "recordings", None),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_training_leaves_whole_numbers(kind: str, tmp_path: Path) -> None:
    make, name, codec = SOURCES[kind]
    make(tmp_path / name)
    heard = Heard()
    how = {**SMALL, "network": {"width": 12}} if kind == "text" else {"network": {"width": 12}}
    result = train([tmp_path / name], tmp_path / "m", updates=2, codec=codec, report=heard, **how)  # type: ignore[arg-type]
    assert result.finished
    for path in tmp_path.glob("m/**/model.safetensors"):
        model = Model.load(path)
        assert model.config.arithmetic == "integers" and UNFIT not in model.config.facts
        assert model.tensors.keys() == model.quantised().tensors.keys()
    [cost] = [note.split()[3] for note in heard.notes if note.startswith("whole numbers cost ")]
    assert abs(float(cost)) < 0.02
    assert weights(tmp_path / "m")["weight/output.bias"].dtype == np.float32


def test_kept_weights_are_those_of_training(text: Path, tmp_path: Path) -> None:
    small(text, tmp_path / "kept", updates=4, keep="float")
    small(text, tmp_path / "plain", updates=4)
    kept, plain = Model.load(tmp_path / "kept"), Model.load(tmp_path / "plain")
    assert kept.digest == plain.digest and kept.checksum != plain.checksum
    last = weights(tmp_path / "kept")
    for name, weight in kept.weights.items():  # the last update was the best
        assert np.array_equal(weight, last[f"weight/{name}"])
    assert not np.array_equal(plain.weights["layer0.recurrent"], kept.weights["layer0.recurrent"])
    with pytest.raises(UserError, match="Allowed: float"):
        small(text, tmp_path / "other", keep="all")


@pytest.mark.parametrize("keep", [None, "float"])
def test_fine_tuning_begins_with_what_there_is(
    text: Path, tmp_path: Path, keep: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(text, tmp_path / "a", updates=4, keep=keep)
    begun: list[Any] = []
    adopt = Trainer.adopt

    def heard(self: Trainer, weights: Any) -> None:
        begun.append(weights)
        adopt(self, weights)

    monkeypatch.setattr(Trainer, "adopt", heard)
    train([text], tmp_path / "b", updates=2, base=tmp_path / "a", plan=SMALL["plan"])
    first = Model.load(tmp_path / "a").weights
    assert all(np.array_equal(begun[-1][name], weight) for name, weight in first.items())
    assert Model.load(tmp_path / "b").config.arithmetic == "integers"


def test_a_run_goes_on_in_float32(text: Path, tmp_path: Path) -> None:
    """Kept or not, a resumed run is the same run; what is kept may change."""
    for name, keep in (("a", None), ("b", "float")):
        small(text, tmp_path / name, updates=4, keep=keep)
        train([], tmp_path / name, resume=True, updates=4, keep="float")
    a, b = (weights(tmp_path / name) for name in "ab")
    assert all(np.array_equal(a[name], b[name]) for name in a if name != "random")
    assert any(name.startswith("float32.") for name in Model.load(tmp_path / "a").tensors)


def test_what_is_unfit_stays_in_float32_and_says_why(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unfit(self: Trained, keep: bool = False) -> Trained:
        raise Unfit("layer0.kernel: weights too large for whole numbers")

    monkeypatch.setattr(Model, "quantised", unfit)
    heard = Heard()
    train([text], tmp_path / "m", updates=4, report=heard, **SMALL)  # type: ignore[arg-type]
    [warning] = [each for each in heard.warnings if "float32" in each]
    assert warning == "the model is saved in float32 arithmetic (layer0.kernel: weights too large for whole numbers)."
    model = Model.load(tmp_path / "m")
    assert model.config.arithmetic == "float32" and "too large" in model.config.facts[UNFIT]
    assert not any(note.startswith("whole numbers") for note in heard.notes)


def test_the_loss_of_whole_numbers() -> None:
    assert str(quantisation.Quantisation(1.0, 1.002, 500)) == (
        "whole numbers cost +0.0020 nats a step (+0.200%), by 500 validation steps"
    )
    assert str(quantisation.Quantisation(-1.0, -0.999, 5)).startswith("whole numbers cost +0.0010 nats a step, by 5")
