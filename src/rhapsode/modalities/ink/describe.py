"""What is in a collection of drawings, and what looks wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from rhapsode.data.statistics import Range, Spread, Statistics, shown, visible
from rhapsode.modalities.ink.delayed import marks
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.grid import pitch

SAMPLE = 1 << 16
"""Offsets that are kept, at most; from more, every second, fourth, ... is."""
RARE = 10
"""A character that comes less often is hard to learn."""
FAR = 30.0
"""A jump is an offset with the pen down that is so many times the median one of its drawing."""
PAUSE = 20.0
"""A pause is a time between points of a stroke that is so many times the median one of its drawing."""
COMMON = 8
"""How many of the commonest offsets are counted together."""
COARSE = 12.0
"""A grid is of note if the median offset is at most so many pitches long."""

TOLD, BELOW = 20, 0.75
"""Of so many drawings or more, the part that begins below, from which on they seem upside down: of cursive words, kanji
and Omniglot's characters, it is 0.00 to 0.43."""


@dataclass(frozen=True)
class Grid:
    """Offsets are multiples of a pitch. pitch: for x and y, in the drawings' units; 0 where there is none.

    common: the share of steps that are one of the `COMMON` commonest offsets.
    """

    pitch: tuple[float, float]
    common: float


@dataclass(frozen=True)
class DrawingStatistics(Statistics):
    """Of a collection of drawings.

    strokes_per_drawing, points_per_drawing: (least, mean, greatest).
    characters:           how often each is written, the commonest first.
    points_per_character: in the drawings with text, white space not counted; None without text.
    delayed:              dots, bars and accents that are added after their word, to a hundred characters; None without
                          text.
    timed, pressed:       drawings with times and with pressure.
    grid:                 None if the points do not lie on a coarse one.
    """

    drawings: int = 0
    points: int = 0
    strokes: int = 0
    strokes_per_drawing: Range = (0, 0.0, 0)
    points_per_drawing: Range = (0, 0.0, 0)
    characters: dict[str, int] = field(default_factory=dict)
    points_per_character: float | None = None
    delayed: float | None = None
    timed: int = 0
    pressed: int = 0
    grid: Grid | None = None
    warnings: tuple[str, ...] = ()

    def facts(self) -> Iterator[str]:
        yield f"drawings        {self.drawings:,}"
        yield f"points          {self.points:,}, {shown(self.points_per_drawing)} a drawing"
        yield f"strokes         {self.strokes:,}, {shown(self.strokes_per_drawing)} a drawing"
        if self.characters:
            total = sum(self.characters.values())
            counts = " ".join(f"{visible(each)} {count:,}" for each, count in self.characters.items())
            yield f"characters      {total:,}, of {len(self.characters)} kinds: {counts}"
        if self.points_per_character is not None:
            yield f"points          {self.points_per_character:.1f} a character"
        if self.delayed is not None:
            yield f"added later     {self.delayed:.1f} dots and bars to a hundred characters, after their word"
        yield f"with times      {self.timed:,}; with pressure {self.pressed:,}"


def describe(drawings: Iterable[Drawing]) -> DrawingStatistics:
    """Goes through the drawings once and keeps none."""
    counted = _DrawingCounts()
    for drawing in drawings:
        counted.add(drawing)
    return counted.result()


