"""Delayed strokes: dots of i and bars of t that a hand adds when the word is written, and their letters.

Whoever reads the pen's moves one after another, a network above all, no longer knows then where the letters stand.
`together` puts each such stroke to the ink that it stands over: there, the stroke below is interrupted, and afterwards
taken up again at the same point. `apart` undoes that: what was interrupted is one stroke again, and the dots and bars
that stand over it come after it. No point is moved by either.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from rhapsode.arithmetic import doubles

DOWN, UP, BACK = 0, 1, -1
"""What the pen does after a point: it goes on; it is lifted; it is lifted, and goes on where the stroke before the last
one was left."""

BEYOND = 0.7
"""Letters' widths that the pen must have gone on, to the right of a stroke and after the ink below it was drawn, for
the stroke to be a delayed one. The bars of capitals are not: they come with their letters."""
SMALL = 2.5
"""Letters' widths that a delayed stroke is at most long; what is longer is crossed out or underlined."""
REACH = 2.0
"""Letters' widths that its middle is at most away from the ink below it."""
ACROSS = 2.0
"""Distances to the sides count so many times, for marks stand above and below what they belong to."""
SAME = 0.15
"""Letters' widths: of ink that is as near as that, the last counts. A bar crosses a stem that goes up and down."""
CROWD = 10
"""Points after the nearest one at which a stroke may be interrupted instead."""
RECENT = 4000
"""Points before a stroke that are looked at, so that time grows with the points, not with their square."""


class Mark(NamedTuple):
    """A small stroke over ink that was there before. first, stop: its points; under: the point that it stands over;
    beyond: how far the pen had gone on to the right of it since then, in letters' widths."""

    first: int
    stop: int
    under: int
    beyond: float


def letter(points: np.ndarray, ends: np.ndarray) -> float:
    """About the width of a letter: twice the standard deviation of the ink's height; 0 where there is none.

    points: [N, 2]; ends: [N], where the pen is lifted.
    """
    moves = np.diff(points, axis=0)
    x, y = moves.T
    lengths = np.where(ends[:-1], 0.0, np.sqrt(x * x + y * y))
    total = float(doubles.total(lengths))
    if not total:
        return 0.0
    weights, middles = lengths / total, points[:-1, 1] + moves[:, 1] / 2
    off = middles - doubles.total(weights * middles)
    return 2 * math.sqrt(doubles.total(weights * (off * off)))


def marks(points: np.ndarray, ends: np.ndarray, beyond: float = BEYOND) -> list[Mark]:
    """The strokes that were drawn over earlier ink, in their order: with `BEYOND`, those that were delayed.

    points: [N, 2]; ends: [N], where the pen is lifted. Takes time in proportion to N.
    """
    size = letter(points, ends) if len(points) else 0.0
    found: list[Mark] = []
    if not size:
        return found
    bodies, count = np.empty(len(points), np.int64), 0  # the points of all other strokes
    for first, stop in strokes(ends):
        low, high = points[first:stop].min(axis=0), points[first:stop].max(axis=0)
        if count and (high - low).max() <= SMALL * size:
            known = bodies[max(0, count - RECENT) : count]
            away = points[known] - (low + high) / 2
            x, y = ACROSS * away[:, 0], away[:, 1]
            distance = np.sqrt(x * x + y * y)
            nearest = distance.min()
            at = int(np.flatnonzero(distance <= nearest + SAME * size)[-1])
            gone = float(points[known[at:], 0].max() - high[0]) / size
            if nearest <= REACH * size and gone > beyond:
                found.append(Mark(first, stop, int(known[at]), gone))
                continue
        bodies[count : count + stop - first] = np.arange(first, stop)
        count += stop - first
    return found


def strokes(ends: np.ndarray) -> list[tuple[int, int]]:
    """First point of each stroke, and the one after its last; what was never ended counts as one."""
    stops = np.flatnonzero(ends) + 1
    if len(ends) and (not len(stops) or stops[-1] < len(ends)):
        stops = np.append(stops, len(ends))
    return list(zip([0, *stops[:-1].tolist()], stops.tolist(), strict=True)) if len(stops) else []


