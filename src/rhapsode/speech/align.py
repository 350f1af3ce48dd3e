"""When each phone of a recording is said, found from recordings and what is said in them alone.

Each recording is laid beside espeak-ng's rendering of its text (`dtw`). From these times phones are learnt (`hmm`), with
which times are found anew, and so on: phones then are the speaker's own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np

from rhapsode.errors import UserError
from rhapsode.speech import dtw, hmm
from rhapsode.speech._pool import Pool, cores, pool
from rhapsode.speech.mfcc import HIGH, HOP, SIZE, highest, mfcc
from rhapsode.speech.row import Row, row
from rhapsode.speech.utterance import PAUSE, Sound, Utterance

ROUNDS = 8
"""In which phones are learnt."""
LONGEST = 60.0
"""Seconds of a recording. Time and memory grow with their square."""
TOGETHER = 16
"""Utterances that are heard at once, at most."""
LARGE = 1 << 25
"""Frames times states that are, but of one utterance."""
POOL = 8
"""Fewer utterances are no work for several processes."""

Reported = Callable[[str, float], None]


@dataclass(frozen=True)
class Aligned:
    """utterance: with times, and pauses first, last and wherever 50 ms of silence or more were heard between words.

    fit: how well the recording fits its phones, in nats a frame: 0 at best; minus infinity if it is too short for them.
    """

    utterance: Utterance
    fit: float

    @property
    def times(self) -> np.ndarray:
        """[P + 1] float64, seconds."""
        assert self.utterance.times is not None
        return self.utterance.times


def align(
    utterances: Sequence[Utterance],
    *,
    rendered: Callable[[Utterance], Utterance | None] | None = None,
    report: Reported | None = None,
    workers: int | None = None,
    rounds: int = ROUNDS,
) -> list[Aligned]:
    """The utterances, each with the times of its phones, in order.

    utterances: with `sound`, and phones as of their text: where pauses are is heard.
    rendered:   gives an utterance with the same phones (but for pauses), its times and sound, as espeak-ng speaks it;
                or None, then the phones are taken as evenly long at first, and it takes many utterances to get over it.
    report:     hears what is done and how much of it, 0 to 1.
    workers:    processes, as many as there are cores by default. They change nothing but the time it takes.
    Raises `UserError`.
    """
    if not utterances:
        return []
    rows = [_row(each) for each in utterances]
    count = 1 if len(utterances) < POOL else workers or cores()
    say = report or (lambda what, done: None)
    with tempfile.TemporaryDirectory() as folder, pool(count) as processes:
        begun = _begin(utterances, rows, rendered, processes, Path(folder) / "frames", say)
        durations, fits = _learn(rows, begun, processes, rounds, say)
    return [_aligned(*each) for each in zip(utterances, rows, durations, begun.seconds, fits, strict=True)]


@dataclass
class _Begun:
    """What is known before learning. path: all frames, one utterance after another, [T, SIZE] float32; of each: durations
    [U], frames, or None; lengths: of the frames; seconds: of the sound."""

    path: Path
    durations: list[np.ndarray | None]
    lengths: list[int]
    seconds: list[float]


@dataclass(frozen=True)
class _Sounds:
    """One utterance to begin with. times: [U, 2] of the rendering."""

    row: Row
    sound: Sound
    rendering: Sound | None
    times: np.ndarray
    high: float


@dataclass(frozen=True)
class _Part:
    """Some utterances to hear once more. model: None to learn from `durations` as they are."""

    path: Path
    places: list[tuple[int, int]]
    rows: list[Row]
    durations: list[np.ndarray | None]
    symbols: tuple[str, ...]
    model: hmm.Model | None


def _row(utterance: Utterance) -> Row:
    if all(phone.symbol == PAUSE for phone in utterance.phones):
        raise UserError(f"{utterance.name or 'An utterance'}: nothing is said in it. Leave it out, or give its text.")
    return row(utterance.phones)


def _sound(utterance: Utterance) -> Sound:
    name = utterance.name or "An utterance"
    if utterance.sound is None:
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


def _begin(
    utterances: Sequence[Utterance],
    rows: Sequence[Row],
    rendered: Callable[[Utterance], Utterance | None] | None,
    processes: Pool,
    path: Path,
    say: Reported,
) -> _Begun:
    high = HIGH
    while True:
        begun, lowest = _Begun(path, [], [], []), high

        def jobs(high: float = high) -> Iterator[_Sounds]:
            for utterance, each in zip(utterances, rows, strict=True):
                sound = _sound(utterance)
                begun.seconds.append(sound.seconds)
                rates.append(sound.rate)
                rendering, times = _rendered(utterance, each, rendered)
                yield _Sounds(each, sound, rendering, times, min(high, highest(sound.rate)))

        rates: list[int] = []
        with path.open("wb") as file:
            for frames, durations in processes.map(_first, jobs()):
                file.write(frames.tobytes())
                begun.lengths.append(len(frames))
                begun.durations.append(durations)
                say("Listening to the recordings", len(begun.lengths) / len(utterances))
        lowest = highest(min(rates))
        if lowest >= high or len(set(rates)) == 1:
            return begun
        # Some recordings have fewer samples a second: all are compared up to where these end.
        high = lowest


def _rendered(
    utterance: Utterance, row: Row, rendered: Callable[[Utterance], Utterance | None] | None
) -> tuple[Sound | None, np.ndarray]:
    """The rendering's sound and when each of the row is heard in it, [U, 2] seconds."""
    times = np.zeros((len(row.phones), 2))
    found = rendered(utterance) if rendered else None
    if found is None or found.sound is None or found.times is None:
        return None, times
    places = [at for at, phone in enumerate(found.phones) if phone.symbol != PAUSE]
    phones = np.flatnonzero(~row.pauses)
    if [found.phones[at].symbol for at in places] != [row.phones[at].symbol for at in phones]:
        return None, times
    times[phones, 0], times[phones, 1] = found.times[places], found.times[np.array(places) + 1]
    return found.sound(), times


