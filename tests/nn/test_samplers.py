"""Samplers: each filter against its definition in exact fractions; draws against the distribution."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import chisquare

from rhapsode.errors import UserError
from rhapsode.nn import samplers
from rhapsode.nn.samplers import Randomness, Sampling, adjust, draw

Dist = dict[int, Fraction]

# Small whole weights make ties and exact boundaries (a mass of exactly 1/2) common.
WEIGHTS = st.lists(st.one_of(st.integers(0, 4), st.integers(0, 1000)), min_size=1, max_size=30).filter(any)
SHARES = st.integers(1, 64).map(lambda n: n / 64)  # exact in binary, so the oracle can be exact
SETTINGS = settings(deadline=None, max_examples=200)


def logs(weights: list[int]) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(np.array(weights, float) / sum(weights))


# The oracles: a distribution is {symbol: exact probability}, removed symbols absent.


def exact(weights: list[int]) -> Dist:
    return renormalised({s: Fraction(w) for s, w in enumerate(weights) if w})


def renormalised(dist: Dist) -> Dist:
    total = sum(dist.values())
    return {s: p / total for s, p in dist.items()}


def until(dist: Dist, order: list[int], mass: float) -> Dist:
    kept: Dist = {}
    for symbol in order:
        kept[symbol] = dist[symbol]
        if sum(kept.values()) >= Fraction(mass):
            break
    return renormalised(kept)


def by_probability(dist: Dist) -> list[int]:
    return sorted(dist, key=lambda s: (-dist[s], s))


def oracle_top_k(dist: Dist, k: float) -> Dist:
    return renormalised({s: dist[s] for s in by_probability(dist)[: int(k)]})


def oracle_top_p(dist: Dist, mass: float) -> Dist:
    return until(dist, by_probability(dist), mass)


def oracle_min_p(dist: Dist, fraction: float) -> Dist:
    return renormalised({s: p for s, p in dist.items() if p >= Fraction(fraction) * max(dist.values())})


def oracle_typical(dist: Dist, mass: float) -> Dist:
    surprise = {p: -math.log(p) for p in dist.values()}
    entropy = sum(float(p) * surprise[p] for p in dist.values())
    distance = {p: abs(surprise[p] - entropy) for p in surprise}
    # Equals to within rounding are equals; what is almost equal but not quite is not for floats to decide.
    ranks = sorted(distance.values())
    gaps = [b - a for a, b in zip(ranks, ranks[1:], strict=False)]
    assume(all(gap < 1e-12 or gap > 1e-7 for gap in gaps))
    level = {p: round(distance[p], 8) for p in distance}
    assume(all(abs(distance[p] * 1e9 % 1 - 0.5) > 1e-3 for p in distance))
    return until(dist, sorted(dist, key=lambda s: (level[dist[s]], s)), mass)


def oracle_penalty(dist: Dist, penalty: int, recent: list[int]) -> Dist:
    return renormalised({s: p**penalty if s in recent else p for s, p in dist.items()})


def check(result: np.ndarray, expected: Dist) -> None:
    assert result.dtype == np.float64
    assert set(np.flatnonzero(result > -np.inf).tolist()) == set(expected)
    assert abs(np.exp(result).sum() - 1) < 1e-12
    for symbol, p in expected.items():
        assert np.exp(result[symbol]) == pytest.approx(float(p), rel=1e-9)


ORACLES: dict[str, Callable[[Dist, float], Dist]] = {
    "top_k": oracle_top_k,
    "top_p": oracle_top_p,
    "min_p": oracle_min_p,
    "typical": oracle_typical,
}


@given(WEIGHTS, st.integers(1, 40))
@SETTINGS
def test_top_k(weights: list[int], k: int) -> None:
    check(adjust(logs(weights), Sampling(top_k=k)), oracle_top_k(exact(weights), k))


@pytest.mark.parametrize("name", ["top_p", "min_p", "typical"])
@given(weights=WEIGHTS, share=SHARES)
@SETTINGS
def test_filter(name: str, weights: list[int], share: float) -> None:
    assume(not (name == "min_p" and share == 1))
    expected = exact(weights) if share == 1 else ORACLES[name](exact(weights), share)
    check(adjust(logs(weights), Sampling.model_validate({name: share})), expected)


@given(WEIGHTS, st.sampled_from([2, 3]), st.lists(st.integers(0, 35), max_size=12), st.integers(1, 12), st.booleans())
@SETTINGS
def test_repetition_penalty(weights: list[int], penalty: int, recent: list[int], window: int, array: bool) -> None:
    """A symbol seen twice counts once; the start symbol (a number from V on) does not count."""
    sampling = Sampling(repetition_penalty=penalty, repetition_window=window)
    seen = np.array(recent, np.uint8) if array else recent
    check(adjust(logs(weights), sampling, seen), oracle_penalty(exact(weights), penalty, recent[-window:]))


@given(WEIGHTS, st.sampled_from([1, 2, 3]))
@SETTINGS
def test_temperature(weights: list[int], power: int) -> None:
    expected = renormalised({s: p**power for s, p in exact(weights).items()})
    check(adjust(logs(weights), Sampling(temperature=1 / power)), expected)


@given(WEIGHTS, st.lists(st.integers(0, 30), max_size=5), st.integers(1, 8), SHARES, SHARES, SHARES)
@SETTINGS
def test_order(weights: list[int], recent: list[int], k: int, p: float, fraction: float, mass: float) -> None:
    """Penalty → temperature → top-k → top-p → min-p → typical, each on what the one before left."""
    assume(p < 1 and fraction < 1 and mass < 1)
    dist = oracle_penalty(exact(weights), 2, recent)
    dist = renormalised({s: q**2 for s, q in dist.items()})
    for step, value in (("top_k", k), ("top_p", p), ("min_p", fraction), ("typical", mass)):
        dist = ORACLES[step](dist, value)
    sampling = Sampling(repetition_penalty=2, temperature=0.5, top_k=k, top_p=p, min_p=fraction, typical=mass)
    check(adjust(logs(weights), sampling, recent), dist)


def test_order_matters_where_it_is_tested() -> None:
    """Cases where each neighbouring pair, swapped, would give another answer."""

    def kept(weights: list[int], recent: tuple[int, ...] = (), **options: Any) -> list[int]:
        return np.flatnonzero(np.isfinite(adjust(logs(weights), Sampling(**options), recent))).tolist()

    # top-p sees the renormalised top two (5/9, 4/9), not 5/12.
    assert kept([5, 4, 3], top_k=2, top_p=0.55) == [0]
    # top-k sees what the penalty left: symbol 0 falls from first to last.
    assert kept([5, 4, 3], (0,), repetition_penalty=4, top_k=2) == [1, 2]
    # top-p after heating: the flatter distribution keeps more.
    assert kept([90, 5, 5], top_p=0.85) == [0]
    assert kept([90, 5, 5], top_p=0.85, temperature=4) == [0, 1, 2]
    # typical after min-p: of the remaining equals the first; before it, the tail would count as typical.
    assert kept([4, 4, 1, 1, 1, 1], min_p=0.5, typical=0.4) == [0]


def test_rounding_does_not_move_a_boundary() -> None:
    """Where a mass or a fraction is met exactly, log and exp must not decide."""

    def kept(weights: list[int], **options: Any) -> list[int]:
        return np.flatnonzero(np.isfinite(adjust(logs(weights), Sampling(**options)))).tolist()

    for n in range(2, 60):
        assert kept([1] * n, top_p=(n - 1) / n) == list(range(n - 1))
        assert kept([1] * n, typical=(n - 1) / n) == list(range(n - 1))
        assert kept([1, n], min_p=1 / n) == [0, 1]
        # One symbol has half the mass, n the other half: the entropy is midway, all are equally typical.
        assert kept([1] * n + [n], typical=1e-3) == [0]
        assert kept([n] + [1] * n, typical=1e-3) == [0]


@given(WEIGHTS)
@SETTINGS
def test_everything_off_changes_nothing(weights: list[int]) -> None:
    check(adjust(logs(weights), Sampling(), [0, 0]), exact(weights))


@given(WEIGHTS)
@SETTINGS
def test_adjust_leaves_its_input_alone(weights: list[int]) -> None:
    given_logs = logs(weights)
    before = given_logs.copy()
    adjust(given_logs, Sampling(temperature=0.5, top_k=2, top_p=0.5, repetition_penalty=2), [0])
    np.testing.assert_array_equal(given_logs, before)


def test_temperature_zero_is_argmax_and_the_first_of_equals() -> None:
    for weights, best in (([1, 5, 2], 1), ([1, 5, 5], 1), ([0, 1, 1], 1), ([3], 0)):
        for others in ({}, {"top_k": 1, "top_p": 0.1, "min_p": 0.5, "typical": 0.1}):
            result = adjust(logs(weights), Sampling.model_validate({"temperature": 0, **others}))
            assert np.flatnonzero(np.isfinite(result)).tolist() == [best]
            assert result[best] == 0
            assert {draw(result, u) for u in (0.0, 0.5, 1 - 2**-53)} == {best}
    penalised = adjust(logs([5, 4]), Sampling(temperature=0, repetition_penalty=3), [0])
    assert penalised.tolist() == [-np.inf, 0]


HOSTILE = [
    [0.0],
    [0.0, -np.inf],
    [-np.inf, 0.0, -np.inf],
    [-1e-300, -700.0, -np.inf],
    [0.0, -1e300, -1e304],
    [math.log(0.5), math.log(0.5), -np.inf, -2000.0],
    [-20.0, -20.0 - 1e-12, -1e5],
]


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("temperature", [0, 5e-324, 1e-300, 1e-6, 1.0, 1e6, 1e308])
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"top_k": 2},
        {"top_p": 5e-324},
        {"top_p": 1 - 2**-53},
        {"min_p": 5e-324},
        {"min_p": 1 - 2**-53},
        {"typical": 5e-324},
        {"typical": 1 - 2**-53},
        {"repetition_penalty": 1000},
        {"repetition_penalty": 1e-300},
        {"top_k": 2, "top_p": 0.9, "min_p": 0.1, "typical": 0.9, "repetition_penalty": 1.5},
    ],
)
@pytest.mark.filterwarnings("error")
def test_extremes_give_a_distribution(hostile: list[float], temperature: float, others: dict[str, Any]) -> None:
    result = adjust(np.array(hostile), Sampling(temperature=temperature, **others), [0])
    assert not np.isnan(result).any()
    assert np.exp(result).sum() == pytest.approx(1)
    for u in (0.0, 0.3, 1 - 2**-53):
        assert result[draw(result, u)] > -np.inf


@pytest.mark.parametrize("broken", [[np.nan, 0.0], [-np.inf, -np.inf], [np.inf, 0.0]])
@pytest.mark.parametrize("temperature", [0, 0.5, 1])
def test_what_is_no_distribution_is_refused(broken: list[float], temperature: float) -> None:
    with pytest.raises(ValueError, match="not a distribution"):
        adjust(np.array(broken), Sampling(temperature=temperature))


# Drawing


@given(WEIGHTS, st.integers(0, 2**53 - 1))
@SETTINGS
def test_draw_inverts_the_cumulative_distribution(weights: list[int], numerator: int) -> None:
    u = Fraction(numerator, 2**53)
    edge = Fraction(0)
    for symbol, p in exact(weights).items():
        edge += p
        assume(abs(edge - u) > Fraction(1, 10**12))
        if u < edge:
            assert draw(logs(weights), float(u)) == symbol
            return


@given(WEIGHTS, st.sampled_from([0.0, 2**-53, 2**-54, 5e-324, 0.5, 1 - 2**-53]))
@SETTINGS
def test_draw_never_gives_a_removed_symbol(weights: list[int], uniform: float) -> None:
    assert weights[draw(logs(weights), uniform)] > 0


def test_draw_at_the_edges() -> None:
    ends = logs([0, 3, 0, 1, 0])
    assert draw(ends, 0.0) == 1
    assert draw(ends, 1 - 2**-53) == 3
    assert draw(ends, 1.0) == 3
    assert draw(logs([1, 1]), 0.5) == 1, "each symbol has the half-open interval [below, below + p)"
    tiny = np.array([0.0, -800.0, -np.inf])  # exp(-800) is 0 in float64
    assert {draw(tiny, u) for u in (0.0, 1 - 2**-53)} == {0}
    for v in (3, 7, 49, 1000, 19_999):  # sums that are not exactly 1
        assert draw(np.full(v, -math.log(v)), 1 - 2**-53) == v - 1


OPTIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.7},
    {"temperature": 1.8},
    {"top_k": 7},
    {"top_p": 0.8},
    {"min_p": 0.2},
    {"typical": 0.7},
    {"repetition_penalty": 1.5},
    {"temperature": 1.2, "top_k": 15, "top_p": 0.9, "min_p": 0.02, "typical": 0.95, "repetition_penalty": 1.2},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_draws_follow_the_adjusted_distribution(options: dict[str, Any]) -> None:
    model = np.log(np.random.default_rng(5).dirichlet(np.full(20, 0.7)))
    result = adjust(model, Sampling(**options), [1, 2, 3])
    randomness = Randomness(7)
    counts = np.bincount([draw(result, randomness.uniform()) for _ in range(20_000)], minlength=20)
    kept = np.isfinite(result)
    assert counts[~kept].sum() == 0
    expected = np.exp(result[kept]) * 20_000
    rare = expected < 5  # too rare for the test: taken together
    groups = [np.append(c[~rare], c[rare].sum()) if rare.any() else c for c in (counts[kept], expected)]
    if len(groups[0]) > 1:
        assert chisquare(*groups).pvalue > 1e-4


# Randomness


def numbers(randomness: Randomness, n: int = 50) -> list[float]:
    return [randomness.uniform() for _ in range(n)]


def test_a_row_is_the_same_in_any_batch() -> None:
    alone = numbers(Randomness(3, 2))
    batch = [Randomness(3, row) for row in range(5)]
    together = [[row.uniform() for row in batch] for _ in range(50)]
    assert [step[2] for step in together] == alone


def test_seeds_and_rows_are_all_different() -> None:
    seeds = [0, 1, 2, 2**32, 2**32 + 1, 1 + 2 * 2**32, 2**64, 2**200]
    streams = {tuple(numbers(Randomness(seed, row), 3)) for seed in seeds for row in range(4)}
    assert len(streams) == len(seeds) * 4


def test_randomness_goes_on_from_a_copy_and_from_its_three_numbers() -> None:
    original = Randomness(11, 4)
    numbers(original, 17)
    copy, again = original.copy(), Randomness(original.seed, original.row, original.step)
    assert numbers(original) == numbers(copy) == numbers(again)
    assert original.step == copy.step == 67


def test_randomness_is_uniform_and_never_changes() -> None:
    drawn = np.array(numbers(Randomness(0), 10_000))
    assert drawn.min() >= 0 and drawn.max() < 1
    assert chisquare(np.histogram(drawn, 50, (0, 1))[0]).pvalue > 1e-4
    assert numbers(Randomness(42), 2) == [0.9167441575549085, 0.9109866676343232], "in any version of numpy"


def test_a_negative_seed_is_a_users_mistake() -> None:
    with pytest.raises(UserError, match="seed: -1 is not allowed.*from 0"):
        Randomness(-1)


# Options


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("temperature", -0.1, "greater than or equal to 0"),
        ("temperature", math.nan, "finite"),
        ("temperature", math.inf, "finite"),
        ("top_k", -1, "greater than or equal to 0"),
        ("top_k", 1.5, "integer"),
        ("top_p", 0, "greater than 0"),
        ("top_p", 1.01, "less than or equal to 1"),
        ("min_p", -0.1, "greater than or equal to 0"),
        ("min_p", 1, "less than 1"),
        ("typical", 0, "greater than 0"),
        ("typical", 2, "less than or equal to 1"),
        ("repetition_penalty", 0, "greater than 0"),
        ("repetition_penalty", 1001, "less than or equal to 1000"),
        ("repetition_window", 0, "greater than or equal to 1"),
        ("temprature", 1, "not permitted"),
    ],
)
def test_an_option_out_of_range_says_what_is_allowed(option: str, value: float, allowed: str) -> None:
    with pytest.raises(ValidationError, match=allowed) as caught:
        Sampling.model_validate({option: value})
    assert option in str(caught.value)


def test_sampling_is_frozen_and_documented() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Sampling().top_k = 3
    assert all(field.description for field in Sampling.model_fields.values())
    assert samplers.__doc__ is not None and "top-k → top-p → min-p → typical" in samplers.__doc__
