import json
from dataclasses import replace

import numpy as np

from rhapsode.files.refusals import Refusals
from rhapsode.modalities.music.describe import describe
from rhapsode.modalities.music.tune import NOTE, Chord, Key, Metre, Part, Tempo, Tune, notes

TUNE = Tune(
    notes([(480 * at, 480, 60 + at, 80, 0) for at in range(15)] + [(7200, 320, 60, 80, 0), (7520, 160, 36, 80, 1)]),
    480,
    7680,
    (Part(), Part("Kit", 0, True)),
    (Metre(0, 4, 4),),
    (Key(0, 0, 2),),
    (Tempo(0, 60.0),),
    (Chord(0, "Dm7"), Chord(960, "Foo"), Chord(1440, "")),
)


def test_counts():
    refused = Refusals()
    refused.skip("no notes", "b.abc#2")
    found = describe([TUNE, replace(TUNE, keys=(), chords=(), metres=(*TUNE.metres, Metre(1920, 3, 4)))], refused)
    assert (found.tunes, found.notes, found.notes_per_tune) == (2, 34, (17, 17, 17))
    assert found.bars_per_tune == (4, 4, 4) and found.seconds_per_tune == (16, 16, 16) and found.tempos == (60, 60, 60)
    assert found.metres == {"4/4": 2} and found.metre_changes == 1 and found.keys == {"Ddor": 1, "none": 1}
    assert found.pitches == (60, 74) and found.lengths == {"1": 30, "2/3": 2, "1/3": 2}
    assert found.polyphony == {1: 2} and found.parts == {2: 2} and found.drums == 2 and found.grid == 3
    assert found.instruments == {"Acoustic Grand Piano": 32, "Drums": 2}
    assert found.moved == {4: 2 / 34, 12: 0, 24: 0}
    assert found.chords == {"Dm7": 1, "Foo": 1, "": 1} and found.unknown_chords == {"Foo": 1}
    assert found.skipped == {"no notes": 1} and json.loads(json.dumps(found.to_json()))["tunes"] == 2
    text = str(found)
    assert "notes moved     by rounding their beginnings: to 4 steps 5.9 %\n" in text
    assert "pitches         C4 … D5 (60 … 74)" in text and "warning: 1 skipped: no notes (b.abc#2)." in text
    assert "chords          3, of 3 kinds: Dm7 1  Foo 1  none 1" in text and "no known meaning: Foo 1" in text


def test_notes_off_the_grid_are_told_of():
    starts = np.random.default_rng(0).integers(0, 7000, 100)
    rows = np.zeros(100, NOTE)
    rows["start"], rows["length"], rows["pitch"], rows["velocity"] = np.sort(starts), 5, 60, 80
    found = describe([replace(TUNE, notes=rows)])
    assert found.grid is None and any("played, not written" in each for each in found.warnings)


def test_nothing_to_describe():
    assert describe([]).warnings == ("there are no tunes.",) and "tunes           0" in str(describe([]))
    empty = describe([Tune(notes([]), 480, 0)])
    assert (
        empty.grid is None and empty.pitches is None and any("shorter than 4 bars" in each for each in empty.warnings)
    )
