"""A drawing: the path of a pen, stroke by stroke."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Drawing:
    """Points in the order they were drawn, often one line of handwriting.

    points:   [N, 2] float64: x to the right, y down, in units of the drawing's own.
    ends:     [N] bool, true at the last point of each stroke, where the pen is lifted.
    text:     what is written there, if that is known.
    name:     where the drawing comes from, for messages: a file's name, perhaps with `#number`.
    pressure: [N] float64 in [0, 1], where it was recorded.
    seconds:  [N] float64 since the first point, where it was recorded.
    thin:     whether its points are a model's steps, one by one, as in what a model drew: no codec leaves out any. Pens
              report more points than a model needs.
    order:    [N] int64: of a model that draws dots and bars with their letters, the order in which it drew the points
              (`ink.delayed`); None where that is not known.
    """

    points: np.ndarray
    ends: np.ndarray
    text: str | None = None
    name: str = ""
    pressure: np.ndarray | None = field(default=None, repr=False)
    seconds: np.ndarray | None = field(default=None, repr=False)
    thin: bool = False
    order: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.points)

    def strokes(self) -> Iterator[np.ndarray]:
        """The points of each stroke, [n, 2]. A last stroke that was never ended counts as one."""
        cuts = np.flatnonzero(self.ends) + 1
        for stroke in np.split(self.points, cuts):
            if len(stroke):
                yield stroke

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(least x, least y, greatest x, greatest y); zeros for an empty drawing."""
        if not len(self):
            return 0.0, 0.0, 0.0, 0.0
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def from_strokes(strokes: list[np.ndarray], text: str | None = None, name: str = "") -> Drawing:
    """A drawing from the points of its strokes, each [n, 2]; empty ones are left out."""
    kept = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
    if not kept:
        return Drawing(np.zeros((0, 2)), np.zeros(0, bool), text, name)
    ends = np.zeros(sum(map(len, kept)), bool)
    ends[np.cumsum([len(stroke) for stroke in kept]) - 1] = True
    return Drawing(np.concatenate(kept), ends, text, name)


def joined_order(drawings: Sequence[Drawing]) -> np.ndarray | None:
    """The order of the points of drawings that are put together one after another; None if one is not known."""
    known = [each.order for each in drawings if each.order is not None]
    if not known or len(known) < len(drawings):
        return None
    begins = np.cumsum([0, *map(len, known[:-1])])
    return np.concatenate([order + begin for order, begin in zip(known, begins, strict=True)])


def to_runs(order: np.ndarray) -> list[list[int]]:
    """An order of points as parts that go on: [first, the one after the last] of each."""
    cuts = np.flatnonzero(np.diff(order) != 1) + 1
    return [[int(part[0]), int(part[-1]) + 1] for part in np.split(order, cuts) if len(part)]


def from_runs(runs: list[list[int]], count: int) -> np.ndarray | None:
    """The order [count] that is in these parts; None if they are not one of so many points."""
    at = 0
    for first, stop in sorted(runs):
        if first != at or stop <= first:
            return None
        at = stop
    return np.concatenate([np.arange(*run) for run in runs]) if at == count and count else None
