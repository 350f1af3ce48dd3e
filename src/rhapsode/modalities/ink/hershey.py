"""Handwriting made by rule, without end: any text, written by hands that vary from line to line and letter to letter.

The letters are single-stroke Hershey fonts, the movements simple models of a hand's: smoothed corners, slow drift,
and a pen that is slower where it turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.ink.curve import beziers
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.glyphs import ACCENTED, Glyph, glyphs
from rhapsode.modalities.ink.sentences import sentences as sentences

WRITABLE = "".join(map(chr, range(32, 127))) + "".join(ACCENTED)
"""What every hand can write: printable ASCII, and letters with an accent."""
RATE = 100
"""Points a second, as from a tablet."""
FINE = 0.05
"""x-heights between points while a line is being shaped."""
SUBDIVISIONS = 6
KNOT = 1.1
"""x-heights of path between the knots of drift: about two a letter, far slower than the strokes themselves."""
LIFT = 0.07
"""Seconds that lifting the pen and setting it down takes, beside the way between."""
SHORTEST = 4
"""Points of a stroke: a dot takes its time, too."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Hand:
    """A writer. Pairs are the least and the most of what is drawn anew for each line. Raises `UserError`.

    letters, capitals, figures: names in `glyphs.FONTS`.
    height:  mm, of an x. width: of letters, as a share of the font's.
    slant:   to the right, per unit of height. slope: how far the base line falls, per unit of x.
    reach:   length of what stands above and below an x, as a share of the font's.
    spacing: x-heights added between letters; gap: x-heights between words.
    pace:    x-heights a second, where the pen goes round a bend of one x-height.
    round:   how much corners are smoothed, in x-heights.
    wobble:  how much letters and lines vary in themselves; 0 is a machine.
    lifts:   how often the pen is lifted where it could go on to the next letter.
    delayed: of how many words the letters run into each other, and dots and bars come after the last one.
    """

    letters: str = "scripts"
    capitals: str = "futural"
    figures: str = "rowmans"
    height: Range = (2.2, 2.9)
    width: Range = (0.85, 1.08)
    slant: Range = (0.12, 0.42)
    slope: Range = (-0.02, 0.02)
    reach: Range = (0.72, 0.92)
    spacing: Range = (-0.02, 0.16)
    gap: Range = (0.9, 1.5)
    pace: Range = (13.0, 19.0)
    round: Range = (0.06, 0.12)
    wobble: Range = (0.6, 1.2)
    lifts: float = 0.1
    delayed: float = 0.0

    def __post_init__(self) -> None:
        glyphs(self.letters, self.capitals, self.figures)
        for name, (least, most) in self.ranges().items():
            lowest = -1.0 if name in ("slant", "slope", "spacing") else 0.0 if name in ("round", "wobble") else 0.05
            if not lowest <= least <= most <= 100:
                raise UserError(
                    f"a hand's {name} goes from {least:g} to {most:g}: give {lowest:g} to 100, least first."
                )
        for name in ("lifts", "delayed"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"a hand's {name} is {getattr(self, name):g}: it must be from 0 to 1.")

    def ranges(self) -> dict[str, Range]:
        """All pairs, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, tuple)}


JOINED = Hand()
"""Letters that run into each other, with plain capitals."""
FLOURISHED = Hand(capitals="scripts")
"""The same with the capitals that belong to that script."""
PRINT = Hand("futural", "futural", "futural", width=(0.7, 0.85), slant=(0.0, 0.25), reach=(0.9, 1.15), gap=(0.6, 1.0))
"""Letters by themselves, as in print."""


def writable(text: str) -> str:
    """The text without the characters that no hand here can write."""
    return "".join(character for character in text if character in WRITABLE)


def lines(texts: Iterable[str], seed: int, hand: Hand | None = None) -> Iterator[Drawing]:
    """Each text as one line of writing, in mm, with `text` and `seconds`; `hand` is `JOINED` by default.

    Points follow each other at equal times within a stroke, `RATE` a second. A line depends on its text, its number,
    the seed (0 or more) and the hand, not on the lines before it. Raises `UserError` for what cannot be written.
    """
    hand = hand or JOINED
    for number, text in enumerate(texts):
        strange = sorted(set(text) - set(WRITABLE))
        if strange:
            shown = ", ".join(map(repr, strange[:10]))
            raise UserError(
                f"{text[:60]!r}: {shown} cannot be written. Printable ASCII and most accents can: use writable(text)."
            )
        if not text.strip():
            raise UserError(f"text {number} is {text!r}: there is nothing to write.")
        yield _line(text, f"{seed}#{number}", hand, np.random.default_rng([seed, number]))


def _line(text: str, name: str, hand: Hand, random: np.random.Generator) -> Drawing:
    style = {name: random.uniform(least, most) for name, (least, most) in hand.ranges().items()}
    path = _Path(_placed(text, hand, style, random))
    path.drift(0.035 * style["wobble"], random)
    path.smooth(round(2 * (style["round"] / FINE) ** 2))
    points, seconds, ends = path.timed(style["pace"])
    x, y = points.T
    x = x - style["slant"] * y
    points = np.stack([x, y + style["slope"] * x], axis=1) * style["height"]
    return Drawing(points, ends, text, name, seconds=seconds)


def _placed(text: str, hand: Hand, style: dict[str, float], random: np.random.Generator) -> list[np.ndarray]:
    """The corners of each stroke [n, 2], in x-heights, upright, from the base line."""
    table = glyphs(hand.letters, hand.capitals, hand.figures)
    size, breadth, lean, shift, rise = random.normal(size=(5, len(text))) * style["wobble"]
    lifted = random.random(len(text)) < hand.lifts
    strokes: list[np.ndarray] = []
    later: list[np.ndarray] = []
    # Without delayed strokes, nothing is drawn from `random` that was not drawn before there were any.
    waits = random.random(len(text)) < hand.delayed if hand.delayed else np.zeros(len(text), bool)
    waiting = waits[0]
    x = y = 0.0
    before: Glyph | None = None
    for i, character in enumerate(text):
        if character == " ":
            x += style["gap"] * (1 + 0.12 * shift[i])
            before, waiting = None, waits[i]
            strokes += later
            later = []
            continue
        glyph = table[character]
        high = 1 + 0.035 * size[i]
        wide = style["width"] * high * (1 + 0.04 * breadth[i])
        y = 0.6 * y + 0.03 * rise[i]
        shape = _GlyphShape(x, y, wide, high, 0.025 * lean[i], style["reach"])
        first, *others = map(shape.of, glyph.strokes)
        leaves = before is not None and (before.leaves or waiting and before.enters)
        if leaves and glyph.enters and not lifted[i]:
            strokes[-1] = _joined(strokes[-1], first, None if glyph.lead is None else shape.of(glyph.lead))
        else:
            strokes.append(first)
        (later if waiting and glyph.enters else strokes).extend(others)
        x += wide * glyph.advance + style["spacing"] + 0.03 * shift[i]
        before = glyph
    return strokes + later


@dataclass(frozen=True)
class _GlyphShape:
    """Where and how one letter stands. lean: to the right, per unit of height, beside the line's slant."""

    x: float
    y: float
    wide: float
    high: float
    lean: float
    reach: float

    def of(self, corners: np.ndarray) -> np.ndarray:
        across, down = corners.T
        # Reach only changes what is above an x or below the line.
        down = np.clip(down, -1, 0) + self.reach * (np.minimum(down + 1, 0) + np.maximum(down, 0))
        return np.stack([self.x + self.wide * across - self.lean * down, self.y + self.high * down], axis=1)


