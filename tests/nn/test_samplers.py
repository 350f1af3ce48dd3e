"""Symbols of many rows at once, each with its own options: all bits are those of the reference, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.arithmetic import choice, kernel
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.nn import samplers
from rhapsode.nn.samplers import Draw, choose

OPTIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 0},
    {"temperature": 0.7},
    {"top_k": 3},
    {"top_p": 0.8},
    {"min_p": 0.1},
    {"typical": 0.5},
    {"repetition_penalty": 1.5, "repetition_window": 3},
    {"repetition_penalty": 1000, "top_k": 3},
    {"logit_bias": {0: -100, 1: 3}},
    {"logit_bias": {1: 100}, "top_p": 0.9},
    {"frequency_penalty": 0.7, "presence_penalty": -1},
    {"presence_penalty": 2, "logit_bias": {0: 0.3, 1: -20}, "repetition_penalty": 1.1, "top_k": 5},
    {"temperature": 2, "top_k": 9, "top_p": 0.9, "min_p": 0.01, "typical": 0.9, "repetition_penalty": 0.8},
]


def rows(random: np.random.Generator, count: int, size: int) -> tuple[np.ndarray, list[Draw]]:
    """Logits, of which some are equal and some far apart; and how each row is drawn."""
    logits = np.rint(random.standard_normal((count, size)) * 10.0 ** random.integers(0, 5)).astype(np.int32)
    hows = []
    for n in range(count):
        mask = random.random(size) < 0.5
        mask[random.integers(size)] = True
        recent = random.integers(0, size + 1, random.integers(0, 70)).tolist()  # `size` is the start
        sampling = Sampling(**OPTIONS[random.integers(len(OPTIONS))])
        guided = bool(random.integers(2))
        late = guided and bool(random.integers(2))
        counts = None
        if sampling.counting and random.integers(4):
            counts = random.integers(0, 10 ** random.integers(1, 10), size).astype(np.int32) * (
                random.random(size) < 0.5
            )
        hows.append(Draw(sampling, Randomness(5, n), recent, mask if guided else None, late, counts))
    return logits, hows


@pytest.mark.skipif(kernel.kernel() is None, reason="there is no kernel here")
@pytest.mark.parametrize("variant", list(kernel.variants()))
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([2, 17, 130, 3000]))
def test_rows_with_options_of_their_own(variant: str, seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    logits, hows = rows(random, 1 + seed % 7, size)
    copies = [how._replace(randomness=how.randomness.copy()) for how in hows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(kernel.VARIABLE, variant)
        found = choose(logits, hows)
    alone = [samplers._alike(logits[n : n + 1], [how]) for n, how in enumerate(copies)]
    for part, expected in zip(found, zip(*alone, strict=True), strict=True):
        assert part == [value for one in expected for value in one]
    assert [how.randomness.step for how in hows] == [1] * len(hows)


def test_the_reference_has_rows_with_options_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, hows = rows(np.random.default_rng(3), 12, 40)
    alone = [
        samplers._alike(logits[n : n + 1], [how._replace(randomness=Randomness(5, n))]) for n, how in enumerate(hows)
    ]
    monkeypatch.setenv(kernel.VARIABLE, kernel.NUMPY)
    found = choose(logits, hows)
    for part, expected in zip(found, zip(*alone, strict=True), strict=True):
        assert part == [value for one in expected for value in one]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="no symbol"):
        choose(np.zeros((1, 4), np.int32), [Draw(Sampling(), Randomness(1), mask=np.zeros(4, bool))])
    with pytest.raises(Exception, match="typical"):
        size = choice.TYPICAL + 1
        choose(np.zeros((1, size), np.int32), [Draw(Sampling(typical=0.5), Randomness(1))])
