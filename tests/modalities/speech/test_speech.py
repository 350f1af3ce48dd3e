"""Voices from end to end, by the command line: recordings made by espeak-ng, training, speaking, scores, mistakes."""

from __future__ import annotations

import io
import json
import shutil
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.modalities.speech import espeak
from rhapsode.modalities.speech.formats import own
from rhapsode.modalities.speech.melody import melody
from rhapsode.modalities.speech.utterance import Timed
from tests.conftest import Stop

pytest.importorskip("espeakng_loader")
soundfile = pytest.importorskip("soundfile")

SENTENCES = [
    *("She had your dark suit.", "Do not ask me that.", "The boat was red and low.", "We saw ten ships go by."),
    *("A cat sat on the mat.", "He will come back soon.", "They sing a song at night.", "Look at the green tree."),
]
HELD_OUT = ["The boat sat by the green tree.", "They saw a suit at night."]
SMALL = """
steps = 24
[network]
width = 16
[network.encoder]
feedforward_width = 24
bidirectional_width = 12
[plan]
batch_size = 4
sequence_length = 200
threads = 1
[codec]
name = "speech"
hop = 10
"""


def recorded(folder: Path, sentences: list[str], speakers: tuple[str, ...] = ()) -> Path:
    """A folder of recordings and utterances.jsonl, with labels."""
    from rhapsode.modalities.speech.demo import original, written

    lines = []
    for n, sentence in enumerate(sentences):
        one = original(sentence)
        written(one.sound(), folder / f"{n}.wav")
        value = json.loads(own.dumps(one, f"{n}.wav"))
        lines.append(json.dumps({**value, "speaker": speakers[n % len(speakers)]} if speakers else value))
    (folder / "utterances.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `corpus`, `held`, and `voice`, which has learnt from them."""
    folder = tmp_path_factory.mktemp("speech")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHAPSODE_CACHE", str(folder / "cache"))
        recorded(folder / "corpus", SENTENCES)
        recorded(folder / "held", HELD_OUT)
        (folder / "small.toml").write_text(SMALL)
        assert main([*training(folder), "-o", str(folder / "voice")]) == 0
        yield folder


def training(home: Path) -> list[str]:
    valid = str(home / "held" / "utterances.jsonl")
    config = ["--config", str(home / "small.toml"), "--device", "cpu"]
    return ["train", str(home / "corpus"), "--valid", valid, *config]


def say(home: Path, *options: str) -> int:
    return main(["speak", str(home / "voice"), *options, "--overwrite"])


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def contour(path: Path) -> np.ndarray:
    return np.loadtxt(path, delimiter=",", skiprows=1)[:, 1]


# --- speaking ---


def test_a_text_is_spoken_faster_higher_and_again(home: Path, tmp_path: Path) -> None:
    base = tmp_path / "a.wav"
    beside = [str(tmp_path / f"a.{suffix}") for suffix in ("TextGrid", "lab", "jsonl", "csv", "png")]
    assert say(home, HELD_OUT[0], "-o", str(base), *(part for name in beside for part in ("--also", name))) == 0
    assert all(Path(name).stat().st_size > 100 for name in beside)
    assert Path(beside[-1]).read_bytes().startswith(b"\x89PNG")
    whole = samples(base)
    assert 8000 < len(whole) < 64000 and np.abs(whole.astype(int)).max() > 300

    again = tmp_path / "again.wav"
    for labels in (beside[0], beside[2]):  # .lab has neither words nor text
        assert say(home, "--phones", labels, "-o", str(again)) == 0
        assert np.corrcoef(samples(again), whole)[0, 1] > 0.999  # the melody is written to a hundredth
        assert say(home, "--phones", labels, "--f0", beside[3], "-o", str(again)) == 0
        assert np.corrcoef(samples(again), whole)[0, 1] > 0.999  # F0 is written to a hundredth

    assert say(home, HELD_OUT[0], "--speed", "2", "-o", str(again)) == 0
    assert len(samples(again)) == pytest.approx(len(whole) / 2, rel=0.03)
    higher = tmp_path / "high.csv"
    both = ["--also", str(higher), "--also", str(tmp_path / "high.jsonl")]
    assert say(home, HELD_OUT[0], "--pitch", "12", "-o", str(again), *both) == 0
    sung = own.loads(json.loads((tmp_path / "high.jsonl").read_text()), "", tmp_path)
    assert isinstance(sung, Timed) and sung.melody == pytest.approx(melody(sung.times, contour(higher), 0.01), abs=0.02)
    f0 = contour(Path(beside[3]))
    assert (f0 > 0).any() and contour(higher) == pytest.approx(2 * f0, abs=0.02)
    assert not np.array_equal(samples(again), whole) and len(samples(again)) == len(whole)


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


def test_labels_and_f0_are_obeyed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.lab").write_text("0 2000000 pau\n2000000 5000000 iː\n5000000 7000000 pau\n")
    (tmp_path / "a.csv").write_text("0,100\n0.2,100\n0.5,200\n0.5001,0\n0.7,0\n")
    out = [str(tmp_path / name) for name in ("b.wav", "b.csv", "b.jsonl")]
    given = ["--phones", str(tmp_path / "a.lab"), "--f0", str(tmp_path / "a.csv")]
    assert say(home, *given, "-o", out[0], "--also", out[1], "--also", out[2]) == 0
    found = contour(Path(out[1]))
    assert len(found) == 71 and found[20] == 100 and found[35] == pytest.approx(150) and not found[52:].any()
    one = own.loads(json.loads(Path(out[2]).read_text()), "", tmp_path)
    assert isinstance(one, Timed) and one.times.tolist() == pytest.approx([0, 0.2, 0.5, 0.7])
    assert one.melody is not None and one.melody[:2].tolist() == pytest.approx([100, 150], rel=0.02)


def test_sound_streams_sentence_by_sentence(
    home: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    def raw(text: str) -> bytes:
        assert say(home, text) == 0
        (tmp_path / "stream.wav").write_bytes(capsysbinary.readouterr().out)
        sound, rate = soundfile.read(tmp_path / "stream.wav", dtype="int16")
        assert sound.ndim == 1 and rate == 16000
        with wave.open(str(tmp_path / "stream.wav")) as file:
            assert file.readframes(file.getnframes()) == sound.tobytes()
        return bytes(sound.tobytes())

    one, other = map(raw, HELD_OUT)
    assert raw(" ".join(HELD_OUT)) == one + other
    assert say(home, HELD_OUT[0], "-o", str(tmp_path / "a.wav")) == 0
    assert samples(tmp_path / "a.wav").tobytes() == one


def test_a_text_that_comes_slowly_is_spoken_as_it_comes(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    heard: list[int] = []

    class Slow(io.BytesIO):
        """Gives a sentence, and the next one when that has been spoken."""

        def read1(self, size: int | None = -1) -> bytes:
            heard.append(len(capsysbinary.readouterr().out))
            return self.readline()

    text = "".join(f"{sentence}\n" for sentence in HELD_OUT).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Slow(text)))
    assert say(home, "-") == 0
    silence, *spoken = heard
    assert not silence and len(spoken) == 2 and min(spoken) > 8000
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b" \n")))
    assert say(home, "-") == 2
    assert b"nothing to say" in capsysbinary.readouterr().err


