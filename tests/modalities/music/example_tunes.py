"""Tunes made up for tests, and to be listened to and looked at."""

from __future__ import annotations

from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune, notes

Q = 12
"""Ticks in a quarter."""


def one(pitch: int = 69, velocity: int = 100, quarters: int = 2, program: int = 0, drums: bool = False) -> Tune:
    """A single note."""
    rows = [(0, quarters * Q, pitch, velocity, 0)]
    return Tune(notes(rows), Q, quarters * Q, (Part("", program, drums),))


def chorale() -> Tune:
    """Eight bars in four voices, with an upbeat."""
    voices = {
        "Soprano": "67 72 71 72 74 76 74 72 71 72 74 76 77 76 74 72 71 69 71 72 74 76 74 72 72 71 72",
        "Alto": "64 64 67 67 67 67 67 64 67 67 67 67 69 67 67 64 67 65 67 67 67 67 65 64 67 67 67",
        "Tenor": "60 60 62 64 59 60 59 60 62 64 59 60 60 60 59 60 62 60 62 60 59 60 57 57 64 62 64",
        "Bass": "48 45 43 48 47 48 43 45 43 48 47 48 41 48 43 45 43 41 43 48 47 48 50 45 43 43 36",
    }
    rows = []
    for part, pitches in enumerate(voices.values()):
        for at, pitch in enumerate(pitches.split()):
            long = 2 if at == 26 else 1
            rows.append((at * Q, long * Q, int(pitch), 70 + 8 * (at % 4 == 1), part))
    programs = (52, 52, 52, 52)
    return Tune(
        notes(rows),
        Q,
        28 * Q,
        tuple(Part(name, program) for name, program in zip(voices, programs, strict=True)),
        metres=(Metre(Q, 4, 4),),
        keys=(Key(0, 0),),
        tempos=(Tempo(0, 84.0), Tempo(25 * Q, 60.0)),
        title="Chorale for a test",
    )


def blues() -> Tune:
    """Twelve bars of melody, walking bass and drums, with chords."""
    symbols = ["C7", "F7", "C7", "C7", "F7", "F7", "C7", "C7", "G7", "F7", "C7", "G7"]
    roots = {"C7": 36, "F7": 41, "G7": 43}
    rows = []
    for bar, symbol in enumerate(symbols):
        begin, root = bar * 4 * Q, roots[symbol]
        for beat, step in enumerate((0, 4, 7, 9) if bar % 2 else (0, 7, 10, 4)):
            rows.append((begin + beat * Q, Q, root + step, 88 + 8 * (beat % 2 == 0), 1))
        for beat in range(4):
            rows.append((begin + beat * Q, 2, 51, 70 + 20 * (beat % 2), 2))
            rows.append((begin + beat * Q + 8, 2, 51, 50, 2))
            rows.append((begin + beat * Q, 2, 38 if beat % 2 else 36, 75, 2))
        for offset, length, step, velocity in ((0, 8, 12, 96), (8, 4, 15, 70), (12, 8, 16, 104), (20, 4, 19, 72),
                                               (24, 20, 22 if bar % 2 else 21, 110)):  # fmt: skip
            rows.append((begin + offset, length, root + step + 12, velocity, 0))
    return Tune(
        notes(rows),
        Q,
        48 * Q,
        (Part("Melody", 66), Part("Bass", 32), Part("Drums", 0, drums=True)),
        metres=(Metre(0, 4, 4),),
        keys=(Key(0, -1, 7),),
        tempos=(Tempo(0, 116.0),),
        chords=tuple(Chord(bar * 4 * Q, symbol) for bar, symbol in enumerate(symbols)),
        title="Blues & test <12 bars>",
    )
