"""What is known of a tune, in words; and its bars."""

from __future__ import annotations

import numpy as np

from rhapsode.modalities.music.tune import Key, Metre, Tune

FIFTHS = "FCGDAEB"
MODES = {0: "major", 9: "minor", 2: "dorian", 4: "phrygian", 5: "lydian", 7: "mixolydian", 11: "locrian"}
UPWARDS = {0: 0, 7: 1, 2: 2, 9: 3, 4: 4, 11: 5, 5: -1}
"""Fifths from the major key of the same signature, for each mode."""
NATURALS = {0: "C", 2: "D", 4: "E", 5: "F", 7: "G", 9: "A", 11: "B"}
"""Pitch classes of the white keys."""


def key_name(key: Key) -> str:
    """E.g. `B♭ major`, `D dorian`."""
    sharps, letter = divmod(key.sharps + UPWARDS.get(key.mode, 0) + 1, 7)
    return f"{FIFTHS[letter]}{'♯' * sharps}{'♭' * -sharps} {MODES.get(key.mode, '')}".strip()


def facts(tune: Tune) -> list[str]:
    """Its (first) key, metre and tempo, as far as they are known; where there are several, so much is said."""
    found = []
    if tune.keys:
        found.append(_first(key_name(tune.keys[0]), len(tune.keys)))
    if tune.metres:
        found.append(_first(f"{tune.metres[0].beats}/{tune.metres[0].unit}", len(tune.metres)))
    if tune.tempos:
        found.append(_first(f"♩ = {tune.tempos[0].quarters:.0f}", len(tune.tempos)))
    return found


def grid(tune: Tune) -> tuple[np.ndarray, np.ndarray]:
    """Ticks at which bars begin, and at which beats do; before the first bar there may be an upbeat."""
    metres = tune.metres or (Metre(0, 4, 4),)
    ends = [*(metre.tick for metre in metres[1:]), max(tune.length, metres[-1].tick + 1)]
    starts: list[np.ndarray] = []
    beats: list[np.ndarray] = []
    for metre, end in zip(metres, ends, strict=True):
        beat = max(4 * tune.ticks // metre.unit, 1)
        starts.append(np.arange(metre.tick, end, beat * metre.beats))
        beats.append(np.arange(metre.tick, end, beat))
    return np.concatenate(starts), np.concatenate(beats)


def pitch_name(pitch: int) -> str:
    """`C4` for 60; empty for black keys."""
    return f"{NATURALS[pitch % 12]}{pitch // 12 - 1}" if pitch % 12 in NATURALS else ""


def _first(text: str, count: int) -> str:
    return text if count == 1 else f"{text} at first"
