"""What anyone can have without training a network: an n-gram and two compressors, to compare with."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable

import numpy as np

from rhapsode.data.encode import CharCounter

ORDER_LIMIT = 7
"""Bytes of context; with the byte after them they fill 64 bits."""
BYTES = 256


class NGram:
    """Each byte from the `order` bytes before it, with Witten–Bell smoothing.

    Order counts the bytes of context: with the byte that it predicts, a model of order 5 looks at 6-grams.

        p_k(c | the k bytes before) = (n(ctx, c) + d(ctx) p_{k-1}(c)) / (n(ctx) + d(ctx))

    n counts in the training data, d(ctx) is how many different bytes followed ctx there; below order 0
    all 256 bytes are alike. So every byte has a probability, and they sum to 1. (Witten & Bell 1991, method C,
    interpolated as in Chen & Goodman 1998.) Counts do not change after training, as a network's weights do not.
    """

    def __init__(self, train: bytes, order: int = 5) -> None:
        if not 0 <= order <= ORDER_LIMIT:
            raise ValueError(f"order {order}: it must be from 0 to {ORDER_LIMIT}")
        self.order = order
        self._tail = train[max(0, len(train) - order) :]
        # For k bytes of context: sorted keys (context, byte) with their counts; sorted contexts with n and d.
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._contexts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        data = np.frombuffer(train, np.uint8)
        for k in range(order + 1):
            pairs, counts = np.unique(_packed(data, k + 1), return_counts=True)
            contexts, where, kinds = np.unique(pairs >> np.uint64(8), return_inverse=True, return_counts=True)
            totals = np.bincount(where, counts, len(contexts))
            self._pairs.append((pairs, counts))
            self._contexts.append((contexts, totals, kinds))

    def _probabilities(self, data: np.ndarray) -> np.ndarray:
        """The probability of each byte [N] given those before it in `data`."""
        p = np.full(len(data), 1 / BYTES)
        for k in range(self.order + 1):
            keys = _packed(data, k + 1)
            contexts, totals, kinds = self._contexts[k]
            at = keys >> np.uint64(8)
            n, d, pair = _look_up(contexts, totals, at), _look_up(contexts, kinds, at), _look_up(*self._pairs[k], keys)
            lower = p[k:]
            p[k:] = np.where(n > 0, (pair + d * lower) / np.maximum(n + d, 1), lower)
        return p

    def distribution(self, context: bytes) -> np.ndarray:
        """[256] float64: the probability of each byte after `context`."""
        context = context[max(0, len(context) - self.order) :]
        return np.array([self._probabilities(np.frombuffer(context + bytes([c]), np.uint8))[-1] for c in range(BYTES)])

    def bits(self, data: bytes) -> float:
        """-log2 p of data that follows the training data."""
        both = np.frombuffer(self._tail + data, np.uint8)
        return float(-np.log2(self._probabilities(both)[len(self._tail) :]).sum())


def _packed(data: np.ndarray, n: int) -> np.ndarray:
    """Each run of n bytes as one number: [N] uint8 → [max(0, N - n + 1)] uint64."""
    length = max(0, len(data) - n + 1)
    keys = np.zeros(length, np.uint64)
    for i in range(n):
        keys = (keys << np.uint64(8)) | data[i : i + length].astype(np.uint64)
    return keys


def _look_up(keys: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The values of `wanted` among sorted keys, 0 where they are not."""
    if not len(keys):
        return np.zeros(len(wanted))
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0).astype(np.float64)


def characters(data: bytes) -> int:
    """Characters of UTF-8; each byte that is not counts as one."""
    return CharCounter().feed(data, ends=True)


def ngram_bits_per_char(train: bytes, test: bytes, order: int = 5) -> float:
    """What an n-gram trained on `train` needs for each character of `test`."""
    return NGram(train, order).bits(test) / max(characters(test), 1)


def compressed_bits_per_char(train: bytes, test: bytes) -> dict[str, float]:
    """What xz and bz2 need for each character of `test` when they have read `train` before.

    size(train + test) - size(train), so that they know what the network knows: alone, the test text would cost
    more. (bzip2 works in blocks of 900 kB, so of longer training text it knows only the end.)
    """
    compressors: dict[str, Callable[[bytes], bytes]] = {
        "xz -9": lambda data: lzma.compress(data, preset=9),
        "bz2": lambda data: bz2.compress(data, 9),
    }
    chars = max(characters(test), 1)
    return {name: 8 * (len(f(train + test)) - len(f(train))) / chars for name, f in compressors.items()}
