"""The key of a tune, guessed from its notes: Krumhansl and Schmuckler's algorithm."""

from __future__ import annotations

import numpy as np

from rhapsode.music.tune import Key, Tune

MAJOR = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
MINOR = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)
"""How much each pitch class above the tonic belongs to a key: Temperley, "Music and Probability" (2007), from the
Kostka-Payne corpus."""
PROFILES = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])


def pitch_classes(tune: Tune) -> np.ndarray:
    """[12] ticks that each pitch class sounds; drums are left out."""
    drums = np.array([part.drums for part in tune.parts], bool)
    notes = tune.notes[~drums[tune.notes["part"]]]
    return np.bincount(notes["pitch"] % 12, notes["length"], 12)


def estimated(tune: Tune) -> Key:
    """The major or minor key, of at most 6 accidentals, whose profile correlates best with the tune's `pitch_classes`.

    After Krumhansl, "Cognitive Foundations of Musical Pitch" (1990), chapter 4. It says nothing of where keys change;
    C major where nothing speaks for any key: no notes, or all pitch classes alike.
    """
    heard = pitch_classes(tune)
    if heard.min() == heard.max():
        return Key(0, 0)
    minor, tonic = divmod(int(np.corrcoef(heard, PROFILES)[0, 1:].argmax()), 12)
    mode = 9 if minor else 0
    return Key(0, (7 * (tonic - mode) + 5) % 12 - 5, mode)


def home(tune: Tune) -> Key:
    """The first key that the tune has; estimated if it has none."""
    return tune.keys[0] if tune.keys else estimated(tune)
