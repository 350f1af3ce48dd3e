"""The built-in synthesiser: good enough to judge a tune by, and needs nothing installed."""

from __future__ import annotations

import io
import wave

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.music.drums import drum
from rhapsode.modalities.music.timbre import PAD, Timbre, timbre_of, tone
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.voicing import held

RATE = 44100
TAIL = 1.5
"""Seconds after the end, for what still sounds."""
LONGEST = 1800
"""Seconds that are rendered at once."""
PEAK = 10 ** (-1 / 20)
"""-1 dB of full scale."""
FORCES = 8
"""How many ways there are to strike a note; between them, only its loudness differs."""
ROOM = 0.16
"""Of the sound that comes from the room, beside what comes straight."""
SPREAD = 0.45
"""How far to the sides parts are placed; 1 is all the way."""

Kind = tuple[Timbre | None, int, int]
"""Timbre (None for drums), pitch, force."""


def render(tune: Tune, rate: int = RATE, *, chords: bool = False, loop: bool = False) -> np.ndarray:
    """The tune as sound: float32 [N, 2], left and right, its highest sample at -1 dB unless it is silent.

    rate: samples a second, 8000 to 192000. chords: also play its chord symbols, softly. It is as long as the tune and
    `TAIL` seconds; the last sample is 0. loop: what sounds after the end sounds at the beginning, as when it is played
    again and again; it is as long as the tune. The same each time. Raises `UserError`.
    """
    check(tune, rate)
    sound = np.zeros((2, round((tune.seconds + TAIL) * rate)), np.float32)
    places = np.linspace(-SPREAD, SPREAD, len(tune.parts)) if len(tune.parts) > 1 else np.zeros(1)
    tones: dict[Kind, np.ndarray] = {}
    for number, (part, place) in enumerate(zip(tune.parts, places, strict=True)):
        found = tune.notes[tune.notes["part"] == number]
        _play(sound, tune, found, None if part.drums else timbre_of(part), 0.0 if part.drums else place, rate, tones)
    if chords:
        _play(sound, tune, held(tune), PAD, 0.0, rate, tones)
    _resound(sound, rate)
    return finish(sound.T, rate, round(tune.seconds * rate) if loop else None)


def wav(tune: Tune, rate: int = RATE, *, chords: bool = False, loop: bool = False) -> bytes:
    """The same as a WAV file of 16 bits."""
    return wave_file(render(tune, rate, chords=chords, loop=loop), rate)


def check(tune: Tune, rate: int) -> None:
    """Raises `UserError` if it cannot be rendered at that rate."""
    if not 8000 <= rate <= 192_000:
        raise UserError(f"{rate} samples a second: the rate must be from 8000 to 192000; 44100 is usual.")
    if not tune.seconds <= LONGEST:
        raise UserError(
            f"{tune.name or 'the tune'} lasts {tune.seconds / 60:,.0f} minutes; up to {LONGEST // 60} can be rendered."
        )


