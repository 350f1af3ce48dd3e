"""Random numbers: independent of batches, of how they are asked for, and of all machines."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from rhapsode.arithmetic.randomness import BLOCK, GOLDEN, MASK, Randomness, mix
from rhapsode.errors import UserError


def numbers(randomness: Randomness, n: int = 50) -> list[float]:
    return [randomness.uniform() for _ in range(n)]


def test_a_row_is_the_same_in_any_batch() -> None:
    alone = numbers(Randomness(3, 2))
    batch = [Randomness(3, row) for row in range(5)]
    together = [[row.uniform() for row in batch] for _ in range(50)]
    assert [step[2] for step in together] == alone


def test_seeds_rows_and_particles_are_all_different() -> None:
    seeds = [0, 1, 2, 2**32, 2**32 + 1, 1 + 2 * 2**32, 2**64, 2**64 + 1, 2**200]
    streams = {
        tuple(numbers(Randomness(seed, row, particle=particle), 3))
        for seed in seeds
        for row in range(4)
        for particle in (None, 0, 1)
    }
    assert len(streams) == len(seeds) * 4 * 3


def test_randomness_goes_on_from_a_copy_and_from_its_numbers() -> None:
    original = Randomness(11, 4, particle=2)
    numbers(original, 17)
    copy, again = original.copy(), Randomness(original.seed, original.row, original.step, original.particle)
    assert numbers(original) == numbers(copy) == numbers(again)
    assert original.step == copy.step == 67


def test_numbers_are_the_same_one_by_one_and_together() -> None:
    count = 3 * BLOCK
    one, other = Randomness(5), Randomness(5)
    a, b = one.key
    words = [mix(b ^ mix(a + (n + 1) * GOLDEN & MASK)) for n in range(count)]
    assert [one.word() for _ in range(count)] == words
    found = [*other.words(10).tolist(), other.word(), *other.words(BLOCK).tolist()]
    found += [other.word() for _ in range(count - len(found))]
    assert found == words
    assert Randomness(5).uniforms(100).tolist() == numbers(Randomness(5), 100)


def test_randomness_is_uniform() -> None:
    drawn = np.array(numbers(Randomness(0), 10_000))
    assert drawn.min() >= 0 and drawn.max() < 1
    assert chisquare(np.histogram(drawn, 50, (0, 1))[0]).pvalue > 1e-4
    first = [Randomness(0, row).uniform() for row in range(10_000)]
    assert chisquare(np.histogram(first, 50, (0, 1))[0]).pvalue > 1e-4
    for bit in range(64):
        ones = int((Randomness(1).words(10_000) >> np.uint64(bit) & np.uint64(1)).sum())
        assert 4700 < ones < 5300


def test_impossible_numbers_are_a_users_mistake() -> None:
    with pytest.raises(UserError, match="seed: -1 is not allowed.*from 0"):
        Randomness(-1)
    with pytest.raises(UserError, match="row: 18446744073709551616 is not allowed.*from 0 to"):
        Randomness(1, 2**64)
