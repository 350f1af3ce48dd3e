import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech import vocoders
from rhapsode.modalities.speech.acoustics import Acoustics, frames, log_f0
from rhapsode.modalities.speech.faults import faults, unfit
from rhapsode.modalities.speech.lsf import apart, frequencies, predictor, response
from rhapsode.modalities.speech.lsp import Lsp
from rhapsode.modalities.speech.measures import compare, speech
from rhapsode.modalities.speech.pitch import pitch
from rhapsode.modalities.speech.utterance import Sound
from rhapsode.modalities.speech.world import TRACKERS, World
from tests.modalities.speech.voice import voice

NAMES = vocoders.available()


def lines(order: int, gap: float) -> np.ndarray:
    rng = np.random.default_rng(order)
    loose = np.pi * (np.arange(1, order + 1) + rng.normal(0, 0.4, (50, order))) / (order + 1)
    return apart(loose, gap)


@pytest.mark.parametrize(("order", "gap"), [(2, 0.1), (20, 0.03), (40, 0.03), (60, 0.02)])
def test_predictors_and_their_lines_are_each_others_inverse(order: int, gap: float) -> None:
    wanted = lines(order, gap)
    power = 3 / np.abs(response(wanted, (1 << 14) + 1)) ** 2
    found, left = predictor(np.fft.irfft(power)[:, : order + 1])
    np.testing.assert_allclose(left, 3, rtol=1e-6)
    np.testing.assert_allclose(frequencies(found), wanted, atol=1e-6)
    np.testing.assert_allclose(np.fft.rfft(found, 1024), response(wanted, 513), atol=1e-6 * np.abs(found).max())


def test_any_numbers_become_lines_apart() -> None:
    rng = np.random.default_rng(0)
    found = apart(rng.normal(1, 3, (200, 40)), 0.01)
    assert (
        np.diff(found, axis=1).min() > 0.01 - 1e-9 and found.min() > 0.01 - 1e-9 and found.max() < np.pi - 0.01 + 1e-9
    )
    np.testing.assert_allclose(apart(found, 0.01), found, atol=1e-12)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
def test_pitch_follows_a_glide(rate: int) -> None:
    sound, f0 = voice(rate, 1.25)
    found = pitch(sound)[: len(f0)]
    f0 = (
        f0[: len(found)]
        if rate != 22050
        else np.interp(np.arange(len(found)) / len(found), np.linspace(0, 1, len(f0)), f0)
    )
    both = (found > 0) & (f0 > 100)
    assert ((found > 0) != (f0 > 0)).mean() < 0.05
    assert np.abs(found[both] / f0[both] - 1).max() < 0.04


def test_pitch_keeps_to_its_range() -> None:
    at = np.arange(16000) / 16000
    low = Sound(sum(np.cos(2 * np.pi * 80 * k * at) for k in range(1, 20)) * 0.04, 16000)
    assert np.median(pitch(low)) == pytest.approx(80, rel=0.01)
    found = pitch(low, lowest=100, highest=400)
    assert not ((found > 0) & (found < 100)).any()
    with pytest.raises(UserError, match="1.5 times"):
        Lsp(200, 250)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_copies_are_near(name: str, rate: int) -> None:
    sound, _ = voice(rate)
    made = vocoders.vocoder(name)
    first = made.analyse(sound)
    assert len(first) == frames(sound) and (first.spectrum.shape[1], first.aperiodicity.shape[1]) == made.dims(rate)
    copy = made.synthesise(first)
    assert len(copy.samples) == round(len(first) * 0.005 * rate) and np.abs(copy.samples).max() <= 1
    assert copy.samples.std() == pytest.approx(sound.samples.std(), rel=0.25)
    found = compare(made.analyse(copy), first, speech(first))
    assert found.lsd_db < 6 and found.mcd_db < 4.5 and found.f0_rmse_hz < 8 and found.voicing_error_percent < 8
    np.testing.assert_array_equal(made.synthesise(first).samples, copy.samples)


@pytest.mark.parametrize("name", NAMES)
def test_envelopes_say_how_strong_noise_is(name: str) -> None:
    """White noise of variance 0.01 has that power at every frequency, whichever vocoder."""
    sound = Sound(0.1 * np.random.default_rng(0).standard_normal(16000), 16000)
    made = vocoders.vocoder(name)
    found = made.envelope(made.analyse(sound), 129)
    assert found.shape == (201, 129)
    assert 10 * np.log10(found[20:-20, 10:-10]).mean() == pytest.approx(-20, abs=3)


