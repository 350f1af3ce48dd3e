"""The tables of the arithmetic: docs/arithmetic.md, "Tables". Each is made once, when it is first asked for.

They are made with our own exp and tanh, so they are the same on every machine. A test pins their digests.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from rhapsode.arithmetic import doubles

CERTAIN = 1 << 28
"""The frequency of the likeliest symbol."""
FARTHEST = 20479
"""The greatest distance from the likeliest symbol, in 1/1024 nats: there the frequency is 1."""


@cache
def sigmoid() -> np.ndarray:
    """[8192] int16: 32768 sigmoid((i - 4096) / 512)."""
    return _constant(np.minimum(np.rint(32768 * (1 / (1 + doubles.exp(-_sums())))), 32767), np.int16)


@cache
def tanh() -> np.ndarray:
    """[8192] int16: 32768 tanh((i - 4096) / 512)."""
    return _constant(np.clip(np.rint(32768 * doubles.tanh(_sums())), -32767, 32767), np.int16)


@cache
def frequencies() -> np.ndarray:
    """[20480] uint32: the frequency of a symbol by its distance d from the likeliest one, 2**28 exp(-d / 1024)."""
    return _constant(np.maximum(np.rint(CERTAIN * doubles.exp(-np.arange(FARTHEST + 1) / 1024)), 1), np.uint32)


def _sums() -> np.ndarray:
    return (np.arange(8192) - 4096) / 512


def _constant(values: np.ndarray, dtype: type[np.generic]) -> np.ndarray:
    table = values.astype(dtype)
    table.flags.writeable = False
    return table
