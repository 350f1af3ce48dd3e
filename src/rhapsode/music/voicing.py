"""Chord symbols as notes to play."""

from __future__ import annotations

import numpy as np

from rhapsode.errors import UserError
from rhapsode.music.chords import parse
from rhapsode.music.tune import NOTE, Tune, notes

LOWEST_BASS, LOWEST = 36, 55
"""Of the octave in which the bass is played, and of the one with all other tones."""
VELOCITY = 45


def held(tune: Tune) -> np.ndarray:
    """The tune's chords, each as notes [N] of `NOTE` that last until the next, softly, all in part 0.

    Symbols that are not understood are passed over, as is what lies outside of the tune.
    """
    rows = []
    ends = [*(chord.tick for chord in tune.chords[1:]), tune.length]
    for chord, end in zip(tune.chords, ends, strict=False):
        begin, end = max(chord.tick, 0), min(end, tune.length)
        if not chord.symbol or end <= begin:
            continue
        try:
            found = parse(chord.symbol)
        except UserError:
            continue
        if not found.tones:
            continue
        above = [LOWEST + (tone - LOWEST) % 12 for tone in found.tones]
        bass = LOWEST_BASS + (found.bass - LOWEST_BASS) % 12
        rows += [(begin, end - begin, pitch, VELOCITY, 0) for pitch in sorted({bass, *above})]
    return notes(rows) if rows else np.zeros(0, NOTE)
