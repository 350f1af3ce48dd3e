"""An entropy coder: symbols ⇄ bytes. The length of the code is what the symbols' probabilities promise.

Range coding (Rissanen & Langdon 1979, "Arithmetic coding"; Martin 1979, "Range encoding"): a message
is a number in [0, 1), and each symbol narrows the interval where it lies to the symbol's share. Here the
shares are multiples of 2**-48 and at least that, so any symbol can be coded, and the interval keeps 64 to
96 bits, in Python's exact integers.

Why not a library: constriction 0.5 is five to ten times as fast, but its shares are multiples of 2**-24 and its
interval keeps 32 bits in the worst case, which costs 0.00013 bits for every symbol: 5 % too much for text
that is predicted with p = 0.9999, where 0.1 % is promised. The few microseconds that a symbol takes
here are lost beside the network's step.

Both sides must give the same probabilities to the last bit: computed by the same code, in batches of the
same shape, on the same kind of machine. `cumsum` adds strictly from left to right, so this module adds
nothing that could differ.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

SHARES = 1 << 48  # a symbol's share is counted in these; float64 still counts them exactly
WORD = 32  # bits that leave or enter at a time
WIDTH = 96  # bits of the interval's lower end
LOW = (1 << WIDTH) - 1
NARROW = 1 << (WIDTH - WORD)  # an interval below this has room for another word


class Encoder:
    """Symbols → bytes. `put` each symbol, then `finish` once."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._low, self._range = 0, 1 << WIDTH

    def put(self, probs: np.ndarray, symbol: int) -> None:
        """Append `symbol`, whose distribution is `probs`: [V] float, not negative, summing to 1.

        It takes -log2(probs[symbol]) bits, at most 48. Raises ValueError for what is no distribution or
        not one of its symbols.
        """
        shares = _Shares(probs)
        if not 0 <= symbol < shares.count:
            raise ValueError(f"symbol {symbol} is not one of {shares.count}")
        lower = self._range * shares.below(symbol) >> 48
        self._range = (self._range * shares.below(symbol + 1) >> 48) - lower
        self._low += lower
        if self._low > LOW:
            self._carry()
        while self._range < NARROW:
            self._out += (self._low >> (WIDTH - WORD)).to_bytes(WORD // 8, "big")
            self._low = self._low << WORD & LOW
            self._range <<= WORD

    def finish(self) -> bytes:
        """Everything, as the fewest bytes that still say it. The bytes that follow count as zeros."""
        for zeros in range(WIDTH, -1, -8):  # the number in the interval that ends in the most zero bytes
            number = -(-self._low >> zeros) << zeros
            if number < self._low + self._range:
                break
        self._low = number
        if number > LOW:
            self._carry()
        return bytes(self._out + self._low.to_bytes(WIDTH // 8, "big")).rstrip(b"\0")

    def _carry(self) -> None:
        """Add the one that overflowed to the bytes already out. It never runs past the first of them."""
        self._low &= LOW
        place = len(self._out) - 1
        while self._out[place] == 255:
            self._out[place] = 0
            place -= 1
        self._out[place] += 1


class Decoder:
    """Bytes → symbols, as many as are asked for: how many there are, the caller must know.

    Any bytes decode to something. Damaged or cut ones give wrong symbols, never an error; so does `get`
    after the last symbol. The container's checksum is what tells.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next = WIDTH // 8
        self._offset = int.from_bytes(data[: self._next].ljust(WIDTH // 8, b"\0"), "big")  # above the lower end
        self._range = 1 << WIDTH

    def get(self, probs: np.ndarray) -> int:
        """The next symbol, given the `probs` [V] it was put with. Raises ValueError as `Encoder.put`."""
        shares = _Shares(probs)
        # The last share that begins at or before the offset: floor(range * share / 2**48) <= offset.
        share = ((self._offset + 1 << 48) - 1) // self._range
        symbol = bisect_right(range(1, shares.count), share, key=shares.below)
        lower = self._range * shares.below(symbol) >> 48
        self._range = (self._range * shares.below(symbol + 1) >> 48) - lower
        self._offset -= lower
        while self._range < NARROW:
            word = self._data[self._next : self._next + WORD // 8].ljust(WORD // 8, b"\0")
            self._offset = self._offset << WORD | int.from_bytes(word, "big")
            self._next += WORD // 8
            self._range <<= WORD
        return symbol


class _Shares:
    """A distribution in whole shares: each symbol gets one share, and its part of the others, rounded."""

    def __init__(self, probs: np.ndarray) -> None:
        self.count = len(probs)
        self._sums = probs.cumsum(dtype=np.float64)
        total = self._sums.item(-1) if self.count else 0.0
        if not 0.999 < total < 1.001:  # float32 probabilities sum to 1 only nearly; NaN is refused too
            raise ValueError(f"{self.count} probabilities sum to {total}, not to 1")
        self._scale = (SHARES - self.count) / total

    def below(self, symbol: int) -> int:
        """How many shares belong to the symbols before this one; all of them for symbol V."""
        if symbol == 0:
            return 0
        if symbol == self.count:
            return SHARES
        return int(self._sums.item(symbol - 1) * self._scale) + symbol