def finish(sound: np.ndarray, rate: int, round_: int | None = None) -> np.ndarray:
    """[N, 2] with its highest sample at -1 dB and its end faded out; what is much louder than the rest is rounded off.

    The fade is a fifth of a second, in which little sounds any more. Of a loop, whose round is so many samples, nothing
    is faded: what comes after it is added to the next round, [round_, 2].
    """
    if round_ is not None:
        rounds = max(1, -(-len(sound) // max(round_, 1)))
        sound = np.pad(sound, ((0, rounds * max(round_, 1) - len(sound)), (0, 0))).reshape(rounds, -1, 2).sum(axis=0)
    size = np.abs(sound)
    highest = float(size.max(initial=0))
    if highest > 0:
        usual = max(float(np.quantile(size[::7], 0.999)), highest / 4)
        sound = sound / usual
        # The curve is straight up to `usual`, and rises to twice as much.
        over = np.maximum(np.abs(sound) - 1, 0)
        sound = np.sign(sound) * (np.minimum(np.abs(sound), 1) + np.tanh(over))
        sound *= PEAK / np.abs(sound).max()
    if round_ is None:
        fade = min(round(0.2 * rate), len(sound))
        sound[len(sound) - fade :] *= np.linspace(1, 0, fade)[:, None]
    return np.ascontiguousarray(sound, np.float32)


def wave_file(sound: np.ndarray, rate: int) -> bytes:
    """Sound [N, 2] between -1 and 1 as a WAV file of 16 bits."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(sound * 32767).astype("<i2").tobytes())
    return out.getvalue()


def _play(
    sound: np.ndarray,
    tune: Tune,
    found: np.ndarray,
    timbre: Timbre | None,
    place: float,
    rate: int,
    tones: dict[Kind, np.ndarray],
) -> None:
    """Add these notes to the sound [2, N]. place: -1 is left, 1 right.

    tones: those made already, held as long as the longest of their kind; others are added.
    """
    begins = np.rint(tune.time(found["start"]) * rate).astype(np.int64)
    ends = np.rint(tune.time(found["start"] + found["length"]) * rate).astype(np.int64)
    velocities = np.clip(found["velocity"], 1, 127)
    forces = velocities * FORCES // 128
    release = round((timbre.release if timbre else 0) * rate)
    fade = np.linspace(1, 0, release, dtype=np.float32) ** 2
    kinds: list[Kind] = [(timbre, int(pitch), int(force)) for pitch, force in zip(found["pitch"], forces, strict=True)]
    longest: dict[Kind, int] = {}
    for kind, held_for in zip(kinds, (ends - begins).tolist(), strict=True):
        longest[kind] = max(longest.get(kind, 0), held_for + release)
    for kind, samples in longest.items():
        if kind not in tones or timbre and len(tones[kind]) < samples:
            tones[kind] = _made(kind, samples, rate)
    angle = (1 + place) * np.pi / 4
    sides = np.array([np.cos(angle), np.sin(angle)], np.float32)[:, None]
    loud = ((velocities / 127) ** 1.5).astype(np.float32)
    for kind, begin, end, gain in zip(kinds, begins.tolist(), ends.tolist(), loud, strict=True):
        whole = tones[kind][: sound.shape[1] - begin]
        note = whole[: end - begin + release] if timbre else whole
        note = note * gain
        going = note[end - begin :] if timbre else note[:0]
        going *= fade[: len(going)]
        sound[:, begin : begin + len(note)] += sides * note


def _made(kind: Kind, samples: int, rate: int) -> np.ndarray:
    timbre, pitch, force = kind
    if timbre is None:
        return drum(pitch, force / FORCES, rate)
    return tone(timbre, pitch, (force + 0.5) / FORCES, samples, rate)


def _resound(sound: np.ndarray, rate: int) -> None:
    """Add the room to the sound [2, N]: its noise dies away in a second, and is another for each ear."""
    length = round(1.1 * rate)
    t = np.arange(length) / rate
    block = 1 << (4 * length - 1).bit_length()
    step = block - length
    at = np.fft.rfftfreq(block, 1 / rate)
    walls = 1 / (1 + (at / 2500) ** 2) * (at / 200) ** 2 / (1 + (at / 200) ** 2)
    for channel in range(2):
        noise = np.random.default_rng(channel).standard_normal(length)
        answer = noise * np.exp(-t / 0.22) * (1 - np.exp(-t / 0.01)) * (1 - t / t[-1])
        answer *= ROOM / np.sqrt(np.sum(answer**2)) * 2
        spectrum = (np.fft.rfft(answer, block) * walls).astype(np.complex64)
        dry = sound[channel].copy()
        for begin in range(0, len(dry), step):
            wet = np.fft.irfft(np.fft.rfft(dry[begin : begin + step], block) * spectrum, block)
            room = sound[channel, begin : begin + block]
            room += wet[: len(room)]