def test_times_are_those_of_the_sound_however_many_sentences(home: Path, tmp_path: Path) -> None:
    from rhapsode.modalities.speech.speaking import prosody_beside, speak
    from rhapsode.modalities.speech.utterance import joined

    model = Model.load(home / "voice")
    each = list(speak(model, prosody_beside(model), "Go. " * 12))
    whole = joined(each)
    for one in (*each, whole):
        assert one.sound().seconds == pytest.approx(one.times[-1], abs=len(each) / 16000)
    assert len(whole.acoustics()) == round(whole.times[-1] / 0.01) + 1
    last = each[-1]
    begin, own = whole.times[-1] - last.times[-1], last.acoustics().f0
    assert np.isin(whole.acoustics().f0[round(begin / 0.01) + 2 :], own).all()


def test_frames_drawn_at_once_are_those_drawn_one_by_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rhapsode.nn.heads.regression import Regression

    model = Model.load(home / "voice")
    outline = model.record_codec.outline()
    one, *more = model.generate(outline=outline, seed=1, samples=2)
    monkeypatch.setattr(Regression, "drawn_at_once", lambda *given: None)
    [other] = model.generate(outline=outline, seed=1)
    for found in (one, *more):
        np.testing.assert_array_equal(found.steps, other.steps)
        np.testing.assert_array_equal(found.log_probs, other.log_probs)
        assert (found.data, found.stopped) == (other.data, other.stopped) and found.attention is not None
    monkeypatch.undo()
    [short] = model.generate(outline=outline, seed=1, length=5)
    np.testing.assert_array_equal(short.steps, other.steps[:5])


