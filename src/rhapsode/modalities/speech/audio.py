"""Recordings: read from any format that libsndfile knows, written, and at another rate."""

from __future__ import annotations

import io
import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.errors import UserError, choice
from rhapsode.files.place import place
from rhapsode.files.signature import PACKED
from rhapsode.modalities.speech.utterance import NoSound, Sound

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", *PACKED)
"""Of recordings; the earlier one is taken where there are several."""
DAMAGED = "damaged, or of a format that cannot be read"
WRITTEN = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}
ZEROS, BETA, CUTOFF = 32, 8.0, 0.92
"""Of the filter: zero crossings on either side, the Kaiser window's parameter (about 80 dB), and where it halves the
amplitude, relative to half the lower rate."""
BLOCK = 1 << 14
ENDLESS = 0xFFFFFFFF
"""Bytes of a WAV file whose size is not known."""
SAMPLES_A_BYTE = 200
"""Of a file, at most: Opus at its lowest rate has 64, and only silence has more than 100."""


def read(path: Path) -> Sound:
    """A recording; several channels are averaged. Raises `NoSound`, and `UserError` if what reads it is not
    installed: soundfile, or PyAV for those that are `PACKED`."""
    if path.suffix.lower() in PACKED:
        return _unpacked(path)
    soundfile = _soundfile(f"to read {path}")
    name = os.fsencode(path) if os.name == "posix" else path  # soundfile knows no names that are not UTF-8
    blocks, room = list[np.ndarray](), _room(path)
    try:
        with soundfile.SoundFile(name) as file:
            rate, size = int(file.samplerate), max(BLOCK // file.channels, 1)
            while room >= 0 and len(block := file.read(size, dtype="float64", always_2d=True)):
                blocks.append(block.mean(1))
                room -= block.size
    except (soundfile.SoundFileError, OSError, MemoryError) as error:  # damage may claim any number of samples
        raise _unreadable(path, str(getattr(error, "error_string", error))) from None
    return _whole(path, rate, blocks, room)


def seconds(path: Path) -> float:
    """How long a recording is. Raises as `read` does."""
    if path.suffix.lower() in PACKED:
        return read(path).seconds
    soundfile = _soundfile(f"to read {path}")
    try:
        about = soundfile.info(os.fsencode(path) if os.name == "posix" else path)
        return float(about.frames / about.samplerate)
    except (soundfile.SoundFileError, OSError) as error:
        raise _unreadable(path, str(getattr(error, "error_string", error))) from None


def part(path: Path, begin: float, end: float) -> Sound:
    """A recording from one second to another. Raises as `read` does."""
    if path.suffix.lower() in PACKED:
        whole = read(path)
        return Sound(whole.samples[round(begin * whole.rate) : round(end * whole.rate)], whole.rate)
    soundfile = _soundfile(f"to read {path}")
    try:
        with soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else path) as file:
            rate = int(file.samplerate)
            file.seek(min(round(begin * rate), file.frames))
            block = file.read(round(end * rate) - round(begin * rate), dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise _unreadable(path, str(getattr(error, "error_string", error))) from None
    return Sound(block.mean(1), rate)


def _unpacked(path: Path) -> Sound:
    """By PyAV."""
    try:
        import av
    except ImportError:
        raise UserError(
            f"PyAV, which is needed to read {path}, is not installed. Install it: pip install 'rhapsode[m4a]'; or make "
            "a file of it that needs none: ffmpeg -i FILE FILE.wav"
        ) from None
    blocks, room = list[np.ndarray](), _room(path)
    try:
        with av.open(os.fspath(path)) as file:
            if not file.streams.audio:
                raise _no_sound(path, "without sound", "has no sound in it")
            rate = int(file.streams.audio[0].rate)
            doubles = av.AudioResampler("dblp", rate=rate)
            frames = (one for frame in file.decode(audio=0) for one in doubles.resample(frame))
            while room >= 0 and (frame := next(frames, None)) is not None:
                block = frame.to_ndarray()  # [channels, n]
                blocks.append(block.mean(axis=0))
                room -= block.size
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise _unreadable(path, str(getattr(error, "strerror", None) or error)) from None
    return _whole(path, rate, blocks, room)


def _room(path: Path) -> int:
    """Samples that a recording may have."""
    return SAMPLES_A_BYTE * (path.stat().st_size if path.is_file() else 0)


def _no_sound(path: Path, why: str, what: str) -> NoSound:
    return NoSound(f"{path}: {what}. Record or fetch it again, or leave it out.", why)


def _unreadable(path: Path, why: str) -> NoSound:
    empty = path.is_file() and not path.stat().st_size
    kind = "it is empty" if empty else why.removesuffix(".")
    return _no_sound(path, "empty" if empty else DAMAGED, f"cannot be read as a recording: {kind}")


def _whole(path: Path, rate: int, blocks: list[np.ndarray], room: int) -> Sound:
    """room: how many samples more it might have had."""
    if not blocks:
        raise _no_sound(path, "empty", "a recording without samples")
    if room < 0:
        raise _no_sound(path, DAMAGED, f"has more than {SAMPLES_A_BYTE} samples a byte, which speech has not")
    mono = np.concatenate(blocks)
    if not np.isfinite(mono).all():
        raise _no_sound(path, DAMAGED, "has samples that are not numbers")
    return Sound(mono, rate)


def pcm(sound: Sound) -> bytes:
    """16-bit samples, little-endian; what is beyond -1 … 1 is clipped."""
    return bytes(np.clip(np.rint(sound.samples * 32768), -32768, 32767).astype("<i2"))


def header(rate: int, samples: int | None = None) -> bytes:
    """What a WAV file of `pcm` begins with. samples: how many; None for as many as will come, which a file says by the
    greatest number that it can."""
    size = ENDLESS if samples is None else min(2 * samples, ENDLESS)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", min(size + 36, ENDLESS), b"WAVE") + form + struct.pack("<4sI", b"data", size)


def encoded(sound: Sound, suffix: str = ".wav") -> bytes:
    """A file of 16-bit samples. `.wav` needs nothing installed, `.flac` and `.ogg` soundfile. Raises `UserError`."""
    if suffix not in WRITTEN:
        raise choice("the format of sound", suffix, WRITTEN)
    buffer = io.BytesIO()
    if suffix == ".wav":
        buffer.write(header(sound.rate, len(sound.samples)) + pcm(sound))
    else:
        values = np.frombuffer(pcm(sound), "<i2")
        _soundfile(f"to write {suffix}").write(buffer, values, sound.rate, format=WRITTEN[suffix])
    return buffer.getvalue()


def written(sound: Sound, path: Path) -> None:
    """The file put in its place. Raises `UserError`."""
    place(path, encoded(sound, path.suffix.lower()))


def resampled(sound: Sound, rate: int) -> Sound:
    """The same at another rate: [ceil(N · rate / sound.rate)] samples. Raises `UserError` for a rate below 1."""
    if rate < 1:
        raise UserError(f"rate: {rate} is not allowed. Samples in a second are at least 1.")
    if rate == sound.rate:
        return sound
    common = math.gcd(rate, sound.rate)
    up, down = rate // common, sound.rate // common
    taps = lowpass(up, down)
    half = len(taps) // 2
    # Output n stands at n · down between inputs at multiples of `up`; phase p needs taps p, p + up, ...
    width = -(-len(taps) // up)
    phases = np.append(taps, np.zeros(width * up - len(taps))).reshape(width, up).T[:, ::-1]
    count = -(-len(sound.samples) * up // down)
    padded = np.concatenate([np.zeros(width), sound.samples, np.zeros(width + half // up)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    found = np.empty(count)
    for begin in range(0, count, BLOCK):
        last = np.arange(begin, min(begin + BLOCK, count)) * down + half
        found[begin : begin + BLOCK] = np.einsum("nk,nk->n", windows[last // up + 1], phases[last % up])
    return Sound(found, rate)


def lowpass(up: int, down: int) -> np.ndarray:
    """A windowed sinc, symmetric, for samples with up - 1 zeros between them: [2 · ZEROS · max(up, down) + 1]."""
    slower = max(up, down)
    half = ZEROS * slower
    taps = np.sinc(np.arange(-half, half + 1) * (CUTOFF / slower)) * np.kaiser(2 * half + 1, BETA)
    return np.asarray(taps * (up / taps.sum()))


def _soundfile(purpose: str) -> Any:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: without its library
        raise UserError(
            f"soundfile, which is needed {purpose}, is not installed. Install it: pip install 'rhapsode[speech]'"
        ) from None
    return soundfile
