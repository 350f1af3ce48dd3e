"""The key of a tune, guessed from its notes: Krumhansl and Schmuckler's algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rhapsode.modalities.music import chords
from rhapsode.modalities.music.line import alone, single
from rhapsode.modalities.music.tune import Key, Tune, ordered, pitched, rescaled, transposed

MAJOR = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
MINOR = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)
"""How much each pitch class above the tonic belongs to a key: Temperley, "Music and Probability" (2007), from the
Kostka-Payne corpus."""
PROFILES = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])


def pitch_classes(tune: Tune) -> np.ndarray:
    """[12] ticks that each pitch class sounds; drums are left out."""
    notes = pitched(tune)
    return np.bincount(notes["pitch"] % 12, notes["length"], 12)


def estimated(tune: Tune) -> Key:
    """The major or minor key, of at most 6 accidentals, whose profile correlates best with the tune's `pitch_classes`.

    After Krumhansl, "Cognitive Foundations of Musical Pitch" (1990), chapter 4. It says nothing of where keys change;
    C major where nothing speaks for any key: no notes, or all pitch classes alike.
    """
    heard = pitch_classes(tune)
    if heard.min() == heard.max():
        return Key(0, 0)
    return _key(int(np.corrcoef(heard, PROFILES)[0, 1:].argmax()))


def _key(place: int) -> Key:
    """That of a tonic, 0 to 11, in major; 12 more in minor."""
    minor, tonic = divmod(place, 12)
    mode = 9 if minor else 0
    return Key(0, (7 * (tonic - mode) + 5) % 12 - 5, mode)


def home(tune: Tune) -> Key:
    """The first key that the tune has; if it has none, that of the chord that it has most of, else `estimated`.

    (The blues are in the key of their commonest chord, though its seventh is not in the scale.)
    """
    if tune.keys:
        return tune.keys[0]
    roots = np.zeros(24)
    ticks = [*(each.tick for each in tune.chords), tune.length]
    for chord, end in zip(tune.chords, ticks[1:], strict=True):
        harmony = chords.parse(chord.symbol) if chords.is_known(chord.symbol) else None
        if harmony is not None and harmony.root >= 0:
            roots[harmony.root + 12 * ((harmony.root + 3) % 12 in harmony.tones)] += max(0, end - chord.tick)
    return _key(int(roots.argmax())) if roots.any() else estimated(tune)


def natural(tune: Tune, ticks: int, shifts: Sequence[int] = ()) -> Tune:
    """The same in the key without accidentals (C major, A minor, D dorian), moved by its `distance`, with `ticks` in a
    quarter. Chords that have no meaning are left out; a part with one note at a time has so still, however short these
    are."""
    found = rescaled(replace(tune, chords=tuple(each for each in tune.chords if chords.is_known(each.symbol))), ticks)
    parts = [found.notes[found.notes["part"] == n] for n in range(len(tune.parts))]
    crowded = [n for n, part in enumerate(parts) if not alone(part) and alone(tune.notes[tune.notes["part"] == n])]
    if crowded:
        parts = [single(part) if n in crowded else part for n, part in enumerate(parts)]
        found = replace(found, notes=ordered(np.concatenate(parts)))
    return replace(transposed(found, distance(found, shifts)), keys=(Key(0, 0, home(found).mode),))


def distance(tune: Tune, shifts: Sequence[int] = ()) -> int:
    """Semitones up to the key without accidentals: the `shift` of its key, or an octave off that where pitches would
    not lie between 0 and 127."""
    return within(shift(home(tune), shifts), pitched(tune)["pitch"])


def shift(key: Key, shifts: Sequence[int] = ()) -> int:
    """Semitones up to the key without accidentals: those of all octaves that are the nearest to one of `shifts`, which
    other keys have; if there are none, the fewest, -5 to 6."""
    by = (5 - key.sharps * 7) % 12 - 5
    ways = (by, by - 12, by + 12) if by > 0 else (by, by + 12, by - 12)
    return min(ways, key=lambda way: min((abs(way - other) for other in shifts), default=0))


def within(semitones: int, pitches: np.ndarray) -> int:
    """An octave less or more where pitches, so many semitones higher, would not lie between 0 and 127; 0 where they
    would not, either. Where there are no pitches, all can be."""
    if not len(pitches):
        return semitones
    low, high = int(pitches.min()), int(pitches.max())
    ways = (by for by in (semitones, semitones - 12, semitones + 12) if low + by >= 0 and high + by <= 127)
    return next(ways, 0)
