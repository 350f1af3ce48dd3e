"""Small tunes for several instruments with drums."""

from __future__ import annotations

import numpy as np

from rhapsode.modalities.music.tune import Key, Metre, Part, Tempo, Tune, notes

Q = 24
"""Ticks of a quarter."""
BARS = 4
DRUMS = Part("kit", drums=True)


def beat(number: int = 0, bars: int = BARS) -> Tune:
    """Drums alone: kick on one and three, snare on two and four, hats of some loudness."""
    random = np.random.default_rng(number)
    rows = []
    for at in range(0, bars * 4 * Q, Q):
        rows.append((at, Q // 4, 36 if at // Q % 2 == 0 else 38, 100, 0))
        rows += [(at + half, Q // 4, 42, int(random.integers(50, 90)), 0) for half in (0, Q // 2)]
    return Tune(
        notes(rows), Q, bars * 4 * Q, (DRUMS,), (Metre(0, 4, 4),), (), (Tempo(0, 100.0),), name=f"beat {number}"
    )


def band(number: int = 0) -> Tune:
    """Flute, two violins, bass and drums in B flat: two bars of 4/4, then two of 3/4 that are slower."""
    random = np.random.default_rng(number)
    rows = list(beat(number, 2).notes[["start", "length", "pitch", "velocity", "part"]].tolist())
    rows = [(*row[:4], 3) for row in rows]
    at, end = 0, 2 * 4 * Q + 2 * 3 * Q
    while at < end:
        length = min(int(random.choice([Q // 4, Q // 2, Q, 2 * Q])), end - at)
        pitch = 70 + int(random.choice([0, 2, 4, 5, 7, 9, 11]))
        rows += [(at, length, pitch, int(random.integers(60, 110)), 0), (at, length, pitch - 12, 70, 1)]
        if at % Q == 0:
            rows += [(at, Q // 2, pitch - 24, 64, 2), (at, Q, 34, 90, 4)]
        at += length
    parts = (Part("flute", 73), Part("violin", 40), Part("violin", 40), DRUMS, Part("bass", 33))
    metres, tempos = (Metre(0, 4, 4), Metre(8 * Q, 3, 4)), (Tempo(0, 120.0), Tempo(8 * Q, 90.0))
    return Tune(notes(rows), Q, end, parts, metres, (Key(0, -2),), tempos, name=f"band {number}")
