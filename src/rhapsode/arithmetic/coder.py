"""An entropy coder: symbols ⇄ bytes. The length of the code is what the symbols' frequencies promise.

Range coding (Rissanen & Langdon 1979, "Arithmetic coding"; Martin 1979, "Range encoding"): docs/arithmetic.md, "The
range coder". All numbers have 64 bits, so C and JavaScript write the same bytes.

Why not a library: constriction 0.5 rounds the shares of symbols to multiples of 2**-24, and its interval keeps 32 bits
in the worst case. That costs 0.00013 bits for every symbol: 5 % too much for text that is predicted with p = 0.9999,
where 0.1 % is promised.
"""

from __future__ import annotations

import numpy as np

from rhapsode.arithmetic.randomness import MASK, WORDS

NARROW = 1 << 56
"""A range below this has room for another byte."""


class Encoder:
    """Symbols → bytes. `put` each symbol, then `finish` once.

    code: the bytes that are out. low, range: the rest of the state. (The kernel puts symbols, too: `Compiled.encode`.)
    """

    def __init__(self) -> None:
        self.code = bytearray()
        self.low, self.range = 0, MASK

    def put(self, frequencies: np.ndarray, symbol: int) -> None:
        """Append `symbol`, whose distribution is `frequencies`: [V] whole numbers, with a sum below 2**53.

        Raises ValueError for what is not one of the symbols that can be.
        """
        own = int(frequencies[symbol]) if 0 <= symbol < len(frequencies) else 0
        if not own:
            raise ValueError(f"symbol {symbol} is not one of {len(frequencies)} that have a frequency")
        step = self.range // int(frequencies.sum(dtype=np.int64))
        self.low += int(frequencies[:symbol].sum(dtype=np.int64)) * step
        self.range = own * step
        if self.low > MASK:
            self._carry()
        while self.range < NARROW:
            self.code.append(self.low >> 56)
            self.low = self.low << 8 & MASK
            self.range <<= 8

    def finish(self) -> bytes:
        """Everything, as the fewest bytes that still say it. The bytes that follow count as zeros."""
        for zeros in range(64, -1, -8):  # the least number in the interval that ends in the most zero bytes
            number = -(-self.low >> zeros) << zeros
            if number < self.low + self.range:
                break
        self.low = number
        if number > MASK:
            self._carry()
        return bytes(self.code + self.low.to_bytes(8, "big")).rstrip(b"\0")

    def _carry(self) -> None:
        """Add the one that overflowed to the bytes already out. It never runs past the first of them."""
        self.low -= WORDS
        place = len(self.code) - 1
        while self.code[place] == 255:
            self.code[place] = 0
            place -= 1
        self.code[place] += 1


class Decoder:
    """Bytes → symbols, as many as are asked for: how many there are, the caller must know.

    Any bytes decode to something. Damaged or cut ones give wrong symbols, never an error; so does `get` after the last
    symbol. The container's checksum is what tells.

    next: how many bytes were read. offset: above the lower end. (The kernel gets symbols, too, see `Compiled.decode`.)
    """

    def __init__(self, data: bytes) -> None:
        self.code, self.next = data, 8
        self.offset = int.from_bytes(data[:8].ljust(8, b"\0"), "big")
        self.range = MASK

    def get(self, frequencies: np.ndarray) -> int:
        """The next symbol, given the `frequencies` [V] it was put with."""
        sums = frequencies.cumsum(dtype=np.int64)
        step = self.range // sums.item(-1)
        symbol = int(sums.searchsorted(min(self.offset // step, sums.item(-1) - 1), side="right"))
        own = int(frequencies[symbol])
        self.offset -= (sums.item(symbol) - own) * step
        self.range = own * step
        while self.range < NARROW:
            byte = self.code[self.next] if self.next < len(self.code) else 0
            self.offset = (self.offset << 8 | byte) & MASK  # only the offset of damaged code is cut
            self.next += 1
            self.range <<= 8
        return symbol
