from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.modalities.music.keys import natural
from rhapsode.modalities.music.line import melody
from rhapsode.modalities.music.tune import (
    Chord,
    Key,
    Metre,
    Part,
    Tempo,
    Tune,
    after,
    notes,
    rescaled,
    separate,
    transposed,
)
from tests.modalities.music.tunes import sounding, tunes

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
    assert moved.keys[0].tonic == 0 and transposed(SMALL, 12).chords == SMALL.chords
    flat, sharp = (transposed(SMALL, 6, keys) for keys in ((Key(0, -6, 9),), ()))
    assert [each.symbol for each in flat.chords] == ["Ebm7/Db", ""] and flat.keys == (Key(0, -6, 9),)
    assert [each.symbol for each in sharp.chords] == ["D#m7/C#", ""] and sharp.keys == (Key(0, 6, 9),)
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


def test_what_begins_after_a_tick() -> None:
    rows = notes([(0, 4, 60, 80, 0), (4, 4, 62, 80, 0), (8, 4, 64, 80, 0)])
    marks = (Chord(0, "C"), Chord(8, "G"))
    tune = Tune(rows, 4, 12, metres=(Metre(0, 1, 4),), chords=marks)
    assert after(tune, 0).chords == marks and len(after(tune, 0)) == 3
    later = after(tune, 4)
    assert (later.length, later.metres, later.chords) == (8, (Metre(0, 1, 4),), (Chord(0, "C"), Chord(4, "G")))
    assert later.notes["start"].tolist() == [0, 4] and after(tune, 8).chords == (Chord(0, "G"),)


def test_bars_end_with_the_tune() -> None:
    tune = Tune(notes([(0, 4, 60, 80, 0)]), 1, 16, metres=(Metre(0, 4, 4), Metre(400, 3, 4)))
    assert tune.bars() == [0, 4, 8, 12]
    assert rescaled(Tune(notes([(95, 1, 60, 80, 0)]), 24, 96), 4).length == 16  # its short last note adds no frame


def test_tunes_that_cannot_be_moved_stay() -> None:
    wide = Tune(notes([(0, 4, 1, 80, 0), (4, 4, 126, 80, 0)]), 4, 16, keys=(Key(0, 6),))
    assert natural(wide, 4).notes["pitch"].tolist() == [1, 126]


def test_one_note_at_a_time_stays_so_on_a_coarse_grid() -> None:
    lead = [(0, 1, 72, 80, 0), (1, 1, 74, 80, 0), (2, 22, 76, 80, 0)]
    tune = Tune(notes([*lead, (0, 12, 40, 80, 1), (12, 12, 43, 80, 1)]), 24, 24, (Part(), Part()))
    assert melody(natural(tune, 4))["pitch"].min() >= 72
