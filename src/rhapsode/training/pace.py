"""How many threads to train with while the machine has other work, too.

With as many threads as processors, one busy neighbour makes every parallel section wait for the thread that lost its
processor: training then runs at a fraction of its speed, and one thread by itself is many times faster (docs/log.md).
"""

from __future__ import annotations

import math

GAIN = 1.2
"""Times as fast as one thread that all must be to be worth the risk."""
COLLAPSE = 2.5
"""Times the best pace so far, at which one thread takes over."""
USUAL, TRIAL = 40, 8
"""Updates that a pace is the mean of; and when all threads are tried again."""
WAIT, LONGEST = 20.0, 600.0
"""Seconds with one thread before all are tried again: twice as many after each trial that fails, up to a limit."""


class Pace:
    """Listens to how long updates take, and says how many threads the next one should have.

    threads: to begin with: all, or one, as if the others had just been given up.
    most: all, where that is more.
    """

    def __init__(self, threads: int, most: int = 1) -> None:
        self.threads, self.all = threads, max(threads, most)
        self._times: list[float] = []
        self._best = math.inf  # of all threads
        self._alone = math.inf  # of one thread, as last seen
        self._wait = self._left = WAIT
        self._trial = False

    def heard(self, seconds: float) -> int:
        """An update took so many seconds."""
        if self.all == 1:
            return 1
        self._times.append(seconds)
        self._left -= seconds
        if self._trial:
            # The first update pays for starting the threads. Time is up when there can be no gain any more.
            spent, most = sum(self._times[1:]), TRIAL * self._alone / GAIN
            if spent > most:
                self._wait = min(2 * self._wait, LONGEST)
                self._one()
            elif len(self._times) > TRIAL:
                self._best, self._wait = spent / TRIAL, WAIT
                self._begin(self.all)
        elif len(self._times) == USUAL:
            pace = sum(self._times) / USUAL
            self._times.clear()
            if self.threads > 1:
                self._best = min(self._best, pace)
                if pace > COLLAPSE * self._best:
                    self._one()
            elif self._left <= 0:
                self._alone = pace
                self._begin(self.all, trial=True)
        return self.threads

    def _one(self) -> None:
        self._left = self._wait
        self._begin(1)

    def _begin(self, threads: int, trial: bool = False) -> None:
        self.threads, self._trial = threads, trial
        self._times.clear()