def _joined(stroke: np.ndarray, letter: np.ndarray, lead: np.ndarray | None) -> np.ndarray:
    """A stroke that ends at a letter's right side, going on to the next letter."""
    way = letter if lead is None else np.concatenate([lead, letter])
    if way[0, 1] > stroke[-1, 1] + 0.15:  # it begins lower than the stroke would rise to
        return np.concatenate([stroke[:-1], way])
    meeting = (stroke[-1:] + way[:1]) / 2
    return np.concatenate([stroke[:-1], meeting, way[1:]])


class _Path:
    """All strokes of a line at once: `points` [N, 2] at even distances, the stroke of each, and its first and last."""

    def __init__(self, corners: list[np.ndarray]) -> None:
        curve, first = _curve(corners)
        last = np.append(first[1:], len(curve)) - 1
        along = np.concatenate([[0.0], np.hypot(*np.diff(curve, axis=0).T).cumsum()])
        length = along[last] - along[first]
        at, self.counts = _even(along[first], length, np.maximum(np.ceil(length / FINE).astype(int), 2))
        self.points = _at(at, along, curve)
        self.last = self.counts.cumsum() - 1
        self.first = self.last - self.counts + 1
        self.at = at

    def drift(self, size: float, random: np.random.Generator) -> None:
        """Move the points by slow noise with a standard deviation of `size`."""
        knots = np.arange(int(self.at[-1] / KNOT) + 3) * KNOT
        self.points += _at(self.at, knots - KNOT * random.random(), random.normal(size=(len(knots), 2)) * size)

    def smooth(self, times: int) -> None:
        """A low-pass filter that leaves the ends of strokes where they are."""
        self.points = self._smoothed(self.points, times)

    def _smoothed(self, values: np.ndarray, times: int) -> np.ndarray:
        for _ in range(times):
            filtered = values.copy()
            filtered[1:-1] += 0.25 * (values[:-2] - 2 * values[1:-1] + values[2:])
            filtered[self.first], filtered[self.last] = values[self.first], values[self.last]
            values = filtered
        return values

    def timed(self, pace: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points at equal times, their seconds, and which end a stroke.

        Speed falls with the third root of curvature, as measured of hands (Viviani and Terzuolo, 1982).
        """
        step = np.diff(self.points, axis=0)
        length = np.hypot(*step.T)
        heading = step / np.maximum(length, 1e-9)[:, None]
        turn = np.zeros(len(self.points))
        (ax, ay), (bx, by) = heading[:-1].T, heading[1:].T
        turn[1:-1] = np.abs(np.arctan2(ax * by - ay * bx, ax * bx + ay * by))
        turn[self.first] = turn[self.last] = 0
        bend = self._smoothed(turn / FINE, 3)
        speed = pace * np.clip(bend, 0.25, 30) ** (-1 / 3)
        # The pen starts from rest and comes to rest.
        into = np.arange(len(turn)) - np.repeat(self.first, self.counts)
        left = np.repeat(self.counts, self.counts) - 1 - into
        speed *= np.minimum(1, 0.35 + np.minimum(into, left) * FINE / 0.5)
        speed = self._smoothed(speed, 4)
        clock = np.concatenate([[0.0], (2 * length / (speed[:-1] + speed[1:])).cumsum()])
        taken = clock[self.last] - clock[self.first]
        at, counts = _even(clock[self.first], taken, np.maximum(np.rint(taken * RATE).astype(int), SHORTEST - 1))
        points = _at(at, clock, self.points)
        ends = np.zeros(len(points), bool)
        ends[counts.cumsum() - 1] = True
        way = np.hypot(*(self.points[self.first[1:]] - self.points[self.last[:-1]]).T)
        ticks = np.ones(len(points))
        ticks[0] = 0
        ticks[counts.cumsum()[:-1]] = np.rint((LIFT + way / pace) * RATE)
        return points, ticks.cumsum() / RATE, ends


def _curve(corners: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A spline [N, 2] through the corners of each stroke, and where in it each begins."""
    # All strokes in one call: with its mirrored neighbours beyond its ends, none of them is bent by the next.
    padded = [np.concatenate([2 * c[:1] - c[1:2], c, 2 * c[-1:] - c[-2:-1]]) for c in corners]
    curves = beziers(np.concatenate(padded))
    t = (np.arange(SUBDIVISIONS) / SUBDIVISIONS)[:, None, None]
    s = 1 - t
    a, b, c, d = np.moveaxis(curves, 1, 0)
    fine = (s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d).swapaxes(0, 1)
    pieces, begin = [], 0
    for stroke in corners:
        stop = begin + len(stroke)
        pieces += [fine[begin + 1 : stop].reshape(-1, 2), stroke[-1:]]
        begin = stop + 2
    sizes = np.array([(len(stroke) - 1) * SUBDIVISIONS + 1 for stroke in corners])
    return np.concatenate(pieces), sizes.cumsum() - sizes


def _even(start: np.ndarray, total: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each stroke, `steps` even steps from `start` over `total`: all places in one, and how many of each."""
    counts = steps + 1
    into = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    return np.repeat(start, counts) + into * np.repeat(total / steps, counts), counts


def _at(at: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`values` [n, 2], given at `places` [n], interpolated."""
    return np.stack([np.interp(at, places, column) for column in values.T], axis=1)
