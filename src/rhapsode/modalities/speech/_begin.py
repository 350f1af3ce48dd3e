"""What is known of recordings before phones are learnt from them: their frames, on disk, and first durations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.speech import dtw, hmm
from rhapsode.modalities.speech._pool import Pool
from rhapsode.modalities.speech.mfcc import HIGH, SIZE, highest, mfcc
from rhapsode.modalities.speech.row import PhoneRow, row
from rhapsode.modalities.speech.utterance import PAUSE, Sound, Timed, Utterance

LONGEST = 60.0
"""Seconds of a recording. Time and memory grow with their square."""

Rendered = Callable[[Utterance], Timed | None]


@dataclass(frozen=True)
class Begun:
    """path: all frames, one utterance after another, [T, SIZE] float32. Of each: lengths, of its frames; durations [U],
    frames for each of its row, None if it is too short for its phones; seconds and rates, of its sound."""

    path: Path
    lengths: list[int]
    durations: list[np.ndarray | None]
    seconds: list[float]
    rates: list[int]


@dataclass(frozen=True)
class _FirstJob:
    """One utterance. times: [U, 2], from when to when each of the row is heard in the rendering; high: Hz."""

    row: PhoneRow
    sound: Sound
    rendering: Sound | None
    times: np.ndarray
    high: float


def begin(
    utterances: Sequence[Utterance],
    rows: Sequence[PhoneRow],
    rendered: Rendered | None,
    processes: Pool,
    path: Path,
    say: Callable[[float], None],
) -> Begun:
    """path: where frames are to be; say: hears how much is done. Raises `UserError`."""
    found = _begin(utterances, rows, rendered, processes, path, say, HIGH)
    if len(set(found.rates)) > 1 and (high := highest(min(found.rates))) < HIGH:
        # All are compared up to where the one with the fewest samples a second ends.
        found = _begin(utterances, rows, rendered, processes, path, say, high)
    return found


def frames_of(path: Path, at: int, length: int) -> np.ndarray:
    """[length, SIZE] of `Begun.path`, from frame `at` on."""
    return np.fromfile(path, np.float32, length * SIZE, offset=4 * SIZE * at).reshape(length, SIZE)


def spoken(utterance: Utterance) -> PhoneRow:
    """Its row. Raises `UserError` if it has but pauses."""
    if all(phone.symbol == PAUSE for phone in utterance.phones):
        raise UserError(f"{utterance.name or 'An utterance'}: nothing is said in it. Leave it out, or give its text.")
    return row(utterance.phones)


def _begin(
    utterances: Sequence[Utterance],
    rows: Sequence[PhoneRow],
    rendered: Rendered | None,
    processes: Pool,
    path: Path,
    say: Callable[[float], None],
    high: float,
) -> Begun:
    found = Begun(path, [], [], [], [])

    # Reading and rendering stay in this process: what does them need not be fit for sending.
    def jobs() -> Iterator[_FirstJob]:
        for utterance, each in zip(utterances, rows, strict=True):
            sound = _sound(utterance)
            found.seconds.append(sound.seconds)
            found.rates.append(sound.rate)
            yield _FirstJob(each, sound, *rendering(utterance, each, rendered), min(high, highest(sound.rate)))

    with path.open("wb") as file:
        for frames, durations in processes.map(_first, jobs()):
            file.write(frames.tobytes())
            found.lengths.append(len(frames))
            found.durations.append(durations)
            say(len(found.lengths) / len(utterances))
    return found


def _sound(utterance: Utterance) -> Sound:
    name = utterance.name or "An utterance"
    if not utterance.recorded:
        raise UserError(f"{name}: there is no recording of it. Leave it out, or give one.")
    sound = utterance.sound()
    if not len(sound.samples):
        raise UserError(f"{name}: the recording is empty. Leave it out, or record it again.")
    if sound.seconds > LONGEST:
        raise UserError(
            f"{name}: the recording is {sound.seconds:.0f} s long. Allowed: {LONGEST:.0f} s. "
            "Cut it into sentences, each with its text."
        )
    return Sound(np.asarray(sound.samples, np.float32), sound.rate)


def rendering(utterance: Utterance, row: PhoneRow, rendered: Rendered | None) -> tuple[Sound | None, np.ndarray]:
    """The rendering's sound and when each of the row is heard in it, [U, 2] seconds."""
    times = np.zeros((len(row.phones), 2))
    found = rendered(utterance) if rendered else None
    if found is None:
        return None, times
    places = [at for at, phone in enumerate(found.phones) if phone.symbol != PAUSE]
    phones = np.flatnonzero(~row.pauses)
    if [found.phones[at].symbol for at in places] != [row.phones[at].symbol for at in phones]:
        return None, times
    times[phones, 0], times[phones, 1] = found.times[places], found.times[np.array(places) + 1]
    return found.sound(), times


def _first(job: _FirstJob) -> tuple[np.ndarray, np.ndarray | None]:
    frames = mfcc(job.sound, job.high)
    if len(frames) < hmm.STATES * np.sum(~job.row.optional):
        return frames, None
    if job.rendering is None:
        return frames, dtw.even(job.row, frames)
    return frames, dtw.warp(job.row, frames, mfcc(job.rendering, job.high), job.times)