@pytest.mark.parametrize("temperature", [0, 0.5])
def test_what_was_said_can_be_read_back_and_scored(home: Path, tmp_path: Path, temperature: float) -> None:
    """As likely as when it was drawn: rhythm and melody. Frames are, too, but for what a vocoder loses: what was drawn
    is the likeliest that there is."""
    from rhapsode.modalities.speech.read import read
    from rhapsode.modalities.speech.speaking import outlined
    from rhapsode.nn.samplers import Sampling

    files = [str(tmp_path / name) for name in ("a.wav", "a.jsonl")]
    options = ["--temperature", str(temperature), "--seed", "3", "--liveliness", "0"]
    assert say(home, HELD_OUT[0], "-o", files[0], "--also", files[1], *options) == 0
    voice, prosody = Model.load(home / "voice"), Model.load(home / "voice" / "prosody")
    [outline] = outlined(voice.codec, HELD_OUT[0])  # type: ignore[arg-type]
    [drawn] = prosody.generate(outline=outline, seed=3, sampling=Sampling(temperature=temperature))
    [scored] = prosody.score_records(read(tmp_path / "a.jsonl"))
    assert scored.steps == len(drawn.steps)
    assert scored.nats_per_step == pytest.approx(-drawn.log_probs.mean(), abs=0.02)
    [frames] = voice.generate(outline=drawn.record)
    [again] = voice.score_records(read(tmp_path / "a.jsonl"))
    assert abs(again.steps - len(frames.steps)) < 9  # of silence at the ends, a tenth of a second is kept
    assert again.nats_per_step > -frames.log_probs.mean()


