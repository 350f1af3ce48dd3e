"""The melody of a tune of several voices: its top line."""

from __future__ import annotations

import numpy as np

from rhapsode.music.tune import Tune


def skyline(tune: Tune) -> np.ndarray:
    """The notes [M] of `NOTE` above which nothing sounds as they begin, drums left out; each ends where the next begins
    at the latest. Where the melody rests, what begins below it takes its place."""
    drums = np.array([part.drums for part in tune.parts], bool)
    found: np.ndarray = tune.notes[~drums[tune.notes["part"]]]
    starts = found["start"].astype(np.int64)
    found = found[np.lexsort((found["length"], found["pitch"], starts))]
    starts, stops = found["start"].astype(np.int64), found["start"].astype(np.int64) + found["length"]
    if (stops[:-1] > starts[1:]).any():
        kept = _tops(starts.tolist(), stops.tolist(), found["pitch"].tolist())
        found, starts, stops = found[kept], starts[kept], stops[kept]
    found["length"][:-1] = np.minimum(stops[:-1], starts[1:]) - starts[:-1]
    return np.asarray(found)


def _tops(starts: list[int], stops: list[int], pitches: list[int]) -> list[int]:
    """Which notes, in order of start and pitch, have none above them."""
    kept = []
    sounding: list[int] = []
    for n, start in enumerate(starts):
        sounding = [m for m in sounding if stops[m] > start]
        last = n + 1 == len(starts) or starts[n + 1] > start
        if last and all(pitches[m] <= pitches[n] for m in sounding):
            kept.append(n)
        sounding.append(n)
    return kept
