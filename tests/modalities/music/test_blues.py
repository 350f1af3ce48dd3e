"""Blues by rule: what is made holds the form, and what does not is seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from rhapsode.modalities.music import chords as symbols
from rhapsode.modalities.music.blues import CHORDS, MELODY, PITCHES, arranged, chords_alone, corpus
from rhapsode.modalities.music.bluesform import (
    CHORUS,
    FORM,
    GRID,
    HALF,
    KEYS,
    SPLIT,
    bars_held,
    fit,
    form,
    key_of,
    voicing,
)
from rhapsode.modalities.music.tune import Metre, Tune, rescaled, separate, transposed


@pytest.fixture(scope="module")
def tunes() -> list[Tune]:
    return list(corpus(12, 5))


def without(tune: Tune, kept: np.ndarray) -> Tune:
    return replace(tune, notes=tune.notes[kept])


def test_the_form() -> None:
    assert len(FORM) == 24 and CHORUS == 96
    for symbol in FORM:
        pitches = voicing(symbol)
        assert len(pitches) == 4 and 48 <= pitches[0] <= pitches[-1] < 60
        assert {each % 12 for each in pitches} == symbols.parse(symbol).tones
    assert form(-2)[:2] == ["Bb7", "Bb7"] and form(2)[0] == "D7"
    assert voicing("Bb7", -2) == [each - 2 for each in voicing("C7")]


def test_the_corpus_holds_the_form(tunes: list[Tune]) -> None:
    assert all(bars_held(tune).all() and len(bars_held(tune)) == 36 for tune in tunes)
    found = fit(tunes)
    assert found.fitting == found.strong == found.repeated == 1
    assert 20 < found.notes / 36 < 60
    for tune in tunes:
        melody = tune.notes[tune.notes["part"] == MELODY]
        assert set(melody["pitch"].tolist()) <= set(PITCHES) and melody["pitch"].min() >= SPLIT
        assert (melody["start"][1:] >= (melody["start"] + melody["length"])[:-1]).all(), "one note at a time"
        assert np.array_equal(separate(tune.notes.copy()), tune.notes)
        for chorus in range(3):
            inside = melody[melody["start"] // CHORUS == chorus]
            last = inside[-1]
            assert last["pitch"] % 12 == 0 and last["start"] % CHORUS < 11 * 8  # on the root, then a bar of rest
            assert inside["length"].sum() < 0.9 * CHORUS
        assert (tune.metres, tune.length, [part.name for part in tune.parts]) == (
            (Metre(0, 4, 4),), 3 * CHORUS, ["melody", "chords"],
        )  # fmt: skip
        names = [each.symbol for each in tune.chords]
        assert names[:4] == ["C7", "F7", "C7", "Gm7"] and all(a != b for a, b in zip(names, names[1:], strict=False))


def test_every_chorus_is_another_and_a_seed_makes_the_same(tunes: list[Tune]) -> None:
    choruses = set()
    for tune in tunes:
        melody = tune.notes[tune.notes["part"] == MELODY]
        for chorus in range(3):
            part = melody[melody["start"] // CHORUS == chorus]
            choruses.add(tuple((part["start"] % CHORUS * 128 + part["pitch"]).tolist()))
    assert len(choruses) == 36
    assert all(np.array_equal(a.notes, b.notes) for a, b in zip(tunes, corpus(12, 5), strict=True))
    assert np.array_equal(next(corpus(1, 5)).notes, tunes[0].notes)
    assert not np.array_equal(next(corpus(1, 6)).notes, tunes[0].notes)


def test_chords_alone() -> None:
    tune = chords_alone(2)
    assert len(tune) == 2 * 24 * 4 and tune.length == 2 * CHORUS and set(tune.notes["part"].tolist()) == {CHORDS}
    assert bars_held(tune).tolist() == [True] * 24
    assert np.isnan(fit([tune]).fitting)


def test_what_does_not_hold_the_form_is_seen(tunes: list[Tune]) -> None:
    tune = tunes[0]
    low = tune.notes["pitch"] < SPLIT
    gone = np.flatnonzero(low & (tune.notes["start"] // 8 == 5))[0]
    expected = np.arange(36) != 5
    assert np.array_equal(bars_held(without(tune, np.arange(len(tune)) != gone)), expected)
    more = tune.notes.copy()
    more["pitch"][gone] = 49  # C#, which F#dim7 has not
    assert np.array_equal(bars_held(replace(tune, notes=more)), expected)
    late = tune.notes.copy()
    late["start"] += 8
    wrong = ~bars_held(replace(tune, notes=late[late["start"] < tune.length]))
    assert wrong[0] and wrong.sum() > 20  # a bar late: only where the form repeats itself is it right
    other = tune.notes.copy()
    other["pitch"][~low] += 1
    found = fit([replace(tune, notes=other)])
    assert found.fitting < 0.7 and found.strong < 0.7 and found.repeated == 1
    moved = tune.notes.copy()
    moved["start"][np.flatnonzero(~low & (tune.notes["start"] < 8))[0]] += 1
    assert fit([replace(tune, notes=moved)]).repeated < 1
    with pytest.raises(ValueError, match="ticks"):
        bars_held(rescaled(tune, 24))


@pytest.mark.parametrize("key", KEYS)
def test_any_key(tunes: list[Tune], key: int) -> None:
    tune = transposed(tunes[1], key)
    assert key_of(tune) == key and bars_held(tune, key).all()
    assert fit([tune], key).strong == 1


def test_arranged(tunes: list[Tune]) -> None:
    tune = transposed(tunes[2], 3)
    bare = tune.notes.copy()
    bare["part"] = 0
    found = arranged(replace(tune, notes=bare), 3, "A blues")
    assert found.notes["part"].tolist() == tune.notes["part"].tolist()
    assert [each.symbol for each in islice(found.chords, 2)] == ["Eb7", "Ab7"] and found.keys[0].tonic == 3
    assert found.seconds == tune.seconds and found.bar * 36 == found.length
    begins = {int(each) % found.ticks for each in found.notes["start"]}
    assert begins == {0, 2}  # thirds of a quarter: swung
    assert found.notes["length"].min() >= 1 and (found.notes["start"] + found.notes["length"]).max() <= found.length
    assert len({(HALF * found.ticks // GRID) * n for n in range(3)} & {each.tick for each in found.chords}) > 1
