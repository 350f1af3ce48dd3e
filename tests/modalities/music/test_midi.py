import pytest
from hypothesis import given, settings
from symusic import core

from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.music.formats import midi
from rhapsode.modalities.music.tune import Key, Metre, Part, Tempo
from tests.modalities.music.tunes import marks, read, sounding, source, tunes


@given(tunes(chords=False))
@settings(deadline=None, max_examples=40)
def test_there_and_back(tune):
    (back,), _ = read(midi, midi.dumps(tune))
    assert sounding(back) == sounding(tune) and back.tempos == tune.tempos
    assert marks(back)[2] == marks(tune)[2] and back.parts == tune.parts and back.ticks == tune.ticks
    assert back.keys[0].sharps == tune.keys[0].sharps and back.keys[0].mode == {2: 0}.get(*[tune.keys[0].mode] * 2)


def made(**more):
    score = core.ScoreTick(96)
    track = core.TrackTick("Bass", 32, False)
    for note in [(0, 96, 60, 90), (48, 96, 60, 80), (96, 0, 64, 70), (96, 0, 64, 60)]:
        track.notes.append(core.NoteTick(*note))
    score.tracks.append(track)
    drums = core.TrackTick("Kit", 0, True)
    drums.notes.append(core.NoteTick(0, 10, 36, 100))
    score.tracks.append(drums)
    score.tracks.append(core.TrackTick("Silent", 1, False))
    return score


def test_overlaps_and_notes_of_no_length():
    (tune,), _ = read(midi, made().dumps_midi())
    assert tune.parts == (Part("Bass", 32), Part("Kit", 0, True)) and tune.ticks == 96
    assert [(n["start"], n["length"], n["pitch"]) for n in tune.notes] == [
        (0, 10, 36),
        (0, 48, 60),
        (48, 96, 60),
        (96, 1, 64),
    ]
    assert tune.length == 144 and tune.metres == tune.keys == tune.tempos == ()


def test_marks_that_repeat_what_holds_are_dropped():
    score = made()
    for tick, beats in ((0, 3), (288, 3), (300, 3), (1000, 4)):
        score.time_signatures.append(core.TimeSignatureTick(tick, beats, 4))
    for tick, key, minor in ((0, -2, 1), (50, -2, 1), (90, 1, 0)):
        score.key_signatures.append(core.KeySignatureTick(tick, key, minor))
    for tick, pace in ((0, 100.0), (10, 100.0), (20, 90.5)):
        score.tempos.append(core.TempoTick(tick, pace))
    (tune,), _ = read(midi, score.dumps_midi())
    assert tune.metres == (Metre(0, 3, 4), Metre(300, 3, 4), Metre(1000, 4, 4))
    assert tune.keys == (Key(0, -2, 9), Key(90, 1, 0)) and tune.tempos == (Tempo(0, 100.0), Tempo(20, 90.5))


def test_what_is_damaged_is_refused():
    data = made().dumps_midi()
    for bad in (data[:40], data[:10], b"MThd" + data[4:13], b"MThd\0\0\0\6\0\1\0\1\xe7\x28MTrk\0\0\0\4\0\xff\x2f\0"):
        with pytest.raises(UserError, match="x: a damaged MIDI file"):
            list(midi.read(source(bad), Refusals()))
    with pytest.raises(UserError, match="no ticks"):
        list(midi.read(source(b"MThd\0\0\0\6\0\1\0\1\0\0MTrk\0\0\0\4\0\xff\x2f\0"), Refusals()))
    assert read(midi, core.ScoreTick(96).dumps_midi())[1].skipped == {"no notes": 1}
