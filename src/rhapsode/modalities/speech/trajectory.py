"""Smooth tracks from means and slopes: maximum-likelihood parameter generation, and the variance that means lack."""

from __future__ import annotations

import numpy as np

DELTA = np.array([-0.5, 0.0, 0.5])
ACCELERATION = np.array([1.0, -2.0, 1.0])
BAND = 5
"""A frame's equations reach two frames to either side."""


def with_slopes(values: np.ndarray) -> np.ndarray:
    """[N, D] → [N, 3 D]: values, their slopes and their accelerations; the ends are held."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    around = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    return np.concatenate([values, np.tensordot(DELTA, around, 1), np.tensordot(ACCELERATION, around, 1)], axis=1)


def smoothest(means: np.ndarray, variances: np.ndarray) -> np.ndarray:
    """The values [N, D] that are likeliest by means [N, 3 D] of them, their slopes and accelerations, with variances
    [3 D] (Tokuda et al. 2000, case 1): c = (W' U W)^-1 W' U m, a system of five diagonals for each of D."""
    count, dims = len(means), means.shape[1] // 3
    weights = np.repeat((1 / variances).reshape(3, dims)[:, None], count, axis=1)  # [3, N, D]
    parts = means.reshape(count, 3, dims).transpose(1, 0, 2)
    # matrix[k, n] stands in row n, column n + k - 2.
    matrix, right = np.zeros((BAND, count, dims)), np.zeros((count, dims))
    rows = np.arange(count)
    for window, weight, part in zip((np.array([0.0, 1.0, 0.0]), DELTA, ACCELERATION), weights, parts, strict=True):
        places = [(rows + by).clip(0, count - 1) for by in (-1, 0, 1)]  # the ends are held
        for a, at in zip(window, places, strict=True):
            np.add.at(right, at, a * weight * part)
            for b, to in zip(window, places, strict=True):
                np.add.at(matrix, (to - at + 2, at), a * b * weight)
    return _solved(matrix, right)


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Symmetric systems of five diagonals, all dimensions side by side: Cholesky's factors, then forward and back."""
    count = len(right)
    diagonal, one, two = np.zeros_like(right), np.zeros_like(right), np.zeros_like(right)
    for n in range(count):
        two[n] = matrix[0, n] / diagonal[n - 2] if n > 1 else 0
        one[n] = (matrix[1, n] - (two[n] * one[n - 1] if n > 1 else 0)) / diagonal[n - 1] if n else 0
        diagonal[n] = np.sqrt(np.maximum(matrix[2, n] - one[n] ** 2 - two[n] ** 2, 1e-12))
    y = np.zeros_like(right)
    for n in range(count):
        y[n] = (right[n] - (one[n] * y[n - 1] if n else 0) - (two[n] * y[n - 2] if n > 1 else 0)) / diagonal[n]
    x = np.zeros_like(right)
    for n in range(count - 1, -1, -1):
        rest = y[n]
        if n + 1 < count:
            rest = rest - one[n + 1] * x[n + 1]
        if n + 2 < count:
            rest = rest - two[n + 2] * x[n + 2]
        x[n] = rest / diagonal[n]
    return x


def restored(values: np.ndarray, deviations: np.ndarray, strength: float = 1.0) -> np.ndarray:
    """Values [N, D] moved away from their mean until their standard deviations are so many [D], or a part `strength`
    of the way: means vary less than what they are means of (Toda & Tokuda 2007, global variance, as a scaling)."""
    mean, own = values.mean(axis=0), values.std(axis=0)
    factor = np.where(own > 1e-9, deviations / np.maximum(own, 1e-9), 1.0)
    return np.asarray(mean + (values - mean) * (1 + strength * (factor - 1)))
