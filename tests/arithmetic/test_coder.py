"""The range coder: every message comes back, at the promised length, and damage is harmless."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhapsode.arithmetic.coder import Decoder, Encoder

FREQUENCIES = st.one_of(st.integers(0, 3), st.integers(0, 2**29), st.sampled_from([1, 2**28]))


@st.composite
def messages(draw: st.DrawFn) -> tuple[list[np.ndarray], list[int]]:
    """Distributions of 1 to 40 symbols, some symbols (almost) impossible, and any symbols that can be."""
    tables = []
    for _ in range(draw(st.integers(1, 4))):
        frequencies = np.array(draw(st.lists(FREQUENCIES, min_size=1, max_size=40)), np.uint32)
        frequencies[draw(st.integers(0, len(frequencies) - 1))] += 1
        tables.append(frequencies)
    picks = draw(st.lists(st.tuples(st.integers(0, len(tables) - 1), st.integers(0, 2**16)), max_size=60))
    symbols = [np.flatnonzero(tables[i])[s % np.count_nonzero(tables[i])].item() for i, s in picks]
    return [tables[i] for i, _ in picks], symbols


def encoded(tables: list[np.ndarray], symbols: list[int]) -> bytes:
    encoder = Encoder()
    for frequencies, symbol in zip(tables, symbols, strict=True):
        encoder.put(frequencies, symbol)
    return encoder.finish()


def decoded(data: bytes, tables: list[np.ndarray]) -> list[int]:
    decoder = Decoder(data)
    return [decoder.get(frequencies) for frequencies in tables]


@settings(deadline=None, max_examples=300)
@given(messages())
@example(([np.array([1])] * 5, [0] * 5))
def test_round_trip_at_the_promised_length(message: tuple[list[np.ndarray], list[int]]) -> None:
    tables, symbols = message
    code = encoded(tables, symbols)
    assert decoded(code, tables) == symbols
    bits = sum(math.log2(float(f.sum(dtype=np.int64)) / float(f[s])) for f, s in zip(tables, symbols, strict=True))
    assert len(code) <= bits * 1.00001 / 8 + 2


@settings(deadline=None)
@given(messages(), st.binary(max_size=40))
def test_any_bytes_decode_to_symbols_that_can_be(message: tuple[list[np.ndarray], list[int]], data: bytes) -> None:
    tables, _ = message
    for code in (data, b"\xff" * 60):
        assert all(f[symbol] > 0 for f, symbol in zip(tables, decoded(code, tables), strict=True))


def test_many_symbols() -> None:
    """Sums near the largest."""
    last = (1 << 20) - 1
    tables = [np.full(last + 1, (1 << 32) - 1, np.uint32)] * 3
    assert decoded(encoded(tables, [0, last, 7]), tables) == [0, last, 7]


def test_what_is_certain_costs_nothing() -> None:
    assert encoded([np.array([7])] * 1000, [0] * 1000) == b""
    assert decoded(b"", [np.array([7])] * 3) == [0, 0, 0]


def test_carries_do_happen() -> None:
    seen = []

    class Watched(Encoder):
        def _carry(self) -> None:
            seen.append(self.code.endswith(b"\xff"))
            super()._carry()

    r = np.random.default_rng(0)
    encoder, frequencies = Watched(), np.array([450, 100, 450])
    symbols = r.choice(3, size=30_000, p=frequencies / 1000).tolist()
    for symbol in symbols:
        encoder.put(frequencies, symbol)
    decoder = Decoder(encoder.finish())
    assert all(decoder.get(frequencies) == symbol for symbol in symbols)
    assert len(seen) > 10 and any(seen), "carries, and carries through a byte of ones"


@pytest.mark.parametrize("symbol", [-1, 2, 1])
def test_what_is_no_symbol_is_refused(symbol: int) -> None:
    with pytest.raises(ValueError, match=f"symbol {symbol} is not one of 2"):
        Encoder().put(np.array([5, 0]), symbol)
