"""The height and the base line of a line of handwriting, measured from its ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.ink.drawing import Drawing

LIMIT = 1e100
"""Coordinates beyond this are refused, and sizes below its inverse count as none: neither survives scaling."""
BINS = 256
TALL = "bdfhklt"
STEEPEST = 0.12
"""Base lines that rise or fall by more than this are not looked for."""


@dataclass(frozen=True)
class Metrics:
    """How a line of writing stands, in the units of its drawing, y down.

    baseline: y of the base line at x = 0; None where each line is to be measured for itself.
    x_height: from the base line to the top of an `x`.
    slant:    how far the writing leans to the right, per unit of height.
    slope:    how far the base line falls, per unit of x.
    """

    baseline: float | None
    x_height: float
    slant: float = 0.0
    slope: float = 0.0


def check(drawing: Drawing) -> None:
    """Raise `UserError` unless all coordinates are numbers of a sensible size."""
    if len(drawing) and not np.all(np.abs(drawing.points) <= LIMIT):  # false for NaN as well
        bad = int(np.flatnonzero(~np.all(np.abs(drawing.points) <= LIMIT, axis=1))[0])
        raise UserError(
            f"{drawing.name or 'a drawing'}: point {bad} is at {tuple(drawing.points[bad].tolist())}. "
            f"Coordinates must be numbers from -{LIMIT:g} to {LIMIT:g}. Leave that point out."
        )


def metrics(drawing: Drawing, x_height: float | None = None) -> Metrics:
    """Measure a line of writing. With `x_height` known, only where it stands.

    Pens turn mostly at the base line and at the height of an x: those are the levels at which most lower and upper
    turns lie. A known text helps: among more high letters than small ones, fewer turns will do for the height of an x,
    and without any small letters the writing is taken to be half as high again.

    Raises `UserError` where there is no height to measure.
    """
    check(drawing)
    y = drawing.points[:, 1]
    height = float(np.ptp(y)) if len(y) else 0.0
    if height < 1 / LIMIT:
        raise UserError(
            f"{drawing.name or 'a drawing'} has too little ink to measure its x-height from. "
            "Give the metrics of the same writer's other lines."
        )
    spread = max(float(np.quantile(y, 0.98) - np.quantile(y, 0.02)), 0.01 * height)
    lower, upper = _turns(drawing, 0.12 * spread)
    slant = _slant(drawing)
    if not len(lower) or not len(upper):
        return Metrics(float(y.max()), x_height or height * _capitals(drawing), slant)
    slope = _slope(lower, spread)
    low, up = lower[:, 1] - slope * lower[:, 0], upper[:, 1] - slope * upper[:, 0]
    grid = np.linspace(min(low.min(), up.min()), max(low.max(), up.max()), BINS)
    blur = max(0.03 * spread, float(grid[1] - grid[0]))
    at_base, at_top = _density(low, grid, blur), _density(up, grid, blur)
    if x_height is None:
        pairs = at_base[:, None] * at_top
        pairs[grid[:, None] - grid < 0.15 * spread] = 0
        base, top = divmod(int(pairs.argmax()), BINS)
        if _mostly_tall(drawing.text or ""):
            reach = grid[base] - grid[top]
            below = np.where(np.abs(grid[base] - grid - 0.52 * reach) < 0.18 * reach, at_top, 0)
            top = int(below.argmax()) if below.max() > 0.3 * at_top[top] else top
        baseline = _centre(low, grid[base], blur)
        x_height = (baseline - _centre(up, grid[top], blur)) * _capitals(drawing)
        if x_height < 0.05 * spread:  # nothing stands above anything
            return Metrics(float(y.max()), height * _capitals(drawing), slant)
    else:
        # Lines of digits or capitals have nothing at that height, so it only adds weight.
        tops = np.interp(grid - x_height, grid, at_top, left=0, right=0)
        baseline = _centre(low, grid[int((at_base * (0.2 + tops)).argmax())], blur)
    return Metrics(baseline, x_height, slant, slope)


def _capitals(drawing: Drawing) -> float:
    """An x-height's share of the height of the writing."""
    text = drawing.text or ""
    return 2 / 3 if any(map(str.isalnum, text)) and not any(map(str.islower, text)) else 1.0


