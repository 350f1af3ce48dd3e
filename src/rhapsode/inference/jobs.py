"""What those who submit requests to a `Batcher` hold: jobs, what comes of them, and what ends them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rhapsode.errors import UserError
from rhapsode.inference.builders import Sample

Top = tuple[tuple[int, float], ...]
"""The likeliest symbols at one step, and log p of each in nats, likeliest first."""


class Full(UserError):
    """The queue of waiting requests is full."""


class Closed(UserError):
    """The batcher is closed, or closing."""


class Cancelled(Exception):
    """The job was cancelled before its end."""


@dataclass(frozen=True)
class Part:
    """What a job has got since the part before.

    data, text: as of `Piece`. What may become a stop string, is part of a character, or may be taken back, comes later.
    steps, log_probs: of what was drawn; log p is the model's own, in nats. Of a job with a constraint, the steps that
    cannot be taken back. tops: the alternatives at each of the steps, if they were asked for.
    echo: the steps are those of the prompt (`data` and `text` are empty).
    sample, error: of the last part, one of them.
    """

    data: bytes = b""
    text: str = ""
    steps: Sequence[Any] = ()
    log_probs: Sequence[float] = ()
    tops: Sequence[Top] = ()
    echo: bool = False
    sample: Sample | None = None
    error: Exception | None = None

    @property
    def last(self) -> bool:
        return self.sample is not None or self.error is not None


Receive = Callable[[Part], None]
Given = tuple[Receive, Part]
"""What receives a part of a job, and the part."""


@dataclass
class Figures:
    """What a batcher does now, in jobs; and has done, in steps, ticks and seconds of work."""

    waiting: int = 0
    reading: int = 0
    drawing: int = 0
    paused: int = 0
    read: int = 0
    reused: int = 0
    drawn: int = 0
    ticks: int = 0
    busy: float = 0.0

    def now(self, waiting: int, reading: int, drawing: int, paused: int) -> Figures:
        """A copy, with these numbers of jobs."""
        return replace(self, waiting=waiting, reading=reading, drawing=drawing, paused=paused)


class Control(Protocol):
    """What a job asks of its batcher, in any thread."""

    def cancel(self, job: Job) -> None: ...

    def pause(self, job: Job) -> None: ...

    def resume(self, job: Job) -> None: ...


class Job:
    """One request that was submitted. Its methods may be called from any thread."""

    def __init__(self, control: Control, seed: int, row: int, prompted: int) -> None:
        """prompted: the steps of its prompt."""
        self.seed, self.row, self.prompted = seed, row, prompted
        self._control = control
        self._parts: queue.SimpleQueue[Part] = queue.SimpleQueue()
        self._ended, self._last = threading.Event(), Part()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def cancel(self) -> None:
        """End it at the next tick, with `Cancelled`."""
        self._control.cancel(self)

    def pause(self) -> None:
        """Draw no more from the next tick on. It gives up its place to others."""
        self._control.pause(self)

    def resume(self) -> None:
        """Go on, at the next place that becomes free."""
        self._control.resume(self)

    def result(self, timeout: float | None = None) -> Sample:
        """Wait for the end: the sample. Raises the job's error; and `TimeoutError` after so many seconds."""
        if not self._ended.wait(timeout):
            raise TimeoutError(f"the job has not ended in {timeout} s")
        if self._last.sample is None:
            raise self._last.error or Cancelled
        return self._last.sample

    def __iter__(self) -> Iterator[Part]:
        """Its parts as they come, the last one included; of a job without `receive`, once."""
        while True:
            part = self._parts.get()
            yield part
            if part.last:
                return

    def end(self, last: Part) -> None:
        """For its batcher: it has ended with this part, which comes then."""
        self._last = last
        self._ended.set()

    def put(self, part: Part) -> None:
        """For its batcher: a part of a job without `receive`."""
        self._parts.put(part)
