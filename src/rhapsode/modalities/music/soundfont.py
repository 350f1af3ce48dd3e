"""Tunes as sound through a SoundFont (`.sf2`) of the user's: by tinysoundfont, or by FluidSynth's command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import wave
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files import apart
from rhapsode.modalities.music.synth import RATE, TAIL, check, finish, wave_file
from rhapsode.modalities.music.tune import NOTE, Part, Tune
from rhapsode.modalities.music.voicing import held

DRUMS = 9
"""The channel of drums, from 0."""
CHANNELS = [channel for channel in range(16) if channel != DRUMS]
PLAYER = "rhapsode.modalities.music._tinysoundfont"
"""What plays, in a process of its own: a damaged font may end it."""
CHORDS = Part("Chords", program=89)
"""What plays chord symbols."""

Event = tuple[float, int, int, int, int]
"""Seconds; 0 for a note's end, 1 for a beginning; channel, pitch, velocity."""


def render(
    tune: Tune, font: str | os.PathLike[str], rate: int = RATE, *, chords: bool = False, loop: bool = False
) -> np.ndarray:
    """As `synth.render`, with the sounds of `font`: float32 [N, 2]. Raises `UserError`."""
    check(tune, rate)
    path = playable(font)
    parts, events = _performance(tune, chords)
    round_ = round(tune.seconds * rate) if loop else None
    samples = round((tune.seconds + TAIL) * rate)
    command = _player()
    if command is None:
        return finish(_by_library(path, parts, events, samples, rate), rate, round_)
    return finish(_by_command(command, path, parts, events, samples, rate), rate, round_)


def playable(font: str | os.PathLike[str]) -> Path:
    """The SoundFont, if it looks like one and there is something that plays it. Raises `UserError`."""
    path = Path(font)
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise UserError(f"{path}: this is no SoundFont: such files are called *.sf2.")
    _player()
    return path


def _player() -> str | None:
    """FluidSynth's command; None where the library is. Raises `UserError` if neither is."""
    if find_spec("tinysoundfont") is not None:
        return None
    command = shutil.which("fluidsynth")
    if command is None:
        raise UserError(
            "SoundFonts are played by tinysoundfont or fluidsynth, and neither is here: "
            "pip install --no-deps tinysoundfont"
        )
    return command


def wav(
    tune: Tune, font: str | os.PathLike[str], rate: int = RATE, *, chords: bool = False, loop: bool = False
) -> bytes:
    """The same as a WAV file of 16 bits."""
    return wave_file(render(tune, font, rate, chords=chords, loop=loop), rate)


def _performance(tune: Tune, chords: bool) -> tuple[dict[int, Part], list[Event]]:
    """Which part each channel plays, and what happens when. Beyond 15 parts, some share a channel and its sound."""
    parts = [*tune.parts, CHORDS] if chords else [*tune.parts]
    extra = held(tune) if chords else np.zeros(0, NOTE)
    extra["part"] = len(tune.parts)
    found = np.concatenate([tune.notes, extra])
    free = [n for n, part in enumerate(parts) if not part.drums]
    channels = [DRUMS if part.drums else CHANNELS[free.index(n) % len(CHANNELS)] for n, part in enumerate(parts)]
    begins, ends = tune.time(found["start"]).tolist(), tune.time(found["start"] + found["length"]).tolist()
    events: list[Event] = []
    for note, begin, end in zip(found, begins, ends, strict=True):
        channel, pitch, velocity = channels[note["part"]], int(note["pitch"]), int(note["velocity"])
        events += [(begin, 1, channel, pitch, min(max(velocity, 1), 127)), (end, 0, channel, pitch, 0)]
    used = dict(zip(reversed(channels), reversed(parts), strict=True))
    return used, sorted(events)


def _by_library(font: Path, parts: dict[int, Part], events: list[Event], samples: int, rate: int) -> np.ndarray:
    task = {
        "font": str(font.resolve()),
        "parts": [[channel, part.program, part.drums] for channel, part in parts.items()],
        "events": events,
        "samples": samples,
        "rate": rate,
    }
    seconds = apart.SECONDS + samples / rate
    found = apart.asked(PLAYER, json.dumps(task).encode(), what=str(font), seconds=seconds)
    sound = np.frombuffer(found, np.float32).reshape(-1, 2)
    if not np.isfinite(sound).all():
        raise UserError(f"{font}: damaged, what it plays is not made of numbers. Fetch it again.")
    return sound


def _by_command(
    command: str, font: Path, parts: dict[int, Part], events: list[Event], samples: int, rate: int
) -> np.ndarray:
    sound = np.zeros((samples, 2), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        midi, out = Path(folder) / "tune.mid", Path(folder) / "tune.wav"
        midi.write_bytes(_midi(parts, events))
        call = [command, "-n", "-i", "-q", "-g", "0.5", "-r", str(rate), "-F", str(out), str(font.resolve()), str(midi)]
        done = subprocess.run(call, capture_output=True, text=True, errors="replace")
        if done.returncode or not out.exists():
            raise UserError(f"fluidsynth failed: {(done.stderr or done.stdout).strip()[-300:] or done.returncode}")
        with wave.open(str(out)) as file:
            if (file.getnchannels(), file.getsampwidth()) != (2, 2):
                raise UserError("fluidsynth wrote something else than 16-bit stereo.")
            played = np.frombuffer(file.readframes(samples), "<i2").reshape(-1, 2) / np.float32(32768)
    sound[: len(played)] = played
    return sound


def _midi(parts: dict[int, Part], events: list[Event]) -> bytes:
    """A MIDI file of one track whose tick is a millisecond."""
    track = bytearray(b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big"))
    for channel, part in parts.items():
        track += bytes([0, 0xC0 | channel, 0 if part.drums else part.program & 127])
    last = 0
    for second, begins, channel, pitch, velocity in events:
        at = round(second * 1000)
        track += _delta(at - last) + bytes([(0x90 if begins else 0x80) | channel, pitch & 127, velocity])
        last = at
    track += b"\x00\xff\x2f\x00"
    head = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01" + (1000).to_bytes(2, "big")
    return head + b"MTrk" + len(track).to_bytes(4, "big") + bytes(track)


def _delta(value: int) -> bytes:
    """Seven bits in a byte, the highest first."""
    out = [value & 127]
    while value := value >> 7:
        out.append(128 | value & 127)
    return bytes(out[::-1])
