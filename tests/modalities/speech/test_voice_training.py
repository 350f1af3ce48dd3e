"""Voices that are trained further: stopped and resumed, fine-tuned, of two speakers, compared with recordings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from tests.conftest import Stop
from tests.modalities.speech.trained import HELD_OUT, SENTENCES, recorded, say, training

pytest.importorskip("espeakng_loader")
pytest.importorskip("soundfile")


def test_the_score_is_the_loss_that_training_saw(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rhapsode.training.run import train

    # Of what is read nothing is hidden: see below.
    valid: dict[str, Any] = {"valid": [home / "held" / "utterances.jsonl"], "device": "cpu"}
    train([home / "corpus"], home / "shown", codec="prosody", updates=8, dropout={"input": 0.0}, **valid)
    for name in ("voice", "shown"):
        lines = (home / name / "metrics.jsonl").read_text().splitlines()
        best = min(value["valid"] for value in map(json.loads, lines) if "valid" in value)
        assert main(["score", str(home / name), str(home / "held" / "utterances.jsonl"), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["nats_per_step"] == pytest.approx(best, rel=1e-3) and found["records"] == 2
    assert main(["score", str(home / "voice"), str(home / "none.jsonl")]) == 2


class StopLater(Stop):
    """Interrupts the training of the auxiliary model."""

    begun = False

    def note(self, text: str) -> None:
        self.begun |= text.startswith("and now")

    def progress(self, done: float, **values: object) -> None:
        if self.begun:
            super().progress(done, **values)


@pytest.mark.parametrize("stop", [Stop, StopLater])
def test_a_stopped_training_goes_on(
    home: Path, stop: type[Stop], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rhapsode.training.folder import stopped_run
    from rhapsode.training.run import train

    folder = tmp_path / "voice"
    options: dict[str, Any] = {
        "codec_options": {"hop": 10},
        "network": {"width": 16, "encoder": {"feedforward_width": 24, "bidirectional_width": 12}},
        "plan": {"batch_size": 4, "sequence_length": 200, "threads": 1},
        "valid": [home / "held" / "utterances.jsonl"],
        "device": "cpu",
    }
    done = train([home / "corpus"], folder, updates=24, codec="speech", report=stop(0.5), **options)
    assert not done.finished
    assert main(["train", str(home / "corpus"), "-o", str(folder), "--device", "cpu"]) == 2
    assert "was stopped: go on with --resume" in capsys.readouterr().err
    assert main(["train", "-o", str(folder), "--resume", "--device", "cpu"]) == 0
    assert f'rhapsode speak {folder} "Any words." -o words.wav' in capsys.readouterr().err.replace("'", "")
    for name in ("", "prosody"):
        one, other = (Model.load(each / name) for each in (folder, home / "voice"))
        assert all(np.array_equal(one.weights[key], other.weights[key]) for key in one.weights)
        assert one.digest == other.digest
    if stop is Stop:  # finished, with its auxiliary model; then both are trained longer
        assert main(["train", "-o", str(folder), "--resume", "--device", "cpu"]) == 2
        assert "is finished" in capsys.readouterr().err
        assert train([], folder, resume=True, updates=6, device="cpu").updates == 30
        # The model is that of the best weights, which may be earlier ones.
        runs = [stopped_run(folder / name) for name in ("", "prosody")]
        assert [run and run["plan"]["budget"]["updates"] for run in runs] == [30, 30]


def test_the_prosody_of_an_earlier_voice_is_not_taken_for_this_ones(home: Path, tmp_path: Path) -> None:
    from rhapsode.training.run import train

    folder = shutil.copytree(home / "voice", tmp_path / "voice")
    options: dict[str, Any] = {
        "codec": "speech",
        "codec_options": {"hop": 10},
        "network": {"width": 16, "encoder": {"feedforward_width": 24, "bidirectional_width": 12}},
        "valid": [home / "held" / "utterances.jsonl"],
        "device": "cpu",
    }
    with pytest.raises(UserError, match="finished model: train it longer"):
        train([home / "corpus"], folder, updates=8, **options)
    done = train([home / "corpus"], folder, updates=8, seed=3, overwrite=True, report=Stop(0.5), **options)
    assert not (folder / "prosody").exists()
    assert not done.finished
    assert train([], folder, resume=True, device="cpu").finished
    for name in ("", "prosody"):
        facts = Model.load(folder / name).config.facts
        assert facts["plan"]["budget"]["updates"] == 8 and facts["plan"]["seed"] == 3


def test_fine_tuning(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["train", str(home / "corpus"), "--valid", str(home / "held"), "-o", str(tmp_path / "voice")]
    more += ["--updates", "2"]
    more += ["--device", "cpu", "--from", str(home / "voice")]
    assert main([*more, "--language", "de"]) == 2
    assert "fine-tuning keeps its own" in capsys.readouterr().err
    assert main(more) == 0
    for name in ("", "prosody"):
        one, other = (Model.load(each / "voice" / name) for each in (tmp_path, home))
        assert one.codec.to_json() == other.codec.to_json()
        assert any(not np.array_equal(one.weights[key], other.weights[key]) for key in one.weights)
    assert say(tmp_path, "Ask him.", "-o", str(tmp_path / "a.wav")) == 0


def test_two_speakers(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = recorded(tmp_path / "corpus", SENTENCES, ("ann", "bob"))
    train = ["train", str(corpus), "-o", str(tmp_path / "voice")]
    train += ["--updates", "8", "--config", str(home / "small.toml")]
    assert main([*train, "--device", "cpu", "--valid", str(corpus)]) == 0
    for name in ("ann", "bob"):
        assert say(tmp_path, "Go.", "--speaker", name, "-o", str(tmp_path / f"{name}.wav")) == 0
    assert (tmp_path / "ann.wav").read_bytes() != (tmp_path / "bob.wav").read_bytes()
    capsys.readouterr()
    assert say(tmp_path, "Go.", "--speaker", "bib") == 2
    assert "speaker: 'bib' is not known. Did you mean 'bob'? Allowed: ann, bob." in capsys.readouterr().err
    assert main(["score", str(tmp_path / "voice"), str(home / "held" / "utterances.jsonl")]) == 2
    assert "of a speaker whom the model does not know" in capsys.readouterr().err


def test_a_voice_is_compared_with_what_was_held_out(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rhapsode.modalities.speech import hear

    heard: list[Any] = []
    monkeypatch.setattr(hear, "recogniser", lambda: lambda sound: heard.append(sound) or HELD_OUT[0])
    folder = tmp_path / "voice"
    assert main([*training(home), "-o", str(folder), "--json"]) == 0
    out = capsys.readouterr()
    found = json.loads(out.out)["quality"]
    assert found == json.loads((folder / "quality.json").read_text()) and found["utterances"] == 2
    assert 1 < found["mcd_db"] < 30 and 0 < found["f0_rmse_hz"] < 100 and 0 <= found["voicing_error_percent"] < 60
    # One of two sentences was heard right, each time; the other one shares a word or two with it.
    assert found["words_wrong"] == found["words_wrong_recorded"] == pytest.approx(0.5, abs=0.15) and len(heard) == 4
    assert "quality  2 held-out recordings: MCD " in out.err and " % of words wrong (recordings " in out.err
    assert main(["inspect", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["quality"] == found
    assert main(["inspect", str(folder)]) == 0
    assert "mcd_db" in capsys.readouterr().out


def test_validation_hides_of_frames_what_training_hides(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from rhapsode.training.run import train
    from rhapsode.training.validation import Validation

    nll, seen = Validation.nll, []

    def both(validation: Validation, weights: Any) -> float:
        before = torch.get_rng_state()
        found = nll(validation, weights)
        assert nll(validation, weights) == found and torch.equal(torch.get_rng_state(), before)
        hidden, validation._hidden = validation._hidden, 0.0
        seen.append((found, nll(validation, weights)))
        validation._hidden = hidden
        return found

    monkeypatch.setattr(Validation, "nll", both)
    train(
        [home / "corpus"], tmp_path / "voice", updates=4, codec="unaligned", codec_options={"hop": 10},
        network={"width": 16}, plan={"batch_size": 4, "sequence_length": 32, "threads": 1}, device="cpu",
        valid=[home / "held" / "utterances.jsonl"],
    )  # fmt: skip
    assert len(seen) == 4 and all(hidden != shown for hidden, shown in seen)
