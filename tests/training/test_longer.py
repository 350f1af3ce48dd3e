"""A finished model: it is not overwritten unasked, trained longer when asked, and the same when made again."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.music.blues import corpus
from rhapsode.modalities.music.formats.own import dumps
from rhapsode.report import Report
from rhapsode.training import loop
from rhapsode.training.folder import RECORDS, check_free, over
from rhapsode.training.optimizers import Optimizers
from rhapsode.training.run import train
from rhapsode.training.told import SAMPLES, TOLD
from rhapsode.training.validation import Validation
from tests.conftest import Stop

SMALL: dict[str, Any] = {
    "network": {"width": 16, "embedding": 6},
    "plan": {"batch_size": 4, "sequence_length": 16, "precision": "fp32", "threads": 1, "warmup": 5},
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    words = ["sing", "muse", "the", "wrath", "of", "a", "man", "and", "sea", "ship"]
    path.write_text("\n".join(" ".join(random.Random(n).choices(words, k=6)) for n in range(300)))
    return path


@pytest.fixture(scope="module")
def trained(text: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHAPSODE_CACHE", str(text.parent / "cache"))
        train([text], text.parent / "m", updates=40, **SMALL)
    return text.parent / "m"


@pytest.fixture
def finished(trained: Path, tmp_path: Path) -> Path:
    """A run of 40 updates."""
    return shutil.copytree(trained, tmp_path / "m")


@pytest.fixture
def rates(finished: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The learning rate of each update, in parts of its peak."""
    seen: list[float] = []
    step = Optimizers.step

    def heard(self: Optimizers, factor: float) -> None:
        seen.append(factor)
        step(self, factor)

    monkeypatch.setattr(Optimizers, "step", heard)
    return seen


def test_the_rate_is_held_before_it_falls(text: Path, tmp_path: Path, rates: list[float]) -> None:
    train([text], tmp_path / "held", updates=20, **{**SMALL, "plan": {**SMALL["plan"], "hold": 0.5}})
    expected = [min((n + 1) / 5, 1) * min(1, (1 - n / 20) / 0.5) for n in range(20)]
    assert rates == pytest.approx(expected)


def run_of(folder: Path) -> dict[str, Any]:
    return checkpoint.load_info(folder / checkpoint.RESUME)[0]


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


# --- the same run is the same model ---


def tunes(folder: Path) -> Path:
    path = folder / "tunes.jsonl"
    path.write_text("".join(f"{dumps(tune)}\n" for tune in corpus(12, 0)))
    return path