def test_noise_in_a_band_is_found_again() -> None:
    flat = np.concatenate([[np.log(1e-3)], np.pi * np.arange(1, 41) / 41])
    f0 = np.full(200, 140.0)
    wanted = np.tile([-20.0, -16.0, -12.0, -6.0, -3.0], (200, 1))
    made = Lsp()
    found = made.analyse(made.synthesise(Acoustics(np.tile(flat, (200, 1)), wanted, f0, 0.005, 16000, "lsp")))
    np.testing.assert_allclose(found.aperiodicity[20:180].mean(axis=0), wanted[0], atol=3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("size", [0, 1, 7, 400])
def test_short_silent_and_clipped(name: str, rate: int, size: int) -> None:
    made = vocoders.vocoder(name)
    for samples in (np.zeros(size), np.ones(size), np.sign(np.sin(np.arange(size))), np.zeros(size, np.float32)):
        found = made.analyse(Sound(samples, rate))
        copy = made.synthesise(found).samples
        assert len(found) == frames(Sound(samples, rate))
        assert all(np.isfinite(each).all() for each in (found.spectrum, found.aperiodicity, found.f0, copy))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_network_may_draw_can_be_heard(name: str) -> None:
    made, rng = vocoders.vocoder(name), np.random.default_rng(0)
    first = made.analyse(voice()[0])
    spread = first.spectrum.std(axis=0)
    wild = replace(
        first,
        spectrum=first.spectrum + spread * rng.normal(0, 1, first.spectrum.shape),
        aperiodicity=first.aperiodicity + rng.normal(0, 20, first.aperiodicity.shape),
    )
    copy = made.synthesise(wild).samples
    assert np.isfinite(copy).all() and np.abs(copy).max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_analysed_is_named(name: str) -> None:
    made = vocoders.vocoder(name)
    for sound, words in (
        (Sound(np.zeros(100), 4000), "8000 to 96000"),
        (Sound(np.full(100, np.nan), 16000), "not numbers"),
        (Sound(np.zeros(8000 * 700), 8000), "11.7 minutes"),
    ):
        with pytest.raises(UserError, match=words):
            made.analyse(sound)
    with pytest.raises(UserError, match="0.005 is usual"):
        made.analyse(Sound(np.zeros(100), 16000), 0.5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_same_each_time(name: str, rate: int) -> None:
    made, sound = vocoders.vocoder(name), voice(rate)[0]
    first = made.analyse(sound)
    for _ in range(5):
        made.synthesise(made.analyse(Sound(sound.samples[::-1].copy(), rate)))  # leaves other numbers in memory
        again = made.analyse(sound)
        for one, two in ((first.f0, again.f0), (first.spectrum, again.spectrum)):
            np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(first.aperiodicity, again.aperiodicity)


def test_choices() -> None:
    with pytest.raises(UserError, match="Did you mean 'world'"):
        vocoders.vocoder("wrold")
    assert vocoders.vocoder().name == NAMES[0] and vocoders.vocoder("lsp").name == "lsp"


@pytest.mark.skipif("world" not in NAMES, reason="pyworld is not installed")
@pytest.mark.parametrize("tracker", TRACKERS)
def test_trackers_of_world(tracker: str) -> None:
    sound, f0 = voice()
    found = World(tracker=tracker).analyse(sound).f0[: len(f0)]
    both = (found > 0) & (f0 > 100)
    assert np.median(np.abs(found[both] / f0[both] - 1)) < 0.02
    assert ((found > 0) != (f0 > 0)).mean() < 0.2


def test_without_pyworld_there_is_lsp() -> None:
    code = """
import sys
sys.modules["pyworld"] = None
import importlib.util
from rhapsode.modalities.speech import vocoders, world
from rhapsode.errors import UserError
vocoders.find_spec = lambda name: None
assert vocoders.available() == ("lsp",) and vocoders.vocoder().name == "lsp"
try:
    vocoders.vocoder("world")
except UserError as error:
    assert "pip install 'rhapsode[speech]'" in str(error)
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_log_f0_goes_on_where_unvoiced() -> None:
    line, voiced = log_f0(np.array([0, 100, 0, 0, 0, 400, 0.0]))
    np.testing.assert_allclose(np.exp(line), [100, 100, 100 * 2**0.5, 200, 200 * 2**0.5, 400, 400])
    assert voiced.tolist() == [False, True, False, False, False, True, False]
    assert np.exp(log_f0(np.zeros(3))[0]).tolist() == pytest.approx([120] * 3)


def test_faults() -> None:
    sound, _ = voice()
    assert faults(sound) == ()
    assert "clipped" in faults(Sound(np.clip(9 * sound.samples, -1, 1), 16000))[0]
    assert faults(Sound(sound.samples / 100, 16000))[0].startswith("too quiet: speech at -")
    assert "above 4 kHz" in faults(voice(8000)[0])[0]
    assert "off centre by +0.10" in faults(Sound(sound.samples + 0.1, 16000))


def test_what_is_unfit() -> None:
    sound, _ = voice()
    cases = [
        ("", sound),
        ("silent", Sound(np.zeros(16000), 16000)),
        ("shorter than 0.1 seconds", Sound(np.ones(1), 16000)),
        ("shorter than 0.1 seconds", Sound(np.zeros(0), 16000)),
        ("longer than 2 seconds", Sound(np.ones(32001), 16000)),
        ("not of 8,000 to 192,000 samples a second", Sound(sound.samples, 4000)),
        ("not of 8,000 to 192,000 samples a second", Sound(np.ones(10**6), 10**6)),
        ("with samples that are not numbers", Sound(np.append(sound.samples, np.nan), 16000)),
    ]
    assert [unfit(each, 2.0) for _, each in cases] == [why for why, _ in cases]
