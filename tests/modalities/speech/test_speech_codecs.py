"""The codecs of speech: what goes in comes out, what is kept in model files, what is refused."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode.data.codecs.stored import codec_from_json, codec_to_json
from rhapsode.data.guide import Guide, along
from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.modalities.speech import melody
from rhapsode.modalities.speech.acoustics import Acoustics
from rhapsode.modalities.speech.codecs._utterances import UtteranceCodec
from rhapsode.modalities.speech.codecs.prosody import LEAST, Prosody
from rhapsode.modalities.speech.codecs.speech import Speech
from rhapsode.modalities.speech.codecs.unaligned import AFTER, Unaligned
from rhapsode.modalities.speech.prepare import EDGE
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Sound, Spoken, Timed, Utterance

HOP = 0.01
RATE = 16000
SIZES = (8, 2)


def frames(count: int, seed: int, rate: int = RATE) -> Acoustics:
    """Smooth tracks; voiced but for the ends."""
    rng = np.random.default_rng(seed)
    tracks = np.cumsum(rng.standard_normal((count, sum(SIZES))), axis=0) * 0.1
    f0 = np.exp(5 + np.cumsum(rng.standard_normal(count)) * 0.02)
    f0[:5] = f0[-5:] = f0[12:15] = 0
    return Acoustics(tracks[:, : SIZES[0]], tracks[:, SIZES[0] :], f0, HOP, rate, "lsp")


def utterance(seed: int, symbols: str = "_abca_", speaker: str = "") -> Spoken:
    rng = np.random.default_rng(seed)
    phones = tuple(Phone(PAUSE if each == "_" else each, 2, n, n) for n, each in enumerate(symbols))
    times = np.append(0, np.cumsum(rng.integers(5, 20, len(phones)))) * HOP
    found = frames(round(times[-1] / HOP) + 1, seed)
    return Spoken(phones, f"Text {seed}.", f"{seed}", speaker, times=times, acoustics=lambda: found)


def fitted(kind: type[UtteranceCodec], *given: Spoken, **options: Any) -> UtteranceCodec:
    records = given or tuple(utterance(seed) for seed in range(4))
    return kind.fit(lambda: iter(records), **{"hop": 10, **options})


@pytest.mark.parametrize("slopes", [0, 1])
def test_frames_come_back(slopes: int) -> None:
    codec = fitted(Speech, slopes=slopes)
    given = utterance(1)
    steps = codec.encode(given)
    whole = given.acoustics()
    assert steps.dtype == np.float32 and steps.shape == (len(whole), (3 if slopes else 1) * (1 + sum(SIZES)) + 1)
    assert codec.steps.size == steps.shape[1]
    back = codec.decode(steps, outline=given)
    assert back.phones == given.phones
    found = back.acoustics()
    assert (found.hop, found.rate, found.vocoder) == (HOP, RATE, "lsp")
    np.testing.assert_array_equal(found.voiced, whole.voiced)
    np.testing.assert_allclose(found.f0, whole.f0, rtol=1e-4)
    np.testing.assert_allclose(found.spectrum, whole.spectrum, atol=1e-4)
    np.testing.assert_allclose(found.aperiodicity, whole.aperiodicity, atol=1e-4)


def test_steps_are_normalised_and_slopes_are_slopes() -> None:
    records = [utterance(seed) for seed in range(4)]
    codec = fitted(Speech, *records, slopes=1)
    steps = np.concatenate([codec.encode(one) for one in records])[:, :-1]
    np.testing.assert_allclose(steps.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(steps.std(axis=0), 1, atol=1e-3)
    values = codec.encode(records[0])[:, :-1] * codec.sd + codec.mean
    size = values.shape[1] // 3
    np.testing.assert_allclose(values[1:-1, size : 2 * size], (values[2:, :size] - values[:-2, :size]) / 2, atol=1e-4)


def test_prosody_comes_back() -> None:
    codec = fitted(Prosody)
    given = utterance(2)
    hertz = melody.of(given)
    assert hertz is not None
    steps = codec.encode(given)
    assert steps.shape == (len(given), 2)
    back = codec.decode(steps, outline=given)
    assert back.phones == given.phones and back.melody is not None
    np.testing.assert_allclose(back.times, given.times, atol=1e-5)
    np.testing.assert_allclose(back.melody, hertz, rtol=1e-5)
    brief = replace(given, times=np.array([0, 0.001, 0.2, 0.3, 0.4, 0.5, 0.6]))
    again = codec.decode(codec.encode(brief), outline=brief).times
    assert again[1] == pytest.approx(LEAST)
    assert codec.show(back).startswith("_ ") and codec.show(back).endswith(" Hz")


def test_speech_is_given_the_melody() -> None:
    """That of the record; without one, its frames'; without these, the mean."""
    codec, given = fitted(Speech), utterance(1)
    hertz = melody.of(given)
    assert hertz is not None
    rows = codec.guide(given).ahead()
    assert rows.shape[1] == fitted(Speech, melody=0).covariates + 1
    bare = given.to(Timed)
    np.testing.assert_array_equal(codec.guide(replace(bare, melody=hertz)).ahead(), rows)
    np.testing.assert_array_equal(codec.guide(bare).ahead()[:, :-1], rows[:, :-1])
    assert not codec.guide(bare).ahead()[:, -1].any()
    higher = codec.guide(replace(given, melody=2 * hertz)).ahead()[:, -1]
    np.testing.assert_allclose(higher - rows[:, -1], np.log(2) / codec.sd[0], rtol=1e-4)


