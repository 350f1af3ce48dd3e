import math
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import resample_poly

from rhapsode.errors import UserError
from rhapsode.modalities.speech.audio import lowpass, read, resampled, written
from rhapsode.modalities.speech.utterance import NoSound, Sound

soundfile = pytest.importorskip("soundfile")


def tone(hertz: float, rate: int = 16000, seconds: float = 0.5, peak: float = 0.5) -> Sound:
    return Sound(peak * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate), rate)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_written_and_read(tmp_path: Path, suffix: str) -> None:
    sound = tone(200)
    written(sound, tmp_path / f"a{suffix}")
    found = read(tmp_path / f"a{suffix}")
    assert found.rate == 16000 and len(found.samples) == len(sound.samples)
    assert np.abs(found.samples - sound.samples).max() < (0.05 if suffix == ".ogg" else 0.6 / 32768)


def test_wav_needs_no_soundfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    written(Sound(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), 8000), tmp_path / "a.wav")
    for act in (lambda: read(tmp_path / "a.wav"), lambda: written(tone(200), tmp_path / "a.flac")):
        with pytest.raises(UserError, match=r"pip install 'rhapsode\[speech\]'"):
            act()
    monkeypatch.undo()
    np.testing.assert_array_equal(read(tmp_path / "a.wav").samples * 32768, [-32768, -32768, 0, 32767, 32767])


def test_channels_and_other_samples(tmp_path: Path) -> None:
    both = np.stack([np.full(100, 0.5), np.full(100, -0.25)], 1)
    soundfile.write(tmp_path / "a.wav", both, 11025, subtype="FLOAT")
    np.testing.assert_allclose(read(tmp_path / "a.wav").samples, 0.125)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    for name, data in (("empty", b""), ("damaged", b"RIFF no more")):
        (tmp_path / f"{name}.wav").write_bytes(data)
        with pytest.raises(NoSound, match=f"{name}.wav: cannot be read as a recording") as caught:
            read(tmp_path / f"{name}.wav")
        assert caught.value.why.startswith(name)
    with pytest.raises(UserError, match="missing.wav: cannot be read"):
        read(tmp_path / "missing.wav")
    written(Sound(np.empty(0), 8000), tmp_path / "none.wav")
    with pytest.raises(UserError, match="without samples"):
        read(tmp_path / "none.wav")
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    with pytest.raises(UserError, match="not numbers"):
        read(tmp_path / "nan.wav")
    with pytest.raises(UserError, match="the format of sound: '.mp4' is not known"):
        written(tone(200), tmp_path / "a.mp4")


def test_damage_that_claims_any_number_of_samples(tmp_path: Path) -> None:
    """The number of samples in the header of FLAC, 36 bits behind 108 of it, is not believed."""
    sound = tone(200)
    written(sound, tmp_path / "a.flac")
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] |= 15
    data[22:26] = b"\xff\xff\xff\xff"
    (tmp_path / "a.flac").write_bytes(data)
    tracemalloc.start()
    with suppress(NoSound):
        assert len(read(tmp_path / "a.flac").samples) == len(sound.samples)
    assert tracemalloc.get_traced_memory()[1] < 1 << 25
    tracemalloc.stop()


def test_more_samples_than_speech_has(tmp_path: Path) -> None:
    """A minute of silence in FLAC is some hundred times as long as its file."""
    soundfile.write(tmp_path / "a.flac", np.zeros((96_000 * 60, 2)), 96_000)
    assert (tmp_path / "a.flac").stat().st_size < 1 << 16
    with pytest.raises(NoSound, match="more than 200 samples a byte"):
        read(tmp_path / "a.flac")


@pytest.mark.parametrize(("given", "wanted"), [(22050, 16000), (16000, 22050), (8000, 16000), (48000, 16000), (7, 5)])
def test_resampled_as_scipy_does(given: int, wanted: int) -> None:
    common = math.gcd(given, wanted)
    up, down = wanted // common, given // common
    samples = np.random.default_rng(0).normal(size=20_011)
    found = resampled(Sound(samples, given), wanted)
    assert found.rate == wanted
    # scipy multiplies the taps by `up` itself
    np.testing.assert_allclose(
        found.samples, resample_poly(samples, up, down, window=lowpass(up, down) / up), atol=1e-12
    )


def test_what_resampling_keeps_and_what_it_does_not() -> None:
    inside, outside = resampled(tone(6500, 22050), 16000), resampled(tone(8200, 22050), 16000)
    expected = tone(6500, 16000).samples
    middle = slice(500, -500)
    np.testing.assert_allclose(inside.samples[middle], expected[middle], atol=1e-2)
    assert np.abs(outside.samples[middle]).max() < 1e-4
    same = tone(200)
    assert resampled(same, 16000) is same
    with pytest.raises(UserError, match="rate: 0"):
        resampled(same, 0)


@pytest.mark.parametrize(("suffix", "codec"), [(".m4a", "aac"), (".mp4", "aac"), (".aac", "aac"), (".webm", "libopus")])
def test_packed_recordings(tmp_path: Path, suffix: str, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    path, given = tmp_path / f"a{suffix}", tone(300, 48000)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=48000)
        stream.layout = "stereo"
        both = np.stack([given.samples, 0 * given.samples]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(both, format="fltp", layout="stereo")
        frame.sample_rate = 48000
        converted = av.AudioResampler(stream.format, "stereo", 48000, 960 if codec == "libopus" else 1024)
        for each in [*converted.resample(frame), *converted.resample(None)]:
            file.mux(stream.encode(each))
        file.mux(stream.encode(None))
    found = read(path)
    assert found.rate == 48000 and abs(found.seconds - given.seconds) < 0.1
    spectrum = np.abs(np.fft.rfft(found.samples * np.hanning(len(found.samples))))
    assert spectrum.argmax() / found.seconds == pytest.approx(300, abs=3)
    size = np.abs(found.samples[4000:-4000]).max() / np.abs(given.samples).max()
    assert size == pytest.approx(0.5, abs=0.1)  # the channels are averaged
    data = path.read_bytes()
    for content in (b"", data[: len(data) // 9], b"no sound" * 99):
        path.write_bytes(content)
        with suppress(NoSound):
            assert len(read(path).samples) < len(given.samples)
    path.write_bytes(b"")
    with pytest.raises(NoSound, match="it is empty"):
        read(path)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"PyAV, .* is not installed. Install it: pip install 'rhapsode\[m4a\]'; or"):
        read(path)
