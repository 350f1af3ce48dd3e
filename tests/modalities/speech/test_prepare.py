"""Recordings → utterances with times and frames: what is kept, cut, resampled and left out."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.modalities.speech import prepare, timing
from rhapsode.modalities.speech._pool import Pool
from rhapsode.modalities.speech.acoustics import frames
from rhapsode.modalities.speech.audio import read, resampled, written
from rhapsode.modalities.speech.describe import describe
from rhapsode.modalities.speech.faults import LONG, SHORT, misfits
from rhapsode.modalities.speech.listen import RecordingFacts, rate_for
from rhapsode.modalities.speech.prepare import EDGE, prepared, times_of
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Sound, Spoken, Timed, Utterance, unrecorded
from tests.modalities.speech.synthetic import TEXTS, said, spoken

HOP = 0.01


def silent(what: str, done: float) -> None:
    assert 0 <= done <= 1 and what


def ready(*given: Utterance, cache: Path, **options: Any) -> tuple[list[Spoken | None], list[str]]:
    found, left_out, notes = prepared(given, Cache(cache), silent, **{"hop": 10, "lsp": 1, **options})
    return found, [*left_out, *notes]


def bare(utterance: Timed) -> Utterance:
    """Without times, but with phones: alignment needs no espeak-ng then."""
    return utterance.to(Utterance, text="")


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without espeak-ng and other processes."""
    monkeypatch.setattr(prepare.espeak, "check", lambda language: None)
    monkeypatch.setattr(prepare, "FEW", 100)


def test_times_and_frames_agree_and_silence_is_cut(tmp_path: Path) -> None:
    given = spoken("god taken", 1, edges=(0.5, 0.734))
    [one], notes = ready(given, cache=tmp_path)
    assert one is not None
    assert one.phones == given.phones and one.times[0] == 0
    np.testing.assert_allclose(np.diff(one.times)[1:-1], np.diff(given.times)[1:-1], atol=1e-9)
    assert one.times[1] == pytest.approx(EDGE, abs=HOP / 2) and np.diff(one.times)[-1] == pytest.approx(EDGE, abs=HOP)
    found = one.acoustics()
    assert len(found) == round(one.times[-1] / HOP) + 1 and found.hop == HOP
    assert one.sound().seconds == pytest.approx(one.times[-1], abs=1e-3)
    # Tones begin in the frame in which their phone does: what was cut was cut from all alike.
    quiet = found.spectrum[: round(one.times[1] / HOP) - 2, 0].mean()
    loud = found.spectrum[round(one.times[1] / HOP) + 3 : round(one.times[2] / HOP), 0].mean()
    assert abs(quiet - loud) > 1
    begin = round(one.times[1] * 16000)
    assert np.abs(one.sound().samples[begin - 400 : begin - 100]).max() < 0.02
    assert np.abs(one.sound().samples[begin + 200 : begin + 600]).max() > 0.1
    assert any("There are 0.0 minutes of speech. It takes an hour" in note for note in notes)


def test_what_took_long_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [bare(spoken(text, n)) for n, text in enumerate(["god taken", "mud tune", "a big sound"])]
    first, _ = ready(*given, cache=tmp_path)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "speech").iterdir()}
    assert len(files) == 4  # frames of three, and times

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was done again")

    monkeypatch.setattr(prepare, "vocoder", never)
    monkeypatch.setattr(timing, "align", never)
    again, _ = ready(*given, cache=tmp_path)
    for one, other in zip(first, again, strict=True):
        assert one is not None and other is not None and one.phones == other.phones
        assert np.array_equal(one.times, other.times)
        assert np.array_equal(one.acoustics().spectrum, other.acoustics().spectrum)
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "speech").iterdir()}
    louder = replace(given[0], sound=partial(_louder, given[0]))
    for changed in ([louder, *given[1:]], given):
        with pytest.raises(AssertionError, match="done again"):
            ready(*changed, cache=tmp_path, hop=10 if changed[0] is louder else 5)


def test_what_is_damaged_is_done_again_and_that_is_said(tmp_path: Path) -> None:
    given = [bare(spoken(text, n)) for n, text in enumerate(["god taken", "mud tune"])]
    said: list[str] = []
    cache = Cache(tmp_path, said.append)

    def done() -> list[Any]:
        found, _, _ = prepared(given, cache, silent, hop=10, lsp=1)
        return [[one.times, one.acoustics().spectrum, one.acoustics().f0] for one in found if one and one.acoustics]

    first = done()
    rng = np.random.default_rng(0)
    files = sorted((tmp_path / "speech").iterdir())
    assert {path.suffix for path in files} == {".frames", ".times"}
    for path in files:
        whole = path.read_bytes()
        for at in (0, len(whole) - 1, *rng.integers(0, len(whole), 2).tolist()):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            again = done()
            assert said == [f"What was kept in {tmp_path}/speech was damaged; it is made again."]
            said.clear()
            for one, other in zip(first, again, strict=True):
                for a, b in zip(one, other, strict=True):
                    np.testing.assert_array_equal(a, b)
    found, _, _ = prepared(given, cache, silent, hop=10, lsp=1)
    assert not said and found[0] is not None
    for path in files:  # while the frames are not read yet
        path.unlink()
    np.testing.assert_array_equal(found[0].acoustics().spectrum, first[0][1])