def test_a_long_text_has_a_picture_too(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    also = [str(tmp_path / name) for name in ("a.png", "a.lab")]
    options = ["--speed", "0.2", "--also", also[0], "--also", also[1]]
    assert say(home, "We saw ten ships go by. " * 9, "-o", str(tmp_path / "a.wav"), *options) == 0
    assert "a.png: the first 60 of" in capsys.readouterr().err
    assert Path(also[0]).read_bytes().startswith(b"\x89PNG") and Path(also[1]).stat().st_size


def test_seeds_temperature_and_json(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def wav(name: str, *options: str) -> bytes:
        assert say(home, "Go home.", "-o", str(tmp_path / name), *options) == 0
        return (tmp_path / name).read_bytes()

    plain, warm = wav("a.wav"), wav("b.wav", "--temperature", "0.7", "--seed", "1")
    assert wav("a.wav", "--seed", "5") == plain != warm  # without a temperature nothing is drawn
    assert wav("b.wav", "--temperature", "0.7", "--seed", "1") == warm
    assert wav("b.wav", "--temperature", "0.7", "--seed", "2") != warm
    said = []
    for seed in ("1", "2"):
        wav("b.wav", "--temperature", "0.7", "--seed", seed, "--also", str(tmp_path / "b.jsonl"))
        said.append(json.loads((tmp_path / "b.jsonl").read_text())["phones"])
    one, other = ([(end - begin, more["f0"]) for _, begin, end, more in phones] for phones in said)
    assert all(a != b and 60 <= a[1] <= 400 for a, b in zip(one, other, strict=True))  # rhythm and melody
    assert wav("c.flac")[:4] == b"fLaC" and wav("c.ogg")[:4] == b"OggS"
    assert say(home, "Go.", "-o", str(tmp_path / "d.wav"), "--samples", "2", "--temperature", "0.5") == 0
    assert (tmp_path / "d-1.wav").read_bytes() != (tmp_path / "d-2.wav").read_bytes()
    capsys.readouterr()
    assert say(home, "Go home. Now!", "--json") == 0
    [sample] = json.loads(capsys.readouterr().out)["samples"]
    assert sample["text"] == "Go home. Now!" and sample["phones"][0][:2] == ["_", 0]
    assert sample["phones"][-1][2] == pytest.approx(sample["seconds"], abs=1e-4)


def test_what_was_never_heard_is_told(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert say(home, "A vision.", "-o", str(tmp_path / "a.wav"), "--also", str(tmp_path / "a.lab")) == 0
    assert "warning: the voice has never heard v (says ð), ʒ (says z), as in 'A vision.'" in capsys.readouterr().err
    assert " v\n" not in (tmp_path / "a.lab").read_text()
    (tmp_path / "a.lab").write_text("0 2000000 pau\n2000000 4000000 v\n4000000 6000000 iː\n6000000 8000000 pau\n")
    assert say(home, "--phones", str(tmp_path / "a.lab"), "-o", str(tmp_path / "b.wav")) == 0
    assert "warning: the voice has never heard v (says ð)\n" in capsys.readouterr().err
    assert len(samples(tmp_path / "b.wav")) == pytest.approx(0.8 * 16000, abs=200)


def test_phones_without_times_are_said(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("sil G OW1 | HH OW1 M\n_ d oʊ n t _\n")
    (tmp_path / "a.lab").write_text("pau\nɡ\noʊ\npau\n")
    for name, symbols in (("a.txt", "_ ɡ oʊ h oʊ m _ _ d oʊ n t _"), ("a.lab", "_ ɡ oʊ _")):
        told = tmp_path / "told.jsonl"
        given = ["--phones", str(tmp_path / name), "--speed", "2", "-o", str(tmp_path / "b.wav"), "--also", str(told)]
        assert say(home, *given) == 0
        phones = json.loads(told.read_text())["phones"]
        assert " ".join(each[0] for each in phones) == symbols
        assert capsys.readouterr().err.count("warning") == 0


def test_pauses_are_as_long_as_asked_for(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their times, and the silence that is heard."""
    told, wav = tmp_path / "told.jsonl", tmp_path / "a.wav"

    def phones(*options: str) -> list[tuple[str, float, float]]:
        assert say(home, *options, "-o", str(wav), "--also", str(told)) == 0
        found = [(symbol, begin, end) for symbol, begin, end, _ in json.loads(told.read_text())["phones"]]
        sound = np.abs(samples(wav).astype(int))
        for symbol, begin, end in found:
            if end - begin > 0.5:
                assert symbol == "_" and sound[round(16000 * begin) + 1600 : round(16000 * end) - 1600].max() < 200
        return found

    found = phones("Go home. Go home.", "--pause", "0.8")
    between = [end - begin for symbol, begin, end in found[1:-1] if symbol == "_"]
    assert sum(between) == pytest.approx(0.8, abs=1e-3)
    found = phones('<speak>Go <break time="700ms"/> home. <prosody rate="50%">Go</prosody> home.</speak>')
    assert [end - begin for symbol, begin, end in found if end - begin > 0.5] == [pytest.approx(0.7, abs=1e-3)]
    lasting = [end - begin for symbol, begin, end in found if symbol == "ɡ"]
    assert lasting[1] > 1.5 * lasting[0]


def test_words_of_a_lexicon(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = tmp_path / "told.jsonl"
    (tmp_path / "words.tsv").write_text("# mine\nhome\tɡˈoʊ\n")
    also = ["-o", str(tmp_path / "a.wav"), "--also", str(told)]
    assert say(home, "Go home.", "--lexicon", str(tmp_path / "words.tsv"), *also) == 0
    assert [each[0] for each in json.loads(told.read_text())["phones"]] == ["_", "ɡ", "oʊ", "ɡ", "oʊ", "_"]
    own = home / "voice" / "lexicon.tsv"
    own.write_text("home\tˈoʊ\ngo\tɡˈiː\n")  # of the voice itself
    assert say(home, "Go home.", "--lexicon", str(tmp_path / "words.tsv"), *also) == 0
    own.unlink()
    assert [each[0] for each in json.loads(told.read_text())["phones"]] == ["_", "ɡ", "iː", "ɡ", "oʊ", "_"]
    (tmp_path / "words.tsv").write_text("home\t§§\n")
    assert say(home, "Go home.", "--lexicon", str(tmp_path / "words.tsv"), *also) == 2
    assert "words.tsv, line 1: '§§' are no phones that are known" in capsys.readouterr().err


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


# --- scores, and more training ---


def test_the_score_is_the_loss_that_training_saw(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rhapsode.training.run import train

    # Of what is read nothing is hidden: see below.
    valid: dict[str, Any] = {"valid": [home / "held" / "utterances.jsonl"], "device": "cpu"}
    train([home / "corpus"], home / "shown", codec="prosody", steps=8, dropout={"input": 0.0}, **valid)
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
    done = train([home / "corpus"], folder, steps=24, codec="speech", report=stop(0.5), **options)
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
        assert train([], folder, resume=True, steps=6, device="cpu").steps == 30
        # The model is that of the best weights, which may be earlier ones.
        runs = [stopped_run(folder / name) for name in ("", "prosody")]
        assert [run and run["plan"]["budget"]["steps"] for run in runs] == [30, 30]


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
        train([home / "corpus"], folder, steps=8, **options)
    done = train([home / "corpus"], folder, steps=8, seed=3, overwrite=True, report=Stop(0.5), **options)
    assert not (folder / "prosody").exists()
    assert not done.finished
    assert train([], folder, resume=True, device="cpu").finished
    for name in ("", "prosody"):
        facts = Model.load(folder / name).config.facts
        assert facts["plan"]["budget"]["steps"] == 8 and facts["plan"]["seed"] == 3


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


# --- recordings ---


def pairs(home: Path, folder: Path) -> Path:
    """The corpus as recordings, each with a text beside it."""
    folder.mkdir()
    for line in (home / "corpus" / "utterances.jsonl").read_text().splitlines():
        value = json.loads(line)
        shutil.copy(home / "corpus" / value["audio"], folder)
        (folder / value["audio"]).with_suffix(".txt").write_text(value["text"])
    return folder


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
        [home / "corpus"], tmp_path / "voice", steps=4, codec="unaligned", codec_options={"hop": 10},
        network={"width": 16}, plan={"batch_size": 4, "sequence_length": 32, "threads": 1}, device="cpu",
        valid=[home / "held" / "utterances.jsonl"],
    )  # fmt: skip
    assert len(seen) == 4 and all(hidden != shown for hidden, shown in seen)


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
    ("seen", "times"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3, 4]),
        ([0, 0, 2, 1, 3, 3], [0, 2, 3, 4, 6]),  # back to a phone, and one that is passed over
        ([1, 1, 1, 1], [0, 1, 2, 3, 4]),  # the first is passed over, the last two are never come to
    ],
)
def test_each_phone_takes_some_time(seen: list[int], times: list[float]) -> None:
    from rhapsode.modalities.speech.speaking import _seen

    assert _seen(np.eye(5)[seen], 4).tolist() == pytest.approx(times)


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
