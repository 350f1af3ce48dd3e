"""What a voice cannot say, and what it does not write over."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.speech import espeak
from tests.modalities.speech.trained import pairs, samples, say

pytest.importorskip("espeakng_loader")
pytest.importorskip("soundfile")


def test_sounds_and_what_is_beside_them_are_not_overwritten(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.wav", "b.lab", "c-2.wav"):
        (tmp_path / name).write_text("mine")
    there = sorted(tmp_path.iterdir())
    speak = ["speak", str(home / "voice"), "Home."]
    two = ["--samples", "2", "--temperature", "1", "-o", str(tmp_path / "c.wav")]
    for options, name in (
        (["-o", str(tmp_path / "a.wav")], "a.wav"),
        (["-o", str(tmp_path / "new.wav"), "--also", str(tmp_path / "b.lab")], "b.lab"),
        (two, "c-2.wav"),
    ):
        assert main([*speak, *options]) == 2
        assert f"{name} is there already. Replace it with --overwrite" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == there and all(each.read_text() == "mine" for each in there)
    assert main([*speak, *two, "--overwrite"]) == 0
    assert len(samples(tmp_path / "c-2.wav")) > 1000


def test_what_was_never_heard_is_told(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(home, "A vision.", "-o", str(tmp_path / "a.wav"), "--also", str(tmp_path / "a.lab")) == 0
    assert "warning: the voice has never heard v (says ð), ʒ (says z), as in 'A vision.'" in capsys.readouterr().err
    assert " v\n" not in (tmp_path / "a.lab").read_text()
    (tmp_path / "a.lab").write_text("0 2000000 pau\n2000000 4000000 v\n4000000 6000000 iː\n6000000 8000000 pau\n")
    assert say(home, "--phones", str(tmp_path / "a.lab"), "-o", str(tmp_path / "b.wav")) == 0
    assert "warning: the voice has never heard v (says ð)\n" in capsys.readouterr().err
    assert len(samples(tmp_path / "b.wav")) == pytest.approx(0.8 * 16000, abs=200)


def test_ssml_that_is_wrong_is_one_error(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(home, "<speak>Go <b>home</b>", "-o", str(tmp_path / "a.wav")) == 2
    error = capsys.readouterr().err
    assert "SSML: the text: not well-formed XML" in error and error.count("\n") == 1
    assert say(home, "<speak>Go <b>home</b></speak>", "-o", str(tmp_path / "a.wav"), "--json") == 0
    heard = capsys.readouterr()
    assert json.loads(heard.out)["samples"][0]["text"] == "Go home"
    assert "warning: SSML: <b> is not known: its text is read (1)." in heard.err


LAB = "0 2000000 pau\n2000000 5000000 iː\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([""], "nothing to say: give a text"),
        ([], "nothing to say: give a text"),
        (["... !"], "nothing to say in '... !'"),
        (["Home. Привет."], "cannot read 'Привет'"),
        (["Home.", "--speaker", "bob"], "'bob': the voice has one speaker, who has no name"),
        (["Home.", "--bars", "3"], "No such option: --bars"),
        (["Home.", "--ruled"], "No such option: --ruled"),
        (["Home.", "--length", "3"], "No such option: --length"),
        (["Home.", "--f0", "A.csv"], "--f0 needs --phones FILE"),
        (["Home.", "--phones", "A.lab"], "a text and --phones were given"),
        (["--phones", "A.lab", "--speed", "2"], "A.lab and --speed were given; one of them must go"),
        (["--phones", "A.csv"], "--phones A.csv: .* must end in .jsonl, .textgrid, .lab, .txt"),
        (["Home.", "--sentences", "word"], "sentences: 'word' is not known.* Allowed: auto, line"),
        (["Home.", "--pause", "-1"], "--pause -1: between sentences are 0 to 60 seconds"),
        (["Home.", "--lexicon", "none.tsv"], "cannot read none.tsv"),
        (["--phones", "none.lab"], "cannot read none.lab"),
        (["--phones", "bare.jsonl", "--f0", "bad.csv"], "bad.csv, line 2"),
        (["--phones", "bob.jsonl"], "bob.jsonl: speaker: 'bob' is not known"),
        (["--phones", "A.lab", "--f0", "bad.csv"], "bad.csv, line 2: '0.1,x' is not `seconds,hertz`"),
        (["--phones", "A.lab", "--f0", "far.csv"], "far.csv, line 1: '1e12,100' is not"),
        (["Home.", "--samples", "2", "-o", "a.wav"], "--samples: without a temperature"),
        (["Home.", "--samples", "2", "--temperature", "1"], "--samples makes several files"),
        (["Home.", "--pitch", "60"], "--pitch 60: semitones are from -24 to 24"),
        (["Home.", "-o", "a.mp3"], "-o a.mp3: .* must end in .wav, .flac, .ogg"),
        (["Home.", "-o", "a.wav", "--also", "b.svg"], "--also b.svg: .* must end in"),
    ],
)
def test_what_cannot_be_said(
    home: Path,
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("A.lab").write_text(LAB)
    Path("bare.jsonl").write_text('{"phones": [["iː", null, null]]}\n')
    Path("bob.jsonl").write_text('{"phones": [["iː", 0, 0.5]], "speaker": "bob"}\n')
    Path("bad.csv").write_text("0,100\n0.1,x\n")
    Path("far.csv").write_text("1e12,100\n0.1,100\n")
    before = set(tmp_path.iterdir())
    assert say(home, *options) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and said.out == "" and set(tmp_path.iterdir()) == before
    with pytest.raises(UserError, match=message):
        raise UserError(said.err)


def test_a_voice_without_its_prosody(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(home / "voice", tmp_path / "voice", ignore=shutil.ignore_patterns("prosody"))
    for _ in range(2):
        assert say(tmp_path, "Home.", "-o", str(tmp_path / "a.wav")) == 2
        assert "is missing: the voice has not learnt how long and how high phones are" in capsys.readouterr().err
        (tmp_path / "voice" / "prosody").mkdir(exist_ok=True)  # its training was stopped as soon as it had begun
    assert main(["speak", str(home / "voice" / "prosody"), "Home."]) == 2
    assert "part of a voice: give the voice's folder" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["espeakng_loader", "soundfile", "pyworld"])
def test_what_is_not_installed(
    home: Path,
    package: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if package == "pyworld" and Model.load(home / "voice").codec.to_json()["own"]["vocoder"] != "world":
        pytest.skip("the voice has the other vocoder")
    monkeypatch.setitem(sys.modules, package, None)
    if package == "espeakng_loader":  # else a second engine would take the library from the first
        monkeypatch.setattr(espeak, "_engine", None)
    suffix = ".flac" if package == "soundfile" else ".wav"
    commands = [["speak", str(home / "voice"), "Home.", "-o", str(tmp_path / f"a{suffix}")]]
    if package == "espeakng_loader":
        commands.append(["train", str(pairs(home, tmp_path / "pairs")), "-o", str(tmp_path / "new")])
    else:
        commands.append(["score", str(home / "voice"), str(home / "held" / "utterances.jsonl")])
    for command in commands:
        assert main(command) == 2
        said = capsys.readouterr().err
        assert "is not installed" in said and "pip install 'rhapsode[speech]'" in said
