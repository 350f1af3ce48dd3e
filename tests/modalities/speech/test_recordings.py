"""Voices from recordings: with texts alone, not aligned, too few, damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.modalities.speech.utterance import Timed
from tests.modalities.speech.trained import SENTENCES, pairs, samples, say

pytest.importorskip("espeakng_loader")
pytest.importorskip("soundfile")


def test_recordings_without_texts_are_not_taken_for_text(home: Path, tmp_path: Path) -> None:
    from rhapsode.data.recognition import codec_for

    corpus = shutil.copytree(home / "corpus", tmp_path / "corpus")
    lines = (corpus / "utterances.jsonl").read_text().splitlines()
    (corpus / "utterances.jsonl").write_text(lines[0] + "\n")  # the others have not been written down yet
    assert codec_for([corpus]) == "speech"
    (corpus / "utterances.jsonl").unlink()
    for source in (corpus, corpus / "0.wav"):
        with pytest.raises(UserError, match="recordings without texts. Give recordings with texts. Known are metadata"):
            codec_for([source])


@pytest.mark.parametrize("texts", [True, False])
def test_of_few_recordings_one_is_held_out(home: Path, tmp_path: Path, texts: bool) -> None:
    """Also of recordings with labels alone."""
    from rhapsode.data.corpus import prepare
    from rhapsode.data.resets import ResetPolicy

    corpus = shutil.copytree(home / "corpus", tmp_path / "corpus")
    path = corpus / "utterances.jsonl"
    if not texts:
        values = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(f"{json.dumps({**value, 'text': ''})}\n" for value in values))
    for codec in ("speech", "prosody"):
        found = prepare(
            [corpus],
            codec=codec,
            codec_options={"hop": 10},
            reset=ResetPolicy.parse("document"),
            valid_fraction=0.01,
            cache=home / "cache",
        )
        assert len(found.valid.units) == 1 and len(found.train.units) == len(SENTENCES) - 1


def test_recordings_with_texts_alone(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = pairs(home, tmp_path / "pairs")
    (corpus / "damaged.wav").write_bytes(b"no sound")
    (corpus / "damaged.txt").write_text("Not to be heard.")
    train = ["train", str(corpus), "-o", str(tmp_path / "voice")]
    train += ["--updates", "2", "--config", str(home / "small.toml")]
    assert main([*train, "--device", "cpu", "--valid", str(home / "held")]) == 0
    said = capsys.readouterr().err
    assert said.count("Left out, 1 of 11, damaged, or of a format that cannot be read: damaged.") == 1
    assert "minutes of speech. It takes an hour of speech for a voice" in said
    assert say(tmp_path, "Go.", "-o", str(tmp_path / "a.wav")) == 0
    assert main(["inspect", str(corpus), "--textgrids", str(tmp_path / "grids"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["utterances"] == len(SENTENCES) + 1 and found["rates"] == {"16000": len(SENTENCES)}
    assert len(found["doubts"]) == len(SENTENCES) and found["faults"] == {}
    assert found["left_out"] == {"damaged, or of a format that cannot be read": ["damaged"]}
    # What alignment finds in espeak-ng's own speech is what espeak-ng said.
    from rhapsode.modalities.speech import labels
    from rhapsode.modalities.speech.read import read

    for truth in read(home / "corpus" / "utterances.jsonl"):
        [one] = labels.read(tmp_path / "grids" / f"{truth.name}.TextGrid")
        assert one.text == truth.text and isinstance(truth, Timed) and isinstance(one, Timed)
        assert [phone for phone in one.phones if phone.symbol != "_"] == [p for p in truth.phones if p.symbol != "_"]
        assert abs(one.times[-2] - truth.times[-2]) < 0.05
    assert main(["inspect", str(corpus)]) == 0
    assert "the oddest utterances" in capsys.readouterr().out
    assert main(["inspect", str(home / "voice"), "--textgrids", "x"]) == 2
    capsys.readouterr()
    assert main(["inspect", str(corpus), "--textgrids", str(tmp_path / "grids")]) == 2
    assert ".TextGrid is there already. Replace it with --overwrite" in capsys.readouterr().err


def test_recordings_that_are_not_aligned(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small.toml").write_text(
        "steps = 4\n[network]\nwidth = 16\n[plan]\nbatch_size = 4\nsequence_length = 32\nthreads = 1\n"
        '[codec]\nname = "unaligned"\nhop = 10\n'
    )
    corpus, voice = pairs(home, tmp_path / "pairs"), tmp_path / "voice"
    train = ["train", str(corpus), "-o", str(voice), "--config", str(tmp_path / "small.toml"), "--device", "cpu"]
    assert main([*train, "--valid", str(home / "held")]) == 0
    assert not (voice / "prosody").exists()
    said = capsys.readouterr().err
    assert f'rhapsode speak {voice} "Any words." -o words.wav' in said.replace("'", "")
    options = ["speak", str(voice), "Ask him. Go.", "--temperature", "0.5", "--seed", "1"]
    assert main([*options, "-o", str(tmp_path / "a.wav"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["samples"][0]
    assert found["text"] == "Ask him. Go." and found["phones"][0][0] == "_"
    assert found["seconds"] == pytest.approx(len(samples(tmp_path / "a.wav")) / 16000, abs=0.03)
    begins, ends = zip(*(each[1:] for each in found["phones"]), strict=True)
    assert begins[0] == 0 and list(begins[1:]) == list(ends[:-1]) == sorted(set(begins[1:]))
    assert main(["score", str(voice), str(home / "held" / "utterances.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 2
    for more in (["--speed", "2"], ["--phones", str(home / "held" / "utterances.jsonl")]):
        assert main(["speak", str(voice), *(["Go."] if more[0] == "--speed" else []), *more]) == 2
        assert "finds its own times" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ("one", [], "too little data: .* an hour of speech for a voice|It takes an hour of speech for a voice"),
        ("no recordings", [], r"none of the utterances can be used: 8 without a recording \(0, 1, .*\)\. Known are"),
        ("no text", ["--codec", "speech"], "nothing to say|there is nothing"),
        ("", ["--language", "klingonn"], "'klingonn' is not known.* Near are piqd .klingon."),
        ("", ["--language", "en-gbb"], "Did you mean 'en-gb"),
        ("", ["--language", "de", "--codec", "chars"], "--language is for speech, but .* codec chars"),
        ("", ["--field", "text"], "field is not None|is for text"),
    ],
)
def test_what_cannot_be_learnt_from(
    home: Path,
    change: str,
    options: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(home / "corpus", corpus)
    path = corpus / "utterances.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    if change == "one":
        lines = lines[:1]
    elif change == "no recordings":
        for recording in corpus.glob("*.wav"):
            recording.unlink()
    elif change == "no text":
        lines[3] = {"audio": "3.wav"}
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert main(["train", str(corpus), "-o", str(tmp_path / "voice"), "--updates", "1", *options]) == 2
    said = capsys.readouterr().err.strip().split("\n")[-1]
    with pytest.raises(UserError, match=message):
        raise UserError(said)
    assert not (tmp_path / "voice").exists()


def test_the_demo_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rhapsode.modalities.speech import demo as demo_speech
    from rhapsode.modalities.speech.audio import read as sound_of
    from rhapsode.report import Report

    every = demo_speech.sentences()
    assert len(every) > 200 and all(one[-1] in ".?!" for one in every)
    monkeypatch.setattr(demo_speech, "sentences", lambda: every[:24])
    monkeypatch.setattr(demo_speech, "HELD_OUT", 4)
    result = demo_speech.demo(tmp_path, 0.02, "Hello there. And good bye.", Report())
    assert [file.suffix for file in result.files] == [".wav", ".png", ".TextGrid"]
    assert all(file.stat().st_size > 500 for file in result.files)
    sound = sound_of(result.files[0])
    assert sound.seconds == pytest.approx(result.spoken.times[-1], abs=0.1)
    assert sound.seconds > 0.5 and result.corpus_seconds > 15
    assert 0 < result.far.lsd_db < 40
    before = (result.model / "model.safetensors").read_bytes()
    again = demo_speech.demo(tmp_path, 0.02, "Something else.", Report())
    assert (again.model / "model.safetensors").read_bytes() == before  # not trained once more
