"""Chooses the number of threads during a run, since other programs may need the processors, too.

If there are as many threads as processors, one other busy program makes every parallel section wait for the thread that
lost its processor. Training then runs at a fraction of its speed, and a single thread is many times faster
(docs/log.md).
"""

from __future__ import annotations

import math

GAIN = 1.2
"""All threads must be this many times as fast as one thread to be worth the risk."""
COLLAPSE = 2.5
"""If updates take this many times as long as the fastest ones so far, training goes on with one thread."""
USUAL, TRIAL = 40, 8
"""How many updates a pace is averaged over; and how many are made when all threads are tried again."""
WAIT, LONGEST = 20.0, 600.0
"""Seconds with one thread before all threads are tried again; they double after each trial that fails, up to a
limit."""


class Pace:
    """Measures how long updates take, and says how many threads the next one should use.

    threads: how many to begin with: all, or one (as if the others had just been given up).
    most: how many there are in all.
    """

    def __init__(self, threads: int, most: int = 1) -> None:
        self.threads, self.all = threads, max(threads, most)
        self._times: list[float] = []
        self._best = math.inf  # of all threads
        self._alone = math.inf  # of one thread, as last seen
        self._wait = self._left = WAIT
        self._trial = False

    def heard(self, seconds: float) -> int:
        """Tell it that an update took so many seconds."""
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
