"""Makes the allocator keep memory that training frees and needs again at each update."""

from __future__ import annotations

import ctypes
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4
"""mallopt(3)'s parameters."""
LARGE = 32 << 20
"""Bytes up to which glibc by itself comes to keep blocks, given time."""

_lock, _inside = threading.Lock(), 0


@contextmanager
def kept() -> Iterator[None]:
    """While this context is open, freed memory stays with the process; afterwards it goes back to the system.

    glibc asks the kernel for every large block, and returns it when it is freed. So each update of a large network
    would get new pages, which the kernel must clear: a third of the time (docs/log.md). With other C libraries, this
    does nothing. Contexts may be nested, and several threads may open them.
    """
    libc = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
    _enter(libc, 1)
    try:
        yield
    finally:
        _enter(libc, -1)


def _enter(libc: ctypes.CDLL | None, change: int) -> None:
    global _inside
    with _lock:
        before, _inside = _inside, _inside + change
        if not libc or (before and _inside):
            return
        if _inside:
            libc.mallopt(MMAP_MAX, 0)
            libc.mallopt(TRIM_THRESHOLD, -1)
        else:
            # Once told, glibc adapts itself no more: leave it where it would have arrived.
            libc.mallopt(MMAP_MAX, 65536)
            libc.mallopt(MMAP_THRESHOLD, LARGE)
            libc.mallopt(TRIM_THRESHOLD, 2 * LARGE)
            libc.malloc_trim(0)
