"""Choices: each option against the specification written in plain Python, draws against the distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from rhapsode.arithmetic import choice, doubles, tables
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError

SETTINGS = settings(deadline=None, max_examples=150)
FAR = 20479

# Many equal logits, logits far away, and logits of which differences need 33 bits.
LOGITS = st.lists(
    st.one_of(st.integers(0, 4), st.integers(-3000, 3000), st.integers(-(2**31), 2**31 - 1)), min_size=1, max_size=30
)
SHARES = st.one_of(st.integers(1, 63).map(lambda n: n / 64), st.floats(1e-9, 0.999999))


def plain(
    logits: list[int],
    options: Sampling,
    allowed: Sequence[bool] | None = None,
    seen: Sequence[int] = (),
    counts: Sequence[int] | None = None,
) -> dict[int, int]:
    """docs/arithmetic.md, word by word: the frequencies of the symbols that are left."""
    table = tables.frequencies().tolist()
    d = {v: min(max(logits) - z, FAR) for v, z in enumerate(logits)}
    if allowed is not None:
        d = {v: n for v, n in d.items() if allowed[v]}
        d = {v: n - min(d.values()) for v, n in d.items()}
    if (a := options.repetition_penalty) != 1:
        total = sum(table[n] for n in d.values())
        least = round(1024 * (doubles.log(float(total)) - doubles.log(2.0**28)))
        d = {v: round(float(n + least) * a) - least if v in seen else n for v, n in d.items()}
        d = {v: min(n - min(d.values()), FAR) for v, n in d.items()}
    if options.logit_bias or (options.counting and counts is not None):
        each, once = round(1024 * options.frequency_penalty), round(1024 * options.presence_penalty)
        for v in d:
            n = min(counts[v], 10**6) if counts else 0
            d[v] -= round(1024 * options.logit_bias.get(v, 0.0)) - n * each - (n > 0) * once
        d = {v: n - min(d.values()) for v, n in d.items()}
        d = {v: n for v, n in d.items() if n <= FAR}

    def order() -> list[int]:
        return sorted(d, key=lambda v: (d[v], v))

    def until(order: list[int], mass: float) -> dict[int, int]:
        kept, total, wanted = {}, 0, mass * float(sum(table[n] for n in d.values()))
        for v in order:
            kept[v] = d[v]
            total += table[d[v]]
            if float(total) >= wanted:
                break
        return kept

    if options.temperature == 0:
        return {order()[0]: table[0]}
    if (temperature := options.temperature) != 1:
        d = {v: round(min(float(n) / temperature, float(FAR))) for v, n in d.items()}
    if k := options.top_k:
        d = {v: d[v] for v in order()[:k]}
    if options.top_p < 1:
        d = until(order(), options.top_p)
    if options.min_p > 0:
        bar = options.min_p * float(max(table[n] for n in d.values()))
        d = {v: n for v, n in d.items() if not float(table[n]) < bar}
    if options.typical < 1:
        total = sum(table[n] for n in d.values())
        mean = sum(table[n] * n for n in d.values())
        d = until(sorted(d, key=lambda v: (abs(d[v] * total - mean), v)), options.typical)
    return {v: table[n] for v, n in d.items()}


def check(
    logits: list[int],
    sampling: Sampling,
    mask: list[bool] | None = None,
    recent: Sequence[int] = (),
    counts: Sequence[int] | None = None,
) -> None:
    """One row alone, and among others."""
    size = len(logits)
    seen = np.zeros(size, bool)
    seen[list(recent)] = True
    allowed = None if mask is None else np.array(mask)
    expected = plain(logits, sampling, mask, recent, counts)
    distance = choice.distances(np.array(logits, np.int32))
    often = None if counts is None else np.array(counts)
    one = choice.frequencies(choice.adjusted(distance, sampling, allowed, seen, often))
    assert {v: f for v, f in enumerate(one.tolist()) if f} == expected
    many = np.stack([distance[::-1], distance, distance * 0])
    masks = None if allowed is None else np.stack([np.ones(size, bool), allowed, allowed])
    rows = None if often is None else np.stack([often[::-1], often, often * 0])
    found = choice.adjusted(many, sampling, masks, np.stack([~seen, seen, seen]), rows)
    assert choice.frequencies(found)[1].tolist() == one.tolist()


@given(LOGITS, st.integers(1, 40))
@SETTINGS
def test_top_k(logits: list[int], k: int) -> None:
    check(logits, Sampling(top_k=k))


@pytest.mark.parametrize("name", ["top_p", "min_p", "typical"])
@given(logits=LOGITS, share=SHARES)
@SETTINGS
def test_filter(name: str, logits: list[int], share: float) -> None:
    check(logits, Sampling.model_validate({name: share}))


@given(LOGITS, st.one_of(st.just(0.0), st.just(5e-324), st.floats(0.01, 100), st.just(1e308)))
@SETTINGS
def test_temperature(logits: list[int], temperature: float) -> None:
    check(logits, Sampling(temperature=temperature))


@given(LOGITS, st.sampled_from([1e-300, 0.5, 1.3, 2.0, 1000.0]), st.sets(st.integers(0, 29)))
@SETTINGS
def test_repetition_penalty(logits: list[int], penalty: float, recent: set[int]) -> None:
    check(logits, Sampling(repetition_penalty=penalty), None, [v for v in recent if v < len(logits)])


BIASES = st.dictionaries(st.integers(0, 29), st.one_of(st.sampled_from([-100, -1, 1, 100]), st.floats(-100, 100)))
PENALTIES = st.one_of(st.sampled_from([-2, -1, 0, 1, 2]), st.floats(-2, 2))
COUNTS = st.lists(st.sampled_from([0, 0, 1, 2, 7, 400, 10**6, 2**31 - 1]), min_size=30, max_size=30)


@given(LOGITS, BIASES, PENALTIES, PENALTIES, COUNTS, st.booleans(), st.sampled_from([0.0, 0.4, 1.0, 90.0]))
@example([3, 3, 3], {0: -100, 1: -100, 2: -100}, 0, 0, [0] * 30, False, 1.0)
@example([2**31 - 1, -(2**31), 0], {0: -100, 1: 100}, 2, 2, [2**31 - 1] * 30, False, 1.0)
@SETTINGS
def test_what_is_added_to_logits(
    logits: list[int],
    biases: dict[int, float],
    frequency: float,
    presence: float,
    counts: list[int],
    masked: bool,
    temperature: float,
) -> None:
    size = len(logits)
    options = Sampling(
        logit_bias={v: bias for v, bias in biases.items() if v < size},
        frequency_penalty=frequency,
        presence_penalty=presence,
        temperature=temperature,
        repetition_penalty=1.3,
    )
    mask = [v % 2 == 0 for v in range(size)] if masked else None
    check(logits, options, mask, [v for v in (1, 2, 5) if v < size], counts[:size])


def test_penalties_by_hand() -> None:
    """p of three symbols is 1/2, 1/4, 1/4; they were drawn 3 times, once, never."""
    logits, counts = choice.logits_of(np.log([2.0, 1.0, 1.0])), np.array([3, 1, 0])

    def shares(**options: Any) -> list[float]:
        found = choice.frequencies(choice.adjusted(choice.distances(logits), Sampling(**options), None, None, counts))
        return (found / found.sum()).tolist()  # type: ignore[no-any-return]

    def normalised(*weights: float) -> Any:
        return pytest.approx([weight / sum(weights) for weight in weights], abs=2e-3)

    e = math.e
    assert shares(frequency_penalty=1) == normalised(2 * e**-3, e**-1, 1)
    assert shares(presence_penalty=1) == normalised(2 * e**-1, e**-1, 1)
    assert shares(frequency_penalty=0.5, presence_penalty=-1) == normalised(2 * e**-0.5, e**0.5, 1)
    assert shares(logit_bias={0: -2, 2: 1}) == normalised(2 * e**-2, 1, e)
    assert shares(logit_bias={0: -2}, frequency_penalty=1, temperature=2) == normalised((2 * e**-5) ** 0.5, e**-0.5, 1)
    assert shares(logit_bias={0: -100}) == normalised(0, 1, 1)
    assert shares(logit_bias={1: 100}) == [0, 1, 0]
    assert shares(logit_bias=dict.fromkeys(range(3), -100)) == normalised(2, 1, 1)
    assert shares(logit_bias={0: -100, 1: -100}, temperature=0) == [0, 0, 1]
    assert shares(presence_penalty=2, temperature=0) == [0, 0, 1]


@given(
    LOGITS,
    st.lists(st.booleans(), min_size=30, max_size=30),
    st.sets(st.integers(0, 29)),
    st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    st.integers(0, 8),
    SHARES,
    SHARES,
    SHARES,
)
@example([5, 4, 3], [True] * 30, set(), 1.0, 2, 0.55, 0.1, 0.9)
@SETTINGS
def test_all_together(
    logits: list[int],
    mask: list[bool],
    recent: set[int],
    temperature: float,
    k: int,
    p: float,
    fraction: float,
    mass: float,
) -> None:
    allowed = mask[: len(logits)]
    allowed[-1] = True
    options = Sampling(temperature=temperature, top_k=k, top_p=p, min_p=fraction, typical=mass, repetition_penalty=1.5)
    check(logits, options, allowed, [v for v in recent if v < len(logits)])


def kept(weights: list[int], recent: tuple[int, ...] = (), **options: Any) -> list[int]:
    logits = choice.logits_of(np.log(np.array(weights, float)))
    seen = np.isin(np.arange(len(weights)), recent)
    return np.flatnonzero(
        choice.adjusted(choice.distances(logits), Sampling(**options), None, seen) < choice.GONE
    ).tolist()


def test_order_matters() -> None:
    """Cases where each neighbouring pair, swapped, would give another answer."""
    # top-p sees the renormalised top two (5/9, 4/9), not 5/12.
    assert kept([5, 4, 3], top_k=2, top_p=0.55) == [0]
    # top-k sees what the penalty left: symbol 0 falls from first to last.
    assert kept([5, 4, 3], (0,), repetition_penalty=4, top_k=2) == [1, 2]
    # top-p after heating: the flatter distribution keeps more.
    assert kept([90, 5, 5], top_p=0.85) == [0]
    assert kept([90, 5, 5], top_p=0.85, temperature=4) == [0, 1, 2]
    # typical after min-p: of the remaining equals the first; before it, the tail would count as typical.
    assert kept([4, 4, 1, 1, 1, 1], min_p=0.5, typical=0.4) == [0]


def test_equals_are_equals() -> None:
    for n in range(2, 40):
        assert kept([1] * n, top_p=(n - 0.5) / n) == list(range(n))
        assert kept([1] * n, typical=(n - 1.5) / n) == list(range(n - 1))
        assert kept([1] * n, temperature=0) == [0]


def test_a_distribution_is_that_of_the_logits() -> None:
    parameters = np.random.default_rng(1).normal(0, 3, (5, 60))
    exact = parameters - np.log(np.exp(parameters).sum(axis=-1, keepdims=True))
    for dtype in (np.float32, np.float64):
        frequency = choice.frequencies(choice.distances(choice.logits_of(parameters.astype(dtype))))
        for symbol in range(60):
            found = choice.log_probs(frequency, np.full(5, symbol))
            likely = exact[:, symbol] > -10  # of others, the frequency has few digits
            assert np.abs(found - exact[:, symbol])[likely].max(initial=0) < 2e-3
    assert choice.logits_of(np.array([1, -2], np.int32)).tolist() == [1, -2]
    assert choice.logits_of(np.array([0.5, -1e30, 1e30], np.float32)).tolist() == [512, -(2**30), 2**30]


def test_a_mask_that_allows_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no symbol is allowed"):
        choice.adjusted(np.zeros((2, 3), np.int64), Sampling(), np.array([[True, False, True], [False] * 3]))


def test_typical_of_too_many_symbols_is_refused() -> None:
    with pytest.raises(UserError, match=r"typical is for at most 524,288 symbols.*Take top_p"):
        choice.adjusted(np.zeros(2**19 + 1, np.int64), Sampling(typical=0.5))


@given(st.lists(st.integers(0, 2**28), min_size=1, max_size=12).filter(any), st.integers(0, 2**64 - 1))
@example([3, 0, 5], 0)
@example([0, 3, 0], 2**64 - 1)
@example([0, 1, 1, 0], 2**63)
@example([0, 1, 1, 0], 2**63 - 1)
@SETTINGS
def test_draw(frequencies: list[int], word: int) -> None:
    target, symbol = word * sum(frequencies) >> 64, 0
    while sum(frequencies[: symbol + 1]) <= target:
        symbol += 1
    assert frequencies[symbol] > 0
    assert choice.draw(np.array([frequencies, frequencies[::-1]], np.uint32), [word, 0]).tolist()[0] == symbol


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 0.7},
        {"temperature": 1.8},
        {"top_k": 7},
        {"temperature": 1.2, "top_k": 15, "top_p": 0.9, "min_p": 0.02, "typical": 0.95, "repetition_penalty": 1.2},
    ],
)
def test_draws_follow_the_adjusted_distribution(options: dict[str, Any]) -> None:
    """The options also mean what the literature says, to within the rounding of logits."""
    model = np.log(np.random.default_rng(5).dirichlet(np.full(20, 0.7)))
    frequency = choice.frequencies(
        choice.adjusted(choice.distances(choice.logits_of(model)), Sampling(**options), None, np.arange(20) < 3)
    )
    if set(options) == {"temperature"}:
        expected = np.exp(model / options["temperature"])
        assert frequency / frequency.sum() == pytest.approx(expected / expected.sum(), rel=2e-3)
    words = Randomness(7).words(20_000).tolist()
    counts = np.bincount(choice.draw(np.repeat(frequency[None], 20_000, axis=0), words), minlength=20)
    expected = frequency / frequency.sum() * 20_000
    assert counts[frequency == 0].sum() == 0
    common = expected >= 5
    groups = [np.append(c[common], c[~common].sum() + 1) for c in (counts, expected)]
    if len(groups[0]) > 2:
        assert chisquare(*groups).pvalue > 1e-4


def test_log_shares() -> None:
    found = choice.log_shares(np.array([1, 3]), np.array([4, 3]))
    assert found.tolist() == [pytest.approx(-2 * math.log(2), rel=1e-15), 0.0]
