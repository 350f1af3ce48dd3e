"""The form of the blues that `music.blues` makes, and how well a tune holds it.

Twelve bars as bebop plays them. In C, a chord for each half bar:

    C7     C7     | F7     F7     | C7     C7     | Gm7    C7     |
    F7     F7     | F#dim7 F#dim7 | C7     C7     | Em7b5  A7     |
    Dm7    Dm7    | G7     G7     | C7     C7     | Dm7    G7     |

Eck & Schmidhuber ("A First Look at Music Composition using LSTM Recurrent Neural Networks", IDSIA-07-02, 2002) had a
form of that kind, of 8 steps a bar and 96 a chorus, with chords in one octave and a pentatonic melody above. This one
is our own.

Keys are semitones from C to the tonic, -5 to 6; all pitches move with them. Tunes that are measured have frames of an
eighth, `GRID` ticks in a quarter, and begin where the form does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rhapsode.modalities.music import chords as symbols
from rhapsode.modalities.music.pitch import shifted
from rhapsode.modalities.music.tune import Tune

FORM = (
    *("C7", "C7", "F7", "F7", "C7", "C7", "Gm7", "C7"),
    *("F7", "F7", "F#dim7", "F#dim7", "C7", "C7", "Em7b5", "A7"),
    *("Dm7", "Dm7", "G7", "G7", "C7", "C7", "Dm7", "G7"),
)
"""The chord of each half bar, in C."""
GRID = 2
HALF, BAR = 4, 8
CHORUS = 12 * BAR
"""Frames of half a bar, a bar, a chorus."""
LOW, SPLIT = 48, 62
"""The lowest pitch of the chords' octave in C; melodies are above the other."""
SCALE = frozenset((0, 3, 5, 7, 10))
"""Pitch classes of melodies in C: minor pentatonic."""
KEYS = range(-5, 7)


@dataclass(frozen=True)
class Fit:
    """How a melody goes with the form. NaN where there is nothing to judge.

    notes:    how many there are.
    fitting:  the part of them that are in the scale, or in the chord of the half bar in which they begin.
    strong:   the part of those that begin with a half bar that are in its chord.
    repeated: the part of choruses' second lines that have the rhythm of the first, bar by bar.
    """

    notes: int
    fitting: float
    strong: float
    repeated: float


def form(key: int = 0) -> list[str]:
    """The chord of each half bar."""
    return [symbols.transposed(each, key, shifted(0, key)) for each in FORM]


def voicing(symbol: str, key: int = 0) -> list[int]:
    """The pitches of a chord in the 12 semitones from `LOW` of the key, lowest first."""
    low = LOW + key
    return sorted(low + (tone - low) % 12 for tone in symbols.parse(symbol).tones)


def bars_held(tune: Tune, key: int = 0) -> np.ndarray:
    """[bars] of bool: whether the low voices are the form's chords in every frame of the bar, and nothing else."""
    _check(tune)
    bars = tune.length // BAR
    low = np.zeros((bars * BAR, SPLIT + key), bool)
    for note in tune.notes[tune.notes["pitch"] < SPLIT + key]:
        low[note["start"] : note["start"] + note["length"], note["pitch"]] = True
    wanted = np.zeros((CHORUS, SPLIT + key), bool)
    for half, symbol in enumerate(form(key)):
        wanted[half * HALF : (half + 1) * HALF, voicing(symbol, key)] = True
    right = (low == wanted[np.arange(len(low)) % CHORUS]).all(axis=1)
    return np.asarray(right.reshape(bars, BAR).all(axis=1))


def key_of(tune: Tune) -> int:
    """The key in which it holds the form best; of those that are as good, the nearest to C."""
    return max(KEYS, key=lambda key: (int(bars_held(tune, key).sum()), -abs(key)))


def fit(tunes: Iterable[Tune], key: int = 0) -> Fit:
    """How melodies, which are all that is not below `SPLIT`, go with the form: of all tunes together."""
    chords = np.zeros((len(FORM), 12), bool)
    for half, symbol in enumerate(FORM):
        chords[half, list(symbols.parse(symbol).tones)] = True
    in_chord, in_scale, first, same = ([np.zeros(0, bool)] for _ in range(4))
    for tune in tunes:
        _check(tune)
        found = tune.notes[tune.notes["pitch"] >= SPLIT + key]
        begin, tone = found["start"], (found["pitch"] - key) % 12
        in_chord.append(chords[begin // HALF % len(FORM), tone])
        in_scale.append(np.isin(tone, list(SCALE)))
        first.append(begin % HALF == 0)
        whole = tune.length // CHORUS
        struck = np.zeros(max(tune.length, 1), bool)
        struck[begin] = True
        lines = struck[: whole * CHORUS].reshape(whole, 3, 4, BAR)
        same.append((lines[:, 0] == lines[:, 1]).all(axis=-1).reshape(-1))
    chord, scale, strong, repeated = map(np.concatenate, (in_chord, in_scale, first, same))
    return Fit(len(chord), _mean(chord | scale), _mean(chord[strong]), _mean(repeated))


def _mean(found: np.ndarray) -> float:
    return float(found.mean()) if found.size else float("nan")


def _check(tune: Tune) -> None:
    if tune.ticks != GRID:
        raise ValueError(f"{tune.ticks} ticks in a quarter; the form is measured in {GRID}")
