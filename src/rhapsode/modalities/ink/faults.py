"""Faults made on purpose: writing of which a dot or a bar is missing, stands elsewhere, or is too many.

Whoever is to verify writing must notice them, and can learn to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from rhapsode.modalities.ink.delayed import Mark, letter, marks
from rhapsode.modalities.ink.drawing import Drawing

KINDS = ("removed", "moved", "added")
BEYOND = -0.15
"""As in `delayed`: dots and bars that a hand adds at once count here, too; what follows to the right does not."""
LONGEST = 2.0
"""Letters' widths of ink in a dot or bar, at most."""
APART = 0.8
"""Letters' widths that a misplaced one stands away, to a side, from where one belongs."""
LEVEL = 0.3
"""Letters' widths that it is at most higher or lower over the ink below than the one that it is a copy of."""


class Faulty(NamedTuple):
    """places: the drawing's points at which something is wrong; points of ink that was to have a mark, or of a mark."""

    drawing: Drawing
    places: tuple[int, ...]


class Shape(NamedTuple):
    """A dot or bar, in letters' widths from the point that it stands over. points: [n, 2]; level: y of that point,
    from the middle of the line."""

    points: np.ndarray
    level: float


class Faults:
    """Makes faults with the dots and bars of some drawings. `shapes` is empty if they have none."""

    def __init__(self, drawings: Iterable[Drawing]) -> None:
        self.shapes = [shape for drawing in drawings for shape in _shapes(drawing)]

    def make(self, drawing: Drawing, kind: str, rng: np.random.Generator) -> Faulty | None:
        """The drawing with one fault of a kind in `KINDS`; None where there is no way to make it."""
        size = letter(drawing.points, drawing.ends) if len(drawing) else 0.0
        if not size:
            return None
        own = _marks(drawing)
        if kind == "added":
            shape = self.shapes[rng.integers(len(self.shapes))]
            return _with(drawing, shape, own, size, rng)
        if not own:
            return None
        mark = own[rng.integers(len(own))]
        kept = np.ones(len(drawing), bool)
        kept[mark.first : mark.stop] = False
        number = np.cumsum(kept) - 1
        rest = Drawing(drawing.points[kept], drawing.ends[kept], drawing.text, drawing.name)
        under = int(number[mark.under])
        if kind == "removed":
            return Faulty(rest, (under,))
        others = [m._replace(first=-1, stop=-1, under=int(number[m.under])) for m in own]
        moved = _with(rest, _shape(drawing, mark, size), others, size, rng)
        return moved and Faulty(moved.drawing, (under, *moved.places))


def _marks(drawing: Drawing) -> list[Mark]:
    size = letter(drawing.points, drawing.ends)
    found = marks(drawing.points, drawing.ends, BEYOND)
    return [one for one in found if _length(drawing.points[one.first : one.stop]) <= LONGEST * size]


def _length(points: np.ndarray) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _shapes(drawing: Drawing) -> list[Shape]:
    if not len(drawing):
        return []
    size = letter(drawing.points, drawing.ends)
    return [_shape(drawing, mark, size) for mark in _marks(drawing)]


def _shape(drawing: Drawing, mark: Mark, size: float) -> Shape:
    under = drawing.points[mark.under]
    middle = float(np.median(drawing.points[:, 1]))
    return Shape((drawing.points[mark.first : mark.stop] - under) / size, float(under[1] - middle) / size)


def _with(drawing: Drawing, shape: Shape, taken: list[Mark], size: float, rng: np.random.Generator) -> Faulty | None:
    """The drawing with one mark more, over ink as high as it usually stands over, away from where others belong."""
    free = np.abs(drawing.points[:, 1] - np.median(drawing.points[:, 1]) - shape.level * size) <= LEVEL * size
    for mark in taken:
        free &= np.abs(drawing.points[:, 0] - drawing.points[mark.under, 0]) >= APART * size
        if mark.first >= 0:
            free[mark.first : mark.stop] = False
    places = np.flatnonzero(free)
    if not len(places):
        return None
    over = drawing.points[rng.choice(places)]
    points = np.concatenate([drawing.points, over + shape.points * size])
    ends = np.concatenate([drawing.ends, np.zeros(len(shape.points), bool)])
    ends[[len(drawing) - 1, -1]] = True
    return Faulty(Drawing(points, ends, drawing.text, drawing.name), (len(drawing),))
