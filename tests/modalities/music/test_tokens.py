"""The codecs abc and performance: what their tokens say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.music.codecs._abc_tokens import END, AbcSign
from rhapsode.modalities.music.codecs.abc import Abc
from rhapsode.modalities.music.codecs.performance import Performance
from rhapsode.modalities.music.formats import abc
from rhapsode.modalities.music.tune import Chord, Key, Metre, Tempo, Tune, notes
from tests.modalities.music.score import Q, lead


def waltz() -> Tune:
    """Two bars in G: a black key, a triplet, a rest, a change of chord under a note, a note held over the bar line."""
    rows = [(0, 24, 67, 80, 0), (24, 8, 70, 80, 0), (32, 8, 69, 80, 0), (40, 8, 67, 80, 0), (48, 48, 66, 80, 0)]
    rows += [(108, 36, 74, 80, 0)]
    changes = (Chord(0, "G"), Chord(72, "D7"), Chord(120, ""))
    return Tune(notes(rows), Q, 144, metres=(Metre(0, 3, 4),), keys=(Key(0, 1),), chords=changes)


def text(codec: Abc, steps: np.ndarray) -> str:
    tokens = [codec.vocabulary.tokens[n] for n in steps.tolist()]
    return codec.vocabulary.text(tokens, codec.usual.tempo)


def test_tokens_are_abc() -> None:
    codec = Abc.fit(lambda: iter([waltz()]))
    steps = codec.encode(waltz())
    music = text(codec, steps).splitlines()[-1].strip()
    assert music == ('[M:3/4] [K:C] "C" c2 _e2/3 d2/3 c2/3 B2- | "G7" B2 z g- "N.C." g2 |]')
    [shown] = [line for line in codec.show(codec.decode(steps)).splitlines() if line.startswith('"')]
    assert shown == '"C"c4 (3_e2d2c2 B4-|"G7"B4 z2g2- "^N.C."g4|]'


def test_all_tokens_are_read_as_they_are_meant() -> None:
    """Each note of the range with each length, under each chord."""
    codec = Abc.fit(lambda: iter([lead(n) for n in range(3)]))
    vocabulary = codec.vocabulary
    for n, token in enumerate(vocabulary.tokens):
        if token.sign != AbcSign.NOTE or token.value < 3:
            continue
        for m, length in enumerate(vocabulary.tokens):
            if length.sign == AbcSign.LENGTH:
                tune = codec.decode(np.array([n, m, n, m]))
                pitch = codec.repertoire.lowest + token.value - 3
                expected = [(0, length.value, pitch), (length.value, length.value, pitch)]
                assert tune.notes[["start", "length", "pitch"]].tolist() == expected
    for n, token in enumerate(vocabulary.tokens):
        if token.sign == AbcSign.CHORD:
            tune = abc.loads(text(codec, np.array([n, *codec.encode(lead(0), whole=False)[3:]])))
            assert tune.chords[0] == Chord(0, codec.repertoire.harmonies[token.value])


def test_what_is_no_grammar_is_read_all_the_same() -> None:
    codec = Abc.fit(lambda: iter([lead(n) for n in range(3)]))
    number = codec.vocabulary.number
    lengths = [n for token, n in number.items() if token.sign == AbcSign.LENGTH]
    bar, end, tie = range(3)
    note = 4
    for steps in (
        [bar, lengths[0], lengths[1]],
        [tie, tie, bar, tie, note],
        [bar, bar, end, note],
        [note, note, tie, bar],
    ):
        tune = codec.decode(np.array(steps))
        assert len(tune) == sum(step == note for step in steps[: steps.index(end) if end in steps else None])
    assert codec.ends(np.int64(number[END])) and not codec.ends(np.int64(bar))


def test_what_abc_refuses() -> None:
    codec = Abc.fit(lambda: iter([lead(n) for n in range(3)]))
    double = replace(lead(0), notes=notes([(0, 24, 62, 80, 0), (0, 24, 69, 80, 0)]))
    assert codec.refusal(double) == "with several notes at once"
    assert "metre" in codec.refusal(replace(lead(0), metres=(Metre(0, 5, 8),)))
    with pytest.raises(UserError, match="one note at a time"):
        Abc.fit(lambda: iter([double]))
    mixed = Abc.fit(lambda: iter([double, lead(0)]))
    assert mixed.to_json() == Abc.fit(lambda: iter([lead(0)])).to_json()


def played() -> Tune:
    """At 60 quarters a minute, then at 120: two notes together, one of them struck again, and a long rest."""
    rows = [(0, 100, 60, 64, 0), (0, 50, 64, 64, 0), (50, 50, 64, 100, 0), (100, 10, 64, 100, 0)]
    return Tune(notes(rows), 100, 500, tempos=(Tempo(0, 60.0), Tempo(100, 120.0)))


def test_events() -> None:
    codec = Performance.fit(lambda: iter([played()]))
    steps = codec.encode(played())
    down, up, loud = codec.down, codec.up, 101
    assert (codec.levels, codec.steps.size) == ([16, 25], 101 + 2 + 5 + 5)
    expected = [loud, down, down + 4, 50, up + 4, loud + 1, down + 4, 50, up, up + 4, down + 4, 5, up + 4, 100, 95, 0]
    assert steps.tolist() == expected
    tune = codec.decode(steps)
    assert tune.notes["velocity"].tolist() == [65, 65, 101, 101] and tune.seconds == 3.0
    assert tune.time(tune.notes["start"]).tolist() == [0, 0, 0.5, 1.0]


def test_no_note_is_stuck() -> None:
    codec = Performance.fit(lambda: iter([played()]))
    down, up = codec.down, codec.up
    tune = codec.decode(np.array([up + 2, down, 10, down, 10, down + 4, up + 3, 5, 0, down + 1, 7]))
    assert tune.notes[["start", "length", "pitch"]].tolist() == [(0, 10, 60), (10, 15, 60), (20, 5, 64)]
    assert tune.length == 25
    assert len(codec.decode(np.array([down, up, down, 3]))) == 1  # what has no length is no note