def together(points: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order in which the points [N] are to be read, so that delayed strokes stand with their letters, and what the
    pen does after each of them [N]."""
    delayed = marks(points, ends)
    if not delayed:
        return np.arange(len(points)), np.where(ends, UP, DOWN)
    size = letter(points, ends)
    first_of = {mark.first for mark in delayed}
    bodies = [part for part in strokes(ends) if part[0] not in first_of]
    within: dict[int, Mark] = {}  # point after which a stroke is interrupted → what comes there
    behind: dict[int, list[Mark]] = {}  # last point of a stroke → what comes after it
    stops = np.array([stop for _, stop in bodies])
    for mark in delayed:
        stop = int(stops[stops.searchsorted(mark.under, side="right")])
        right = points[mark.first : mark.stop, 0].max()
        # Each interruption is for one mark; where many marks crowd, the others come behind.
        places = range(mark.under, min(mark.under + CROWD, stop - 1))
        at = next((at for at in places if at not in within), None)
        if at is not None and points[at + 1 : stop, 0].max() - right > BEYOND * size:
            within[at] = mark
        else:  # the stroke below ends here: nothing needs to be taken up again
            behind.setdefault(stop - 1, []).append(mark)
    order: list[np.ndarray] = []
    pen: list[np.ndarray] = []

    def draw(first: int, stop: int, after: int) -> None:
        order.append(np.arange(first, stop))
        pen.append(np.full(stop - first, DOWN))
        pen[-1][-1] = after

    cuts = deque(sorted(within))
    for first, stop in bodies:
        while cuts and cuts[0] < stop:
            at = cuts.popleft()
            draw(first, at + 1, UP)
            draw(within[at].first, within[at].stop, BACK)
            first = at + 1
        draw(first, stop, UP)
        for mark in behind.get(stop - 1, ()):
            draw(mark.first, mark.stop, UP)
    return np.concatenate(order), np.concatenate(pen)


def whole_strokes(points: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `together`, for who knows strokes only: where a stroke is taken up again, the point at which it was left
    stands once more. The order of the points [M], and where the pen is lifted [M]."""
    order, pen = together(points, ends)
    back = np.flatnonzero(pen == BACK) + 1
    begins = np.flatnonzero(pen != DOWN) + 1
    left = order[begins[begins.searchsorted(back) - 1] - 1]
    return np.insert(order, back, left), np.insert(pen, back, DOWN) != DOWN


def offsets(points: np.ndarray, pen: np.ndarray) -> np.ndarray:
    """From each point to the next one, [N - 1, 2]: the first after a `BACK` is from where that leads."""
    begins = np.flatnonzero(pen[:-1] != DOWN) + 1
    before = np.arange(len(points) - 1)
    back = begins[pen[begins - 1] == BACK]
    # The stroke that ends there began at the `begins` before it, and was reached from the point before that.
    before[back - 1] = begins[begins.searchsorted(back) - 1] - 1
    found: np.ndarray = points[1:] - points[before]
    return found


def apart(points: np.ndarray, pen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [N, 2] that are sums of `offsets`, and what the pen does after each [N] → points in the order in which a
    hand draws them, where the pen is lifted, and the order from which they came, as `again` takes it.

    A `BACK` that leads nowhere, as a model may draw it, lifts the pen.
    """
    points, moved = points.copy(), np.zeros(2)
    whole: list[list[np.ndarray]] = []  # of each stroke, its parts
    over: list[list[np.ndarray]] = []  # of each stroke, the marks that interrupted it
    going_on = False
    for first, stop in strokes(pen != DOWN):
        part, after = np.arange(first, stop), pen[stop - 1]
        points[part] += moved
        if going_on:
            whole[-1].append(part)
            going_on = False
        elif after == BACK and whole:
            over[-1].append(part)
            moved = moved + points[whole[-1][-1][-1]] - points[part[-1]]
            going_on = True
        else:
            whole.append([part])
            over.append([])
    drawn = [each for parts, own in zip(whole, over, strict=True) for each in (np.concatenate(parts), *own)]
    order = np.concatenate([np.zeros(0, np.int64), *drawn])
    ends = np.zeros(len(points), bool)
    ends[np.cumsum([len(each) for each in drawn], dtype=np.int64) - 1] = True
    if len(order) and order[-1] == len(points) - 1 and pen[-1] == DOWN:
        ends[-1] = False  # the drawing breaks off
    came = np.empty(len(order), np.int64)
    came[order] = np.arange(len(order))
    return points[order], ends, came


def again(ends: np.ndarray, order: np.ndarray) -> np.ndarray:
    """What the pen does after each point [N] of those that are read in this order [N]. ends: where a hand lifts it.

    With `together`'s order it is what that gives, but for a pen that goes back to where it was lifted anyway.
    """
    here, there = order[:-1], order[1:]
    begins = np.concatenate([[True], ends[:-1]])
    pen = np.where((there == here + 1) & ~ends[here], DOWN, np.where(begins[there], UP, BACK))
    last = np.where(ends[order[-1:]], UP, DOWN)
    return np.concatenate([pen, last])
