"""Prefill: the prompts of jobs are read, for the time of a tick at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from rhapsode.inference.jobs import Figures, Part, Top
from rhapsode.inference.loops import Loops, reader_of
from rhapsode.inference.reader import Reader
from rhapsode.inference.states import BLOCK, Prefix, States, kept_at
from rhapsode.inference.trained import Trained
from rhapsode.inference.work import Work, likeliest

TICK = 0.006
"""About so many seconds prompts are read in a tick."""
TOGETHER, ROWS = 512, 8
"""So many steps of short prompts are read in one call of the engine, and so many prompts; with more it is no faster."""
_fine = time.get_clock_info("thread_time").resolution < TICK / 10
computed = time.thread_time if _fine else time.perf_counter
"""Seconds that this thread has computed: other processes may have the core. Where they are measured coarsely, those
that have passed."""
SHORT, MEASURED = 16, 16
"""Chunks of so many steps tell how fast reading is; so many of the last measurements are kept."""


class Prompted(NamedTuple):
    """Jobs whose prompts were read, and a reader behind these, of a row for each."""

    works: list[Work]
    reader: Reader


class Prefill:
    """The jobs whose prompts are read.

    Short prompts are read together. Long ones are read in chunks: by turns of the one that is done soonest, and of the
    oldest. So a long prompt delays nobody by more than a chunk, and is not left behind either.
    """

    def __init__(self, model: Trained, states: States | None, figures: Figures) -> None:
        """states: the prefix cache; None if states depend on more than the steps that were read. figures: count."""
        self._model, self._states, self._figures = model, states, figures
        self._works: list[Work] = []
        self._turn = 0
        self._seconds = deque([TICK / BLOCK], MEASURED)
        """What one step took lately. The least counts: others were interrupted."""

    def __len__(self) -> int:
        return len(self._works)

    def add(self, works: Iterable[Work]) -> None:
        self._works += works

    def sweep(self) -> None:
        """Jobs that have ended leave."""
        self._works = [work for work in self._works if not work.ended]

    def run(self) -> list[Prompted]:
        """Read for the time of a tick. Returns those whose prompts were read; some of them may have ended."""
        found, end = list[Prompted](), computed() + TICK
        while self._works and computed() < end:
            for work in self._works:
                if work.reader is None and not work.ended:
                    self._find(work)
            self._turn += 1
            group = self._group()
            if group and (self._turn % 2 or all(map(self._is_short, self._works))):
                found.append(self._read_together(group))
            else:
                found += self._read_one(end)
            self.sweep()
        return found

    def _find(self, work: Work) -> None:
        """Give it a reader: at the start, or behind as much of the prompt as is known."""
        request, model, states = work.request, self._model, self._states
        try:
            if states is None:
                work.reader = reader_of(model, request.text, request.covariates[0])
                return
            prefix = work.prefix or Prefix(model.digest, request.steps[:0])
            known = states.find(prefix)
            if known is None:
                known = reader_of(model), 0
                states.put(prefix, 0, known[0])
            work.reader, work.at = known
            self._figures.reused += work.at
        except Exception as error:
            work.failed(error)

    def _group(self) -> list[Work]:
        """Short prompts of which nothing is read, of about the same length."""
        short = [work for work in self._works if self._is_short(work)]
        if len(short) < 2:
            return []
        short.sort(key=lambda work: work.unread)
        most = min(ROWS, len(short))
        while most > 2 and most * short[most - 1].unread > TOGETHER:
            most -= 1
        return short[:most]

    def _is_short(self, work: Work) -> bool:
        fresh = isinstance(work.reader, Loops) and not work.at
        return fresh and work.unread <= BLOCK and not work.wanted.echo and not work.ended

    def _read_together(self, works: list[Work]) -> Prompted:
        first = works[0].reader
        assert isinstance(first, Loops)
        reader = first.each([work.request.steps for work in works])
        for n, work in enumerate(works):
            self._works.remove(work)
            self._figures.read += work.unread
            work.at = len(work.request.steps)
            if self._states is not None and work.prefix is not None:
                self._states.put(work.prefix, work.at, reader.take([n]))
        return self._begun(works, reader)

    def _begun(self, works: list[Work], reader: Reader) -> Prompted:
        for n, work in enumerate(works):
            try:
                own = reader if len(works) == 1 else reader.take([n]) if work.request.guide.judges else None
                work.reader = None
                work.begin(own or reader)
            except Exception as error:
                work.failed(error)
        return Prompted(works, reader)

    def _read_one(self, end: float) -> list[Prompted]:
        """Read a chunk of one prompt."""
        work = self._works[0]
        if self._turn % 4 < 2:
            work = min(self._works, key=lambda one: one.unread)
        if work.ended:
            return []
        try:
            self._read_chunk(work, end - computed())
        except Exception as error:
            work.failed(error)
            return []
        if work.unread:
            return []
        self._works.remove(work)
        assert work.reader is not None
        return [self._begun([work], work.reader)]

    def _read_chunk(self, work: Work, seconds: float) -> None:
        request, reader, at = work.request, work.reader, work.at
        assert reader is not None
        count = min(max(1, int(seconds / min(self._seconds))), BLOCK - at % BLOCK, work.unread)
        if not count:
            return
        steps, covariates = request.steps[at : at + count], request.covariates[at + 1 : at + 1 + count]
        begun, echo, alternatives = computed(), work.wanted.echo, work.wanted.alternatives
        if echo and not alternatives and isinstance(reader, Loops):
            work.echo(Part(steps=steps.tolist(), log_probs=(-reader.score(steps)).tolist(), echo=True))
        else:
            log_probs, tops = list[float](), list[Top]()
            for parameters in reader.read_all(steps, covariates):
                if echo:
                    part = steps[len(log_probs) : len(log_probs) + len(parameters)]
                    log_probs += self._model.head.log_prob(parameters, part).tolist()
                    if alternatives:
                        tops += likeliest(self._model.head.distribution(parameters), alternatives)
            if echo:
                work.echo(Part(steps=steps.tolist(), log_probs=log_probs, tops=tops, echo=True))
        if count >= SHORT:
            self._seconds.append((computed() - begun) / count)
        self._figures.read += count
        work.at += count
        if self._states is not None and work.prefix is not None and (not work.unread or kept_at(work.at)):
            self._states.put(work.prefix, work.at, reader)
