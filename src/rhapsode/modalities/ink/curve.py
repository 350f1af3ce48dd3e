"""Smooth curves through the points of a stroke, and how broad ink gets along them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhapsode.modalities.ink.page import Stroke


def distinct(points: np.ndarray) -> np.ndarray:
    """Indices of the points that are not where the one before them is."""
    return np.flatnonzero(np.concatenate([[True], np.any(points[1:] != points[:-1], axis=1)]))


def beziers(points: np.ndarray) -> np.ndarray:
    """Cubic Bézier curves [n - 1, 4, 2] from point to point: a centripetal Catmull-Rom spline.

    points: [n, 2], none of them at the same place as the next.
    """
    if len(points) < 2:
        return np.zeros((0, 4, 2))
    around = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    step = np.diff(around, axis=0)
    # The root of the distance as the curve's time keeps loops and cusps out of it.
    time = np.sqrt(np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-12))[:, None]
    speed = step / time
    before, after = time[:-1], time[1:]
    tangent = speed[:-1] + speed[1:] - (step[:-1] + step[1:]) / (before + after)
    third = time[1:-1] / 3
    return np.stack([points[:-1], points[:-1] + tangent[:-1] * third, points[1:] - tangent[1:] * third, points[1:]], 1)


def lengths(curves: np.ndarray) -> np.ndarray:
    """About how long each curve is, [n]."""
    chord = np.linalg.norm(curves[:, 3] - curves[:, 0], axis=1)
    around = np.linalg.norm(np.diff(curves, axis=1), axis=2).sum(axis=1)
    total: np.ndarray = (chord + around) / 2
    return total


def flatten(points: np.ndarray, values: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """A polyline [m, 2] that stays within `tolerance` of the curve through `points` and keeps all of them.

    values: [n], one for each point; they come back as [m], interpolated.
    """
    curves = beziers(points)
    bend = np.abs(np.diff(curves, n=2, axis=1)).max(axis=(1, 2), initial=0)
    counts = np.clip(np.ceil(np.sqrt(bend / tolerance)), 1, 100).astype(int)
    which = np.repeat(np.arange(len(curves)), counts)
    t = (np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts) + 1) / counts[which]
    end = t == 1
    a, b, c, d = np.moveaxis(curves[which], 1, 0)
    s, t = (1 - t)[:, None], t[:, None]
    path = s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d
    path[end] = d[end]
    between = s[:, 0] * values[which] + t[:, 0] * values[which + 1]
    return np.concatenate([points[:1], path]), np.concatenate([values[:1], between])


def split(curve: np.ndarray, count: int) -> list[np.ndarray]:
    """A Bézier curve [4, 2] in `count` pieces."""
    pieces = []
    for left in range(count, 1, -1):
        t = 1 / left
        one = curve[:-1] + (curve[1:] - curve[:-1]) * t
        two = one[:-1] + (one[1:] - one[:-1]) * t
        three = two[0] + (two[1] - two[0]) * t
        pieces.append(np.stack([curve[0], one[0], two[0], three]))
        curve = np.stack([three, two[1], one[2], curve[3]])
    return [*pieces, curve]


def widths(strokes: Sequence[Stroke], nib: float) -> list[np.ndarray]:
    """How broad the ink is at each point, [n] mm per stroke, `nib` on average.

    By pressure where that was recorded; otherwise the slower the pen, the broader. Without recorded times, points are
    taken to be equally far apart in time.
    """
    speeds = [_speeds(stroke) for stroke in strokes]
    moving = np.concatenate([np.zeros(0), *speeds])
    usual = float(np.median(moving[moving > 0])) if np.any(moving > 0) else 1.0
    pressures = [stroke.pressure for stroke in strokes if stroke.pressure is not None]
    pressed = np.concatenate([np.zeros(0), *pressures])
    firm = float(np.median(pressed[pressed > 0])) if np.any(pressed > 0) else 1.0
    broad = []
    for stroke, speed in zip(strokes, speeds, strict=True):
        if stroke.pressure is not None and np.any(pressed > 0):
            factor = np.clip(0.3 + 0.7 * _smooth(np.nan_to_num(stroke.pressure)) / firm, 0.4, 1.8)
        else:
            factor = 0.6 + 0.8 / (1 + np.minimum(speed / usual, 1e6))
        broad.append(nib * factor)
    return broad


def _speeds(stroke: Stroke) -> np.ndarray:
    """The pen's speed at each point, [n]: mm per second, or per point."""
    if len(stroke.points) < 2:
        return np.zeros(len(stroke.points))
    step = np.linalg.norm(np.diff(stroke.points, axis=0), axis=1)
    if stroke.seconds is not None:
        passed = np.diff(stroke.seconds)
        usual = float(np.median(passed[passed > 0])) if np.any(passed > 0) else 1.0
        step = step / np.where(passed > 0, passed, usual)
    return _smooth(np.concatenate([step[:1], (step[1:] + step[:-1]) / 2, step[-1:]]))


def _smooth(values: np.ndarray) -> np.ndarray:
    """A running mean over five."""
    padded = np.pad(values, 2, mode="edge")
    return np.convolve(padded, np.full(5, 0.2), mode="valid")
