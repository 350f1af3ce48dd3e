"""Chord symbols as notes to play."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.music.chords import parse
from rhapsode.modalities.music.tune import NOTE, Part, Tune, notes, ordered

LOWEST_BASS, LOWEST = 36, 55
"""Of the octave in which the bass is played, and of the one with all other tones."""
VELOCITY = 45
ACCOMPANIMENT = Part("chords")


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


def is_lead_sheet(tune: Tune) -> bool:
    """Whether nothing but its chord symbols accompanies its one part."""
    return len(tune.parts) == 1 and bool(tune.chords)


def accompanied(tune: Tune) -> Tune:
    """A lead sheet with its chords as a part of their own; any other tune as it is."""
    if not is_lead_sheet(tune):
        return tune
    chords = held(tune)
    chords["part"] = 1
    return replace(tune, notes=ordered(np.concatenate([tune.notes, chords])), parts=(*tune.parts, ACCOMPANIMENT))


def unaccompanied(tune: Tune) -> Tune:
    """The lead sheet that `accompanied` made this of; any other tune as it is."""
    if len(tune.parts) != 2 or tune.parts[1].name != ACCOMPANIMENT.name or not tune.chords:
        return tune
    played, wanted = tune.notes[tune.notes["part"] == 1], held(tune)
    if any(not np.array_equal(played[field], wanted[field]) for field in ("start", "length", "pitch")):
        return tune
    return replace(tune, notes=tune.notes[tune.notes["part"] == 0], parts=tune.parts[:1])
