"""Tunes made at random for round trips, and what is compared of them."""

import io
from fractions import Fraction
from pathlib import PurePath

import numpy as np
from hypothesis import strategies as st

from rhapsode.files.refusals import Refusals
from rhapsode.files.source import Source
from rhapsode.modalities.music.tune import NOTE, Chord, Key, Metre, Part, Tempo, Tune, separate


def source(data, name="x"):
    data = data.encode() if isinstance(data, str) else data
    return Source(name, PurePath(name), lambda: io.BytesIO(data), lambda path: None)


def read(format, data):
    """(tunes, refusals) of some bytes or text."""
    refused = Refusals()
    return list(format.read(source(data), refused)), refused


def sounding(tune):
    """(start, length, pitch, part) of its notes, in quarters."""
    return [
        (
            Fraction(int(note["start"]), tune.ticks),
            Fraction(int(note["length"]), tune.ticks),
            note["pitch"],
            note["part"],
        )
        for note in tune.notes
    ]


def marks(tune):
    """Its chords, keys and metres, in quarters."""
    return (
        [(Fraction(each.tick, tune.ticks), each.symbol) for each in tune.chords],
        [(Fraction(each.tick, tune.ticks), each.sharps, each.mode) for each in tune.keys],
        [(Fraction(each.tick, tune.ticks), each.beats, each.unit) for each in tune.metres],
    )


@st.composite
def tunes(draw, chords=True, step=10):
    """Notes on a grid of `step` ticks out of 480, in up to three parts, some with a pick-up."""
    beats, unit = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (5, 8), (2, 2)]))
    bar = 480 * 4 * beats // unit
    parts = draw(st.lists(st.builds(Part, st.sampled_from(["", "Flute"]), st.integers(0, 127)), min_size=1, max_size=3))
    count = bar * 3 // step
    note = st.tuples(st.integers(0, count), st.integers(1, 2 * 480 // step), st.integers(1, 126), st.just(80))
    rows = draw(st.lists(st.tuples(note, st.integers(0, len(parts) - 1)), min_size=1, max_size=12))
    found = np.array([(*row, part) for row, part in rows], NOTE)
    found["start"] *= step
    found["length"] *= step
    # Something in each part and in the second bar: a part that never sounds is none, a lone short bar no pick-up.
    found = np.concatenate([found, np.array([(bar, 480, 60, 80, part) for part in range(len(parts))], NOTE)])
    found = separate(found)
    end = int((found["start"] + found["length"]).max())
    symbols = st.sampled_from(["C", "Am7", "F#m7b5", "Bb/D", "G7sus4", ""])
    written = draw(st.dictionaries(st.integers(0, 2), symbols, max_size=3)) if chords else {}
    return Tune(
        found,
        480,
        -(-end // bar) * bar,
        tuple(parts),
        (Metre(0, beats, unit),),
        (Key(0, draw(st.integers(-6, 5)), draw(st.sampled_from([0, 2, 9]))),),
        (Tempo(0, 90.0),),
        tuple(Chord(at * bar, symbol) for at, symbol in sorted(written.items()) if at * bar < end),
        "A tune",
        "made",
    )
