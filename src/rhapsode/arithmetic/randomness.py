"""Random numbers that are a function of seed, row and index, the same on every machine: docs/arithmetic.md, "Random
numbers".

A counter is mixed twice by the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
generators").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhapsode.errors import UserError

WORDS = 1 << 64
MASK = WORDS - 1
GOLDEN = 0x9E3779B97F4A7C15
BLOCK = 64
"""Numbers made at a time: one by one, they would cost ten times as much."""


def mix(z: int) -> int:
    """A word of 64 bits as another one, in which each bit depends on all of `z`."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def _mixed(z: np.ndarray) -> np.ndarray:
    """As `mix`, of each word: [N] uint64."""
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ z >> np.uint64(31))


class Randomness:
    """The random numbers of one sample: a function of (seed, row, particle, index) and of nothing else.

    So a sample comes out the same alone, in a batch of any size, streamed or served. `step` is the index of the next
    number. Made anew from the four, it goes on where it was.
    """

    def __init__(self, seed: int, row: int = 0, step: int = 0, particle: int | None = None) -> None:
        """particle: the number of the particle, if several are drawn in this row. Raises `UserError`."""
        if seed < 0:
            raise UserError(f"seed: {seed} is not allowed. Allowed: whole numbers from 0.")
        if not 0 <= row < WORDS:
            raise UserError(f"row: {row} is not allowed. Allowed: whole numbers from 0 to {WORDS - 1:,}.")
        self.seed, self.row, self.step, self.particle = seed, row, step, particle
        length = max(1, -(-seed.bit_length() // 64))
        words = [length, *(seed >> 64 * n & MASK for n in range(length)), row]
        if particle is not None:
            words.append(particle + 1)
        a, b = 0, 1
        for word in words:
            a = mix((a ^ word) + GOLDEN & MASK)
            b = mix(b + a & MASK)
        self.key = a, b
        """(a, b) of the specification: all that an implementation in another language needs, beside `step`."""
        self._block: list[int] = []
        self._begin = step

    def word(self) -> int:
        """The next number, 0 to 2**64 - 1."""
        at = self.step - self._begin
        if not 0 <= at < len(self._block):
            self._block, self._begin, at = self._words(BLOCK).tolist(), self.step, 0
        self.step += 1
        return self._block[at]

    def words(self, count: int) -> np.ndarray:
        """The next numbers [count], uint64."""
        words = self._words(count)
        self.step += count
        return words

    def _words(self, count: int) -> np.ndarray:
        a, b = self.key
        first = a + (self.step + 1) * GOLDEN & MASK
        counter = np.uint64(first) + np.arange(count, dtype=np.uint64) * np.uint64(GOLDEN)
        return _mixed(np.uint64(b) ^ _mixed(counter))

    def uniform(self) -> float:
        """The next number as a multiple of 2**-53 in [0, 1)."""
        return (self.word() >> 11) * 2.0**-53

    def uniforms(self, count: int) -> np.ndarray:
        """The next numbers [count] as float64, as `uniform`."""
        return np.asarray((self.words(count) >> np.uint64(11)) * 2.0**-53)

    def copy(self) -> Randomness:
        """An independent copy."""
        return Randomness(self.seed, self.row, self.step, self.particle)


def uniforms(of: Sequence[Randomness], count: int) -> np.ndarray:
    """The next numbers of each, [N, count] float64, as `Randomness.uniforms`."""
    if len(of) * count < BLOCK // 2:  # one by one, that is faster
        return np.array([[one.uniform() for _ in range(count)] for one in of]).reshape(len(of), count)
    first = np.array([one.key[0] + (one.step + 1) * GOLDEN & MASK for one in of], np.uint64)
    counters = first[:, None] + np.arange(count, dtype=np.uint64) * np.uint64(GOLDEN)
    words = _mixed(np.array([one.key[1] for one in of], np.uint64)[:, None] ^ _mixed(counters))
    for one in of:
        one.step += count
    return np.asarray((words >> np.uint64(11)) * 2.0**-53)
