"""Times of phones found in recordings, against those that the recordings were made with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech import align as module
from rhapsode.modalities.speech._pool import Pool
from rhapsode.modalities.speech.align import Aligned, align
from rhapsode.modalities.speech.mfcc import HOP, WINDOW
from rhapsode.modalities.speech.suspects import suspects, worst
from rhapsode.modalities.speech.utterance import PAUSE, Sound, Timed, Utterance, unrecorded
from tests.modalities.speech.synthetic import PHONES, spoken


def texts(count: int, seed: int = 0) -> list[str]:
    """Of four words; no phone follows itself, since nothing is to be heard between the two."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        letters = [str(rng.choice(list(PHONES)))]
        while len(letters) < 13:
            letters.append(str(rng.choice([each for each in PHONES if each != letters[-1]])))
        places = [0, *sorted(rng.choice(np.arange(2, 12), 3, replace=False).tolist()), 13]
        found.append(" ".join("".join(letters[a:b]) for a, b in zip(places, places[1:], strict=False)))
    return found


def recorded(count: int, **how: object) -> list[Timed]:
    """Of a speaker who is lower and slower than what is rendered."""
    return [spoken(text, seed, shift=0.93, pace=1.3, **how) for seed, text in enumerate(texts(count))]  # type: ignore[arg-type]


def rendered(utterance: Utterance) -> Timed:
    return spoken(utterance.text, 1000 + int(utterance.name), rate=22050)


def begins(utterance: Timed) -> np.ndarray:
    at = [n for n, phone in enumerate(utterance.phones) if phone.symbol != PAUSE]
    return utterance.times[at]


def errors(found: list[Aligned], truth: list[Timed]) -> np.ndarray:
    """Seconds, of the beginnings of all phones."""
    pairs = zip(found, truth, strict=True)
    return np.abs(np.concatenate([begins(each.utterance) - begins(true) for each, true in pairs]))


def unknown(utterances: list[Timed]) -> list[Utterance]:
    return [each.to(Utterance) for each in utterances]


def test_times_are_found() -> None:
    truth = recorded(20)
    found = align(unknown(truth), rendered=rendered, workers=1)
    for each, true in zip(found, truth, strict=True):
        assert each.utterance.phones == true.phones, "no pauses but around it"
        assert each.times[0] == 0 and each.times[-1] == true.sound().seconds
        assert (np.diff(each.times) > 0).all()
    # What begins after silence is seen half a window early.
    assert np.mean(errors(found, truth) < 0.01) > 0.9 and errors(found, truth).max() < WINDOW / 2 + HOP
    first = align(unknown(truth), rendered=rendered, workers=1, rounds=1)
    assert errors(found, truth).mean() < errors(first, truth).mean() + 0.001


def test_one_and_three() -> None:
    for count in (1, 3):
        truth = recorded(count)
        found = align(unknown(truth), rendered=rendered)
        assert np.mean(errors(found, truth) < 0.02) > 0.9 and not suspects(found)


def test_without_rendering() -> None:
    truth = recorded(40)
    found = align(unknown(truth))
    assert np.mean(errors(found, truth) < 0.02) > 0.9
    half = align(unknown(truth), rendered=lambda each: rendered(each) if int(each.name) % 2 else None)
    assert np.mean(errors(half, truth) < 0.02) > 0.95


@pytest.mark.parametrize("edges", [(0.02, 0.02), (1.5, 0.05), (0.05, 2.0)])
def test_silence_around_it(edges: tuple[float, float]) -> None:
    truth = recorded(12, edges=edges)
    assert np.mean(errors(align(unknown(truth), rendered=rendered), truth) < 0.02) > 0.95


def test_pauses_are_heard() -> None:
    """Pauses of the recording, not of its text: between words they come and go."""
    heard = [spoken(text.replace(" ", ", ", 1), seed, pace=1.2) for seed, text in enumerate(texts(12))]
    given = []
    for each, text in zip(heard, texts(12), strict=True):
        without = spoken(text.replace(" ", ", ").replace(", ", " ", 1), int(each.name))
        given.append(without.to(Utterance, sound=each.sound, text=text))
    for each, true in zip(align(given, rendered=rendered), heard, strict=True):
        assert [p.symbol for p in each.utterance.phones] == [p.symbol for p in true.phones]
        assert np.abs(each.times - true.times).max() < 0.03


