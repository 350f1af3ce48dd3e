"""Long recordings with one text, such as chapters of audiobooks → sentences, each with its part of the recording.

Nothing is recognised: how long each sentence should take is known from its letters, and where the reader paused is
heard. So all sentences are laid along the recording at once, each from one pause to another (dynamic programming).
Which of them really are where they should be, is found when their phones are aligned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhapsode.modalities.speech.utterance import Sound

BLOCK = 0.01
"""Seconds over which loudness is taken."""
FAINT, CLEAN = 0.3, 30.0
"""The share of the way from the faintest to the loudest, in decibels, below which there is silence; and dB below the
loudest, where there always is."""
SHORTEST = 0.12
"""Seconds of a pause."""
EDGE = 0.15
"""Seconds of a pause that are left at either end."""
SPREAD, LEAST = 0.15, 0.25
"""How much sentences of as many letters differ in length: this part of it, and seconds."""
LONG, GAIN = 0.6, 4.0
"""Seconds of a pause that ends a sentence as a rule; and what it is worth, in squares of `SPREAD`."""
SKIPPED = 1.0
"""What a second at the beginning or the end costs that is no part of the text."""
TOGETHER, MERGED = 3, 4.0
"""Sentences between which there need be no pause; and what each costs that has none before it."""
WORST = 9.0
"""Squares of `SPREAD` by which a sentence may be off."""
DRIFT = 0.1, 15.0
"""How far the reader may be from where the letters say: a part of all, and seconds."""


@dataclass(frozen=True)
class Pauses:
    """begins, ends: [P] seconds, the first one at the beginning and the last at the end, perhaps of no length; spoken:
    [P] seconds of speech before each."""

    begins: np.ndarray
    ends: np.ndarray
    spoken: np.ndarray


def pauses(sound: Sound) -> Pauses:
    """Where nothing is said."""
    size = round(BLOCK * sound.rate)
    blocks = np.pad(sound.samples, (0, -len(sound.samples) % size)).reshape(-1, size)
    level = 20 * np.log10(np.sqrt((blocks**2).mean(axis=1)) + 1e-6)
    faint, loud = np.quantile(level, [0.02, 0.95])
    quiet = np.concatenate([[False], level < max(faint + FAINT * (loud - faint), loud - CLEAN), [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2) * BLOCK
    edges = edges[np.diff(edges, axis=1)[:, 0] >= SHORTEST]
    inner = edges[(edges[:, 0] > 0) & (edges[:, 1] < sound.seconds)]
    first = edges[edges[:, 0] <= 0][:1, 1].sum()
    last = edges[edges[:, 1] >= sound.seconds - BLOCK][-1:, 0]
    begins = np.array([0.0, *inner[:, 0], *(last if len(last) else [sound.seconds])])
    ends = np.array([first, *inner[:, 1], sound.seconds])
    spoken = np.concatenate([[0.0], np.cumsum(begins[1:] - ends[:-1])])
    return Pauses(begins, ends, spoken)


@dataclass(frozen=True)
class Passage:
    """Sentences from number `first` up to, not including, `last`; and from when to when they are said, in seconds."""

    first: int
    last: int
    begin: float
    end: float


def cut(sound: Sound, sentences: Sequence[str]) -> list[Passage]:
    """Where sentences are said, each by itself, or up to `TOGETHER` of them between which the reader did not pause.
    Those whose place is not found are missing. Time grows with the sentences, and with the square of the pauses in a
    part of the recording."""
    found = pauses(sound)
    letters = np.array([max(1, sum(map(str.isalnum, each))) for each in sentences], float)
    total, window = found.spoken[-1], DRIFT[0] * found.spoken[-1] + DRIFT[1]
    after = np.concatenate([[0.0], letters.cumsum()]) * (total / letters.sum())
    worth = -GAIN * np.minimum((found.ends - found.begins) / LONG, 1.0)
    worth[[0, -1]] = -GAIN
    # costs[i]: of having said i sentences at each pause; came[i]: how many of them since which pause.
    costs = [np.where(found.spoken <= window, SKIPPED * found.spoken, np.inf)]
    came: list[tuple[np.ndarray, np.ndarray]] = []
    for number in range(1, len(sentences) + 1):
        least, since, count = np.full(len(worth), np.inf), np.zeros(len(worth), int), np.zeros(len(worth), int)
        near = np.flatnonzero(np.abs(found.spoken - after[number]) <= window)
        for together in range(1, min(TOGETHER, number) + 1):
            before = np.flatnonzero(np.isfinite(costs[number - together]))
            if not len(before):
                continue
            lasting = found.spoken[near][:, None] - found.spoken[before][None]
            off = np.minimum(_off(lasting, after[number] - after[number - together]), 4 * WORST)
            every = costs[number - together][before][None] + off + MERGED * (together - 1) + worth[near][:, None]
            every[lasting <= 0] = np.inf
            best = every.argmin(axis=1)
            better = every[np.arange(len(near)), best] < least[near]
            least[near[better]] = every[np.arange(len(near)), best][better]
            since[near[better]], count[near[better]] = before[best][better], together
        costs.append(least)
        came.append((since, count))
    last = costs[-1] + SKIPPED * (total - found.spoken)
    at, number, parts = int(last.argmin()), len(sentences), list[Passage]()
    while number and np.isfinite(last[at]):
        begin, together = (int(each[at]) for each in came[number - 1])
        lasts, length = found.spoken[at] - found.spoken[begin], after[number] - after[number - together]
        if _off(lasts, length) <= WORST:
            ends = max(found.begins[begin], found.ends[begin] - EDGE), min(found.ends[at], found.begins[at] + EDGE)
            parts.append(Passage(number - together, number, float(ends[0]), float(ends[1])))
        at, number, last = begin, number - together, costs[number - together]
    return parts[::-1]


def _off(lasting: np.ndarray, length: float) -> np.ndarray:
    """How far from what it should take, in squares of `SPREAD`."""
    return np.asarray(((lasting - length) / (SPREAD * length + LEAST)) ** 2)
