"""A prefix cache: states behind sequences that were read, so that what begins in the same way is not read again.

A state of an LSTM is a few kilobytes, however long the sequence is.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict

import numpy as np

from rhapsode.inference.reader import Reader

BYTES = 64 << 20
OVERHEAD = 2_000
"""About so many bytes an entry costs beside its arrays."""
BLOCK = 256
"""Steps that are hashed together, and behind which states are kept."""

Key = tuple[bytes, bytes]
"""A hash of whole blocks of steps, and one of those behind them, fewer than a block."""


class Prefix:
    """Steps that are read, and hashes of their beginnings, each computed once."""

    def __init__(self, digest: str, steps: np.ndarray) -> None:
        """digest: of the model. steps: [N] symbols."""
        self._steps = steps
        self._blocks = [digest.encode()]
        """A hash of the first steps: none, BLOCK of them, twice as many …"""

    def __len__(self) -> int:
        return len(self._steps)

    def block(self, count: int) -> bytes:
        """A hash of the first so many blocks."""
        while len(self._blocks) <= count:
            at = (len(self._blocks) - 1) * BLOCK
            self._blocks.append(_hash(self._blocks[-1], self._steps[at : at + BLOCK]))
        return self._blocks[count]

    def key(self, length: int) -> Key:
        """The key of the first so many steps."""
        count, rest = divmod(length, BLOCK)
        whole = self.block(count)
        return whole, _hash(b"", self._steps[count * BLOCK : length]) if rest else b""


class States:
    """Readers of one row by the model's digest and the steps that they have read, in bounded memory: what was not used
    for longest goes first. Threads may share it.

    It is for models whose readers depend on nothing else: no text that is attended to, no covariates.
    """

    def __init__(self, limit: int = BYTES) -> None:
        """limit: of memory, in bytes."""
        self._limit, self.bytes = limit, 0
        self._kept: OrderedDict[Key, tuple[Reader, int, int]] = OrderedDict()
        self._rests: dict[bytes, Counter[int]] = {}
        """Hash of whole blocks → how many steps behind them have been read, by the readers that are kept."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, prefix: Prefix) -> tuple[Reader, int] | None:
        """The reader that has read most of these steps, and how many; None if there is none. It is the caller's own."""
        prefix.block(len(prefix) // BLOCK)  # before others wait
        with self._lock:
            for count in range(len(prefix) // BLOCK, -1, -1):
                for rest in sorted(self._rests.get(prefix.block(count), ()), reverse=True):
                    length = count * BLOCK + rest
                    if length <= len(prefix) and (key := prefix.key(length)) in self._kept:
                        self._kept.move_to_end(key)
                        return self._kept[key][0].copy(), length
        return None

    def put(self, prefix: Prefix, length: int, reader: Reader) -> None:
        """Keep a reader of one row, which has read the first so many of these steps."""
        key, rest = prefix.key(length), length % BLOCK
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return
            own = reader.take([0])  # not a view of a larger array
            size = own.nbytes + OVERHEAD
            if size > self._limit:
                return
            self._kept[key] = own, rest, size
            self._rests.setdefault(key[0], Counter())[rest] += 1
            self.bytes += size
            while self.bytes > self._limit:
                (whole, _), (_, rest, freed) = self._kept.popitem(last=False)
                self.bytes -= freed
                self._rests[whole][rest] -= 1
                if not self._rests[whole][rest]:
                    del self._rests[whole][rest]
                if not self._rests[whole]:
                    del self._rests[whole]


def kept_at(length: int) -> bool:
    """Whether the state behind so many steps of a longer prompt is kept: after each block first, and from 16 blocks on
    after ever more of them, so that a prompt of a million steps leaves some hundred and fifty states."""
    spacing = max(BLOCK, 1 << max(0, length.bit_length() - 5))
    return length % spacing == 0


def _hash(before: bytes, steps: np.ndarray) -> bytes:
    return hashlib.blake2b(before + steps.astype(np.int64).tobytes(), digest_size=16).digest()
