"""The same work on many things, on all processors."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
FEW = 16
"""Things that are not worth a pool."""


def mapped(
    function: Callable[[T], R], things: Sequence[T], report: Callable[[float], None], workers: int | None = None
) -> Iterator[R]:
    """`function` of each, in order; it must be found by name. report: is called with how much is done.

    Where processes can be forked, by several of them; elsewhere a new one would run the user's own script again.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1 or len(things) < FEW or not sys.platform.startswith("linux"):
        for n, thing in enumerate(things):
            yield function(thing)
            report((n + 1) / len(things))
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
        chunk = max(1, min(16, len(things) // (4 * workers)))
        for n, found in enumerate(pool.map(function, things, chunksize=chunk)):
            yield found
            report((n + 1) / len(things))
