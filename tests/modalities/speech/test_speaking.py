"""What a voice says, and how: text, labels, F0, pauses, streams."""

from __future__ import annotations

import io
import json
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from rhapsode.inference.model import Model
from rhapsode.modalities.speech import picture
from rhapsode.modalities.speech.formats import own
from rhapsode.modalities.speech.melody import melody
from rhapsode.modalities.speech.utterance import Timed
from tests.modalities.speech.trained import HELD_OUT, contour, samples, say

pytest.importorskip("espeakng_loader")
soundfile = pytest.importorskip("soundfile")


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
        # The melody is written to a hundredth, and a network in whole numbers reads it in units of 1/1024.
        assert np.corrcoef(samples(again), whole)[0, 1] > 0.998
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
    from rhapsode.arithmetic.sampling import Sampling
    from rhapsode.modalities.speech.read import read
    from rhapsode.modalities.speech.speaking import outlined

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


def test_a_long_text_has_a_picture_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(picture, "LONGEST", 6)
    also = [str(tmp_path / name) for name in ("a.png", "a.lab")]
    options = ["--speed", "0.2", "--also", also[0], "--also", also[1]]
    assert say(home, "We saw ten ships go by. " * 2, "-o", str(tmp_path / "a.wav"), *options) == 0
    assert "a.png: the first 6 of" in capsys.readouterr().err
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
