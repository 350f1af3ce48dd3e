"""Continuous batching: requests that come at any time share one engine, and each gets what it would get alone.

One thread owns the engine of a model. Requests are submitted from any thread, and wait in a queue of bounded length.
The engine's thread goes round in *ticks* of some milliseconds. In each, it

- drops what was cancelled, and admits what waits, first in first out, while there are places;
- reads prompts (`prefill.py`): short ones together, long ones in chunks, so that these delay nobody by more than one;
- draws a few steps in the rows that are new, so that their first text comes soon, and lets them join the others;
- draws in all rows (`rows.py`): some steps if nothing has to be decided between steps, else one;
- delivers what was given.

Rows join and leave between ticks. What a row gets is a function of (model, prompt, sampling, seed, row), as ever: the
sample is that of `rhapsode.inference.generate`, to the last bit.

A prompt is not read again if its beginning was (`rhapsode.inference.states`). So a session needs nothing of its own:
its next request has the whole text so far as its prompt.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Unpack

import numpy as np

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.inference import rewinding
from rhapsode.inference.generate import Begun, Request, prepared
from rhapsode.inference.jobs import Cancelled, Closed, Figures, Full, Given, Job, Part, Receive, Top
from rhapsode.inference.prefill import TICK, Prefill, Prompted, computed
from rhapsode.inference.rows import Rows
from rhapsode.inference.states import BLOCK, Prefix, States
from rhapsode.inference.trained import Trained
from rhapsode.inference.tuned import tuned
from rhapsode.inference.work import Outbox, Wanted, Work
from rhapsode.nn.heads._symbols import OfSymbols

__all__ = ["Batcher", "Cancelled", "Closed", "Figures", "Full", "Given", "Job", "Part", "Top"]

ROWS = 64
WAITING = 256
DRAWN = 0.01
"""About so many seconds the steps of a tick are drawn. Fewer cost more, since each row costs something in each tick."""
LONGEST = 64
"""The most steps drawn in a row in a tick."""
FIRST = 4
"""Steps that are drawn in new rows before they join the others."""
MANY = 32
"""With more rows, steps are drawn for longer, if no prompt waits to be read."""
NUMBERS = 1 << 21
"""The most logits that are kept of a tick, for alternatives."""
ALTERNATIVES = 64
JUDGED = 16
"""The most rows with constraints that are drawn in one call: the state behind each of their steps is kept."""


class Pace:
    """How many steps can be drawn in some time: measured as they are drawn."""

    def __init__(self) -> None:
        self._cost = TICK
        """Seconds of the engine's thread for a step in one row."""

    def count(self, rows: int, seconds: float) -> int:
        """Steps in each of so many rows."""
        return max(1, min(LONGEST, int(seconds / self._cost / rows)))

    def measured(self, seconds: float, steps: int) -> None:
        """So many steps, those of all rows, took so long."""
        self._cost += (seconds / steps - self._cost) / 2


@lru_cache(1024)
def _one(sampling: Sampling) -> Sampling:
    """The same object for equal options: rows that have it are soon seen to be alike."""
    return sampling


