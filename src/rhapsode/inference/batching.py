"""Continuous batching: requests that come at any time share one engine, and each gets what it would get alone.

One thread owns the engine of a model. Requests are submitted from any thread, and wait in a queue of bounded length.
The engine's thread goes round in *ticks* of some milliseconds. In each, it

- drops what was cancelled, and admits what waits, first in first out, while there are places;
- reads one chunk of one prompt (*prefill*), so that a long one delays nobody by more than a chunk;
- draws in all rows: some steps if nothing has to be decided between steps, else one.

Rows join and leave between ticks. What a row gets is a function of (model, prompt, sampling, seed, row), as ever: the
sample is that of `rhapsode.inference.generate`, to the last bit.

A prompt is not read again if its beginning was (`rhapsode.inference.states`). So a session needs nothing of its own:
its next request has the whole text so far as its prompt.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Unpack

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.data.codecs.output import EMPTY, Piece, joined
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.inference import rewinding
from rhapsode.inference.builders import Builder, Prepared, Sample, Start
from rhapsode.inference.generate import Begun, Request, prepared
from rhapsode.inference.loops import Loops, reader_of
from rhapsode.inference.reader import NONE, Reader
from rhapsode.inference.states import BLOCK, Prefix, States, kept_at
from rhapsode.inference.trained import Trained
from rhapsode.inference.tuned import tuned
from rhapsode.nn.heads._head import Drawn
from rhapsode.nn.heads._symbols import OfSymbols
from rhapsode.nn.samplers import Draw

ROWS = 64
WAITING = 256
TICK = 0.006
"""About so many seconds a chunk of prefill takes, and the steps that are drawn in a tick."""
LONGEST = 64
"""The most steps drawn in a row in a tick."""
SHORT, MEASURED = 16, 16
"""Chunks of prompts of so many steps tell how fast reading is; so many of the last measurements are kept."""
NUMBERS = 1 << 21
"""The most logits that are kept of a tick, for alternatives."""
ALTERNATIVES = 64

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


@dataclass(frozen=True)
class Figures:
    """What a batcher does now, in jobs; and has done, in steps, ticks and seconds of work."""

    waiting: int
    reading: int
    drawing: int
    paused: int
    read: int
    reused: int
    drawn: int
    ticks: int
    busy: float


class Job:
    """One request that was submitted. Its methods may be called from any thread."""

    def __init__(
        self,
        batcher: Batcher,
        request: Prepared,
        row: int,
        receive: Callable[[Part], None] | None,
        echo: bool,
        alternatives: int,
        stream: bool,
        keep: bytes | None,
    ) -> None:
        self.seed, self.row = request.seed, row
        self._batcher, self._request, self._receive = batcher, request, receive
        self._echo, self._alternatives, self._stream, self._keep = echo, alternatives, stream, keep
        self._parts: queue.SimpleQueue[Part] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._last = Part()
        # Of the engine's thread:
        self._reader: Reader | None = None
        self._at = 0
        self._builder: Builder | None = None
        self._start: Start | None = None
        self._judged: rewinding.Row | None = None
        self._behind: Reader | None = None
        """Of a job with a constraint and alternatives: behind what was given."""
        self._prefix: Prefix | None = None
        """Its prompt, if the states behind it are kept."""
        self._given = 0
        self._tops: list[Top] = []
        self._pause = False
        endings = request.output.endings
        self._ends = None if endings is None else endings.tobytes()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    @property
    def prompted(self) -> int:
        """The steps of its prompt."""
        return len(self._request.steps)

    def cancel(self) -> None:
        """End it at the next tick, with `Cancelled`."""
        self._batcher._tell(self._batcher._cancel, self)

    def pause(self) -> None:
        """Draw no more from the next tick on. It gives up its place to others."""
        self._batcher._tell(self._batcher._paused, self)

    def resume(self) -> None:
        """Go on, at the next place that becomes free."""
        self._batcher._tell(self._batcher._resumed, self)

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

    @property
    def _steps(self) -> list[Any]:
        return [] if self._builder is None else self._builder.steps

    @property
    def _left(self) -> int:
        return self._request.length - len(self._steps)


class Batcher:
    """Runs the requests of one model. Make one for each model, and `close` it."""

    def __init__(
        self, model: Trained, *, rows: int = ROWS, waiting: int = WAITING, states: States | None = None
    ) -> None:
        """rows: the most that are drawn side by side, those included whose prompts are being read. waiting: the most
        requests that wait for a place. states: the prefix cache; None for one of its own.

        Raises `UserError` for models that compute all steps at once.
        """
        if not model.network.config.autoregressive:
            raise UserError("this model computes all steps at once, so nothing is gained by batches: use `generate`.")
        self._model, self._rows, self._limit = tuned(model, rows), rows, waiting
        self._states = States() if states is None else states
        self._covered = model.codec.covariates > 0
        self._plain = model.text is None and not self._covered and isinstance(model.head, OfSymbols)
        self._changed = threading.Condition()
        # What the condition protects: what other threads tell, and how many wait.
        self._told: deque[Callable[[], object]] = deque()
        self._jobs: dict[Job, None] = {}
        """All that have not ended."""
        self._queued, self._closing = 0, False
        # Of the engine's thread:
        self._waiting: deque[Job] = deque()
        self._ready: deque[Job] = deque()
        """Have read their prompts, and wait for a place: those that were paused."""
        self._reading: list[Job] = []
        self._drawing: list[Job] = []
        self._reader: Any = None
        """Of the rows of `_drawing`, in that order."""
        self._judging: list[Job] = []
        self._resting: list[Job] = []
        self._turn = self._read = self._reused = self._drawn = self._ticks = 0
        self._busy = 0.0
        self._read_seconds = deque([TICK / BLOCK], MEASURED)
        """What one step of a prompt took lately. The least counts: others were interrupted."""
        self._size, self._slow = 1, False
        """So many steps are drawn in a tick, in all rows together; and whether that took too long the last time."""
        self._thread = threading.Thread(target=self._run, name="rhapsode-engine", daemon=True)
        self._thread.start()

    # What other threads call.

    def submit(
        self,
        prompt: Begun = b"",
        *,
        receive: Callable[[Part], None] | None = None,
        echo: bool = False,
        alternatives: int = 0,
        stream: bool = True,
        keep: bool = False,
        **request: Unpack[Request],
    ) -> Job:
        """Let a sample be drawn: that of `model.generate(prompt, **request)[0]`.

        receive: is called with each part, in the engine's thread, which must not be held up; None: see `Job.__iter__`.
        echo:    first come parts with the steps of the prompt, and log p of each. With `length=0`, nothing is drawn.
        alternatives: so many of the likeliest symbols are given at each step, those of an echo included.
        stream:  False: there is one part, the last (and those of an echo).
        keep:    the text will be gone on from: read it to its end, so that the next prompt is not read again.
        Raises `UserError` for impossible requests, `Full` if too many wait, `Closed` after `close`.
        """
        if alternatives and (not isinstance(self._model.head, OfSymbols) or not 0 <= alternatives <= ALTERNATIVES):
            raise UserError(f"alternatives: 0 to {ALTERNATIVES} are allowed, of models of symbols.")
        found = prepared(self._model, prompt, request)
        kept = self._model.text_codec.decode(found.steps) if keep and self._plain else None
        job = Job(self, found, request.get("row", 0), receive, echo, alternatives, stream, kept)
        if self._plain and not echo:
            job._prefix = Prefix(self._model.digest, found.steps)
            job._prefix.block(len(found.steps) // BLOCK)  # here, so that it does not hold up the engine
        with self._changed:
            if self._closing:
                raise Closed("the model is being closed; nothing more is begun.")
            if self._queued >= self._limit:
                raise Full(f"{self._queued:,} requests wait already. Try again later.")
            self._queued += 1
            self._jobs[job] = None
            self._told.append(partial(self._waiting.append, job))
            self._changed.notify()
        return job

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
        drawing = len(self._drawing) + len(self._judging)
        now = self._queued, len(self._reading), drawing, len(self._resting)
        return Figures(*now, self._read, self._reused, self._drawn, self._ticks, self._busy)

    def _tell(self, what: Callable[[Job], None], job: Job) -> None:
        with self._changed:
            self._told.append(partial(what, job))
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
            for job in list(self._jobs):
                self._end(job, error=failed)
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
        for job in list(self._resting):
            self._cancel(job)
        return False

    def _tick(self) -> None:
        with self._changed:
            told = list(self._told)
            self._told.clear()
        begun = time.perf_counter()
        for what in told:
            what()
        self._sweep()
        self._admit()
        self._prefill()
        self._draw()
        self._judge()
        self._ticks += 1
        self._busy += time.perf_counter() - begun

    @property
    def _active(self) -> bool:
        return bool(self._waiting or self._ready or self._reading or self._drawing or self._judging)

    def _admit(self) -> None:
        """Give free places away: first to what was paused, then first in first out."""
        free = self._rows - len(self._reading) - len(self._drawing) - len(self._judging)
        joining = list[Job]()
        while free > 0 and (self._ready or self._waiting):
            free -= 1
            if self._ready:
                job = self._ready.popleft()
                (self._judging if job._judged else joining).append(job)
            else:
                self._reading.append(self._waiting.popleft())
                with self._changed:
                    self._queued -= 1
        self._join(joining)

    def _join(self, jobs: list[Job]) -> None:
        """Draw in these rows, too."""
        if jobs:
            readers = [job._reader for job in jobs if job._reader is not None]
            if self._drawing:
                readers.insert(0, self._reader)
            self._reader = readers[0].joined(readers[1:])
            self._drawing += jobs
            for job in jobs:
                job._reader = None

    def _leave(self, going: Sequence[int]) -> None:
        """Of the rows that are drawn, only these go on."""
        if len(going) < len(self._drawing):
            self._drawing = [self._drawing[n] for n in going]
            self._reader = self._reader.take(going) if going else None

    def _sweep(self) -> None:
        """Rows that have ended leave."""
        self._leave([n for n, job in enumerate(self._drawing) if not job.ended])

    def _cancel(self, job: Job) -> None:
        self._end(job, error=Cancelled("the job was cancelled"))

    def _cancel_all(self) -> None:
        for job in list(self._jobs):
            self._cancel(job)

    def _paused(self, job: Job) -> None:
        job._pause = True
        if job in self._drawing:
            at = self._drawing.index(job)
            job._reader = self._reader.take([at])
            self._leave([n for n in range(len(self._drawing)) if n != at])
        elif job in self._judging:
            self._judging.remove(job)
        elif job in self._ready:
            self._ready.remove(job)
        else:
            return  # it rests when its prompt was read
        self._resting.append(job)

    def _resumed(self, job: Job) -> None:
        job._pause = False
        if job in self._resting:
            self._resting.remove(job)
            self._ready.append(job)

    def _end(
        self, job: Job, sample: Sample | None = None, error: Exception | None = None, piece: Piece = EMPTY
    ) -> None:
        """End a job, wherever it is. Of the rows that are drawn, it leaves at the next `_sweep`."""
        if job.ended:
            return
        if job in self._waiting:
            self._waiting.remove(job)
            with self._changed:
                self._queued -= 1
        for jobs in (self._ready, self._reading, self._judging, self._resting):
            if job in jobs:
                jobs.remove(job)
        steps, log_probs = list[Any](), list[float]()
        if sample is not None and job._builder is not None:
            steps, log_probs = job._builder.steps[job._given :], job._builder.log_probs[job._given :]
        tops, job._tops = job._tops, []
        job._last = Part(piece.data, piece.text, steps, log_probs, tops, sample=sample, error=error)
        job._builder = job._judged = job._behind = job._reader = job._start = None
        if job._keep is not None and sample is not None:
            self._keep(job._keep + sample.data)
        with self._changed:
            del self._jobs[job]
        job._ended.set()
        self._give(job, job._last)

    def _give(self, job: Job, part: Part) -> None:
        if job._receive is None:
            job._parts.put(part)
            return
        try:
            job._receive(part)
        except Exception as error:  # it is the job's own, and must end nothing else
            job._receive = None
            if not part.last:
                self._end(job, error=error)

    def _keep(self, text: bytes) -> None:
        """Read a text, for those that go on from it."""
        request = prepared(self._model, text, {"length": 0, "seed": 0})
        job = Job(self, request, 0, None, False, 0, False, None)
        job._prefix = Prefix(self._model.digest, request.steps)
        with self._changed:
            self._queued += 1
            self._jobs[job] = None
        self._waiting.append(job)

    # Prefill.

    def _prefill(self) -> None:
        """Read in prompts for the time of a tick: by turns in the one that is done soonest, and in the oldest."""
        joining, end = list[Job](), time.perf_counter() + TICK
        while self._reading and time.perf_counter() < end:
            self._prefill_one(joining, end)
        self._join([job for job in joining if not job.ended])

    def _prefill_one(self, joining: list[Job], end: float) -> None:
        """Read a chunk of a prompt. joining: gets the job if its prompt was read. end: when time is up."""
        self._turn += 1
        job = self._reading[0]
        if self._turn % 2:
            job = min(self._reading, key=lambda one: len(one._request.steps) - one._at)
        try:
            self._read_chunk(job, end - time.perf_counter())
            if not job.ended and job._at == len(job._request.steps) and self._begin(job):
                joining.append(job)
        except Exception as error:
            self._end(job, error=error)

    def _read_chunk(self, job: Job, seconds: float) -> None:
        request, reader = job._request, job._reader
        if reader is None:
            reader, job._at = self._beginning(job)
            job._reader = reader
        at = job._at
        count = min(max(1, int(seconds / min(self._read_seconds))), BLOCK - at % BLOCK, len(request.steps) - at)
        if not count:
            return
        steps, covariates = request.steps[at : at + count], request.covariates[at + 1 : at + 1 + count]
        begun = time.perf_counter()
        echoed = None
        if job._echo and not job._alternatives and isinstance(reader, Loops):
            echoed = Part(steps=steps.tolist(), log_probs=(-reader.score(steps)).tolist(), echo=True)
        else:
            log_probs, tops = list[float](), list[Top]()
            done = 0
            for parameters in reader.read_all(steps, covariates):
                if job._echo:
                    part = steps[done : done + len(parameters)]
                    log_probs += self._model.head.log_prob(parameters, part).tolist()
                    tops += self._alternatives(parameters, job._alternatives)
                    done += len(parameters)
            if job._echo:
                echoed = Part(steps=steps.tolist(), log_probs=log_probs, tops=tops, echo=True)
        if count >= SHORT:
            self._read_seconds.append((time.perf_counter() - begun) / count)
        self._read += count
        job._at += count
        if job._prefix is not None and (job._at == len(request.steps) or kept_at(job._at)):
            self._states.put(job._prefix, job._at, reader)
        if echoed is not None:
            self._give(job, echoed)

    def _beginning(self, job: Job) -> tuple[Reader, int]:
        """A reader for the prompt, and how many of its steps it has read already."""
        request, model = job._request, self._model
        if not self._plain:
            return reader_of(model, request.text, request.covariates[0]), 0
        prefix = job._prefix or Prefix(model.digest, request.steps[:0])
        found = self._states.find(prefix)
        if found is None:
            found = reader_of(model), 0
            self._states.put(prefix, 0, found[0])
        self._reused += found[1]
        return found

    def _begin(self, job: Job) -> bool:
        """The prompt was read. Whether the row is to join those that are drawn."""
        reader = job._reader
        assert reader is not None
        self._reading.remove(job)
        job._start = start = job._request.start(reader)
        job._builder = start.builder(job.row)
        if start.guide.judges:
            job._judged = rewinding.begun(start, job._builder)
            job._behind = reader.copy() if job._alternatives else None
        elif not start.length:
            self._finish(job)
            return False
        if job._pause:
            self._resting.append(job)
        elif job._judged:
            self._judging.append(job)
        return not (job._pause or job._judged)

    # Drawing.

    def _draw(self) -> None:
        """Draw in all rows without constraints."""
        jobs = self._drawing
        if not jobs:
            return
        if not self._plain or any(type(job._request.guide) is not Guide for job in jobs):
            self._step()
            return
        most = max(1, min(LONGEST, self._size // len(jobs)))
        count, seen = min(most, max(job._left for job in jobs)), None
        if any(job._alternatives for job in jobs):
            size = self._reader.parameters.size
            count = min(count, max(1, NUMBERS // size))
            seen = np.empty((count, *self._reader.parameters.shape), np.int32)
        hows = [job._builder.how() for job in jobs if job._builder]
        begun = time.perf_counter()
        symbols, log_probs, counts = self._reader.draw(count, hows, self._endings(), seen)
        self._measured(time.perf_counter() - begun, len(symbols) == most)
        # A unit begins after the next step, of which only the text tells: one single step comes next.
        single = len(symbols) < count
        drawn = zip(list(jobs), symbols.T.tolist(), log_probs.T.tolist(), counts.tolist(), strict=True)
        for n, (job, steps, logs, many) in enumerate(drawn):
            many = min(many, job._left)
            tops = [] if seen is None else self._alternatives(seen[:many, n], job._alternatives)
            self._guarded(job, self._took, steps[:many], logs[:many], tops)
        self._sweep()
        if single and self._drawing:
            self._step()

    def _measured(self, seconds: float, full: bool) -> None:
        """Draw more or fewer steps in the next tick. full: so many were drawn as were to be."""
        slow = seconds > TICK
        if slow and self._slow:  # once may be chance: another process had the core
            self._size = max(1, self._size // 2)
        elif full and seconds < TICK / 2:
            self._size = min(2 * self._size, LONGEST * self._rows)
        self._slow = slow and not self._slow

    def _endings(self) -> np.ndarray | None:
        """Symbols that end each of the rows; None if these are not the same. (Then more is drawn than is needed.)"""
        same = len({job._ends for job in self._drawing}) == 1
        return self._drawing[0]._request.output.endings if same else None

    def _took(self, job: Job, steps: Sequence[Any], log_probs: Sequence[float], tops: Sequence[Top]) -> None:
        builder = job._builder
        assert builder is not None
        if job._stream:
            count, piece = builder.take(steps, log_probs)
        else:
            count, piece = builder.extend(steps, log_probs), EMPTY
        self._drawn += count
        self._added(job, piece, tops[:count])

    def _added(self, job: Job, piece: Piece, tops: Sequence[Top]) -> None:
        """Steps were added to the job's builder."""
        builder = job._builder
        assert builder is not None
        job._tops += tops
        if builder.ended or not job._left:
            self._finish(job, piece)
        elif job._stream:
            self._give_new(job, piece, builder.steps[job._given :])

    def _give_new(self, job: Job, piece: Piece, steps: Sequence[Any]) -> None:
        builder, given = job._builder, job._given
        assert builder is not None
        tops, job._tops = job._tops, []
        job._given += len(steps)
        self._give(job, Part(piece.data, piece.text, steps, builder.log_probs[given : job._given], tops))

    def _finish(self, job: Job, piece: Piece = EMPTY) -> None:
        builder = job._builder
        assert builder is not None
        piece = joined([piece, builder.finish()])
        sample = builder.sample()
        self._end(job, sample, piece=piece if job._stream else Piece(sample.data, sample.text))

    def _guarded(self, job: Job, what: Callable[..., Any], *given: Any) -> Any:
        """Call what concerns one job: an error ends that job only."""
        try:
            return what(job, *given)
        except Exception as error:
            self._end(job, error=error)
            return None

    def _step(self) -> None:
        """Draw one step in all rows."""
        head, reader, jobs = self._model.head, self._reader, list(self._drawing)
        hows = {n: how for n, job in enumerate(jobs) if (how := self._guarded(job, self._how, reader.seen(n)))}
        if hows:
            rows = list(hows)
            parameters = reader.parameters[rows]
            distributions = head.distribution(parameters)
            drawn = self._drawn_rows(distributions, [(jobs[n], hows[n]) for n in rows])
            for n, one, own, row in zip(rows, drawn, distributions, parameters, strict=True):
                if one is not None:
                    tops = self._alternatives(row[None], jobs[n]._alternatives)
                    self._guarded(jobs[n], self._stepped, one, hows[n], own, reader.seen(n), tops)
        self._sweep()
        covariates = [self._guarded(job, self._covariates) for job in self._drawing] if self._covered else []
        self._sweep()
        if self._drawing:
            steps = np.array([job._steps[-1] for job in self._drawing])
            given = np.array([one for one in covariates if one is not None]) if self._covered else NONE
            try:
                self._reader.read(steps, given)
            except Exception as error:  # the network's numbers are not finite: nothing can be drawn
                for job in list(self._drawing):
                    self._end(job, error=error)

    def _how(self, job: Job, seen: np.ndarray) -> Draw | None:
        """How the next step is drawn; None if the sample is complete. seen: what the network attends to."""
        assert job._builder is not None
        if job._builder.complete(seen):
            self._finish(job)
            return None
        return job._builder.how()

    def _covariates(self, job: Job) -> np.ndarray:
        assert job._builder is not None
        return job._builder.covariates

    def _drawn_rows(self, distributions: np.ndarray, rows: Sequence[tuple[Job, Draw]]) -> Sequence[Drawn | None]:
        """A step of each row; None where that cannot be: the job has ended then."""
        head, before = self._model.head, [how.randomness.step for _, how in rows]
        try:
            return head.draw_mixed(distributions, [how for _, how in rows])
        except Exception:
            for (_, how), step in zip(rows, before, strict=True):
                how.randomness.step = step
            draw = lambda job, own, how: head.draw(own, how)  # noqa: E731
            return [self._guarded(job, draw, own, how) for (job, how), own in zip(rows, distributions, strict=True)]

    def _stepped(
        self, job: Job, drawn: Drawn, how: Draw, distribution: np.ndarray, seen: np.ndarray, tops: Sequence[Top]
    ) -> None:
        assert job._builder is not None
        piece = job._builder.step(drawn, how, distribution, seen)
        self._drawn += 1
        self._added(job, piece, tops)

    def _judge(self) -> None:
        """Draw some steps in rows that have a constraint, by turns for the time of a tick."""
        end = time.perf_counter() + TICK
        for job in list(self._judging):
            self._judging.remove(job)
            self._judging.append(job)
            self._guarded(job, self._judge_one)
            if time.perf_counter() > end:
                break

    def _judge_one(self, job: Job) -> None:
        row, builder = job._judged, job._builder
        assert row is not None and builder is not None and job._start is not None
        if not row.done:
            before = builder.randomness.step
            rewinding.advance(job._start, [row])
            self._drawn += max(0, builder.randomness.step - before)
        pieces = list(row.sure()) if job._stream else []
        new = builder.steps[job._given :] if row.done else builder.steps[job._given : job._given + len(pieces)]
        if job._behind is not None and new and (job._stream or row.done):
            for parameters in job._behind.read_all(np.array(new)):
                job._tops += self._alternatives(parameters, job._alternatives)
        if row.done:
            self._finish(job, joined(pieces))
        elif pieces:
            self._give_new(job, joined(pieces), new)

    def _alternatives(self, parameters: np.ndarray, count: int) -> list[Top]:
        """The likeliest symbols at each step: [N, V]."""
        if not count:
            return []
        symbols, log_probs = choice.likeliest(self._model.categorical.frequencies(parameters), count)
        return [tuple(zip(*one, strict=True)) for one in zip(symbols.tolist(), log_probs.tolist(), strict=True)]