def test_rates() -> None:
    """Recordings of several rates are compared up to where the lowest ends."""
    truth = [spoken(text, n, rate=(8000, 16000, 44100)[n % 3], pace=1.2) for n, text in enumerate(texts(12))]
    found = align(unknown(truth), rendered=rendered)
    assert errors(found, truth).max() < 0.02 and not suspects(found)


def test_workers_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEW", 2)
    monkeypatch.setattr(module, "TOGETHER", 3)
    heard: list[tuple[str, float]] = []
    counts: list[int] = []
    processes = module.pool

    def counted(workers: int) -> AbstractContextManager[Pool]:
        counts.append(workers)
        return processes(workers)

    monkeypatch.setattr(module, "pool", counted)
    given = unknown(recorded(8))
    one = align(given, rendered=rendered, workers=1, rounds=2)
    two = align(given, rendered=rendered, workers=2, rounds=2, report=lambda what, done: heard.append((what, done)))
    assert counts == [1, 2]
    for a, b in zip(one, two, strict=True):
        # Products of matrices are rounded as they are shared among threads.
        assert a.fit == pytest.approx(b.fit, abs=1e-3) and np.abs(a.times - b.times).max() <= HOP + 1e-9
    assert list(dict.fromkeys(what for what, _ in heard)) == ["Listening", "Learning the phones"]
    assert heard[-1][1] == 1 and all(0 < done <= 1 for _, done in heard)


def test_wrong_texts_are_found() -> None:
    truth = recorded(40)
    good = align(unknown(truth), rendered=rendered)
    assert not suspects(good)
    given = unknown(truth)
    for a, b in ((3, 30), (11, 17)):
        (one, other) = given[a], given[b]
        given[a] = replace(one, phones=other.phones, text=other.text)
        given[b] = replace(other, phones=one.phones, text=one.text)
    found = align(given, rendered=lambda each: spoken(each.text, 7))
    assert {each.utterance.name for each in suspects(found)} == {"3", "30", "11", "17"}
    doubts = worst(found, 4)
    assert {each.name for each in doubts} == {"3", "30", "11", "17"} and "unlike its text" in doubts[0].why


def test_suspects_are_worst_first() -> None:
    only = align(unknown(recorded(1)), rendered=rendered)[0]
    fits = [0.0, -6.1, -5.9, -np.inf, -20.0]
    assert [each.fit for each in suspects([replace(only, fit=fit) for fit in fits])] == [-np.inf, -20, -6.1]


def test_what_is_odd_is_told() -> None:
    found = align(unknown(recorded(9)), rendered=rendered)
    times = found[4].times.copy()
    times[6:] += 0.9
    found[4] = Aligned(replace(found[4].utterance, times=times), 0)
    doubt = worst(found, 1)[0]
    assert doubt.name == "4" and f"the phone {found[4].utterance.phones[5].symbol} at" in doubt.why
    assert len(worst(found, 20)) == 9


def test_too_short_for_its_phones() -> None:
    given = unknown(recorded(6))
    given[2] = replace(given[2], sound=lambda: Sound(np.full(800, 0.1), 16000))
    found = align(given, rendered=rendered)
    assert suspects(found) == [found[2]] and found[2].times[-1] == 0.05
    assert "too short" in worst(found, 1)[0].why
    alone = align(given[2:3], rendered=rendered)
    assert alone[0].fit == -np.inf


def silent(seconds: float) -> Callable[[], Sound]:
    return lambda: Sound(np.zeros(round(8000 * seconds)), 8000)


def test_silence_alone_is_no_failure() -> None:
    given = [replace(each, sound=silent(2)) for each in unknown(recorded(2))]
    assert all((np.diff(each.times) > 0).all() for each in align(given, rendered=rendered))


def test_refusals() -> None:
    given = unknown(recorded(1))[0]
    assert align([]) == []
    with pytest.raises(UserError, match="^0: there is no recording"):
        align([replace(given, sound=unrecorded)])
    with pytest.raises(UserError, match="^0: the recording is empty"):
        align([replace(given, sound=silent(0))])
    with pytest.raises(UserError, match=r"^0: the recording is 61 s long. Allowed: 60 s. Cut"):
        align([replace(given, sound=silent(61))])
    with pytest.raises(UserError, match="^0: nothing is said"):
        align([replace(given, phones=given.phones[:1])])
