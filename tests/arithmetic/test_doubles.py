"""Functions of real numbers: exact to some ulps, and the same bits as ever."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from rhapsode.arithmetic import doubles, kernel

Function = Callable[..., np.ndarray]


@pytest.fixture(params=["numpy", *kernel.variants()], autouse=True)
def _everywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test is one of numpy, and of each variant of the kernel."""
    monkeypatch.setenv(kernel.VARIABLE, request.param)
    doubles._native.cache_clear()
    yield
    doubles._native.cache_clear()


def spread(least: float, most: float, count: int = 1000) -> np.ndarray:
    """[count] numbers of an interval that are as easily made in other languages: i · 0x9E3779B1 modulo 2³²."""
    return least + (most - least) * ((np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1)) / 2.0**32)


SIGNED = np.array([0.0, 1e-300, -1e-300, 1e-9, -1e-9, 0.5, -0.5, 1.0, -1.0, 30.0, -30.0])

PINNED: dict[str, tuple[Function, np.ndarray, str]] = {
    "exp": (doubles.exp, np.concatenate([spread(-720, 720), spread(-2, 2), SIGNED]), "1e53122d96101117"),
    "expm1": (doubles.expm1, np.concatenate([spread(-720, 720), spread(-2, 2), SIGNED]), "ad0c3bf46472e818"),
    "log": (doubles.log, np.concatenate([spread(0, 2), spread(0, 1e300), spread(0, 1e-300)]), "a83aed6170d38be0"),
    "log1p": (
        doubles.log1p,
        np.concatenate([spread(-0.999, 2), spread(0, 1e18), spread(-1e-9, 1e-9)]),
        "cec7ede6237c0317",
    ),
    "tanh": (doubles.tanh, np.concatenate([spread(-30, 30), spread(-1, 1), SIGNED]), "28b1b1484b2bf248"),
    "sigmoid": (doubles.sigmoid, np.concatenate([spread(-720, 720), spread(-8, 8), SIGNED]), "3b88e3e5d1e71e70"),
    "softplus": (doubles.softplus, np.concatenate([spread(-720, 720), spread(-8, 8), SIGNED]), "c46c22887cdbc009"),
    "cosine": (doubles.cosine, spread(0, 1), "11cf3ac2dd9f4eba"),
    "sine": (doubles.sine, spread(0, 1), "338d2bc1224098e8"),
    "log_gamma": (doubles.log_gamma, np.concatenate([spread(1e-6, 20), spread(1, 1e7)]), "a306c778af81e21a"),
    "total": (lambda x: np.array([doubles.total(x[:n]) for n in range(1000)]), spread(-1, 3), "08d115fd9ed5c3c7"),
    "log_sum_exp": (lambda x: doubles.log_sum_exp(x.reshape(50, 20)), spread(-40, 4), "63beb180dca215f3"),
    "log_softmax": (lambda x: doubles.log_softmax(x.reshape(50, 20)), spread(-40, 4), "b79229c5569bc3a8"),
}


@pytest.mark.parametrize("name", PINNED)
def test_the_bits_are_those_of_every_machine(name: str) -> None:
    function, x, digest = PINNED[name]
    assert hashlib.sha256(np.ascontiguousarray(function(x), "<f8").tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize("name", list(PINNED)[:10])
def test_floats_and_arrays_have_the_same_bits(name: str) -> None:
    function, x, _ = PINNED[name]
    found = function(x)
    assert [function(one) for one in x.tolist()] == found.tolist()
    assert [function(one) for one in x[:9]] == found[:9].tolist()  # numpy's own numbers
    many = np.resize(x, 5000)
    assert np.array_equal(function(many), np.resize(found, 5000))
    assert np.array_equal(function(x[:900].reshape(3, 300, 1)), found[:900].reshape(3, 300, 1))
    assert np.array_equal(function(x[::3]), found[::3]) and function(np.array(x[0])) == found[0]
    fixed = x.copy()
    fixed.flags.writeable = False
    assert np.array_equal(function(fixed), found)
    assert function(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize(
    "name, right, ulps",
    [
        ("exp", math.exp, 2),
        ("expm1", math.expm1, 4),
        ("log", math.log, 2),
        ("log1p", math.log1p, 4),
        ("tanh", math.tanh, 4),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x)), 4),
        ("softplus", lambda x: max(x, 0) + math.log1p(math.exp(-abs(x))), 4),
    ],
)
def test_the_values_are_those_of_mathematics(name: str, right: Callable[[float], float], ulps: float) -> None:
    function, x, _ = PINNED[name]
    x = x[(abs(x) <= 700) & (x != 0)] if name not in ("log", "log1p") else x[abs(x) > 1e-307]
    for one, found in zip(x.tolist(), function(x).tolist(), strict=True):
        assert abs(found - right(one)) <= ulps * math.ulp(right(one)), one