def _louder(utterance: Utterance) -> Sound:
    sound = utterance.sound()
    return Sound(sound.samples * 1.5, sound.rate)


def test_times_that_are_found_are_those_that_were_said(tmp_path: Path) -> None:
    texts = ["god taken", "mud tune", "a big sound", "bad melon", "nine goats", "simple", "dust as ink", "blank notes"]
    given = [spoken(text, n) for n, text in enumerate(texts * 3)]
    found, _ = ready(*map(bare, given), cache=tmp_path)
    errors = []
    for one, truth in zip(found, given, strict=True):
        assert one is not None
        phones = [phone for phone in one.phones if phone.symbol != PAUSE]
        assert phones == [phone for phone in truth.phones if phone.symbol != PAUSE]
        assert len(one) >= len(phones) + 2
        errors.append(abs((one.times[-2] - one.times[1]) - (truth.times[-2] - truth.times[1])))
    assert np.median(errors) < 0.03


def test_what_is_not_of_its_text_is_left_out_and_named(tmp_path: Path) -> None:
    texts = ["god taken", "mud tune", "a big sound", "bad melon", "nine goats", "simple", "dust as ink", "blank notes"]
    given = [bare(spoken(text, n)) for n, text in enumerate(texts * 4)]
    wrong = spoken("simple simple", 99)
    given[5] = replace(given[5], name="wrong", sound=wrong.sound, phones=spoken("nine goats dust", 1).phones)
    found, notes = ready(*given, cache=tmp_path)
    assert [n for n, one in enumerate(found) if one is None] == [5]
    assert "Left out, 1 of 32, not sounding like their texts: wrong. See why: rhapsode inspect FOLDER" in notes
    times = times_of(given, Cache(tmp_path), "en-us", Pool(None, 1), silent)
    told = describe(given, times)
    assert told.left_out == {"not sounding like their texts": ["wrong"]} and told.doubts[0].name == "wrong"
    lines = "\n".join(told.lines())
    assert "32, " in lines and "wrong: it sounds unlike its text" in lines and told.to_json()["utterances"] == 32


def test_recordings_that_teach_nothing_are_left_out(tmp_path: Path) -> None:
    good = spoken("god taken", 1)
    mute = replace(good, name="mute", sound=lambda: Sound(np.zeros(32000), 16000))
    short = replace(bare(good), name="short", sound=lambda: Sound(np.ones(800), 16000))
    cut = replace(good, name="cut", sound=lambda: Sound(good.sound().samples[:8000], 16000))
    clipped = replace(good, name="loud", sound=lambda: Sound(np.clip(30 * good.sound().samples, -1, 1), 16000))
    found, notes = ready(good, mute, short, cut, clipped, cache=tmp_path)
    assert [one is None for one in found] == [False, True, True, True, False]
    said = "\n".join(notes)
    for why in ("silent: mute", "shorter than 0.1 seconds: short", "shorter than their labels: cut"):
        assert f"Left out, 1 of 5, {why}." in said
    assert "Recordings clipped" in said
    with pytest.raises(UserError, match=r"none of the utterances can be used: 2 silent \(mute, mute\)\. Known are"):
        ready(mute, mute, cache=tmp_path)
    with pytest.raises(UserError, match="no utterance to learn a voice from"):
        ready(cache=tmp_path)


