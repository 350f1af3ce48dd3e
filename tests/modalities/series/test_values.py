"""What the heads of series have beside what all heads have: see `tests/nn/test_heads.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.config import NetworkConfig
from rhapsode.modalities.series.values import SEEN, Counts, Reals
from rhapsode.nn.samplers import Draw


def head(name: str) -> Any:
    kind = registry.get("head", name)
    return kind(kind.kind.example(), NetworkConfig())


def test_counts_are_certain_together_and_drawn_as_likely() -> None:
    found = head("negative_binomial")
    kind: Counts = found.steps
    frame = kind.next(())
    for parameters in ([0.3, 0.3], [-4.0, 2.0], [1.0, -6.0]):
        row = np.array(parameters)
        steps = np.array([kind.step(frame, float(count)) for count in range(3000)])
        p = np.exp(found.log_prob(np.repeat(row[None], len(steps), axis=0), steps))
        assert p.sum() == pytest.approx(1, abs=1e-9)
        distribution = found.distribution(row)
        drawn = [kind.value(found.draw(distribution, Draw(Sampling(), Randomness(0, n))).step) for n in range(1500)]
        mean = (p * np.arange(3000)).sum()
        sd = np.sqrt((p * (np.arange(3000) - mean) ** 2).sum())
        assert np.mean(drawn) == pytest.approx(mean, abs=4 * sd / 1500**0.5)
        assert np.std(drawn) == pytest.approx(sd, rel=0.2)
        cold = kind.value(found.draw(distribution, Draw(Sampling(temperature=0), Randomness(0))).step)
        assert p[int(cold)] == pytest.approx(p.max())


@pytest.mark.parametrize("mean, size", [(3, 0.1), (0.5, 40), (300, 2), (40, 0.4), (2e4, 1e5)])
def test_counts_are_drawn_from_their_distribution(mean: float, size: float) -> None:
    """By each way of drawing a gamma number, and of a Poisson number: the test of Kolmogorov and Smirnov."""
    found = head("negative_binomial")
    frame = found.steps.next(())
    distribution = np.array([mean / frame.scale - 1e-6, (1 / size - 1e-6) * frame.scale**0.5])
    drawn = [found.draw(distribution, Draw(Sampling(), Randomness(0, n))).step for n in range(3000)]
    counts = np.array([found.steps.value(step) for step in drawn])
    every = np.arange(counts.max() + 1)
    steps = np.array([found.steps.step(frame, count) for count in every.tolist()])
    likely = np.exp(found._log_prob(distribution, steps)).cumsum()
    often = np.searchsorted(np.sort(counts), every, side="right") / len(counts)
    assert np.abs(likely - often).max() < 1.63 / len(counts) ** 0.5  # one in a hundred is farther


def test_numbers_have_a_density_of_one_and_are_drawn_by_it() -> None:
    found = head("student")
    kind: Reals = found.steps
    row = np.array([0.3, -0.2, -0.5])
    distribution = found.distribution(row)
    frame = kind.next(())
    at = np.linspace(-400, 400, 200_001)
    steps = np.stack([at / frame.scale, np.ones_like(at), np.zeros_like(at), np.full_like(at, frame.scale)], axis=-1)
    p = np.exp(found.log_prob(np.repeat(row[None], len(at), axis=0), steps)) * (at[1] - at[0]) / frame.scale
    assert p.sum() == pytest.approx(1, abs=1e-4)
    drawn = [kind.value(found.draw(distribution, Draw(Sampling(), Randomness(0, n))).step) for n in range(2000)]
    for level in (0.1, 0.5, 0.9):
        assert np.mean(np.array(drawn) < at[p.cumsum().searchsorted(level)]) == pytest.approx(level, abs=0.03)
    narrow = [found.draw(distribution, Draw(Sampling(temperature=0.1), Randomness(0, n))).step[0] for n in range(50)]
    assert np.std(narrow) < 0.3 and found.draw(distribution, Draw(Sampling(temperature=0), Randomness(0))).step[
        0
    ] == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["student", "negative_binomial"])
def test_missing_values_cost_nothing(name: str) -> None:
    found = head(name)
    steps = found.steps.random(np.random.default_rng(0), (20,))
    steps[:, SEEN] = 0
    assert (found.log_prob(np.ones((20, found.width)), steps) == 0).all()


@pytest.mark.parametrize("name", ["student", "negative_binomial"])
def test_what_is_drawn_goes_on_from_what_was(name: str) -> None:
    """The frame of a drawn value is that of encoding."""
    found = head(name)
    kind = found.steps
    recent: list[Any] = []
    for n in range(30):
        row = found.distribution(np.random.default_rng(n).standard_normal(found.width))
        recent.append(found.draw(row, Draw(Sampling(), Randomness(1, n), recent)).step)
    values = np.array([kind.value(step) for step in recent])
    assert np.array_equal(np.array(list(kind.encoded(values, kind.next(())))), np.array(recent))
