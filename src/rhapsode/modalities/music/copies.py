"""The copy meter: the longest run of notes of a tune that is in a known one, whatever the key.

A tune's melody is its `skyline`. A run of two or more notes is *copied* if somewhere in one known tune there are as
many in a row with the same intervals between them, the same durations, and the same rests between them. Pitches
themselves, bars and chords do not matter. Durations and rests are counted in `GRID`ths of a quarter note, so what is
finer is rounded. A silence shorter than `REST` belongs to the note before it: it is how the note is played. The rest
after a run's last note does not count.

How long copied runs are says little alone: tunes of one kind share turns of phrase. What tells is how long they are in
tunes that were held out from training, by people, `Rate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.music.line import skyline
from rhapsode.modalities.music.runs import Runs
from rhapsode.modalities.music.tune import Tune

GRID = 24
REST = GRID // 2
LONG = 8
"""Notes of a run that is no turn of phrase any more, for `Copied.share`."""
LONGEST = 1 << 15
"""Longer notes and rests are held for equal."""
FIELDS = {"pitch": np.uint8, "duration": np.int32, "rest": np.int32, "bar": np.int32}
RATES = {"held_notes": np.int64, "held_share": np.float32}


class _Skyline(NamedTuple):
    """A melody, [N] each: pitches; durations, and rests after each note, in `GRID`ths of a quarter; bars, from 1."""

    pitch: np.ndarray
    duration: np.ndarray
    rest: np.ndarray
    bar: np.ndarray

    @staticmethod
    def of(tune: Tune) -> _Skyline:
        notes = skyline(tune)
        starts = notes["start"].astype(np.int64)
        nexts = np.append(starts[1:], (starts + notes["length"])[-1:])
        length = np.rint(notes["length"] * (GRID / tune.ticks)).astype(np.int64)
        whole = np.rint((nexts - starts) * (GRID / tune.ticks)).astype(np.int64)
        rest = np.where(whole - length >= REST, whole - length, 0)
        bar = np.searchsorted(tune.bars(), starts, "right")
        found = notes["pitch"], (whole - rest).clip(1, LONGEST - 1), rest.clip(0, LONGEST - 1), bar
        return _Skyline(*(each.astype(kind) for each, kind in zip(found, FIELDS.values(), strict=True)))

    @property
    def symbols(self) -> np.ndarray:
        """[N - 1] int64: what is between two notes, and their durations. A run of n notes is one of n - 1 of these."""
        pitch, duration, rest, _ = (each.astype(np.int64) for each in self)
        parts = (np.diff(pitch) + 128, rest[:-1], duration[:-1], duration[1:])
        found = np.zeros(max(len(pitch) - 1, 0), np.int64)
        for part in parts:
            found = found * LONGEST + part
        return found


@dataclass(frozen=True)
class Copied:
    """The longest run of a tune that is in a known one; the first of several.

    notes: in the run; 0 if there is none. of: in the tune's melody. share: of these, those in copied runs of `LONG`
    notes or more. bar, known_bar: in which the run begins, from 1 (0 if there is none), in the tune and the known one.
    name, title: of the known one; its name without folders.
    """

    notes: int
    of: int
    share: float
    bar: int = 0
    name: str = ""
    title: str = ""
    known_bar: int = 0


@dataclass(frozen=True)
class Passage:
    """A copied run. notes: their numbers in `Tune.notes`; bar, known_bar, name, title: as `Copied` has them."""

    notes: list[int]
    bar: int
    name: str
    title: str
    known_bar: int


@dataclass(frozen=True)
class Rate:
    """How much held-out tunes share with the known ones: of how many `tunes`, the median and the 95th percentile of
    `Copied.notes` and of `Copied.share`."""

    tunes: int
    notes: tuple[int, int]
    share: tuple[float, float]

    @staticmethod
    def of(notes: np.ndarray, share: np.ndarray) -> Rate:
        """From those of all tunes, [N] each; all 0 if there are none."""
        if not len(notes):
            return Rate(0, (0, 0), (0.0, 0.0))
        half, most = np.percentile(notes, (50, 95), method="inverted_cdf").tolist()
        half_share, most_share = np.percentile(share, (50, 95), method="inverted_cdf").tolist()
        return Rate(len(notes), (int(half), int(most)), (half_share, most_share))


class MelodyIndex:
    """The training tunes of a model, in which runs are looked up, and the rate of those held out."""

    def __init__(self, info: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """As they were kept, see `MelodyIndex.of` and `restored`."""
        self.info, self.arrays = info, arrays
        self._ends = np.cumsum(arrays["sizes"])
        self._line = _Skyline(*(arrays[name] for name in FIELDS))
        sizes = np.maximum(arrays["sizes"] - 1, 0)
        within = np.ones(max(len(self._line.pitch) - 1, 0), bool)
        within[self._ends[(self._ends > 0) & (self._ends < len(self._line.pitch))] - 1] = False
        self._runs = Runs(self._line.symbols[within], sizes)
        self._begins = np.flatnonzero(within)

    @staticmethod
    def of(tunes: Iterable[Tune], held: Iterable[Tune] = ()) -> MelodyIndex:
        """Goes through the tunes once, and keeps their melodies. held: whose rate it is to know."""
        names, titles, lines = [], [], []
        for tune in tunes:
            names.append(PurePath(tune.name).name)  # whoever is given a model need not know the folders
            titles.append(tune.title)
            lines.append(_Skyline.of(tune))
        arrays = {
            name: np.concatenate([np.empty(0, kind), *(line[n] for line in lines)])
            for n, (name, kind) in enumerate(FIELDS.items())
        }
        arrays["sizes"] = np.array([len(line.pitch) for line in lines], np.int64)
        arrays |= {name: np.empty(0, kind) for name, kind in RATES.items()}
        index = MelodyIndex({"names": names, "titles": titles}, arrays)
        found = [index.longest(tune) for tune in held]
        arrays["held_notes"] = np.array([each.notes for each in found], np.int64)
        arrays["held_share"] = np.array([each.share for each in found], np.float32)
        return index

    @staticmethod
    def restored(info: dict[str, Any], arrays: dict[str, np.ndarray], where: str) -> MelodyIndex:
        """From the `info` and `arrays` of another one. Raises `UserError`, which names `where` they come from."""

        def check(good: bool | np.bool) -> None:
            if not good:
                raise UserError(f"{where}: it does not hold the tunes that a model knows. Train again, or remove it.")

        kinds = FIELDS | RATES | {"sizes": np.int64}
        check(set(arrays) == set(kinds) and all(arrays[name].dtype == kind for name, kind in kinds.items()))
        check(all(each.ndim == 1 for each in arrays.values()))
        names, titles, sizes = info.get("names"), info.get("titles"), arrays["sizes"]
        for texts in (names, titles):
            check(isinstance(texts, list) and len(texts) == len(sizes) and all(isinstance(t, str) for t in texts))
        count = len(arrays["pitch"])
        check(bool(((sizes >= 0) & (sizes <= count)).all()) and int(sizes.sum()) == count)
        check(all(len(arrays[name]) == count and bool((arrays[name] >= 0).all()) for name in FIELDS))
        check(all(bool((arrays[name] < LONGEST).all()) for name in ("duration", "rest")))
        check(bool((arrays["pitch"] < 128).all()))
        held, share = arrays["held_notes"], arrays["held_share"]
        check(len(held) == len(share) and bool((held >= 0).all() and ((share >= 0) & (share <= 1)).all()))
        return MelodyIndex(info, arrays)

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def rate(self) -> Rate:
        """Of the tunes held out."""
        return Rate.of(self.arrays["held_notes"], self.arrays["held_share"])

    def longest(self, tune: Tune) -> Copied:
        """The longest run of this tune's melody that is in a known one."""
        line = _Skyline.of(tune)
        count, symbols = len(line.pitch), line.symbols
        length, own, place = self._runs.longest(symbols)
        if not length:
            return Copied(0, count, 0.0)
        covered = np.zeros(count + 1, np.int64)
        begins = self._runs.contains(symbols, LONG - 1)
        np.add.at(covered, begins, 1)
        np.add.at(covered, begins + LONG, -1)
        share = float((covered.cumsum()[:count] > 0).mean())
        return Copied(length + 1, count, share, int(line.bar[own]), *self._known(place))

    def copies(self, tune: Tune, least: int = LONG) -> list[Passage]:
        """Runs of its melody of `least` notes or more that are in known tunes, in their order: together, all notes of
        such runs. Where they overlap, the longest goes first."""
        line, numbers = _Skyline.of(tune), _numbers(tune)
        symbols, found = line.symbols, list[tuple[int, Passage]]()
        pieces = [(0, len(symbols))]
        while pieces:
            begin, end = pieces.pop()
            length, own, place = self._runs.longest(symbols[begin:end])
            if length < least - 1:
                continue
            first, last = begin + own, begin + own + length
            passage = Passage(numbers[first : last + 1].tolist(), int(line.bar[first]), *self._known(place))
            found.append((first, passage))
            # What overlaps with it, and has a note of its own.
            pieces += [(begin, first + least - 2), (last - least + 2, end)]
        return [passage for _, passage in sorted(found, key=lambda each: each[0])]

    def _known(self, place: int) -> tuple[str, str, int]:
        """Name and title of the tune in which a run of the known ones begins, and its bar there."""
        note = int(self._begins[place])
        which = int(np.searchsorted(self._ends, note, "right"))
        return self.info["names"][which], self.info["titles"][which], int(self._line.bar[note])


def _numbers(tune: Tune) -> np.ndarray:
    """[M] of the notes of `skyline`: which notes of the tune they are."""
    which = {tuple(note): n for n, note in enumerate(tune.notes[["start", "pitch", "part"]].tolist())}
    return np.array([which[tuple(note)] for note in skyline(tune)[["start", "pitch", "part"]].tolist()], np.int64)
