"""The characters of bytes that may or may not be UTF-8, as arrays."""

from __future__ import annotations

import numpy as np


def code_points(data: bytes) -> np.ndarray:
    """[N] unsigned: the characters of UTF-8, and U+DC80 … U+DCFF for each byte 0x80 … 0xFF that is not UTF-8."""
    if data.isascii():
        return np.frombuffer(data, np.uint8)
    # numpy's own strings are arrays of code points, surrogates included; Python's utf-32 codec is slow at those
    return np.array([data.decode("utf-8", "surrogateescape")]).view(np.uint32)


def sizes_in_utf8(codes: np.ndarray) -> np.ndarray:
    """[N] int64: how many bytes each of `code_points` came from."""
    sizes = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    sizes[(codes >= 0xD800) & (codes < 0xE000)] = 1
    return sizes


def begins(data: bytes) -> np.ndarray:
    """[N + 1] int64: where each character begins, and where the last one ends."""
    if data.isascii():
        return np.arange(len(data) + 1)
    return np.concatenate([[0], sizes_in_utf8(code_points(data)).cumsum()])
