"""Compressed files of version 1, which Rhapsode wrote until November 2026: they can be unpacked.

A symbol's share of the interval was a multiple of 2**-48, made of floating-point probabilities; the interval had 64 to
96 bits. Each number must be the same to the last bit as when the file was packed.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

SHARES = 1 << 48
WORD = 32  # bits that enter at a time
WIDTH = 96  # bits of the interval's lower end
NARROW = 1 << (WIDTH - WORD)  # an interval below this has room for another word


class Decoder:
    """Bytes → symbols, as many as are asked for. Any bytes decode to something."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = WIDTH // 8
        self._offset = int.from_bytes(data[: self._next].ljust(WIDTH // 8, b"\0"), "big")  # above the lower end
        self._range = 1 << WIDTH

    def get(self, parameters: np.ndarray) -> int:
        """The next symbol, given its unnormalised log-probabilities [V] float32."""
        below = _Shares(parameters)
        # The last share that begins at or before the offset: floor(range * share / 2**48) <= offset.
        share = ((self._offset + 1 << 48) - 1) // self._range
        symbol = bisect_right(range(1, len(parameters)), share, key=below)
        lower = self._range * below(symbol) >> 48
        self._range = (self._range * below(symbol + 1) >> 48) - lower
        self._offset -= lower
        while self._range < NARROW:
            word = self._data[self._next : self._next + WORD // 8].ljust(WORD // 8, b"\0")
            self._offset = self._offset << WORD | int.from_bytes(word, "big")
            self._next += WORD // 8
            self._range <<= WORD
        return symbol


class _Shares:
    """A distribution in whole shares: each symbol gets one share, and its part of the others, rounded."""

    def __init__(self, parameters: np.ndarray) -> None:
        z = parameters.astype(np.float64)
        z = z - z.max()
        self._sums = np.exp(z - np.log(np.exp(z).sum())).cumsum()
        self._scale = (SHARES - len(z)) / self._sums.item(-1)

    def __call__(self, symbol: int) -> int:
        """How many shares belong to the symbols before this one; all of them for symbol V."""
        if symbol == 0:
            return 0
        if symbol == len(self._sums):
            return SHARES
        return int(self._sums.item(symbol - 1) * self._scale) + symbol