def test_of_turns_and_of_the_gamma_function() -> None:
    turns = spread(0, 1).tolist()
    for v in turns:
        c, s = doubles.cosine(v), doubles.sine(v)
        assert abs(c - math.cos(2 * math.pi * v)) < 1e-15 and abs(s - math.sin(2 * math.pi * v)) < 1e-15
    quarters = [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [doubles.cosine(v) for v in quarters] == [1, 0, -1, 0, 1]
    assert [doubles.sine(v) for v in quarters] == [0, 1, 0, -1, 0]
    for one in PINNED["log_gamma"][1].tolist():
        assert doubles.log_gamma(one) == pytest.approx(math.lgamma(one), rel=2e-15, abs=2e-14)


def test_at_the_edges() -> None:
    least, inf = 2.0**-1022, math.inf
    for function, x, wanted in [
        (doubles.exp, [0, -0.0, -700.1, -inf, 701, inf], [1, 1, 0, 0, doubles.exp(700.0), doubles.exp(700.0)]),
        (doubles.expm1, [0, -inf, 800], [0, -1, doubles.exp(700.0)]),
        (doubles.log, [1, 0, 5e-324, least, inf], [0, -inf, -inf, -708.3964185322641, inf]),
        (doubles.log1p, [0, 1e-300], [0, 1e-300]),
        (doubles.tanh, [0, 50, -50, 1e300, -inf], [0, 1, -1, 1, -1]),
        (doubles.sigmoid, [0, 50, -inf, inf], [0.5, 1, 1 / (1 + doubles.exp(700.0)), 1]),
        (doubles.softplus, [-800, 800], [0, 800]),
    ]:
        assert function(np.array(x, float)).tolist() == pytest.approx(wanted, rel=1e-15, abs=0)
        assert [function(float(one)) for one in x] == function(np.array(x * 9, float)).tolist()[: len(x)]
        for count in (2, 20):  # one by one, and at once
            assert np.isnan(function(np.array([math.nan, *[1.0] * count]))).tolist() == [True, *[False] * count]
        assert math.isnan(function(math.nan))


def test_functions_of_two_sides_are_symmetric() -> None:
    x = PINNED["tanh"][1]
    assert np.array_equal(doubles.tanh(-x), -doubles.tanh(x))


def test_a_total_does_not_depend_on_its_neighbours() -> None:
    x = spread(-1, 1, 7 * 5 * 21).reshape(7, 5, 21) ** 3
    sums = doubles.total(x)
    assert sums.shape == (7, 5)
    assert all(doubles.total(x[i, j]) == sums[i, j] for i in range(7) for j in range(5))
    assert doubles.total(np.array([1e16, 1.0, -1e16, 1.0])) == 2  # from the left, it would be 1
    assert doubles.total(np.zeros((2, 0))).tolist() == [0, 0] and doubles.total(np.array([3.0])) == 3


def test_each_operation_is_rounded_by_itself() -> None:
    """A fused product would keep what rounding takes away."""
    a = np.array([1 + 2.0**-30, 1 - 2.0**-30, 1 + 2.0**-29] * 40)
    exact = Fraction(1 + 2.0**-30) * Fraction(1 - 2.0**-30) - 1
    assert exact != 0
    assert (a * a[::-1] - a[::-1] * a == 0).all()
    product = a[0::3] * a[1::3] - 1.0
    assert (product == 0).all()


def test_probabilities_of_a_softmax_sum_to_one() -> None:
    x = spread(-40, 40).reshape(10, 100)
    assert np.exp(doubles.log_softmax(x)).sum(axis=-1) == pytest.approx(np.ones(10), abs=1e-14)
    assert doubles.log_sum_exp(x) == pytest.approx(np.log(np.exp(x).sum(axis=-1)), rel=1e-14)
    assert doubles.log_sum_exp(np.array([-np.inf, 0.0])) == 0
