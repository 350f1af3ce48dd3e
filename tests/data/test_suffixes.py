"""Suffix arrays, and what is looked up in them, compared with the definition."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from rhapsode.data import suffixes
from rhapsode.data.suffixes import PAD, Suffixes, suffix_array
from rhapsode.errors import UserError


def array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


def made(data: bytes) -> Suffixes:
    return Suffixes(np.concatenate([array(data), np.zeros(PAD, np.uint8)]), suffix_array(array(data)))


def some(rng: random.Random, kinds: int) -> bytes:
    return bytes(rng.randrange(kinds) for _ in range(rng.randrange(60)))


@pytest.fixture(params=["library", "numpy"])
def sorter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "library":
        pytest.importorskip("pydivsufsort")
    else:
        monkeypatch.setattr(suffixes, "library", lambda: False)
    return str(request.param)


@pytest.mark.parametrize("kinds", [1, 2, 4, 256])
def test_the_order_and_the_matches(kinds: int, sorter: str) -> None:
    rng = random.Random(kinds)
    for _ in range(40):
        text, sought = some(rng, kinds), some(rng, kinds)
        known = made(text)
        assert known.order.tolist() == sorted(range(len(text)), key=lambda n: text[n:])
        at = np.arange(len(sought))
        limits = np.array([rng.randrange(len(sought) - n + 1) for n in at], np.int64)
        lengths, places = known.matched(array(sought), at, limits)
        for n, limit, length, place in zip(at, limits, lengths, places, strict=True):
            wanted = max(size for size in range(limit + 1) if sought[n : n + size] in text)
            assert length == wanted and text[place : place + length] == sought[n : n + length]
            assert known.longest(sought[n : n + limit])[0] == wanted
            found = known.find(sought[n : n + limit])
            assert (found >= 0) == (wanted == limit) and (found < 0 or text[found:].startswith(sought[n : n + limit]))


def test_both_sorters_agree_on_long_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydivsufsort")
    rng = random.Random(0)
    text = array(bytes(1000) + some(rng, 3) * 50 + b"a" * 3000 + some(rng, 256) * 9)
    first = suffix_array(text)
    monkeypatch.setattr(suffixes, "library", lambda: False)
    assert first.dtype == suffix_array(text).dtype == np.int32 and (suffix_array(text) == first).all()


def test_without_the_library_only_small_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suffixes, "library", lambda: False)
    monkeypatch.setattr(suffixes, "PATIENCE", 10)
    suffix_array(array(b"0123456789"))
    with pytest.raises(UserError, match=r"pip install rhapsode\[novelty\]"):
        suffix_array(array(b"0123456789a"))


def test_a_wrong_order_breaks_nothing() -> None:
    rng = np.random.default_rng(0)
    text = rng.integers(0, 3, 500).astype(np.uint8)
    known = Suffixes(np.concatenate([text, np.zeros(PAD, np.uint8)]), rng.integers(0, 500, 500).astype(np.int32))
    at = np.arange(500)
    lengths, places = known.matched(text, at, 500 - at)
    assert (lengths <= 500 - at).all() and (places < 500).all()
    known.find(text.tobytes()[:9])
    known.longest(text.tobytes())


def test_fast_on_what_is_copied_whole() -> None:
    """Looking up takes microseconds for each place, also where all of it is known."""
    rng = np.random.default_rng(0)
    text = rng.integers(97, 101, 100_000).astype(np.uint8)
    known = made(text.tobytes())
    at = np.arange(20_000)
    begun = time.process_time()
    lengths, _ = known.matched(text[:20_000], at, np.minimum(512, 20_000 - at))
    assert lengths[0] == 512 and time.process_time() - begun < 3
