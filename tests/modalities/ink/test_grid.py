"""The grid that coordinates lie on."""

from __future__ import annotations

import numpy as np
import pytest

from rhapsode.modalities.ink.grid import pitch


def offsets(count: int = 5000) -> np.ndarray:
    return np.round(np.random.default_rng(0).normal(size=count) * 8)


@pytest.mark.parametrize("factor", [1.0, 0.005, 2.54, 1e-6])
def test_the_grid_is_found(factor: float) -> None:
    assert pitch(offsets() * factor) == pytest.approx(factor, rel=1e-6)


def test_rounded_factors_do_not_hide_it() -> None:
    places = np.cumsum(offsets()) * 0.005
    assert pitch(np.diff(np.round(places / 6, 4) * 6)) == pytest.approx(0.005, rel=1e-3)  # steps of 0.0048 and 0.0054
    assert pitch(np.diff(places.astype(np.float32).astype(float))) == pytest.approx(0.005, rel=1e-3)


def test_what_lies_on_none_has_none() -> None:
    random = np.random.default_rng(1)
    for values in (random.normal(size=5000), random.exponential(size=5000), random.uniform(-1, 1, 5000)):
        assert pitch(values) == 0
    assert pitch(np.zeros(100)) == pitch(np.arange(5.0)) == 0


def test_rounding_errors_are_no_grid() -> None:
    rng = np.random.default_rng(0)
    found = rng.standard_normal(1000) * 3
    found[:200] = np.spacing(40.0) * rng.integers(1, 4, 200)  # of upright lines, made of curves
    assert pitch(found) == 0.0
    found[200:] = np.rint(found[200:] * 4) / 4
    assert pitch(found) == pytest.approx(0.25)
