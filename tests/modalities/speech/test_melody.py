"""One F0 for each phone, and the line through them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rhapsode.modalities.speech.acoustics import Acoustics
from rhapsode.modalities.speech.melody import contour, melody, of
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Spoken, Timed

TIMES = np.array([0.5, 0.6, 0.7, 0.8])


def test_a_phone_has_the_median_of_its_frames() -> None:
    f0 = np.repeat([100.0, 0.0, 400.0], 10)
    f0[3] = 300  # a leap of the tracker
    found = melody(TIMES, f0, 0.01)
    assert found[0] == pytest.approx(100) and found[2] == pytest.approx(400)
    assert found[1] == pytest.approx(200, rel=0.1)  # a line of log F0 through what is unvoiced


def test_phones_shorter_than_a_frame_and_silence() -> None:
    assert melody(np.array([0, 0.001, 0.002, 0.1]), np.full(11, 150.0), 0.01) == pytest.approx([150] * 3)
    assert len(set(melody(TIMES, np.zeros(31), 0.01))) == 1


def test_the_line_goes_through_the_middles() -> None:
    hertz = np.array([100.0, 200.0, 150.0])
    line = np.exp(contour(TIMES, hertz, 31, 0.01))
    assert line[[5, 15, 25]] == pytest.approx(hertz)
    assert line[[0, 30]] == pytest.approx([100, 150]) and line[10] == pytest.approx(np.sqrt(100 * 200))


def test_what_is_written_goes_before_what_is_heard() -> None:
    one = Timed((Phone("a"), Phone(PAUSE)), times=np.array([0, 0.1, 0.2]))
    frames = Acoustics(np.zeros((21, 2)), np.zeros((21, 0)), np.full(21, 150.0), 0.01, 16000, "lsp")
    assert of(one) is None
    heard = one.to(Spoken, acoustics=lambda: frames)
    assert of(heard) == pytest.approx([150, 150])
    assert of(replace(heard, melody=np.array([100.0, 90.0]))) == pytest.approx([100, 90])
