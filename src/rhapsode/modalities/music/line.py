"""Lines of a tune, with one note at a time: its melody, its top line, its voices."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from rhapsode.modalities.music.tune import Tune, pitched


def melody(tune: Tune) -> np.ndarray:
    """[N] of `NOTE`, in order, no two of which sound at once: of the parts that have one note at a time, the highest in
    the mean; if there is none, of all together, those that begin highest. Drums are left out."""
    notes = pitched(tune)
    parts = [notes[notes["part"] == n] for n in np.unique(notes["part"])]
    lines = [part for part in parts if alone(part)]
    return max(lines, key=lambda part: float(part["pitch"].mean())) if lines else single(notes)


def single(notes: np.ndarray) -> np.ndarray:
    """[N] of `NOTE` → those that one voice can have: the highest of those that begin together, until the next."""
    notes = notes[np.lexsort((-notes["pitch"], notes["start"]))]
    found = notes[np.concatenate([[True], np.diff(notes["start"]) > 0])].copy() if len(notes) else notes.copy()
    if len(found) > 1:
        found["length"][:-1] = np.minimum(found["length"][:-1], np.diff(found["start"]))
    return found


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


def voices(tune: Tune, count: int) -> list[np.ndarray] | None:
    """[N] of `NOTE` each, from the highest voice: the notes of so many voices, each with one at a time.

    They are the parts of the tune in their order, if they are at most so many, each with one note at a time. Else notes
    are dealt out, the higher to the higher voices; None if there are too many at once.
    """
    notes = pitched(tune)
    if len(tune.parts) <= count:
        parts = [notes[notes["part"] == n] for n in range(count)]
        if all(map(alone, parts)):
            return parts
    return _dealt(notes, count)


def alone(notes: np.ndarray) -> bool:
    """Whether of [N] of `NOTE`, in order, no two sound at once."""
    return bool((notes["start"][1:] >= notes["start"][:-1] + notes["length"][:-1]).all())


def _dealt(notes: np.ndarray, count: int) -> list[np.ndarray] | None:
    """Those that begin together go to silent voices, the higher to the higher, such that voices move least."""
    dealt: list[list[int]] = [[] for _ in range(count)]
    ends = np.zeros(count, np.int64)
    pitches = notes["pitch"].astype(np.int64)
    last = np.quantile(pitches, (count - 0.5 - np.arange(count)) / count) if len(notes) else np.zeros(count)
    order = np.lexsort((-pitches, notes["start"]))
    for begin in np.split(order, np.flatnonzero(np.diff(notes["start"][order])) + 1):
        start = notes["start"][begin[:1]]
        free = [voice for voice in range(count) if ends[voice] <= start]
        ways = combinations(free, len(begin))
        best = min(ways, key=lambda way: np.abs(last[list(way)] - pitches[begin]).sum(), default=None)
        if best is None:
            return None
        for voice, n in zip(best, begin.tolist(), strict=True):
            dealt[voice].append(n)
            last[voice], ends[voice] = pitches[n], notes["start"][n] + notes["length"][n]
    return [notes[each] for each in dealt]
