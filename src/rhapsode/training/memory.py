"""The allocator, told to keep what training frees and allocates again at each update."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""mallopt(3)'s parameters."""


@contextmanager
def kept() -> Iterator[None]:
    """Within it, freed memory stays with the process; afterwards it goes back to the system.

    glibc asks the kernel for every block above some megabytes and gives it back when it is freed, so each update
    of a large network would have its buffers' pages made and cleared anew: a third of all time (docs/log.md). With
    other C libraries nothing happens.
    """
    libc = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
    if libc:
        libc.mallopt(MMAP_MAX, 0)
        libc.mallopt(TRIM_THRESHOLD, -1)
    try:
        yield
    finally:
        if libc:  # glibc's defaults
            libc.mallopt(MMAP_MAX, 65536)
            libc.mallopt(TRIM_THRESHOLD, 128 * 1024)
            libc.malloc_trim(0)
