"""How many threads to train with while the machine has other work, too.

With as many threads as processors, one busy neighbour makes every parallel section wait for the thread that lost its
processor: training then runs at a tenth of its speed (docs/log.md), where one thread would keep half of it.
"""

from __future__ import annotations

import math
from collections import deque

COLLAPSE = 2.5
"""Times the best pace so far, at which one thread takes over."""
USUAL, TRIAL = 40, 8
"""Updates that a pace is the mean of; and when all threads are tried again."""
WAIT = 20.0
"""Seconds with one thread before all are tried again; twice as many after each trial that fails."""


class Pace:
    """Listens to how long updates take, and says how many threads the next one should have."""

    def __init__(self, threads: int) -> None:
        self.all = self.threads = threads
        self._times: deque[float] = deque(maxlen=USUAL)
        self._best = math.inf
        self._alone = math.inf  # the pace of one thread, once it is known
        self._wait, self._left = WAIT, 0.0
        self._trial = False

    def heard(self, seconds: float) -> int:
        """An update took so many seconds."""
        self._times.append(seconds)
        self._left -= seconds
        if self.all == 1 or len(self._times) < (TRIAL if self._trial else USUAL):
            return self.threads
        pace = sum(self._times) / len(self._times)
        if self.threads > 1:
            self._best = min(self._best, pace)
            if pace > min(COLLAPSE * self._best, self._alone):
                self._left, self._wait = self._wait, 2 * self._wait
                self._switch(1)
            elif self._trial:
                self._trial, self._wait = False, WAIT
        elif self._left <= 0:
            self._alone, self._trial = pace, True
            self._switch(self.all)
        return self.threads

    def _switch(self, threads: int) -> None:
        self.threads = threads
        self._times.clear()
