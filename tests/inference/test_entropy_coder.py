"""The entropy coder: every message comes back, at the promised length, and damage is harmless."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhapsode.inference.entropy_coder import Decoder, Encoder

WEIGHTS = st.one_of(
    st.floats(0, 1),
    st.sampled_from([0.0, 5e-324, 1e-300, 1e-12, 2.0**-48, 1.0, 1e12]),
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[np.ndarray], list[int]]:
    """Distributions of 1 to 40 symbols, some symbols (almost) impossible, and any symbols at all."""
    tables = []
    for _ in range(draw(st.integers(1, 4))):
        weights = np.array(draw(st.lists(WEIGHTS, min_size=1, max_size=40)))
        weights[draw(st.integers(0, len(weights) - 1))] += 1
        tables.append(weights / weights.sum())
    picks = draw(st.lists(st.tuples(st.integers(0, len(tables) - 1), st.integers(0, 2**16)), max_size=60))
    return [tables[i] for i, _ in picks], [s % len(tables[i]) for i, s in picks]


def encoded(tables: list[np.ndarray], symbols: list[int]) -> bytes:
    encoder = Encoder()
    for probs, symbol in zip(tables, symbols, strict=True):
        encoder.put(probs, symbol)
    return encoder.finish()


def decoded(data: bytes, tables: list[np.ndarray]) -> list[int]:
    decoder = Decoder(data)
    return [decoder.get(probs) for probs in tables]


@given(messages())
@settings(deadline=None, max_examples=200)
def test_every_message_comes_back(message: tuple[list[np.ndarray], list[int]]) -> None:
    tables, symbols = message
    data = encoded(tables, symbols)
    assert decoded(data, tables) == symbols
    assert decoded(data + b"\0\0\0", tables) == symbols, "the bytes that follow count as zeros"
    shares = [max(p[s], 2.0**-48) for p, s in zip(tables, symbols, strict=True)]
    assert len(data) * 8 <= -np.log2(shares).sum() + 9, "at most a byte more than the ideal"


@given(messages(), st.binary(max_size=80))
@settings(deadline=None, max_examples=200)
@example(([np.array([0.5, 0.5])] * 60, [0] * 60), b"\xff" * 40)
@example(([np.array([1 / 3] * 3)] * 60, [0] * 60), b"\xff" * 40)
@example(([np.array([1.0])] * 60, [0] * 60), b"\xff" * 40)
def test_any_bytes_decode_to_symbols(message: tuple[list[np.ndarray], list[int]], data: bytes) -> None:
    """Whatever the bytes are: they decode to the symbols whose code they are, or to others, never to an error."""
    tables, _ = message
    symbols = decoded(data, tables)
    assert all(0 <= s < len(p) for s, p in zip(symbols, tables, strict=True))
    assert decoded(encoded(tables, symbols), tables) == symbols


@given(messages(), st.data())
@settings(deadline=None)
def test_damage_and_cuts_do_no_harm(message: tuple[list[np.ndarray], list[int]], data: st.DataObject) -> None:
    tables, symbols = message
    good = encoded(tables, symbols)
    assert len(decoded(good[: data.draw(st.integers(0, len(good)))], tables)) == len(symbols)
    if good:
        bad = bytearray(good)
        bad[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
        assert len(decoded(bytes(bad), tables)) == len(symbols)


def sample(vocabulary: int, concentration: float, rest: float, n: int) -> tuple[list[np.ndarray], list[int], float]:
    """n symbols drawn from Dirichlet distributions, where one symbol gets all but `rest`; their ideal bits."""
    r = np.random.default_rng(1)
    kinds = r.dirichlet(np.full(vocabulary, concentration), size=50) * rest
    kinds[np.arange(50), r.integers(vocabulary, size=50)] += 1 - rest
    kinds /= kinds.sum(axis=1, keepdims=True)
    rows = r.integers(50, size=n)
    symbols = np.empty(n, int)
    for kind in range(50):
        here = np.flatnonzero(rows == kind)
        symbols[here] = r.choice(vocabulary, size=len(here), p=kinds[kind])
    return [kinds[i] for i in rows], symbols.tolist(), float(-np.log2(kinds[rows, symbols]).sum())


@pytest.mark.parametrize(
    ("vocabulary", "concentration", "rest", "n"),
    [
        (2, 1.0, 1.0, 100_000),
        (100, 1.0, 1.0, 100_000),
        (100, 0.01, 1.0, 100_000),
        (100, 0.1, 1e-2, 100_000),
        (100, 0.1, 1e-4, 100_000),
        (20_000, 0.01, 1.0, 5_000),
        (20_000, 0.01, 1e-2, 5_000),
    ],
)
def test_length_is_the_cross_entropy(vocabulary: int, concentration: float, rest: float, n: int) -> None:
    tables, symbols, ideal = sample(vocabulary, concentration, rest, n)
    data = encoded(tables, symbols)
    assert len(data) * 8 <= ideal * 1.000001 + 9, "the last byte is the only overhead"
    few = 5_000
    assert decoded(data, tables[:few]) == symbols[:few]


def test_a_certain_symbol_is_free_and_an_impossible_one_costs_48_bits() -> None:
    certain = np.array([0.0, 1.0, 0.0])
    assert len(encoded([certain] * 100_000, [1] * 100_000)) <= 1
    assert len(encoded([certain] * 100, [2] * 100)) <= 601
    assert decoded(b"", [np.array([1.0])] * 3) == [0, 0, 0]


@pytest.mark.parametrize("first", range(5))
def test_a_carry_runs_through_a_long_row_of_ones(first: int) -> None:
    """A message a hair below 1/2, its bits 0111...: then the last symbol tips it over, or not."""
    half, sliver = np.array([0.5, 0.5]), np.array([1 - 2.0**-40, 2.0**-40])
    for symbols in ([0] + [1] * 300 + [first % 2], [1] * 300 + [0] * first, [0] + [1] * 200 + [0] * 100):
        tables = [half] * len(symbols)
        assert decoded(encoded(tables, symbols), tables) == symbols
    tables, symbols = [np.array([0.3, 0.4, 0.3]), *[sliver[::-1]] * (50 + first)], [0] + [1] * (50 + first)
    assert decoded(encoded(tables, symbols), tables) == symbols


def test_carries_do_happen() -> None:
    """The paths above are only tested if they are taken."""
    seen = []

    class Watched(Encoder):
        def _carry(self) -> None:
            seen.append(self._out.endswith(b"\xff"))
            super()._carry()

    r = np.random.default_rng(0)
    encoder, probs = Watched(), np.array([0.45, 0.1, 0.45])
    symbols = r.choice(3, size=100_000, p=probs).tolist()
    for symbol in symbols:
        encoder.put(probs, symbol)
    decoder = Decoder(encoder.finish())
    assert all(decoder.get(probs) == symbol for symbol in symbols)
    assert len(seen) > 10 and any(seen), "carries, and carries through a byte of ones"


@pytest.mark.parametrize("probs", [[], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], [0.5, 0.4], [-1.0, -2.0]])
def test_what_is_no_distribution_is_refused(probs: list[float]) -> None:
    with pytest.raises(ValueError, match="sum to"):
        Encoder().put(np.array(probs), 0)
    with pytest.raises(ValueError, match="sum to"):
        Decoder(b"").get(np.array(probs))


@pytest.mark.parametrize("symbol", [-1, 2])
def test_what_is_no_symbol_is_refused(symbol: int) -> None:
    with pytest.raises(ValueError, match=f"symbol {symbol} is not one of 2"):
        Encoder().put(np.array([0.5, 0.5]), symbol)