@pytest.mark.parametrize("kind", [Speech, Prosody])
def test_a_guide_gives_as_much_as_there_are_steps(kind: type[UtteranceCodec]) -> None:
    codec = fitted(kind)
    for given in (utterance(5), utterance(6, "_bc_")):
        steps = codec.encode(given)
        assert along(codec.guide(given), steps).shape == (len(steps), codec.covariates)
        bare = given.to(Timed)  # an outline has no frames: times say how many there will be
        assert len(along(codec.guide(bare), steps)) == len(steps)


def test_livelier_has_the_variance_of_the_training_data() -> None:
    codec = fitted(Speech)
    assert isinstance(codec, Speech)
    given = utterance(1)
    whole = given.acoustics()
    flat = replace(given, acoustics=lambda: replace(whole, spectrum=whole.spectrum * 0.3))
    found = codec.livelier(flat, 1.0).acoustics
    none = codec.livelier(flat, 0.0).acoustics
    np.testing.assert_allclose(found().spectrum[:, 1:].std(axis=0), codec.own["deviations"][2 : 1 + SIZES[0]])
    np.testing.assert_allclose(found().spectrum[:, 0], whole.spectrum[:, 0] * 0.3)  # loudness is left alone
    np.testing.assert_allclose(none().spectrum, whole.spectrum * 0.3)


@pytest.mark.parametrize("kind", [Speech, Prosody])
def test_what_a_model_file_keeps(kind: type[UtteranceCodec]) -> None:
    codec = fitted(kind, utterance(1, speaker="ann"), utterance(2, "_bd_", speaker="bob"))
    data = json.loads(json.dumps(codec_to_json(codec)))
    again = codec_from_json(data)
    assert isinstance(again, kind) and codec_to_json(again) == data
    given = utterance(1, speaker="bob")
    assert np.array_equal(again.encode(given), codec.encode(given))
    assert np.array_equal(
        along(again.guide(given), again.encode(given)), along(codec.guide(given), codec.encode(given))
    )
    assert again.outline().times.tolist() == codec.outline().times.tolist()


DAMAGE: dict[str, Any] = {
    "symbols": [[], "abc", [1, 2], None],
    "speakers": [[], {"a": 1}],
    "mean": [[1.0, 2.0, 3.0], "x", [[0.0]], None],
    "sd": [[0.0], [-1.0], [], "x"],
    "settings": [{}, [], {"hop": 0}, {"hope": 1}, "x"],
    "example": [{}, [], {"phones": [["a"]]}, {"phones": []}, {"phones": [["a", None, None]]}, 7],
    "own": [[], None],
}


@pytest.mark.parametrize("kind", [Speech, Prosody, Unaligned])
@pytest.mark.parametrize(("field", "value"), [(name, each) for name, values in DAMAGE.items() for each in values])
def test_damaged_data(kind: type[UtteranceCodec], field: str, value: Any) -> None:
    data = fitted(kind).to_json()
    if value in ({}, "x") and field == "settings" and value == {}:
        kind.from_json({**data, field: value})  # all have defaults
        return
    with pytest.raises(UserError, match="damaged"):
        kind.from_json({**data, field: value})
    with pytest.raises(UserError, match="damaged"):
        kind.from_json({key: each for key, each in data.items() if key != field})


@pytest.mark.parametrize("key", ["vocoder", "rate", "hop", "sizes", "slopes", "deviations"])
@pytest.mark.parametrize("value", [None, "x", -1, [], [1, 2, 3], {}])
def test_damaged_frames(key: str, value: Any) -> None:
    data = fitted(Speech).to_json()
    own = copy.deepcopy(data["own"])
    with pytest.raises(UserError, match="damaged"):
        Speech.from_json({**data, "own": {**own, key: value}})
    del own[key]
    with pytest.raises(UserError, match="damaged"):
        Speech.from_json({**data, "own": own})


