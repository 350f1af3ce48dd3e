"""Work for all cores, in processes that are started anew, as on every system."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from rhapsode.errors import UserError

Job = TypeVar("Job")
Done = TypeVar("Done")


class Pool:
    """workers: processes; none are started if it is one. How many they are changes nothing in what they return but
    rounding."""

    def __init__(self, executor: ProcessPoolExecutor | None, workers: int) -> None:
        self._executor = executor
        self._ahead = 2 * workers

    def map(self, function: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]:
        """Of each job, in order. Few more jobs are taken than are at work, so that large ones need little memory."""
        if self._executor is None:
            yield from map(function, jobs)
            return
        waiting: deque[Future[Any]] = deque()
        for job in jobs:
            waiting.append(self._executor.submit(function, job))
            if len(waiting) > self._ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def pool(workers: int) -> Iterator[Pool]:
    """A pool, until the end of the `with`. Raises `UserError` where its processes cannot live."""
    if workers == 1:
        yield Pool(None, 1)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as executor:
        try:
            yield Pool(executor, workers)
        except BrokenProcessPool:
            raise UserError(
                "The processes that share the work were ended. A script of your own must begin its work below "
                'if __name__ == "__main__":, or ask for workers=1, which also needs less memory.'
            ) from None
