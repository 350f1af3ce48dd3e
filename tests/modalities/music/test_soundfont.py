"""Tunes played through a SoundFont, where there is something that plays them."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.music.soundfont import _delta, render, wav
from rhapsode.modalities.music.synth import PEAK, TAIL
from rhapsode.modalities.music.tune import Part, Tune, notes
from tests.modalities.music.example_tunes import Q, one
from tests.modalities.music.fonts import soundfont

RATE = 22050
COMMAND = f"""#!{sys.executable}
import sys, wave
out, midi = sys.argv[sys.argv.index("-F") + 1], sys.argv[-1]
assert open(midi, "rb").read() == bytes.fromhex("MIDI"), open(midi, "rb").read().hex()
with wave.open(out, "wb") as file:
    file.setparams((2, 2, int(sys.argv[sys.argv.index("-r") + 1]), 0, "NONE", ""))
    file.writeframes(b"\\0\\x20\\0\\x10" * 1000)
"""


@pytest.fixture
def font(tmp_path: Path) -> Path:
    path = tmp_path / "sine.sf2"
    path.write_bytes(soundfont())
    return path


def test_it_sounds_at_the_pitch_and_time_of_the_notes(font: Path) -> None:
    pytest.importorskip("tinysoundfont", reason="pip install --no-deps tinysoundfont")
    rows = [(0, Q, 69, 100, 0), (2 * Q, Q, 57, 100, 1)]
    tune = Tune(notes(rows), Q, 4 * Q, (Part("", 40), Part("", 0, drums=True)))  # the font has neither
    sound = render(tune, font, RATE)
    assert sound.shape == (round((2 + TAIL) * RATE), 2) and sound.dtype == np.float32
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-4) and not sound[-1].any()
    for begin, wanted in ((0.1, 441), (1.1, 220.5)):
        part = sound[round(begin * RATE) : round((begin + 0.3) * RATE), 0]
        strength = np.abs(np.fft.rfft(part * np.hanning(len(part)), 1 << 16))
        assert strength.argmax() * RATE / (1 << 16) == pytest.approx(wanted, rel=0.01)
    assert np.abs(sound[round(0.7 * RATE) : RATE - 10]).max() < 0.02
    assert wav(tune, font, RATE) == wav(tune, font, RATE)


def test_the_command_is_used_where_the_library_is_not(
    font: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="pip install --no-deps tinysoundfont"):
        render(one(), font)
    head = "4d546864000000060000000103e8" + "4d54726b"
    events = "00ff51030f4240" + "00c000" + "00904564" + "8768804500" + "00ff2f00"
    command = tmp_path / "fluidsynth"
    command.write_text(COMMAND.replace("MIDI", f"{head}{len(events) // 2:08x}{events}"))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep)
    sound = render(one(), font, RATE)
    assert len(sound) == round((1 + TAIL) * RATE) and sound[:900].min() > 0.3 and not sound[1000:].any()
    command.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no good font')\n")
    with pytest.raises(UserError, match="no good font"):
        render(one(), font, RATE)


def test_lengths_in_midi() -> None:
    assert [_delta(value).hex() for value in (0, 127, 128, 16383, 16384)] == ["00", "7f", "8100", "ff7f", "818000"]


def test_what_is_no_font_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        render(one(), tmp_path / "none.sf2")
    (tmp_path / "bad.sf2").write_bytes(b"something else")
    with pytest.raises(UserError, match="no SoundFont"):
        render(one(), tmp_path / "bad.sf2")
    with pytest.raises(UserError, match="minutes"):
        render(replace(one(), length=9000 * Q), tmp_path / "none.sf2")


def test_a_broken_font_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("tinysoundfont", reason="pip install --no-deps tinysoundfont")
    (tmp_path / "cut.sf2").write_bytes(soundfont()[:60])
    with pytest.raises(UserError, match="cannot load"):
        render(one(), tmp_path / "cut.sf2")
    (tmp_path / "other.sf2").write_bytes(soundfont(bank=7))
    with pytest.raises(UserError, match="no sound for program 0"):
        render(one(), tmp_path / "other.sf2")


def test_a_font_that_ends_the_library_ends_its_own_process(tmp_path: Path) -> None:
    """One byte: the preset's zone begins at 65280 in a table of two."""
    pytest.importorskip("tinysoundfont", reason="pip install --no-deps tinysoundfont")
    data = bytearray(soundfont())
    data[data.index(b"phdr") + 8 + 25] = 255
    (tmp_path / "a.sf2").write_bytes(data)
    with pytest.raises(UserError, match="a.sf2: damaged"):
        render(one(), tmp_path / "a.sf2")