@pytest.mark.parametrize("kind", ["text", "pens", "tunes"])
def test_the_same_run_makes_the_same_digest(
    kind: str, text: Path, pens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes. (Of voices: see test_voice_training.)"""
    monkeypatch.setattr(loop, "EVALUATIONS", 2)
    source = {"text": text, "pens": pens, "tunes": tunes(tmp_path)}[kind]
    how = {**SMALL, "network": {"width": 12}}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train([source], tmp_path / name, updates=6, seed=seed, **how)
    a, b, c = (Model.load(tmp_path / name) for name in "abc")
    assert a.digest == b.digest != c.digest
    assert a.codec.name == {"text": "chars", "pens": "strokes", "tunes": "remi"}[kind]
    assert a.checksum != b.checksum or a.config.facts == b.config.facts


# --- longer ---


def test_a_finished_run_is_trained_longer(finished: Path, rates: list[float]) -> None:
    before, first = records(finished), Model.load(finished).config.facts
    with pytest.raises(UserError, match="is finished. To train it longer, say how long: .*--resume --minutes 5"):
        train([], finished, resume=True)
    assert not rates and records(finished) == before

    result = train([], finished, resume=True, updates=40, device="cpu")
    assert (result.finished, result.updates) == (True, 80) and over(finished)
    after = records(finished)
    assert after[: len(before)] == before and after[-1]["update"] == 80
    looks = [record["done"] for record in after[len(before) :] if "valid" in record]
    assert len(looks) == 16 and looks == sorted(looks) and looks[-1] == 1
    facts = Model.load(finished).config.facts
    assert facts["valid_nats_per_step"] < first["valid_nats_per_step"] and facts["updates"] > 40
    # From rest, over five updates, to where a run of 80 would be; from there as that one, to zero.
    assert rates[5:] == pytest.approx([1 - step / 80 for step in range(45, 80)])
    assert rates[:5] == pytest.approx([(n + 1) / 5 * (1 - (40 + n) / 80) for n in range(5)])
    again = train([], finished, resume=True, epochs=0.1, device="cpu")
    assert again.updates > 80 and run_of(finished)["leg"]["number"] == 2


def test_another_budget_replaces_the_rest_of_a_stopped_one(text: Path, tmp_path: Path, rates: list[float]) -> None:
    folder = tmp_path / "stopped"
    assert not train([text], folder, updates=40, report=Stop(0.5), **SMALL).finished
    stopped = run_of(folder)["update"]
    assert 20 <= stopped < 30
    result = train([], folder, resume=True, updates=10, device="cpu")
    assert result.finished and result.updates == stopped + 10
    assert rates[-1] == pytest.approx(1 / result.updates)


def test_minutes_are_more_minutes(finished: Path) -> None:
    before = run_of(finished)["seconds"]
    result = train([], finished, resume=True, minutes=0.005, device="cpu")
    assert before + 0.3 <= result.seconds < before + 30 and result.finished


def test_training_longer_is_resumed_exactly(finished: Path, tmp_path: Path) -> None:
    halves = shutil.copytree(finished, tmp_path / "halves")
    train([], finished, resume=True, updates=40, device="cpu")
    assert not train([], halves, resume=True, updates=40, device="cpu", report=Stop(0.5)).finished
    assert 60 <= run_of(halves)["update"] < 80
    with pytest.raises(UserError, match="was stopped: go on with --resume"):
        check_free(halves)
    assert train([], halves, resume=True, device="cpu").updates == 80
    one, other = Model.load(finished), Model.load(halves)
    assert one.digest == other.digest
    strip = [[{k: v for k, v in r.items() if k != "seconds"} for r in records(each)] for each in (finished, halves)]
    assert strip[0] == strip[1]


def test_better_weights_are_not_given_up(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Model.load(finished)
    monkeypatch.setattr(Validation, "nll", lambda self, weights: 99.0)
    train([], finished, resume=True, updates=5, device="cpu")
    assert Model.load(finished).checksum == before.checksum


def test_a_resumed_run_keeps_its_settings(finished: Path, text: Path) -> None:
    for options, message in (
        ({"network": {"width": 17}}, "keeps its network"),
        ({"lr": 0.1}, "keeps its lr"),
        ({"codec": "bytes"}, "keeps its codec"),
        ({"reset": "line"}, "keeps its reset"),
        ({"dropout": 0.5}, "keeps its dropout"),
        ({"plan": {"batch_size": 8}}, "keeps its plan"),
        ({"seed": 5}, "keeps its seed"),
    ):
        with pytest.raises(UserError, match=message):
            train([text], finished, resume=True, updates=1, **options)  # type: ignore[arg-type]
    same = {"network": {"width": 16}, "plan": {"batch_size": 4}}
    assert train([text], finished, resume=True, updates=1, device="cpu", **same).updates == 41  # type: ignore[arg-type]


def test_without_its_checkpoint(finished: Path) -> None:
    (finished / checkpoint.RESUME).unlink()
    with pytest.raises(UserError, match="nothing to resume: .* Go on from its model in another folder: --from"):
        train([], finished, resume=True, updates=1)
    with pytest.raises(UserError, match="finished model: go on from it in another folder with --from"):
        check_free(finished)


# --- nothing is overwritten ---


def test_a_finished_model_is_not_overwritten(finished: Path, text: Path) -> None:
    before = {each.name: each.read_bytes() for each in finished.iterdir()}
    how = "train it longer with --resume .*; replace it with --overwrite; or choose another folder with -o"
    with pytest.raises(UserError, match=how):
        train([text, "nowhere.txt"], finished, updates=5, **SMALL)
    with pytest.raises(UserError, match="no such file|nowhere"):  # and a mistake does not cost the model
        train(["nowhere.txt"], finished, updates=5, overwrite=True, **SMALL)
    with pytest.raises(UserError, match="one of them must go"):
        train([], finished, updates=5, resume=True, overwrite=True)
    assert {each.name: each.read_bytes() for each in finished.iterdir()} == before


def test_overwriting(finished: Path, text: Path) -> None:
    """All of the old run goes, and nothing else."""
    old = Model.load(finished).digest
    for name in ("index.safetensors", "prosody/model.safetensors", "prosody/resume.safetensors", "tensorboard/events"):
        (finished / name).parent.mkdir(exist_ok=True)
        (finished / name).write_text("old")
    for name in ("recogniser.safetensors", "notes.txt"):
        (finished / name).write_text("mine")
    train([text], finished, updates=5, seed=1, overwrite=True, **SMALL)
    assert Model.load(finished).digest != old
    assert {each.name for each in finished.iterdir()} == {
        *RECORDS,
        *(checkpoint.MODEL, checkpoint.RESUME, checkpoint.INDEX, ".lock", "recogniser.safetensors", "notes.txt"),
    }
    assert (finished / checkpoint.INDEX).read_bytes() != b"old"
    assert records(finished)[-1]["update"] == 5 and "update 40" not in (finished / TOLD).read_text()


# --- what is told of a run ---


class Heard(Report):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.samples: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def sample(self, text: str) -> None:
        self.samples.append(text)


def test_log_and_samples_are_files_too(text: Path, tmp_path: Path) -> None:
    heard, folder = Heard(), tmp_path / "m"
    how = {**SMALL, "plan": {**SMALL["plan"], "warmup": 1}}
    train([text], folder, updates=32, report=heard, **how)
    log = (folder / TOLD).read_text().splitlines()
    assert all(any(line.endswith(note) for line in log) for note in heard.notes) and heard.notes
    assert sum("valid " in line and " nats" in line for line in log) == 16
    samples = (folder / SAMPLES).read_text()
    assert len(heard.samples) == 15 and all(f" ---\n{sample}\n\n" in samples for sample in heard.samples)
    assert samples.startswith("--- update 2, valid ")
    train([], folder, resume=True, updates=2, device="cpu")
    more = (folder / TOLD).read_text().splitlines()
    assert more[: len(log)] == log and any("going on at update 32" in line for line in more[len(log) :])


def test_the_log_says_why_a_run_ended(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise UserError("cannot write: No space left on device.")

    monkeypatch.setattr(Model, "save", full)
    with pytest.raises(UserError):
        train([text], tmp_path / "m", updates=32, **SMALL)
    assert (tmp_path / "m" / TOLD).read_text().endswith("ended: cannot write: No space left on device.\n")