class _OffsetSample:
    """Of rows [n, 2], every one while there are few, else every 2nd, 4th, ...: the same for the same rows."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []
        self._size = self._seen = 0
        self._stride = 1

    def add(self, rows: np.ndarray) -> None:
        kept = rows[-self._seen % self._stride :: self._stride]
        self._seen += len(rows)
        self._kept.append(kept)
        self._size += len(kept)
        while self._size > SAMPLE:
            self._kept = [self.rows()[::2]]
            self._size = len(self._kept[0])
            self._stride *= 2

    def rows(self) -> np.ndarray:
        return np.concatenate([np.zeros((0, 2)), *self._kept])


@dataclass
class _Occurrences:
    """How many of something there are, and the first drawings that have it."""

    count: int = 0
    drawings: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, count: int, name: str) -> None:
        if count:
            self.count += count
            self.drawings += 1
            if name and len(self.names) < 3:
                self.names.append(name)

    def __str__(self) -> str:
        more = ", …" if self.drawings > len(self.names) else ""
        return f" (in {', '.join(self.names)}{more})" if self.names else ""


class _DrawingCounts:
    def __init__(self) -> None:
        self.points, self.strokes = Spread(), Spread()
        self.characters: Counter[str] = Counter()
        self.written = self.delayed = 0  # points and delayed strokes of drawings with text
        self.timed = self.pressed = self.steps = 0
        self.empty, self.untitled, self.repeated = _Occurrences(), _Occurrences(), _Occurrences()
        self.jumps, self.pauses, self.backwards = _Occurrences(), _Occurrences(), _Occurrences()
        self.sample = _OffsetSample()
        self.begun: Counter[str] = Counter()  # drawings of each file, and how many of them begin in their lower half
        self.low: Counter[str] = Counter()

    def add(self, drawing: Drawing) -> None:
        self.points.add(len(drawing))
        self.strokes.add(sum(1 for _ in drawing.strokes()))
        self.empty.add(not len(drawing), drawing.name)
        self.untitled.add(drawing.text is None, drawing.name)
        self.pressed += drawing.pressure is not None
        if drawing.text is not None:
            self.written += len(drawing)
            self.delayed += len(marks(drawing.points, drawing.ends)) if len(drawing.text) > 1 else 0
            self.characters.update(drawing.text)
        _, top, _, bottom = drawing.bounds
        if bottom > top:
            file = drawing.name.rpartition("#")[0] or drawing.name
            self.begun[file] += 1
            self.low[file] += int(drawing.points[0, 1] > (top + bottom) / 2)
        within = ~drawing.ends[:-1].astype(bool)
        offsets = np.diff(drawing.points, axis=0)[within]
        lengths = np.hypot(*offsets.T)
        moved = lengths > 0
        self.steps += len(offsets)
        self.repeated.add(int(len(moved) - moved.sum()), drawing.name)
        self.sample.add(offsets[moved])
        self.jumps.add(_many_times(lengths[moved], FAR), drawing.name)
        if drawing.seconds is not None:
            self.timed += 1
            passed = np.diff(drawing.seconds)
            self.backwards.add(int((passed < 0).sum()), drawing.name)
            passed = passed[within]
            self.pauses.add(_many_times(passed[passed > 0], PAUSE), drawing.name)

    def result(self) -> DrawingStatistics:
        inked = sum(count for each, count in self.characters.items() if not each.isspace())
        grid = _grid(self.sample.rows())
        return DrawingStatistics(
            drawings=self.points.count,
            points=int(self.points.total),
            strokes=int(self.strokes.total),
            strokes_per_drawing=self.strokes.result(),
            points_per_drawing=self.points.result(),
            characters=dict(sorted(self.characters.items(), key=lambda item: (-item[1], item[0]))),
            points_per_character=self.written / inked if inked else None,
            delayed=100 * self.delayed / inked if inked else None,
            timed=self.timed,
            pressed=self.pressed,
            grid=grid,
            warnings=tuple(self._warnings(grid)),
        )

    def _warnings(self, grid: Grid | None) -> Iterator[str]:
        if not self.points.count:
            yield "there are no drawings."
        if self.empty.count:
            yield f"{self.empty.count:,} drawings have no points{self.empty}."
        if self.untitled.count and self.characters:
            yield f"{self.untitled.count:,} of {self.points.count:,} drawings have no text{self.untitled}."
        if grid:
            pitches = " and ".join(
                f"{pitch:.4g} in {axis}" for axis, pitch in zip("xy", grid.pitch, strict=True) if pitch
            )
            yield (
                f"the points lie on a grid, of {pitches}: {grid.common:.0%} of the steps are one of {COMMON} offsets. "
                "Such data has few bits a point, and likelihoods of densities mean little on it."
            )
        if self.jumps.count:
            yield f"{self.jumps.count:,} jumps with the pen down, {FAR:g} times the median step or more{self.jumps}."
        rare = [(each, count) for each, count in self.characters.most_common() if count < RARE]
        if rare:
            listed = " ".join(f"{visible(each)} {count}" for each, count in rare[:100])
            more = f" and {len(rare) - 100} more" if len(rare) > 100 else ""
            yield f"{len(rare)} characters come less than {RARE} times: {listed}{more}."
        if turned := self._upside_down():
            yield (f"{turned} as if they were upside down: hands begin above. If they are, turn them with --flip NAME.")
        if self.repeated.count:
            share = self.repeated.count / max(self.steps, 1)
            yield f"{self.repeated.count:,} points repeat the one before, {share:.1%} of the steps{self.repeated}."
        if self.pauses.count:
            yield f"{self.pauses.count:,} pauses within strokes, {PAUSE:g} times the median or more{self.pauses}."
        if self.backwards.count:
            yield f"{self.backwards.count:,} times run backwards{self.backwards}."

    def _upside_down(self) -> str:
        """Which drawings begin below, as a subject and a verb; empty if none do."""
        total, low = self.begun.total(), self.low.total()
        if total >= TOLD and low >= BELOW * total:
            return f"{low:,} of {total:,} drawings begin in their lower half,"
        many = [file for file, count in self.begun.items() if count >= TOLD and self.low[file] >= BELOW * count]
        return (
            f"the drawings of {', '.join(many[:3])}{', …' * (len(many) > 3)} begin in their lower half," if many else ""
        )


def _many_times(values: np.ndarray, times: float) -> int:
    """How many of some positive values are at least so many times their median. (Few values have no median of note.)"""
    return int((values >= times * np.median(values)).sum()) if len(values) >= 8 else 0


def _grid(offsets: np.ndarray) -> Grid | None:
    """The grid that offsets [n, 2] lie on, if there is a coarse one."""
    if not len(offsets):
        return None
    finest = float(np.median(np.hypot(*offsets.T))) / COARSE
    found = [each if each >= finest else 0.0 for each in map(pitch, offsets.T)]
    if not any(found):
        return None
    # Where only one axis has a grid, the other's offsets are compared as they are.
    cells = [np.rint(each / size) if size else each for each, size in zip(offsets.T, found, strict=True)]
    _, counts = np.unique(np.stack(cells), axis=1, return_counts=True)
    return Grid((found[0], found[1]), float(np.sort(counts)[-COMMON:].sum() / len(offsets)))