class Batcher:
    """Runs the requests of one model. Make one for each model, and `close` it."""

    def __init__(
        self,
        model: Trained,
        *,
        rows: int = ROWS,
        waiting: int = WAITING,
        states: States | None = None,
        deliver: Callable[[list[Given]], None] | None = None,
    ) -> None:
        """rows: the most that are drawn side by side, those included whose prompts are being read. waiting: the most
        requests that wait for a place. states: the prefix cache; None for one of its own. deliver: gets what is to be
        received, some of it at a time, and sees to it that each `receive` is called, in this order, in any thread.
        None: the engine's thread calls them.

        Models that compute all steps at once can be asked for nothing.
        """
        self._batched = model.network.config.autoregressive
        self._model, self._limit, self._places = tuned(model, rows) if self._batched else model, waiting, rows
        covered = model.codec.covariates > 0
        self._plain = model.text is None and not covered and isinstance(model.head, OfSymbols)
        self._states = States() if states is None else states
        self._changed = threading.Condition()
        # What the condition protects: what other threads tell, the jobs that have not ended, and how many wait.
        self._told: deque[Callable[[], object]] = deque()
        self._works: dict[Job, Work] = {}
        self._queued, self._closing = 0, False
        # Of the engine's thread:
        self._figures, self._outbox = Figures(), Outbox(deliver)
        self._waiting: deque[Work] = deque()
        self._prefill = Prefill(self._model, self._states if self._plain else None, self._figures)
        self._rows: Rows[Work] = Rows(model.head, covered, None, [])
        self._judging: list[Work] = []
        self._resting: list[Work] = []
        self._ready: deque[Work] = deque()
        """Have read their prompts, and wait for a place: those that were paused."""
        self._pace, self._judge_seconds = Pace(), 0.0
        """And how long it takes to draw and judge some steps of a row with a constraint."""
        self._thread = threading.Thread(target=self._run, name="rhapsode-engine", daemon=True)
        self._thread.start()

    # What other threads call.

    def submit(
        self,
        prompt: Begun = b"",
        *,
        receive: Receive | None = None,
        echo: bool = False,
        alternatives: int = 0,
        stream: bool = True,
        **request: Unpack[Request],
    ) -> Job:
        """Let a sample be drawn: that of `model.generate(prompt, **request)[0]`.

        receive: is called with each part, see `deliver`; in the engine's thread, which must not be held up, or in
                 another one. None: see `Job.__iter__`.
        echo:    first come parts with the steps of the prompt, and log p of each. With `length=0`, nothing is drawn.
        alternatives: so many of the likeliest symbols are given at each step, those of an echo included.
        stream:  False: there is one part, the last (and those of an echo).
        Raises `UserError` for impossible requests, `Full` if too many wait, `Closed` after `close`.
        """
        if alternatives and (not isinstance(self._model.head, OfSymbols) or not 0 <= alternatives <= ALTERNATIVES):
            raise UserError(f"alternatives: 0 to {ALTERNATIVES} are allowed, of models of symbols.")
        if not self._batched:
            raise UserError("this model computes all steps at once, so nothing is gained by batches: use `generate`.")
        wanted = Wanted(receive, echo, alternatives, stream)
        work = self._work(prompt, wanted, request)
        with self._changed:
            if self._closing:
                raise Closed("the model is being closed; nothing more is begun.")
            if self._queued >= self._limit:
                raise Full(f"{self._queued:,} requests wait already. Try again later.")
            self._queued += 1
            self._works[work.job] = work
            self._told.append(partial(self._waiting.append, work))
            self._changed.notify()
        return work.job

    def _work(self, prompt: Begun, wanted: Wanted, request: Request) -> Work:
        """Check a request. Raises `UserError`."""
        found = prepared(self._model, prompt, request)
        found = replace(found, sampling=_one(found.sampling))
        job = Job(self, found.seed, request.get("row", 0), len(found.steps))
        work = Work(job, found, wanted, self._outbox, self._figures)
        if self._plain and not wanted.echo:
            work.prefix = Prefix(self._model.digest, found.steps)
            work.prefix.block(len(found.steps) // BLOCK)  # here, so that it does not hold up the engine
        return work

    def close(self, finish: bool = True, timeout: float | None = None) -> bool:
        """Take no more requests, and stop. finish: end what has been submitted first, but for what is paused; else it
        is cancelled. Whether it has stopped in so many seconds."""
        with self._changed:
            self._closing = True
            if not finish:
                self._told.append(self._cancel_all)
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def __enter__(self) -> Batcher:
        return self

    def __exit__(self, *error: object) -> None:
        self.close(finish=error[0] is None)

    @property
    def figures(self) -> Figures:
        drawing = len(self._rows.rows) + len(self._judging)
        return self._figures.now(self._queued, len(self._prefill), drawing, len(self._resting))

    def cancel(self, job: Job) -> None:
        """See `Job.cancel`."""
        self._tell(self._cancel, job)

    def pause(self, job: Job) -> None:
        """See `Job.pause`."""
        self._tell(self._pause, job)

    def resume(self, job: Job) -> None:
        """See `Job.resume`."""
        self._tell(self._resume, job)

    def _tell(self, what: Callable[[Work], None], job: Job) -> None:
        with self._changed:
            if (work := self._works.get(job)) is not None:
                self._told.append(partial(what, work))
                self._changed.notify()

    # What the engine's thread calls.

    def _run(self) -> None:
        try:
            while self._awaited():
                self._tick()
        except BaseException as error:  # a fault of ours: nobody must wait for ever
            with self._changed:
                self._closing = True
            failed = RuntimeError(f"the engine has stopped: {error!r}")
            for work in list(self._works.values()):
                work.failed(failed)
            self._send()
            raise

    def _awaited(self) -> bool:
        """Wait until there is something to do. False: there will be nothing any more."""
        with self._changed:
            while not (self._told or self._active):
                if self._closing:
                    break
                self._changed.wait()
            else:
                return True
        for work in self._resting:
            self._cancel(work)
        self._send()
        return False

    @property
    def _active(self) -> bool:
        return bool(self._waiting or self._ready or len(self._prefill) or self._rows.rows or self._judging)

    def _tick(self) -> None:
        with self._changed:
            told = list(self._told)
            self._told.clear()
        begun = time.perf_counter()
        for what in told:
            what()
        self._sweep()
        self._admit()
        for group in self._prefill.run():
            self._begin(group)
        self._send()
        self._draw()
        self._judge()
        self._sweep()
        self._send()
        self._figures.ticks += 1
        self._figures.busy += time.perf_counter() - begun

    def _sweep(self) -> None:
        """What has ended leaves."""
        self._rows.sweep()
        self._prefill.sweep()
        self._judging = [work for work in self._judging if not work.ended]
        self._resting = [work for work in self._resting if not work.ended]
        self._ready = deque(work for work in self._ready if not work.ended)

    def _send(self) -> None:
        """Deliver what was given. Jobs that have ended are forgotten."""
        for work in self._outbox.send():
            with self._changed:
                del self._works[work.job]

    def _admit(self) -> None:
        """Give free places away: first to what was paused, then first in first out."""
        free = self._places - len(self._prefill) - len(self._rows.rows) - len(self._judging)
        ready, new = list[Work](), list[Work]()
        while free > 0 and (self._ready or self._waiting):
            free -= 1
            if self._ready:
                ready.append(self._ready.popleft())
            else:
                new.append(self._waiting.popleft())
        self._judging += [work for work in ready if work.judged]
        drawing = [work for work in ready if not work.judged]
        self._rows.join([self._side_by_side(work.reader, [work]) for work in drawing])
        self._prefill.add(new)
        with self._changed:
            self._queued -= len(new)

    def _cancel(self, work: Work) -> None:
        work.failed(Cancelled("the job was cancelled"))
        if work in self._waiting:
            self._waiting.remove(work)
            with self._changed:
                self._queued -= 1

    def _cancel_all(self) -> None:
        for work in list(self._works.values()):
            self._cancel(work)

    def _pause(self, work: Work) -> None:
        work.paused = True
        if work in self._rows.rows:
            work.reader = self._rows.leave(work)
        elif work in self._judging:
            self._judging.remove(work)
        elif work in self._ready:
            self._ready.remove(work)
        else:
            return  # it rests when its prompt was read
        self._resting.append(work)

    def _resume(self, work: Work) -> None:
        work.paused = False
        if work in self._resting:
            self._resting.remove(work)
            self._ready.append(work)

    # Drawing.

    def _side_by_side(self, reader: object, works: list[Work]) -> Rows[Work]:
        return Rows(self._model.head, self._model.codec.covariates > 0, reader, works)

    def _begin(self, group: Prompted) -> None:
        """Prompts were read: draw a few steps, and let the rows join the others."""
        rows = self._side_by_side(group.reader, group.works)
        for work in group.works:
            if work.ended or not (work.paused or work.judged):
                continue
            reader = rows.leave(work)
            if work.paused:
                work.reader = reader
                self._resting.append(work)
            else:
                self._judging.append(work)
        rows.sweep()
        if rows.rows:
            self._draw_in(rows, FIRST)
        self._rows.join([rows])

    def _draw(self) -> None:
        """Draw in all rows without constraints."""
        rows = self._rows.rows
        if not rows:
            return
        seconds = DRAWN if len(self._prefill) else DRAWN * max(1.0, len(rows) / MANY)
        self._draw_in(self._rows, self._pace.count(len(rows), seconds))

    def _draw_in(self, rows: Rows[Work], most: int) -> None:
        """Draw so many steps in rows, if the reader can; else one."""
        works = rows.rows
        if not self._plain or not all(work.free for work in works):
            rows.step()
            return
        count = min(most, max(work.left for work in works))
        seen = None
        if any(work.wanted.alternatives for work in works):
            size = self._model.codec.steps.choices
            count = min(count, max(1, NUMBERS // size // len(works)))
            seen = np.empty((count, len(works), size), np.int32)
            for n, work in enumerate(works):
                work.seen = seen[:, n] if work.wanted.alternatives else None
        begun = computed()
        drawn = rows.drawn(count, seen=seen)
        if drawn is None:
            return
        if len(drawn[0]):
            self._pace.measured(computed() - begun, drawn[0].size)
        rows.taken(*drawn)
        if len(drawn[0]) < count and rows.rows:
            rows.step()  # a unit begins behind it, of which only the text tells

    def _judge(self) -> None:
        """Draw some steps in rows with constraints: in as many as a tick has time for, by turns."""
        if not self._judging:
            return
        count = max(1, min(JUDGED, len(self._judging), int(TICK / max(self._judge_seconds, 1e-6))))
        works, begun = self._judging[:count], computed()
        self._judging = self._judging[count:] + works
        try:
            rewinding.advance([work.judged for work in works if work.judged and not work.judged.done])
        except Exception as error:
            for work in works:
                work.failed(error)
        for work in works:
            try:
                work.tell_judged()
            except Exception as error:
                work.failed(error)
        self._judge_seconds = (self._judge_seconds + (computed() - begun) / count) / 2