def _mostly_tall(text: str) -> bool:
    """Whether small letters are there, but fewer than letters and digits that are higher."""
    tall = sum(map(str.isalnum, text)) - (small := sum(c.islower() and c not in TALL for c in text))
    return 0 < small < tall


def _turns(drawing: Drawing, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Points [n, 2] where the pen turned below, and above, or began or ended; not for hooks within `threshold`."""
    lower, upper = [], []
    for stroke in drawing.strokes():
        heights = stroke[:, 1].tolist()
        lowest = highest = way = 0
        for i, y in enumerate(heights):
            if y > heights[lowest]:
                lowest = i
            if y < heights[highest]:
                highest = i
            if way <= 0 and y >= heights[highest] + threshold:
                upper.append(stroke[highest])
                way, lowest = 1, i
            elif way >= 0 and y <= heights[lowest] - threshold:
                lower.append(stroke[lowest])
                way, highest = -1, i
        if way > 0:
            lower.append(stroke[lowest])
        elif way < 0:
            upper.append(stroke[highest])
    return np.reshape(lower, (-1, 2)), np.reshape(upper, (-1, 2))


def _density(levels: np.ndarray, grid: np.ndarray, blur: float) -> np.ndarray:
    """How many of `levels` lie near each of `grid`, [BINS]."""
    z = (levels[:, None] - grid) / blur
    total: np.ndarray = np.exp(-0.5 * z * z).sum(axis=0)
    return total


def _centre(levels: np.ndarray, level: float, blur: float) -> float:
    """The middle of the crowd of `levels` that lies around `level`."""
    for _ in range(5):
        weights = np.exp(-0.5 * ((levels - level) / blur) ** 2)
        level = float(weights @ levels / weights.sum())
    return level


def _slope(lower: np.ndarray, spread: float) -> float:
    """The slope at which the lower turns lie closest to one level; 0 for writing too short to tell."""
    x = lower[:, 0] - lower[:, 0].mean()
    width = float(np.ptp(x))
    if len(x) < 8 or width < 6 * spread:
        return 0.0
    best, found = 0.0, 0.0
    for slope in np.linspace(-STEEPEST, STEEPEST, 49):
        crowd = _crowd(lower[:, 1] - slope * x, spread)[1] * float(np.exp(-((slope / 0.2) ** 2)))
        if crowd > best:
            best, found = crowd, float(slope)
    for _ in range(5):  # to the line through that crowd
        levels = lower[:, 1] - found * x
        middle, _, blur = _crowd(levels, spread)
        weights = np.exp(-0.5 * ((levels - middle) / blur) ** 2)
        across = x - weights @ x / weights.sum()
        found += float(weights @ (across * (levels - middle)) / max(weights @ across**2, 1 / LIMIT))
    return found


def _crowd(levels: np.ndarray, spread: float) -> tuple[float, float, float]:
    """Where most of `levels` lie, how many do, and how far from each other at most."""
    grid = np.linspace(levels.min(), levels.max(), BINS)
    blur = max(0.05 * spread, float(grid[1] - grid[0]))
    density = _density(levels, grid, blur)
    most = int(density.argmax())
    return float(grid[most]), float(density[most]), blur


def _slant(drawing: Drawing) -> float:
    """The median lean of strokes going down, weighted by their height."""
    steps = np.diff(drawing.points, axis=0)[~drawing.ends[:-1]]
    steps = steps[steps[:, 1] > 0.5 * np.abs(steps[:, 0])]
    if not len(steps):
        return 0.0
    leans = -steps[:, 0] / steps[:, 1]
    order = np.argsort(leans, kind="stable")
    weights = np.cumsum(steps[order, 1])
    return float(leans[order[int(np.searchsorted(weights, weights[-1] / 2))]])
