from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tunes import sounding, tunes

from rhapsode.errors import UserError
from rhapsode.music.tune import Chord, Key, Metre, Part, Tempo, Tune, notes, separate, transposed

SMALL = Tune(
    notes([(0, 480, 60, 80, 0), (0, 480, 36, 80, 1), (480, 240, 67, 80, 0)]),
    480,
    1920,
    (Part(), Part("Kit", 0, True)),
    (Metre(0, 4, 4),),
    (Key(0, 0, 9),),
    (Tempo(0, 60.0),),
    (Chord(0, "Am7/G"), Chord(960, "")),
    name="small",
)


def test_transposing_leaves_drums():
    moved = transposed(SMALL, 3)
    assert sorted(moved.notes["pitch"].tolist()) == [36, 63, 70]
    assert moved.keys == (Key(0, -3, 9),) and [each.symbol for each in moved.chords] == ["Cm7/Bb", ""]
    assert moved.keys[0].tonic == 0
    with pytest.raises(UserError, match=r"small: \+100 .* 160 … 167"):
        transposed(SMALL, 100)


@given(tunes(), st.integers(-1, 1))
@settings(deadline=None, max_examples=30)
def test_transposing_there_and_back(tune, semitones):
    back = transposed(transposed(tune, semitones), -semitones)
    assert sounding(back) == sounding(tune)
    assert [each.tonic for each in back.keys] == [each.tonic for each in tune.keys]


def test_separate():
    found = separate(notes([(0, 100, 60, 1, 0), (50, 10, 60, 2, 0), (50, 80, 60, 3, 0), (60, 0, 60, 4, 1)]))
    assert found.tolist() == [(0, 50, 60, 1, 0), (50, 80, 60, 3, 0), (60, 1, 60, 4, 1)]
    assert len(separate(notes([]))) == 0


@given(st.lists(st.tuples(*[st.integers(0, 8)] * 2, st.integers(60, 62), st.just(80), st.integers(0, 1)), max_size=20))
@settings(deadline=None, max_examples=30)
def test_separate_notes_never_sound_twice(rows):
    found = separate(notes(rows))
    assert set(zip(found["start"], found["pitch"], found["part"], strict=True)) == {(r[0], r[2], r[4]) for r in rows}
    times = np.zeros((2, 3, 20), int)
    for start, length, pitch, _, part in found.tolist():
        times[part, pitch - 60, start : start + length] += 1
    assert times.max(initial=0) <= 1 and np.array_equal(separate(found.copy()), found)


def test_bars():
    assert SMALL.bars() == [0]
    assert replace(SMALL, length=4000, metres=(Metre(0, 3, 4), Metre(2000, 2, 4))).bars() == [0, 1440, 2000, 2960, 3920]
    assert replace(SMALL, length=2000, metres=()).bars() == [0, 1920]
