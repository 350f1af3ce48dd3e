"""When each phone of a recording is said, found from recordings and what is said in them alone.

Each recording is laid beside espeak-ng's rendering of its text (`dtw`). From these times phones are learnt (`hmm`),
with which times are found anew, and so on: phones then are the speaker's own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from rhapsode.modalities.speech import hmm
from rhapsode.modalities.speech._begin import Begun, Rendered, begin, frames_of, spoken
from rhapsode.modalities.speech._pool import Pool, pool
from rhapsode.modalities.speech.mfcc import HOP
from rhapsode.modalities.speech.row import PhoneRow
from rhapsode.modalities.speech.utterance import Timed, Utterance
from rhapsode.nn.engine import cores

ROUNDS = 8
"""In which phones are learnt."""
TOGETHER = 16
"""Utterances that are heard at once, at most."""
LARGE = 1 << 25
"""Frames times states of those that are heard at once, if they are several."""
FEW = 64
"""Fewer utterances are aligned before processes have started."""
SAME = 0.1
"""Nats a frame by which fits differ at least, where all are much the same."""

Reported = Callable[[str, float], None]


@dataclass(frozen=True)
class Aligned:
    """utterance: with times, and pauses first, last and wherever 50 ms of silence or more were heard between words.

    fit: how well the recording fits its phones among all that were aligned with it: 0 for the middle one, -1 for one
    that is worse by the usual distance to the middle; minus infinity if it is too short for its phones, which then are
    spread evenly.
    """

    utterance: Timed
    fit: float

    @property
    def times(self) -> np.ndarray:
        """[P + 1] float64, seconds."""
        return self.utterance.times


def align(
    utterances: Sequence[Utterance],
    *,
    rendered: Rendered | None = None,
    report: Reported | None = None,
    workers: int | None = None,
    rounds: int = ROUNDS,
) -> list[Aligned]:
    """The utterances, each with the times of its phones, in order.

    utterances: with `sound`, and phones as of their text: where pauses are is heard.
    rendered:   gives an utterance with the same phones (but for pauses), its times and sound, as espeak-ng speaks it;
                or None. Then its phones are taken as evenly long at first, and it takes some dozens of utterances to
                get over that. Neither this nor `sound` is called in another process or thread.
    report:     hears what is done and how much of it, 0 to 1.
    workers:    processes, as many as there are cores by default. They change the time it takes, and rounding.
    rounds:     in which phones are learnt; 0 for dynamic time warping alone.
    Raises `UserError`.
    """
    if not utterances:
        return []
    rows = [spoken(each) for each in utterances]
    count = (workers or cores()) if len(utterances) >= FEW else 1
    say = report or (lambda what, done: None)
    with tempfile.TemporaryDirectory() as folder, pool(count) as processes:
        path = Path(folder) / "frames"
        begun = begin(utterances, rows, rendered, processes, path, lambda done: say("Listening", done))
        durations, lags = _learn(rows, begun, processes, rounds, say)
    found = zip(utterances, rows, durations, begun.seconds, _fits(lags), strict=True)
    return [Aligned(_timed(each, its, lasting, seconds), fit) for each, its, lasting, seconds, fit in found]


@dataclass(frozen=True)
class _AlignJob:
    """Some utterances to hear. places: which frames of the file each has; model: None to learn from `durations`."""

    path: Path
    places: list[tuple[int, int]]
    rows: list[PhoneRow]
    durations: list[np.ndarray]
    symbols: tuple[str, ...]
    model: hmm.PhoneModel | None


def _learn(
    rows: Sequence[PhoneRow], begun: Begun, processes: Pool, rounds: int, say: Reported
) -> tuple[list[np.ndarray | None], np.ndarray]:
    """Durations of each, [U] frames, None if it is too short; and the lag of each, [N], see `hmm.PassResult`."""
    symbols = tuple(sorted({phone.symbol for each in rows for phone in each.phones}))
    begins = np.cumsum([0, *begun.lengths])
    durations = {at: each for at, each in enumerate(begun.durations) if each is not None}
    lags = np.full(len(rows), -np.inf)
    groups = _groups(list(durations), [len(hmm.states(each, symbols)[0]) for each in rows], begun.lengths)
    model: hmm.PhoneModel | None = None
    for turn in range(rounds + 1 if groups else 0):
        jobs = (
            _AlignJob(
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
        for group, heard in zip(groups, processes.map(_hear, jobs), strict=True):
            sums.append(heard.sums)
            durations.update(zip(group, heard.durations, strict=True))
            lags[group] = heard.lags
            say("Learning the phones", (turn + len(sums) / len(groups)) / (rounds + 1))
        model = hmm.estimate(reduce(hmm.StateSums.__add__, sums), symbols)
    return [durations.get(at) for at in range(len(rows))], lags


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


def _hear(job: _AlignJob) -> hmm.PassResult:
    frames = [hmm.seen(frames_of(job.path, *place)) for place in job.places]
    if job.model is not None:
        return hmm.hear(job.model, job.rows, frames)
    size = len(job.symbols) * hmm.STATES
    sums = [
        hmm.collect(each, hmm.divided(row, durations, job.symbols), size)
        for each, row, durations in zip(frames, job.rows, job.durations, strict=True)
    ]
    return hmm.PassResult(job.durations, [0.0] * len(frames), reduce(hmm.StateSums.__add__, sums))


def _fits(lags: np.ndarray) -> list[float]:
    """As in `Aligned`, [N]: distances to the median, in median absolute deviations scaled to a normal's spread."""
    heard = lags[np.isfinite(lags)]
    middle = np.median(heard) if len(heard) else 0.0
    spread = 1.4826 * np.median(np.abs(heard - middle)) if len(heard) else 0.0
    return [float(each) for each in (lags - middle) / max(float(spread), SAME)]


def _timed(utterance: Utterance, row: PhoneRow, durations: np.ndarray | None, seconds: float) -> Timed:
    """The utterance with the phones of its row that were heard, and their times."""
    if durations is None:
        phones = tuple(phone for phone, optional in zip(row.phones, row.optional, strict=True) if not optional)
        return utterance.to(Timed, phones=phones, times=np.linspace(0, seconds, len(phones) + 1))
    # A frame's middle is its time, so a phone begins half a frame before the first one's.
    times = (np.append(0, np.cumsum(durations)) - 0.5) * HOP
    times[0], times[-1] = 0, seconds
    kept = np.flatnonzero((durations > 0) | ~row.optional)
    phones = tuple(row.phones[at] for at in kept)
    return utterance.to(Timed, phones=phones, times=np.append(times[kept], seconds))
