"""Tracks from means and slopes."""

from __future__ import annotations

import numpy as np
import pytest

from rhapsode.modalities.speech.trajectory import ACCELERATION, DELTA, restored, smoothest, with_slopes


def window(weights: list[float], count: int) -> np.ndarray:
    """[N, N]: what a window of three weights makes of a track whose ends are held."""
    matrix = np.zeros((count, count))
    for n in range(count):
        for by, weight in zip((-1, 0, 1), weights, strict=True):
            matrix[n, min(max(n + by, 0), count - 1)] += weight
    return matrix


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_the_likeliest_track_is_that_of_the_equations(count: int) -> None:
    rng = np.random.default_rng(0)
    means, variances = rng.standard_normal((count, 9)), rng.uniform(0.5, 2, 9)
    found = smoothest(means, variances)
    windows = np.concatenate([window(each, count) for each in ([0.0, 1.0, 0.0], DELTA.tolist(), ACCELERATION.tolist())])
    for d in range(3):
        precision = np.diag(np.repeat(1 / variances.reshape(3, 3)[:, d], count))
        wanted = means.reshape(count, 3, 3)[:, :, d].T.ravel()
        exact = np.linalg.solve(windows.T @ precision @ windows, windows.T @ precision @ wanted)
        np.testing.assert_allclose(found[:, d], exact, atol=1e-8)


def test_a_track_s_own_means_and_slopes_give_it_back() -> None:
    track = np.random.default_rng(1).standard_normal((50, 4)).cumsum(axis=0)
    slopes = with_slopes(track)
    assert slopes.shape == (50, 12)
    np.testing.assert_allclose(slopes[10, 4:8], (track[11] - track[9]) / 2)
    np.testing.assert_allclose(slopes[10, 8:], track[11] - 2 * track[10] + track[9])
    np.testing.assert_allclose(smoothest(slopes, np.ones(12)), track, atol=1e-8)


def test_steps_become_slopes() -> None:
    """Means that jump, whose slopes say that nothing does."""
    jump = np.zeros((40, 3))
    jump[20:, 0] = 1
    found = smoothest(jump, np.array([1.0, 0.1, 0.1]))[:, 0]
    assert np.abs(np.diff(found)).max() < 0.3
    assert abs(found[:5]).max() < 0.1 and abs(found[-5:] - 1).max() < 0.1


def test_variance_is_restored() -> None:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((200, 2)) * [0.5, 2] + [3, -1]
    whole = restored(values, np.array([1.0, 1.0]))
    np.testing.assert_allclose(whole.std(axis=0), 1)
    np.testing.assert_allclose(whole.mean(axis=0), values.mean(axis=0))
    np.testing.assert_allclose(restored(values, np.array([1.0, 1.0]), 0), values)
    assert np.isfinite(restored(np.ones((3, 2)), np.array([1.0, 1.0]))).all()