@pytest.mark.parametrize("kind", [Speech, Prosody])
def test_refusals(kind: type[UtteranceCodec]) -> None:
    codec = fitted(kind)
    assert codec.refusal(utterance(1)) == "" and codec.unheard(utterance(1)) == []
    other = utterance(1, "_axa_")
    assert codec.unheard(other) == ["x"] and codec.refusal(other) == ""  # one is no harm
    assert np.isfinite(along(codec.guide(other), codec.encode(other))).all()
    assert "most of which" in codec.refusal(utterance(1, "_xyz_"))
    assert "speaker" in codec.refusal(utterance(1, speaker="bob"))
    with pytest.raises(UserError, match="no utterance to learn a voice from. It takes an hour"):
        kind.fit(lambda: iter(()))
    for options, message in (({"hop": 0}, "hop is 0"), ({"language": 3}, "language is 3"), ({"hob": 5}, "hop")):
        with pytest.raises(UserError, match=message):
            kind.fit(lambda: iter([utterance(1)]), **options)


def test_frames_of_another_sort_are_refused() -> None:
    codec = fitted(Speech)
    given = utterance(1)
    whole = given.acoustics()
    with pytest.raises(UserError, match="frames"):
        codec.encode(replace(given, acoustics=lambda: replace(whole, rate=8000)))
    with pytest.raises(UserError, match="frames"):
        codec.encode(replace(given, acoustics=lambda: replace(whole, vocoder="world")))


def test_phones_without_times() -> None:
    speakers = ("ann", "bob")
    codec = fitted(Unaligned, *(utterance(seed, speaker=speakers[seed % 2]) for seed in range(4)))
    given = utterance(1, "_axb_", "bob")
    assert codec.covariates == 0 and codec.outline() is None and type(codec.guide(given)) is Guide
    spelled = codec.spelling(given)
    assert spelled == "bob\t_\ta\tb\t_"  # x was never heard
    symbols = codec.encode_text(spelled)
    assert codec.text is not None and symbols.tolist() == [1, 2, 3, 4, 2, codec.text.end]
    assert codec.decode_text(symbols) == spelled
    steps = codec.encode(given)
    assert codec.text.pace == pytest.approx(7 / len(steps), rel=0.3)
    assert [codec.ends(step) for step in steps] == [False] * (len(steps) - AFTER) + [True] * AFTER
    assert not codec.encode(given, whole=False)[:, -1].any()
    back = codec.decode(steps, spelled)
    assert back.speaker == "bob" and [phone.symbol for phone in back.phones] == ["_", "a", "b", "_"]
    assert back.times.tolist() == pytest.approx(np.linspace(0, len(steps) * HOP, 5).tolist())
    sung = replace(given, melody=np.full(len(given), 100.0))  # of more phones than the model knows
    assert json.loads(codec.dump(codec.decode(steps, spelled, outline=sung)))["phones"]
    np.testing.assert_allclose(back.acoustics().spectrum, given.acoustics().spectrum, atol=1e-4)
    wanted = r"a speaker \(ann, bob\) and phones \(_ a b c\)"
    for text, message in (("cid\ta", f"'cid' is unknown. .* {wanted}"), ("ann\thello", "'hello' is unknown")):
        with pytest.raises(UserError, match=message):
            codec.encode_text(text)
    data = json.loads(json.dumps(codec_to_json(codec)))
    again = codec_from_json(data)
    assert codec_to_json(again) == data and again.text == codec.text
    for pace in (None, 0, -0.1, "x"):
        with pytest.raises(UserError, match="symbols a frame"):
            Unaligned.from_json({**codec.to_json(), "own": {**codec.own, "pace": pace}})


@pytest.mark.parametrize("around", [0.0, 0.5])
def test_silence_around_is_found_without_times(around: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    loud = rng.standard_normal(RATE) * 0.2  # a second
    quiet = rng.standard_normal(round(around * RATE)) * 0.001
    sound = Sound(np.concatenate([quiet, loud, quiet]), RATE)
    phones = utterance(0).phones
    given = [Utterance(phones, text="Text.", name="one", sound=lambda: sound)]
    found = Unaligned.prepared(given, Cache(tmp_path), lambda what, done: None, hop=10, lsp=1).records[0]
    assert found.phones == phones and found.times[-1] == pytest.approx(1 + 2 * min(around, EDGE), abs=0.05)
    assert found.sound().seconds == pytest.approx(found.times[-1], abs=0.01)
    assert len(found.acoustics()) == pytest.approx(found.times[-1] / HOP, abs=2)


def test_a_click_is_no_utterance_without_time(tmp_path: Path) -> None:
    samples = np.zeros(RATE)
    samples[:50] = 0.5
    given = [Utterance(utterance(0).phones, text="Text.", name="one", sound=lambda: Sound(samples, RATE))]
    found = Unaligned.prepared(given, Cache(tmp_path), lambda what, done: None, hop=10, lsp=1).records[0]
    assert (np.diff(found.times) > 0).all()


def test_a_text_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader")
    given = [Utterance((), text="...", name="one", sound=lambda: Sound(np.ones(RATE), RATE))]
    with pytest.raises(UserError, match="one: there is nothing to say"):
        Unaligned.prepared(given, Cache(tmp_path), lambda what, done: None, hop=10, lsp=1)
