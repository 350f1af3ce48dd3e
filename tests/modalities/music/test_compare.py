"""Sets of tunes that are alike, and sets that are not, each measure by what it is for."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.music.compare import compare
from rhapsode.modalities.music.measures import FAULTS, HISTOGRAMS, MEANS, SHARES, Terms, measured, overlap
from rhapsode.modalities.music.panels import picture
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tune, notes
from rhapsode.modalities.music.voices import errors, four_voices

TERMS = Terms(keys=True, parts=True, grid=4)


def line(rows, bars=2, **known):
    """(start, length, pitch) each, in quarters of 4 ticks."""
    given = notes([(int(4 * start), int(4 * length), pitch, 80, 0) for start, length, pitch in rows])
    return replace(Tune(given, 4, 16 * bars, metres=(Metre(0, 4, 4),), keys=(Key(0, 0),)), **known)


def rate(name, tune, terms=TERMS):
    return measured(tune, terms).rate(name)


def walk(seed, quarters=(1.0, 0.5)):
    """8 bars about a scale of its own: a bar of quarters, the next of eighths, and both again."""
    chance = np.random.default_rng(seed)
    tonic, rows, place = int(chance.integers(12)), [], 7
    for bar in range(4):
        length = quarters[bar % 2]
        for at in np.arange(0, 4, length):
            place = int(np.clip(place + chance.integers(-2, 3), 0, 14))
            pitch = 60 + tonic + 12 * (place // 7) + (0, 2, 4, 5, 7, 9, 11)[place % 7]
            rows += [(4 * bar + at, length, pitch), (4 * bar + 16 + at, length, pitch)]
    return line(rows, 8, keys=(Key(0, (7 * tonic + 5) % 12 - 5),), name=str(seed))


def test_alike_and_not():
    held, alike = [walk(n) for n in range(20)], [walk(n) for n in range(20, 40)]
    chance = np.random.default_rng(0)
    random = [replace(tune, notes=tune.notes.copy()) for tune in alike]
    for tune in random:
        tune.notes["pitch"] = chance.integers(50, 90, len(tune))
        tune.notes["length"] = chance.integers(1, 9, len(tune))
        tune.notes["start"] = np.sort(chance.integers(0, 128, len(tune)))
    good, bad = compare(alike, held, copied=len), compare(random, held, reference=alike, copied=len)
    assert good.terms == bad.terms == Terms(keys=True, parts=False, grid=2)
    for name in HISTOGRAMS:
        assert good.overlaps[name]["generated"] > good.overlaps[name]["halves"] - 0.05 > 0.8, name
        assert bad.overlaps[name]["generated"] < bad.overlaps[name]["halves"] - 0.1, name
        assert bad.overlaps[name]["reference"] == good.overlaps[name]["generated"]
    for name in ("repeated_bars", "downbeats", "on_grid", "groove", "entropy_1", "pitch_classes_per_bar"):
        row = good.rates[name]
        assert abs(row["generated"] - row["held-out"]) <= 3 * row["halves"] + 1e-9, name
        row = bad.rates[name]
        assert abs(row["generated"] - row["held-out"]) > 3 * row["halves"], name
    assert good.rates["copied"]["generated"] == good.rates["notes_per_bar"]["generated"] * 8
    assert not {"chord_tones", *FAULTS} & good.rates.keys()


def test_the_report():
    found = compare([walk(0)], [walk(1)])
    assert found.overlaps["lengths"] == {"generated": 1.0, "halves": None}
    lines = list(found.lines())
    assert lines[0] == "tunes: 1 generated, 1 held-out" and "as the tunes say" in lines[1]
    assert any(each.split()[-2:] == ["1.000", "–"] for each in lines) and all(len(each) < 120 for each in lines)
    assert "tonics estimated" in str(compare([walk(0)], [replace(walk(1), keys=())]))
    again = json.loads(json.dumps(found.to_json()))
    assert again["tunes"] == {"generated": 1, "held-out": 1} and set(again["overlaps"]) == set(HISTOGRAMS)
    assert set(again["rates"]) <= {*MEANS, *SHARES, *FAULTS}
    for each in (found, compare([line([(0, 1, 60)])], [line([(0, 1, 60)])])):
        assert picture(each).startswith(b"\x89PNG")


def test_nothing_to_compare():
    with pytest.raises(UserError, match="the generated tunes have no notes"):
        compare([], [walk(0)])
    with pytest.raises(UserError, match="the held-out tunes have no notes"):
        compare([walk(0)], [line([])])
    assert compare([walk(0), line([], 0)], [walk(1), line([], 3)]).tunes == {"generated": 2, "held-out": 2}


def test_overlap():
    assert overlap(Counter("aabb"), Counter("ab")) == 1 and overlap(Counter("a"), Counter("b")) == 0
    assert overlap(Counter("aaab"), Counter("bb")) == 0.25 and overlap(Counter(), Counter("a")) == 0


def test_pitch_classes_are_above_the_tonic_and_drums_are_no_notes():
    tune = line([(0, 1, 62), (1, 1, 66), (2, 1, 74)], keys=(Key(0, 2),))
    drums = replace(tune, notes=notes([*tune.notes.tolist(), (0, 4, 36, 80, 1)]), parts=(Part(), Part(drums=True)))
    for each in (tune, drums):
        assert measured(each, TERMS).histograms["pitch_classes"] == {0: 2, 4: 1}
        assert measured(each, TERMS).histograms["intervals"] == {4: 1, 8: 1}
        assert measured(each, TERMS).histograms["density"] == {3: 1, 0: 1}
    guessed = line([(n, 1, 60 + at) for n, at in enumerate((7, 9, 11, 12, 14, 16, 18, 19, 7))], 3, keys=())
    assert measured(guessed, Terms(False, True, 4)).histograms["pitch_classes"][0] == 3


def test_lengths_and_onsets_are_in_twelfths_of_a_quarter():
    found = measured(line([(0, 0.25, 60), (4.5, 1.5, 60)]), TERMS).histograms
    assert found["lengths"] == {3: 1, 18: 1} and found["onsets"] == {0: 1, 6: 1}
    third = Tune(notes([(160, 160, 60, 80, 0)]), 480, 1920)
    assert measured(third, TERMS).histograms["onsets"] == {4: 1}


def test_bars():
    tune = line([(0, 1, 60), (1, 1, 62), (4, 1, 60), (5, 1, 62), (8.5, 1, 60)], 4)
    shares = {name: rate(name, tune) for name in SHARES}
    assert shares["full_bars"] == 1 and shares["empty_bars"] == 1 / 4 and shares["downbeats"] == 2 / 3
    assert shares["repeated_bars"] == 1 / 3 and shares["chord_tones"] is None
    assert rate("notes_per_bar", tune) == 5 / 4 and rate("pitch_classes_per_bar", tune) == 5 / 3
    assert rate("entropy_1", tune) == pytest.approx(2 / 3)
    assert rate("entropy_4", tune) == pytest.approx(-0.6 * np.log2(0.6) - 0.4 * np.log2(0.4))
    # Of 16 places, 0 and 4 in two bars, then 2, then none.
    assert rate("groove", tune) == pytest.approx((1 + 13 / 16 + 15 / 16) / 3)
    cut = replace(tune, length=54, metres=(Metre(0, 4, 4), Metre(24, 4, 4)))
    assert rate("full_bars", cut) == 2 / 4
    assert rate("on_grid", tune) == 1 and rate("on_grid", tune, replace(TERMS, grid=1)) == 4 / 5
    assert rate("on_grid", tune, replace(TERMS, grid=None)) is None


def test_chords():
    tune = line(
        [(0, 1, 60), (1, 1, 64), (2, 1, 62), (3, 1, 61), (4, 1, 61), (5, 1, 61), (6, 1, 59)],
        chords=(Chord(0, "C"), Chord(16, ""), Chord(20, "nonsense"), Chord(24, "G/B")),
    )
    assert rate("chord_tones", tune) == 3 / 5 and rate("out_of_scale", tune) == 1 / 5


def test_voice_leading():
    # Soprano to bass: the alto keeps a fifth to tenor and bass, the others octaves to one another.
    chords = np.array([[72, 67, 60, 48], [74, 69, 62, 50], [74, 69, 62, 50], [-1, 69, 62, 50], [74, 69, 62, 50]])
    assert errors(chords) == (
        {"parallel_fifths": 2, "parallel_octaves": 3, "crossings": 0, "leaps": 0, "spacings": 0},
        1,
    )
    chords = np.array([[72, 67, 64, 48], [76, 67, 64, 48], [60, 67, 52, 48]])
    assert errors(chords) == (
        {"parallel_fifths": 0, "parallel_octaves": 0, "crossings": 1, "leaps": 1, "spacings": 1},
        2,
    )
    # Contrary motion to a fifth, and a fifth that is kept, are allowed.
    chords = np.array([[72, 67, 60, 53], [72, 67, 60, 52], [71, 67, 62, 55]])
    assert errors(chords)[0]["parallel_fifths"] == 0


def test_voices_are_parts_or_told_by_pitch():
    rows = [(0, 4, 60, 80, 0), (4, 4, 62, 80, 0), (0, 8, 67, 80, 1), (0, 8, 72, 80, 2), (0, 4, 55, 80, 3)]
    tune = Tune(notes([*rows, (6, 2, 66, 80, 3)]), 4, 8, (Part(),) * 4)
    by_part = four_voices(tune, parts=True)
    assert by_part.tolist() == [[72, 67, 60, 55], [72, 67, 62, -1], [72, 67, 62, 66]]
    by_pitch = four_voices(replace(tune, parts=(Part(),)), parts=False)
    assert by_pitch.tolist() == [[72, 67, 60, 55], [-1] * 4, [72, 67, 66, 62]]
    assert four_voices(walk(0), parts=True) is None and four_voices(walk(0), parts=False) is None
    assert four_voices(line([]), parts=False) is None
    whole = replace(tune, notes=notes([*rows, (4, 4, 64, 80, 3)]))
    assert rate("crossings", whole) == 100 and rate("crossings", whole, replace(TERMS, parts=False)) is None
    assert rate("leaps", whole, replace(TERMS, parts=False)) == 0