def _first(job: _Sounds) -> tuple[np.ndarray, np.ndarray | None]:
    frames = mfcc(job.sound, job.high)
    if len(frames) < hmm.STATES * len(job.row.phones) - hmm.STATES * job.row.optional.sum():
        return frames, None
    if job.rendering is None:
        return frames, dtw.even(job.row, frames)
    return frames, dtw.warp(job.row, frames, mfcc(job.rendering, job.high), job.times)


def _learn(
    rows: Sequence[Row], begun: _Begun, processes: Pool, rounds: int, say: Reported
) -> tuple[list[np.ndarray | None], list[float]]:
    symbols = tuple(sorted({phone.symbol for each in rows for phone in each.phones}))
    begins = np.cumsum([0, *begun.lengths])
    durations, fits = list(begun.durations), [0.0 if each is not None else -np.inf for each in begun.durations]
    usable = [at for at, each in enumerate(durations) if each is not None]
    if not usable:
        return durations, fits
    groups = _groups(usable, [len(hmm.states(each, symbols)[0]) for each in rows], begun.lengths)
    model: hmm.Model | None = None
    for turn in range(rounds + 1):
        jobs = (
            _Part(
                begun.path,
                [(int(begins[at]), begun.lengths[at]) for at in group],
                [rows[at] for at in group],
                [durations[at] for at in group] if model is None else [],
                symbols,
                model,
            )
            for group in groups
        )
        sums = []
        what = f"Learning the phones, round {turn} of {rounds}"
        for done, (group, heard) in enumerate(zip(groups, processes.map(_hear, jobs), strict=True), 1):
            sums.append(heard.sums)
            for at, each, fit in zip(group, heard.durations, heard.fits, strict=True):
                durations[at], fits[at] = each, fit
            if turn:
                say(what, done / len(groups))
        model = hmm.estimate(reduce(hmm.Sums.__add__, sums), symbols)
    return durations, fits


def _groups(usable: Sequence[int], states: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Utterances to hear at once: those that are alike in length, since the longest sets the time."""
    found: list[list[int]] = []
    size = 0
    for at in sorted(usable, key=lambda at: (-lengths[at], at)):
        if not found or len(found[-1]) == TOGETHER or (size + states[at]) * lengths[found[-1][0]] > LARGE:
            found.append([])
            size = 0
        found[-1].append(at)
        size += states[at]
    return found


def _hear(job: _Part) -> hmm.Heard:
    frames = []
    for begin, length in job.places:
        raw = np.fromfile(job.path, np.float32, length * SIZE, offset=4 * begin * SIZE).reshape(length, SIZE)
        frames.append(hmm.seen(raw))
    if job.model is not None:
        return hmm.hear(job.model, job.rows, frames)
    size = len(job.symbols) * hmm.STATES
    sums = [
        hmm.collect(each, hmm.divided(row, durations, job.symbols), size)
        for each, row, durations in zip(frames, job.rows, job.durations, strict=True)
        if durations is not None
    ]
    return hmm.Heard(job.durations, [0.0] * len(frames), reduce(hmm.Sums.__add__, sums))


def _aligned(utterance: Utterance, row: Row, durations: np.ndarray | None, seconds: float, fit: float) -> Aligned:
    if durations is None:
        phones = tuple(phone for phone, optional in zip(row.phones, row.optional, strict=True) if not optional)
        return Aligned(replace(utterance, phones=phones, times=np.linspace(0, seconds, len(phones) + 1)), fit)
    edges = np.concatenate([[0], np.cumsum(durations)])
    # A frame's middle is its time, so it ends half a frame later.
    times = np.clip((edges - 0.5) * HOP, 0, seconds)
    times[0], times[-1] = 0, seconds
    short = row.optional & (durations * HOP < hmm.SHORTEST)
    # A gap too short for a pause is shared by the phones around it.
    gone = np.flatnonzero(short)
    times[gone] = times[gone + 1] = (times[gone] + times[gone + 1]) / 2
    kept = np.flatnonzero(~short)
    phones = tuple(row.phones[at] for at in kept)
    return Aligned(replace(utterance, phones=phones, times=np.append(times[kept], seconds)), fit)
