"""Linear prediction and line spectral frequencies (Itakura 1975), for many frames at once.

A predictor is [N, p + 1], the polynomial A(z) = 1 + a1 / z + a2 / z² ..., its zeros within the unit circle; its line
spectral frequencies are [N, p], radians, rising, between 0 and pi. p is even.
"""

from __future__ import annotations

import numpy as np

GRID = 1024
"""Frequencies at which a phase is computed first."""
STEPS = 2
"""Of Newton's method, from there."""


def predictor(correlation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Autocorrelation [N, p + 1] → predictor [N, p + 1], and the power [N] of what it cannot predict.

    By Levinson's recursion. The correlation must be that of some power spectrum above 0.
    """
    order = correlation.shape[1] - 1
    found = np.zeros_like(correlation)
    found[:, 0] = 1
    power = correlation[:, 0].copy()
    for k in range(1, order + 1):
        mirror = -(found[:, :k] * correlation[:, k:0:-1]).sum(axis=1) / power
        found[:, 1 : k + 1] += mirror[:, None] * found[:, k - 1 :: -1] if k > 1 else mirror[:, None]
        power *= 1 - mirror**2
    return found, power


def frequencies(found: np.ndarray) -> np.ndarray:
    """Predictor → line spectral frequencies.

    The phase of A(w), and w (p + 1) / 2 on top of it, rises from 0 to pi (p + 1) / 2. Where it passes k pi / 2,
    there is one of them: so none is missed.
    """
    count, order = len(found), found.shape[1] - 1
    grid = np.arange(GRID + 1) * (np.pi / GRID)
    angle = np.angle(np.fft.rfft(found, 2 * GRID)) + grid * (order + 1) / 2
    # The phase rises throughout, by up to pi where a zero is next to the unit circle.
    phase = np.zeros_like(angle)
    np.cumsum((np.diff(angle, axis=1) + 1) % (2 * np.pi) - 1, axis=1, out=phase[:, 1:])
    wanted = np.arange(1, order + 1) * (np.pi / 2)
    # Rows end to end rise throughout, and are searched at once.
    row = np.arange(count)[:, None] * (np.pi * (order + 2) / 2)
    rising = np.maximum.accumulate(phase, axis=1)
    after = np.searchsorted((rising + row).ravel(), (wanted + row).ravel()).reshape(count, order)
    after = np.clip(after - np.arange(count)[:, None] * (GRID + 1), 1, GRID)
    low, high = np.take_along_axis(rising, after - 1, axis=1), np.take_along_axis(rising, after, axis=1)
    least, most = grid[after - 1], grid[after]
    at = least + (most - least) * np.clip((wanted - low) / np.maximum(high - low, 1e-12), 0, 1)
    for _ in range(STEPS):
        value, slope = _at(found, at)
        off = np.angle(value * np.exp(1j * (at * (order + 1) / 2 - wanted)))
        at = np.clip(at - off / np.maximum((slope / value).imag + (order + 1) / 2, 1e-9), least, most)
    return np.asarray(at)


def response(lsf: np.ndarray, bins: int) -> np.ndarray:
    """Line spectral frequencies → the predictor's A [N, bins], complex, at frequencies from 0 to pi, evenly spaced.

    As products: sums of its coefficients, which have to be found first, cancel where lines are close together.
    """
    count, order = lsf.shape
    w = np.linspace(0, np.pi, bins)
    ahead, lines = 2 * np.cos(w), 2 * np.cos(lsf)
    even, odd = np.tile(np.cos(w / 2), (count, 1)), np.tile(np.sin(w / 2), (count, 1))
    for k in range(0, order, 2):
        even *= ahead - lines[:, k, None]
        odd *= ahead - lines[:, k + 1, None]
    return np.asarray((even + 1j * odd) * np.exp(-0.5j * (order + 1) * w))


def apart(lsf: np.ndarray, gap: float) -> np.ndarray:
    """Any numbers [N, p] → line spectral frequencies at least `gap` apart, and from 0 and pi; unchanged if they are.

    gap: radians, below pi / (p + 1).
    """
    order = lsf.shape[1]
    steps = gap * np.arange(order)
    room = np.clip(np.sort(lsf, axis=1) - steps, gap, np.pi - gap * order)
    return np.asarray(np.maximum.accumulate(room, axis=1) + steps)


def _at(found: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A [N, n] and its derivative by w [N, n] at the frequencies w [N, n], by Horner's rule."""
    z = np.exp(-1j * w)
    value, slope = np.zeros_like(z), np.zeros_like(z)
    for k in range(found.shape[1] - 1, -1, -1):
        slope = slope * z + value
        value = value * z + found[:, k, None]
    return value, -1j * z * slope
