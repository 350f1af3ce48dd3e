"""The built-in synthesiser: pitch, time, loudness, and no clicks."""

import io
import time
import wave
from dataclasses import replace

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.music import timbre as timbres
from rhapsode.modalities.music.drums import drum
from rhapsode.modalities.music.synth import FORCES, PEAK, RATE, TAIL, render, wav
from rhapsode.modalities.music.timbre import Timbre, tone
from rhapsode.modalities.music.tune import Chord, Part, Tempo, Tune, notes
from tests.modalities.music.example_tunes import Q, blues, chorale, one

ALL = {name: value for name, value in vars(timbres).items() if isinstance(value, Timbre)}


def spectrum(sound: np.ndarray, rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    """Hz and strengths."""
    size = 1 << 18
    return np.fft.rfftfreq(size, 1 / rate), np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("pitch", [45, 69])
def test_a_note_has_its_pitch(name: str, pitch: int) -> None:
    sound = tone(ALL[name], pitch, 0.6, 30_000, RATE)
    hertz, strength = spectrum(sound)
    wanted = 440 * 2 ** ((pitch - 69) / 12)
    near = (hertz > 0.9 * wanted) & (hertz < 1.1 * wanted)
    assert hertz[near][strength[near].argmax()] == pytest.approx(wanted, rel=0.01)
    assert strength[near].max() > 0.1 * strength.max()
    assert strength[hertz < 0.8 * wanted].max() < 0.02 * strength.max(), "there is nothing below it"


@pytest.mark.parametrize("name", ALL)
def test_notes_begin_and_end_without_clicks(name: str) -> None:
    for pitch in (0, 60, 127):
        sound = tone(ALL[name], pitch, 1.0, 500_000 if pitch == 127 else 20_000, 16_000)
        assert abs(sound[0]) < 1e-6 and np.isfinite(sound).all() and sound.dtype == np.float32
    assert not ALL[name].decay or abs(sound[-1]) < 1e-6


def test_struck_harder_is_louder_and_brighter() -> None:
    def centre(force: float) -> float:
        hertz, strength = spectrum(tone(timbres.PIANO, 60, force, RATE, RATE))
        return float((hertz * strength**2).sum() / (strength**2).sum())

    assert centre(0.1) < 0.8 * centre(0.9)
    rows = [(0, Q, 60, 30, 0), (8 * Q, Q, 60, 120, 0)]
    sound = np.abs(render(Tune(notes(rows), Q, 12 * Q)))
    assert sound[: 2 * RATE].max() < 0.4 * sound[4 * RATE :].max()


def test_length_peak_and_silence() -> None:
    for tune in (one(), one(program=48), chorale(), blues()):
        sound = render(tune)
        assert sound.dtype == np.float32 and sound.shape == (round((tune.seconds + TAIL) * RATE), 2)
        assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-4)
        assert abs(sound.mean()) < 1e-3
        assert not sound[-1].any() and np.abs(sound[-RATE // 10 :]).max() < 0.02
    nothing = render(Tune(notes([]), Q, 4 * Q))
    assert not nothing.any() and len(nothing) == round((2 + TAIL) * RATE)
    assert not render(Tune(notes([]), Q, 0)).any()


def test_no_clicks() -> None:
    """Slow tones do not jump, neither where notes begin and end nor where the loudest are rounded off."""
    sound = render(chorale())
    jumps = np.abs(np.diff(sound, n=2, axis=0)).max(axis=1)
    assert jumps.max() < 0.06
    dull = one(program=73, quarters=1)
    assert np.abs(np.diff(render(dull), n=2, axis=0)).max() < 0.01


def test_tempo_is_followed() -> None:
    rows = [(n * Q, 3, 60, 100, 0) for n in range(4)]
    tune = Tune(notes(rows), Q, 4 * Q, tempos=(Tempo(0, 60), Tempo(2 * Q, 120)))
    sound = np.abs(render(tune)).max(axis=1)
    for second in (0.0, 1.0, 2.0, 2.5):
        at = round(second * RATE)
        assert sound[at : at + 2000].max() > 3 * sound[max(at - 1500, 0) : at + 1].max()


def test_drums_and_parts_have_their_places() -> None:
    strokes = {pitch: drum(pitch, 0.7, RATE) for pitch in range(27, 88)}
    assert all(0.05 < np.abs(each).max() < 1 and each[0] == each[-1] == 0 for each in strokes.values())
    hertz, strength = spectrum(strokes[36])
    assert 40 < hertz[strength.argmax()] < 70
    hertz, strength = spectrum(strokes[42])
    assert hertz[strength.argmax()] > 5000
    rows = [(0, Q, 60, 100, 0), (4 * Q, Q, 60, 100, 1)]
    sound = np.abs(render(Tune(notes(rows), Q, 8 * Q, (Part(), Part()))))
    early, late = sound[: RATE // 2].mean(axis=0), sound[2 * RATE : 5 * RATE // 2].mean(axis=0)
    assert early[0] > 1.5 * early[1] and late[1] > 1.5 * late[0]


def test_chords_are_played_if_asked_for() -> None:
    tune = replace(one(84, quarters=1), length=8 * Q, chords=(Chord(0, "G7"), Chord(4 * Q, "what?"), Chord(6 * Q, "")))
    sound = render(tune, chords=True)
    hertz, strength = spectrum(sound[RATE : 2 * RATE, 0])
    heard = [strength[(hertz > f - 3) & (hertz < f + 3)].max() for f in (98.0, 246.94, 293.66, 349.23)]
    other = strength[(hertz > 320) & (hertz < 335)].max()
    assert min(heard) > 10 * other
    assert np.abs(render(tune)[RATE : 2 * RATE]).max() < 0.02


def test_a_wave_file_is_what_was_rendered_and_the_same_each_time() -> None:
    made = wav(one(), 22050)
    with wave.open(io.BytesIO(made)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 22050)
        read = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.abs(read / 32767 - render(one(), 22050)).max() < 1e-4
    assert made == wav(one(), 22050)


def test_what_cannot_be_rendered_is_refused() -> None:
    with pytest.raises(UserError, match="from 8000 to 192000"):
        render(one(), 100)
    with pytest.raises(UserError, match="lasts 67 minutes; up to 30"):
        render(replace(one(), length=8000 * Q))


def test_odd_notes_are_no_trouble() -> None:
    rows = [(0, 1, 0, 1, 0), (0, 1, 127, 127, 0), (0, 1, 60, 200, 0), (Q, 1, 127, FORCES, 1), (Q, 1, 0, 1, 1)]
    sound = render(Tune(notes(rows), Q, Q + 1, (Part("", 200), Part("", 0, True))), 8000)
    assert np.isfinite(sound).all() and np.abs(sound).max() == pytest.approx(PEAK, abs=1e-4)


def test_it_is_fast() -> None:
    tune = chorale()
    begin = time.process_time()
    render(tune)
    assert tune.seconds / (time.process_time() - begin) > 20  # 80 where nothing else runs
