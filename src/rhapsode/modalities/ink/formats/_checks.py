"""What readers check, and how they make drawings of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.files.values import LARGEST, shown
from rhapsode.modalities.ink.drawing import Drawing, from_strokes


def array(values: Any, where: str, columns: int) -> np.ndarray:
    """`values`, a list of lists of `columns` numbers, as [n, columns] float64. Raises `UserError`."""
    found = _numbers(values)
    if found is not None and found.shape == (0,):
        return np.zeros((0, columns))
    if found is None or found.ndim != 2 or found.shape[1] != columns:
        raise UserError(f"{where}: expected a list of points, each of {columns} numbers, found {shown(values)}.")
    return finite(found, where)


def vector(values: Any, where: str) -> np.ndarray:
    """`values`, a list of numbers, as [n] float64. Raises `UserError`."""
    found = _numbers(values)
    if found is None or found.ndim != 1:
        raise UserError(f"{where}: expected a list of numbers, found {shown(values)}.")
    return finite(found, where)


def _numbers(values: Any) -> np.ndarray | None:
    """Nested lists of numbers as an array of float64, or None for what is anything else."""
    try:
        # Not as numbers at once: numpy would take texts for numbers, or give each as much room as the longest.
        found = np.array(values, object)
        kinds = {*map(type, found.ravel().tolist())}
        return found.astype(np.float64) if kinds <= {int, float, bool} and kinds != {bool} else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def finite(values: np.ndarray, where: str) -> np.ndarray:
    """The same array, [n] or [n, columns]. Raises `UserError` where it holds what is no place on paper."""
    with np.errstate(invalid="ignore"):
        good = np.abs(values) <= LARGEST
    if not good.all():
        at = int(np.argwhere(~good)[0, 0])
        raise UserError(
            f"{where}: point {at + 1} has {shown(values[at].tolist())}. Numbers must be finite and not larger than "
            f"{LARGEST:g}; correct the file or leave this drawing out."
        )
    return values


def drawing(
    strokes: Sequence[np.ndarray],
    text: str | None,
    name: str,
    pressure: Sequence[np.ndarray] | None = None,
    seconds: Sequence[np.ndarray] | None = None,
) -> Drawing:
    """A drawing of strokes, each [n, 2], with what was recorded at their points, each [n]; empty ones are left out."""
    made = from_strokes(list(strokes), text, name)
    if not len(made):
        return made
    finite(made.points, name)
    return replace(
        made,
        pressure=None if pressure is None else finite(np.concatenate(pressure), f"{name}, pressure"),
        seconds=None if seconds is None else finite(np.concatenate(seconds), f"{name}, seconds"),
    )


def since_first(times: Sequence[np.ndarray], per_second: float = 1.0) -> list[np.ndarray]:
    """Times in seconds, counted from the first of all."""
    first = next((each[0] for each in times if len(each)), 0.0)
    return [(each - first) / per_second for each in times]


def normalised(pressure: Sequence[np.ndarray]) -> list[np.ndarray] | None:
    """Pressures in units of a device's own brought to [0, 1] by the greatest; None if there never was any."""
    greatest = max((float(each.max()) for each in pressure if len(each)), default=0.0)
    if greatest <= 0:
        return None
    return [np.clip(each / max(greatest, 1.0), 0.0, 1.0) for each in pressure]