def test_recordings_that_cannot_be_used_are_left_out_of_training_and_description(tmp_path: Path) -> None:
    pytest.importorskip("soundfile")
    good = spoken("god taken", 1)
    written(good.sound(), tmp_path / "cut.flac")
    data = {"zero": b"", "noise": b"no sound", "cut": (tmp_path / "cut.flac").read_bytes()[:60]}
    damaged = []
    for name, content in data.items():
        (tmp_path / f"{name}.flac").write_bytes(content)
        damaged.append(replace(good, name=name, sound=partial(read, tmp_path / f"{name}.flac")))
    long = Sound(np.tile(good.sound().samples, 61)[: 61 * 16000], 16000)
    endless = Sound(np.resize(long.samples, 601 * 8000), 8000)
    given = [
        good,
        replace(bare(good), name="bare"),
        *damaged,
        replace(good, name="lost", sound=unrecorded),
        replace(bare(good), name="long", sound=lambda: long),
        replace(good, name="labelled", sound=lambda: long),
        replace(good, name="endless", sound=lambda: endless),
    ]
    expected = {
        "empty": ["zero"],
        "damaged, or of a format that cannot be read": ["noise", "cut"],
        "without a recording": ["lost"],
        "longer than 60 seconds": ["long"],
        "longer than 600 seconds": ["endless"],
    }
    found, left_out, _ = prepared(given, Cache(tmp_path), silent, hop=10, lsp=1)
    assert [one.name for one in found if one is not None] == ["1", "bare", "labelled"]
    names = {why: f"Left out, {len(each)} of 9, {why}: {', '.join(each)}." for why, each in expected.items()}
    assert left_out == list(names.values())
    told = describe(given, times_of(given, Cache(tmp_path), "en-us", Pool(None, 1), silent))
    assert told.left_out == expected and told.rates == {16000: 3} and told.per_utterance[0] > 0.5
    with pytest.raises(UserError, match=r"used: 2 damaged.* \(noise, cut\); 1 without a recording \(lost\)\. Known"):
        times_of(given[3:6], Cache(tmp_path), "en-us", Pool(None, 1), silent)


def test_all_are_taken_at_one_rate(tmp_path: Path) -> None:
    given = [spoken("god taken", n) for n in range(3)]
    fast = resampled(given[0].sound(), 44100)
    given[0] = replace(given[0], sound=lambda: fast)
    found, notes = ready(*given, cache=tmp_path)
    for one in found:
        assert one is not None
        assert one.acoustics().rate == one.sound().rate == 16000
        assert len(one.acoustics()) == frames(one.sound(), HOP) == round(one.times[-1] / HOP) + 1
    assert "Samples a second: 16,000 (2), 44,100 (1); all are taken at 16,000." in notes
    found, notes = ready(*given, cache=tmp_path, rate=22050)
    assert found[1] is not None and found[1].acoustics().rate == 22050
    assert any(note.endswith("at 22,050. Those with fewer have nothing above 8 kHz.") for note in notes)


@pytest.mark.parametrize(
    ("rates", "rate"),
    [
        ([8000], 8000),
        ([16000, 16000, 44100], 16000),
        ([44100], 22050),
        ([88200], 22050),
        ([48000], 24000),
        ([32000], 24000),
        ([96000, 8000], 24000),
        ([24000], 24000),
    ],
)
def test_the_rate(rates: list[int], rate: int) -> None:
    assert rate_for([RecordingFacts(rate=each) for each in rates]) == rate


def test_texts_need_a_language_that_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader")
    monkeypatch.undo()
    given = spoken("god taken", 1).to(Utterance, phones=(), text="god taken")
    with pytest.raises(UserError, match="'dee' is not known. Did you mean 'de'"):
        ready(given, cache=tmp_path, language="dee")
    with pytest.raises(UserError, match="1: there is nothing to say in '...'"):
        ready(replace(given, text="..."), cache=tmp_path)
    assert ready(spoken("god taken", 1), cache=tmp_path)[0][0] is not None
    assert Phone(PAUSE) in spoken("god", 1).phones


def test_texts_far_too_long_or_too_short_are_left_out(tmp_path: Path) -> None:
    given = [bare(spoken(text, n)) for n, text in enumerate(TEXTS)]
    long = replace(given[1], phones=said(" ".join([given[1].name, *TEXTS[:3]])), name="long")
    short = replace(bare(spoken(" ".join(TEXTS[:5]), 9)), phones=said("god"), name="short")
    found, told = ready(*given, long, short, cache=tmp_path)
    assert [one is None for one in found] == [False] * len(given) + [True, True]
    assert "Left out, 1 of 10, with texts far too long for them: long." in told
    assert "Left out, 1 of 10, with texts far too short for them: short." in told


@pytest.mark.parametrize(
    ("phones", "seconds", "why"),
    [
        ([31, 32], [1, 1], ["", LONG]),  # too few to know a usual pace
        ([4, 40, 41], [5, 5, 23.4], ["", "", ""]),
        ([3], [5.0], [SHORT]),
        ([12] * 7 + [27, 28], [1.0] * 9, [""] * 8 + [LONG]),
        ([1, 1] * 4 + [20, 19], [0.1] * 8 + [4.54] * 2, [""] * 9 + [SHORT]),
    ],
)
def test_what_cannot_be_said_in_time(phones: list[int], seconds: list[float], why: list[str]) -> None:
    assert misfits(np.array(phones), np.array(seconds)) == why
