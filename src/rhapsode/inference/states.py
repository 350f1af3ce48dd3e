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

Key = tuple[str, bytes]


class States:
    """Readers of one row by the model's digest and the steps that they have read, in bounded memory: what was not used
    for longest goes first. Threads may share it.

    It is for models whose readers depend on nothing else: no text that is attended to, no covariates.
    """

    def __init__(self, limit: int = BYTES) -> None:
        """limit: of memory, in bytes."""
        self._limit, self.bytes = limit, 0
        self._kept: OrderedDict[Key, tuple[Reader, int, int]] = OrderedDict()
        self._lengths: dict[str, Counter[int]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, digest: str, steps: np.ndarray) -> tuple[Reader, int] | None:
        """The reader that has read most of these steps, and how many; None if there is none. It is the caller's own."""
        with self._lock:
            lengths = sorted(n for n in self._lengths.get(digest, ()) if n <= len(steps))
            for key, length in reversed(list(zip(_keys(digest, steps, lengths), lengths, strict=True))):
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key][0].copy(), length
        return None

    def put(self, digest: str, steps: np.ndarray, reader: Reader) -> None:
        """Keep a reader of one row, which has read these steps."""
        [key] = _keys(digest, steps, [len(steps)])
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return
            own = reader.take([0])  # not a view of a larger array
            size = own.nbytes + OVERHEAD
            if size > self._limit:
                return
            self._kept[key] = own, len(steps), size
            self._lengths.setdefault(digest, Counter())[len(steps)] += 1
            self.bytes += size
            while self.bytes > self._limit:
                (of, _), (_, length, freed) = self._kept.popitem(last=False)
                self.bytes -= freed
                self._lengths[of][length] -= 1
                if not self._lengths[of][length]:
                    del self._lengths[of][length]


def _keys(digest: str, steps: np.ndarray, lengths: list[int]) -> list[Key]:
    """The keys of the first steps, as many as `lengths` says, which are sorted."""
    data, found, at = np.ascontiguousarray(steps, np.int64), list[Key](), 0
    state = hashlib.blake2b(digest_size=16)
    for length in lengths:
        state.update(data[at:length].tobytes())
        found.append((digest, state.copy().digest() + length.to_bytes(8, "little")))
        at = length
    return found
