"""The blues by rule: tunes for those who have none, and a task for a network's memory.

Form and measures are those of `music.bluesform`. Chords lie in one low octave, so that they move little.
Above, in a register of its own, a melody has three lines a chorus, each a call and an answer of two bars. The second
line says the first again, over its own chords; the third is another, and comes to rest on the root. On the beats where
chords may change it has chord tones, between them it walks along the scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rhapsode.modalities.music import chords as symbols
from rhapsode.modalities.music.bluesform import BAR, CHORUS, FORM, GRID, HALF, SCALE, SPLIT, form, voicing
from rhapsode.modalities.music.pitch import shifted
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune, notes

PITCHES = tuple(pitch for pitch in range(65, 85) if pitch % 12 in SCALE)
"""Those that melodies use, in C."""
PARTS = (Part("melody", 66), Part("chords", 4))
MELODY, CHORDS = 0, 1
LOUD = (96, 58)
"""Velocities of the parts."""
TEMPO = 132.0
CALLS = ("x-xxx-x-", "xxxxx-x-", ".xxxx-x-", "x-x-xxx-", "..xxxxx-", ".xx-xxx-", "xxx-xx--", ".xxxxxxx", "x--xx-x-")
ANSWERS = ("x---....", "x-x---..", "xx---...", "xxx---..", "x-----..", ".xx---..", ".x---...", "xxxx--..")
CLOSES = ("x-----..", "xxx-x---", "x-x-x---", ".xx-x---", "xxxxx---")
SILENCE = "........"
"""Rhythms of a bar: x begins a note, - holds it, a dot is silence. After a close there is nothing more in a chorus."""
COMPING = ((0, 4), (0, 4, 7), (0, 3, 4), (0, 3, 4, 7))
"""Where in a bar chords are struck; they sound until they are struck again. One of these a chorus."""
MOVES, LIKELY = (1, 2, 0, -1), (0.64, 0.14, 0.06, 0.16)
"""Steps of the scale that a phrase goes in its direction."""

Row = tuple[int, int, int, int, int]


def corpus(count: int, seed: int, choruses: int = 3, shuffled: bool = False) -> Iterator[Tune]:
    """So many tunes in C, each of so many choruses that all differ; the same ones for the same seed.

    shuffled: each tune is over the bars of the form in an order of its own.
    """
    for number in range(count):
        random = np.random.default_rng([seed, number])
        over = tuple(FORM)
        if shuffled:
            over = tuple(chord for bar in random.permutation(12) for chord in FORM[2 * bar : 2 * bar + 2])
        rows: list[Row] = []
        for chorus in range(choruses):
            rows += _chords(chorus * CHORUS, COMPING[random.integers(len(COMPING))], over)
            rows += _melody(chorus * CHORUS, random, over)
        yield _tune(notes(rows), choruses * CHORUS, over, 0, f"Blues {number + 1}")


def chords_alone(choruses: int) -> Tune:
    """The form in C, so many times, and nothing else; each chord lasts half a bar."""
    rows = [row for n in range(choruses) for row in _chords(n * CHORUS, COMPING[0], FORM)]
    return _tune(notes(rows), choruses * CHORUS, FORM, 0, "Blues")


def arranged(tune: Tune, key: int, title: str) -> Tune:
    """Frames of an eighth, in which nothing is said of parts, played: melody and chords apart, and swung: the second
    eighth of a quarter begins at its last third."""
    found = tune.notes.copy()
    found["part"] = np.where(found["pitch"] < SPLIT + key, CHORDS, MELODY)
    found["velocity"] = np.array(LOUD)[found["part"]]
    begin, end = _swung(found["start"]), _swung(found["start"] + found["length"])
    found["start"], found["length"] = begin, end - begin
    return _tune(found, tune.length, form(key), key, title, 3)


def _swung(frames: np.ndarray) -> np.ndarray:
    """Thirds of a quarter at which eighths begin."""
    return np.asarray(frames // 2 * 3 + frames % 2 * 2)


def _tune(rows: np.ndarray, frames: int, over: Sequence[str], key: int, title: str, ticks: int = GRID) -> Tune:
    names = [*over] * -(-frames // CHORUS)
    changes = [
        Chord(n * HALF * ticks // GRID, name)
        for n, name in enumerate(names)
        if n * HALF < frames and (n == 0 or name != names[n - 1])
    ]
    return Tune(
        rows,
        ticks,
        frames * ticks // GRID,
        PARTS,
        (Metre(0, 4, 4),),
        (Key(0, shifted(0, key)),),
        (Tempo(0, TEMPO),),
        tuple(changes),
        title,
    )


def _chords(begin: int, strokes: tuple[int, ...], over: Sequence[str]) -> list[Row]:
    """Of a chorus."""
    rows = []
    for bar in range(12):
        for stroke, end in zip(strokes, (*strokes[1:], BAR), strict=True):
            at = bar * BAR + stroke
            rows += [(begin + at, end - stroke, pitch, LOUD[CHORDS], CHORDS) for pitch in voicing(over[at // HALF])]
    return rows


def _melody(begin: int, random: np.random.Generator, over: Sequence[str]) -> list[Row]:
    """Of a chorus."""

    def one(rhythms: tuple[str, ...]) -> str:
        return rhythms[random.integers(len(rhythms))]

    first, other = one(CALLS), one(CALLS)
    line = first + one(ANSWERS) + (first if random.random() < 0.5 else other) + one(ANSWERS)
    last = one(CALLS) + one(ANSWERS) + one(CLOSES) + SILENCE
    path, other_path = _path(line, random), _path(last, random)
    rows = []
    for number, (rhythm, places) in enumerate(((line, path), (line, path), (last, other_path))):
        rows += _sung(rhythm, places, begin, number * 4 * BAR, over)
    start, length, _, loud, part = rows[-1]
    before = rows[-2][2]
    root = min((each for each in PITCHES if each % 12 == 0), key=lambda each: abs(each - before))
    rows[-1] = start, length, root, loud, part
    return rows


def _path(rhythm: str, random: np.random.Generator) -> list[int]:
    """Where in `PITCHES` each note of a line would be if there were no chords: two bars rise, then fall."""
    place, found = int(random.integers(2, 7)), []
    for at, sign in enumerate(rhythm):
        if sign != "x":
            continue
        upward = 1 if at % (2 * BAR) <= HALF else -1
        place += upward * int(random.choice(MOVES, p=LIKELY))
        top = len(PITCHES) - 1
        place = top - abs(top - abs(place))  # what would leave the range turns back
        found.append(place)
    return found


def _sung(rhythm: str, path: list[int], begin: int, offset: int, over: Sequence[str]) -> list[Row]:
    """A line's notes, `offset` frames into the chorus at `begin`: on strong beats the nearest that are in the chord."""
    rows = []
    starts = [at for at, sign in enumerate(rhythm) if sign == "x"]
    for start, place in zip(starts, path, strict=True):
        length = 1 + len(rhythm[start + 1 :]) - len(rhythm[start + 1 :].lstrip("-"))
        pitch = PITCHES[place]
        if start % HALF == 0:
            tones = symbols.parse(over[(offset + start) // HALF]).tones
            pitch = min((each for each in PITCHES if each % 12 in tones), key=lambda each: (abs(each - pitch), each))
        rows.append((begin + offset + start, length, pitch, LOUD[MELODY], MELODY))
    return rows
