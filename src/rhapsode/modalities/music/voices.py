"""Voice leading in four parts: what textbooks forbid."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from rhapsode.modalities.music.tune import Tune

ERRORS = ("parallel_fifths", "parallel_octaves", "crossings", "leaps", "spacings")
VOICES, OCTAVE, FIFTH = 4, 12, 7


def four_parts(tune: Tune) -> bool:
    """Whether it has four parts, none of them drums."""
    return len(tune.parts) == VOICES and not any(part.drums for part in tune.parts)


def four_voices(tune: Tune, parts: bool) -> np.ndarray | None:
    """[T, 4] pitches of the voices, the highest voice first, at each tick where a note begins; -1 for silence.

    parts: each part is a voice, its latest note counts, and voices stand by their mean pitch. Otherwise the voices are
    told by pitch where just four notes sound, elsewhere all are -1; so no voices cross.
    None for what is not in four voices: of other than `four_parts`, or with four notes at less than half of the ticks.
    """
    notes = tune.notes
    times, ends = np.unique(notes["start"]), notes["start"] + notes["length"]
    if parts:
        if not four_parts(tune) or len(np.unique(notes["part"])) < VOICES:
            return None
        lines = [np.flatnonzero(notes["part"] == part) for part in range(VOICES)]
        lines.sort(key=lambda line: -float(notes["pitch"][line].mean()))
        found = np.full((len(times), VOICES), -1)
        for voice, line in enumerate(lines):
            at = line[np.searchsorted(notes["start"][line], times, "right") - 1]
            sounds = (notes["start"][at] <= times) & (times < ends[at])
            found[sounds, voice] = notes["pitch"][at[sounds]]
        return found
    counts = np.searchsorted(notes["start"], times, "right") - np.searchsorted(np.sort(ends), times, "right")
    if not len(times) or 2 * (counts == VOICES).sum() < len(times):
        return None
    found = np.full((len(times), VOICES), -1)
    for n in np.flatnonzero(counts == VOICES):
        sounding = notes["pitch"][(notes["start"] <= times[n]) & (times[n] < ends)]
        found[n] = np.sort(sounding)[::-1]
    return found


def errors(voices: np.ndarray) -> tuple[dict[str, int], int]:
    """How many there are of each of `ERRORS` in `four_voices` [T, 4]; and the number of chord changes.

    A chord change is where four voices sound, did so before, and one has moved.
    parallel_fifths, parallel_octaves: two voices a fifth (an octave or a unison) apart, octaves between them not
        counted, move in one direction and are so again.
    crossings: a voice is below the next lower one in the new chord.
    leaps:     a voice moves by more than an octave.
    spacings:  soprano and alto, or alto and tenor, are more than an octave apart in the new chord.
    After Aldwell & Schachter, "Harmony and Voice Leading", chapters 5 and 6.
    """
    before, after = voices[:-1], voices[1:]
    moved = after - before
    changes = (before >= 0).all(axis=1) & (after >= 0).all(axis=1) & (moved != 0).any(axis=1)
    before, after, moved = before[changes], after[changes], moved[changes]
    found = dict.fromkeys(ERRORS, 0)
    for high, low in combinations(range(VOICES), 2):
        together = moved[:, high] * moved[:, low] > 0
        then, now = ((each[:, high] - each[:, low]) % OCTAVE for each in (before, after))
        found["parallel_fifths"] += int((together & (then == FIFTH) & (now == FIFTH)).sum())
        found["parallel_octaves"] += int((together & (then == 0) & (now == 0)).sum())
    apart = after[:, :-1] - after[:, 1:]
    found["crossings"] = int((apart < 0).sum())
    found["leaps"] = int((np.abs(moved) > OCTAVE).sum())
    found["spacings"] = int((apart[:, :2] > OCTAVE).sum())
    return found, int(changes.sum())
