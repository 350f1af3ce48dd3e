"""The best way through a chain, against all ways; and what frames of a sound are like."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from rhapsode.modalities.speech import hmm
from rhapsode.modalities.speech.dtw import loud
from rhapsode.modalities.speech.mfcc import HOP, SIZE, mfcc
from rhapsode.modalities.speech.row import row
from rhapsode.modalities.speech.trellis import NEVER, StateChain, best_paths
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Sound
from tests.modalities.speech.synthetic import said, spoken


def chain(seed: int) -> tuple[StateChain, np.ndarray]:
    """Five states of which the third may be left out; and scores of six frames."""
    rng = np.random.default_rng(seed)
    here = np.arange(5)
    costs = rng.standard_normal((3, 5))
    costs[1, 0] = NEVER
    costs[2] = NEVER
    costs[2, 3] = rng.standard_normal()
    sources = np.stack([here, np.maximum(here - 1, 0), np.array([0, 0, 0, 1, 0])])
    return StateChain(rng.permutation(5), sources, costs), rng.standard_normal((6, 5)).astype(np.float32)


def best(links: StateChain, scores: np.ndarray) -> tuple[float, list[int]]:
    found = []
    for path in product(range(5), repeat=len(scores)):
        if path[0] or path[-1] != 4:
            continue
        total = scores[0, links.emit[0]]
        for t in range(1, len(path)):
            ways = [w for w in range(3) if links.sources[w, path[t]] == path[t - 1]]
            cost = max((links.costs[w, path[t]] for w in ways), default=NEVER)
            total += cost + scores[t, links.emit[path[t]]]
        found.append((float(total), list(path)))
    return max(found)


def test_best_paths() -> None:
    made = [chain(seed) for seed in range(6)]
    made = [(links, scores[: 6 - n % 3]) for n, (links, scores) in enumerate(made)]
    paths, totals = best_paths([links for links, _ in made], [scores for _, scores in made])
    for (links, scores), path, total in zip(made, paths, totals, strict=True):
        expected, states = best(links, scores)
        assert path.tolist() == states and total == pytest.approx(expected, abs=1e-5)


def test_no_way_in_time() -> None:
    links, scores = chain(0)
    assert best_paths([links], [scores[:3]])[1][0] <= NEVER < best_paths([links], [scores[:4]])[1][0]


def test_row() -> None:
    phones = (Phone("a"), Phone("b"), Phone("d", word=1), Phone(PAUSE, word=1), Phone("e", word=1))
    found = row(phones)
    assert [phone.symbol for phone in found.phones] == ["_", "a", "b", "_", "d", "_", "e", "_"]
    assert np.flatnonzero(found.optional).tolist() == [3, 5]
    assert found.phones[3].word == 0


def test_pauses_last_or_are_not_there() -> None:
    found = row(said("ab de"))
    symbols = ("_", "a", "b", "d", "e")
    means = np.repeat(np.arange(5.0), hmm.STATES)[:, None]
    model = hmm.PhoneModel(symbols, means, np.full((15, 1), 0.1), np.full(15, 0.5))
    shortest = round(hmm.SHORTEST / HOP)
    for silent in (0, 3, 6, shortest, 2 * shortest):
        lengths = [5, 9, 8, silent, 7, 9, 6]
        frames = np.repeat([0.0, 1, 2, 0, 3, 4, 0], lengths)[:, None].astype(np.float32)
        heard = hmm.hear(model, [found], [frames])
        if silent >= shortest:
            assert heard.durations[0].tolist() == lengths
        else:
            assert heard.durations[0][3] in (0, shortest), "never shorter"
        assert heard.sums.counts.sum() == len(frames)


def test_loud() -> None:
    sound = spoken("bad melon", 5, edges=(0.5, 0.3)).sound()
    heard = np.flatnonzero(loud(mfcc(sound))) * HOP
    assert heard[0] == pytest.approx(0.5, abs=0.011) and heard[-1] == pytest.approx(sound.seconds - 0.3, abs=0.011)


def test_mfcc_is_of_the_sound_not_of_its_rate() -> None:
    slow, fast = (spoken("dog sauna", 3, rate=rate).sound() for rate in (16000, 44100))
    one, other = mfcc(slow), mfcc(fast)
    assert one.shape == (1 + int(slow.seconds / HOP), SIZE) and abs(len(one) - len(other)) <= 1
    count = min(len(one), len(other))
    spoken_part = one[:count, 0] > np.median(one[:, 0])
    distance = np.abs(one[:count] - other[:count])[spoken_part, 1:].mean()
    assert distance < 0.3 * one[spoken_part.nonzero()[0], 1:].std(0).mean()


def test_mfcc_of_loud_quiet_and_tiny() -> None:
    sound = spoken("bad", 1).sound()
    louder = mfcc(Sound(30 * sound.samples, sound.rate)) - mfcc(Sound(10 * sound.samples, sound.rate))
    assert np.abs(louder[30:40, 1:]).max() < 0.02 and louder[30:40, 0] == pytest.approx(2 * np.log(3) * 30**0.5, 0.01)
    for count in (1, 5, 100):
        assert np.isfinite(mfcc(Sound(np.zeros(count), 8000))).all()
