"""A job in the hands of the engine's thread of a `Batcher`: what it has read, drawn and given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.data.codecs.output import EMPTY, Piece, joined
from rhapsode.data.guide import Guide
from rhapsode.inference import rewinding
from rhapsode.inference.builders import Prepared, Sample
from rhapsode.inference.jobs import Figures, Given, Job, Part, Receive, Top
from rhapsode.inference.reader import Reader
from rhapsode.inference.rows import Row
from rhapsode.inference.states import Prefix
from rhapsode.nn.heads._head import Drawn
from rhapsode.nn.samplers import Draw


class Wanted(NamedTuple):
    """What a job is to give, see `Batcher.submit`."""

    receive: Receive | None = None
    echo: bool = False
    alternatives: int = 0
    stream: bool = True


class Outbox:
    """What was given in a tick, until it is delivered."""

    def __init__(self, deliver: Callable[[list[Given]], None] | None) -> None:
        """deliver: see `Batcher`."""
        self._deliver, self._given = deliver, list[tuple[Work, Part]]()
        self.ended: list[Work] = []
        """The jobs that have ended since the last time."""

    def put(self, work: Work, part: Part) -> None:
        self._given.append((work, part))
        if part.last:
            self.ended.append(work)

    def send(self) -> list[Work]:
        """Deliver all that was put here. Returns the jobs that have ended."""
        while self._given:
            given, self._given = self._given, []
            receivers, last = list[Given](), list[tuple[Job, Part]]()
            for work, part in given:
                if work.receive is not None and self._deliver is not None:
                    receivers.append((work.receive, part))
                    last += [(work.job, part)] * part.last
                    continue
                if part.last:
                    work.job.end(part)
                if work.receive is None:
                    work.job.put(part)
                else:
                    try:
                        work.receive(part)
                    except Exception as error:  # it is the job's own, and must end nothing else
                        work.receive = None
                        work.failed(error)
            if receivers and self._deliver is not None:
                self._deliver(receivers)
            for job, part in last:  # who waits for its end finds that all was delivered
                job.end(part)
        ended, self.ended = self.ended, []
        return ended


class Work(Row):
    """One job. `begin` it when its prompt was read; it has a builder from then on.

    reader: of this row alone, while it is not drawn with others. at: so many steps of the prompt were read.
    prefix: its prompt, if the states behind it are kept. judged: what draws the row, if it has a constraint. ended: no
    more is to be done.
    """

    reader: Reader | None = None
    prefix: Prefix | None = None
    at = 0
    judged: rewinding.Row | None = None
    paused = ended = False
    seen: np.ndarray | None = None
    """[N, V] int32: the logits that each of the steps was drawn from which are taken next."""

    def __init__(self, job: Job, request: Prepared, wanted: Wanted, outbox: Outbox, figures: Figures) -> None:
        """outbox: gets its parts. figures: count what it has drawn."""
        self.job, self.request, self.wanted, self.receive = job, request, wanted, wanted.receive
        self._length, self._outbox, self._figures = request.length, outbox, figures
        self._behind: Reader | None = None
        """Of a job with a constraint and alternatives: behind what was given."""
        self._given = self._counted = 0
        self._tops: list[Top] = []

    @property
    def unread(self) -> int:
        """The steps of the prompt that were not read."""
        return len(self.request.steps) - self.at

    @property
    def free(self) -> bool:
        """Whether nothing is to be decided between steps."""
        return type(self.request.guide) is Guide

    @property
    def goes_on(self) -> bool:
        return not self.ended

    def begin(self, reader: Reader) -> None:
        """The prompt was read, and the reader stands behind it."""
        start = self.request.start(reader)
        self.builder = start.builder(self.job.row)
        if start.guide.judges:
            self.judged = rewinding.begun(start, self.builder, self.failed)
            self._behind = reader.copy() if self.wanted.alternatives else None
        elif not self._length:
            self._finish()

    def complete(self, attention: np.ndarray) -> bool:
        found = super().complete(attention)
        if found:
            self._finish()
        return found

    def take(self, steps: list[Any], log_probs: list[float]) -> None:
        if self.wanted.stream:
            count, piece = self.builder.take(steps, log_probs)
        else:
            count, piece = self.builder.extend(steps, log_probs), EMPTY
        self._added(count, piece)

    def step(self, drawn: Drawn, how: Draw, distribution: np.ndarray, attention: np.ndarray) -> None:
        piece = self.builder.step(drawn, how, distribution, attention)
        self.seen = distribution[None] if self.wanted.alternatives else None
        self._added(1, piece)

    def _added(self, count: int, piece: Piece) -> None:
        """So many steps were added to the builder."""
        self._figures.drawn += count
        if self.seen is not None:
            self._tops += likeliest(self.seen[:count], self.wanted.alternatives)
            self.seen = None
        if self.builder.ended or not self.left:
            self._finish(piece)
        elif self.wanted.stream:
            self._give(piece, self.builder.steps[self._given :])

    def tell_judged(self) -> None:
        """Its row, which has a constraint, was drawn: give what cannot be taken back, or end."""
        row, builder = self.judged, self.builder
        if self.ended or row is None:
            return
        self._figures.drawn += max(0, builder.randomness.step - self._counted)
        self._counted = builder.randomness.step
        pieces = list(row.sure()) if self.wanted.stream else []
        new = builder.steps[self._given :] if row.done else builder.steps[self._given : self._given + len(pieces)]
        if self._behind is not None and new and (self.wanted.stream or row.done):
            for parameters in self._behind.read_all(np.array(new)):
                self._tops += likeliest(row.start.head.distribution(parameters), self.wanted.alternatives)
        if row.done:
            self._finish(joined(pieces))
        elif pieces:
            self._give(joined(pieces), new)

    def echo(self, part: Part) -> None:
        """Give some of the prompt."""
        self._outbox.put(self, part)

    def _give(self, piece: Piece, steps: Sequence[Any]) -> None:
        given = self._given
        tops, self._tops = self._tops, []
        self._given += len(steps)
        log_probs = self.builder.log_probs[given : self._given]
        self._outbox.put(self, Part(piece.data, piece.text, steps, log_probs, tops))

    def _finish(self, piece: Piece = EMPTY) -> None:
        piece = joined([piece, self.builder.finish()])
        sample = self.builder.sample()
        self.end(sample, piece=piece if self.wanted.stream else Piece(sample.data, sample.text))

    def failed(self, error: Exception) -> None:
        self.end(error=error)

    def end(self, sample: Sample | None = None, error: Exception | None = None, piece: Piece = EMPTY) -> None:
        """End it, wherever it is. Where it is drawn or waits, it leaves at the next chance."""
        if self.ended:
            return
        self.ended = True
        steps, log_probs = list[Any](), list[float]()
        if sample is not None:
            steps, log_probs = self.builder.steps[self._given :], self.builder.log_probs[self._given :]
        self._outbox.put(self, Part(piece.data, piece.text, steps, log_probs, self._tops, sample=sample, error=error))


def likeliest(logits: np.ndarray, count: int) -> list[Top]:
    """The likeliest symbols at each step: logits [N, V] int32."""
    if not count:
        return []
    symbols, log_probs = choice.likeliest(choice.frequencies(choice.distances(logits)), count)
    return [tuple(zip(*one, strict=True)) for one in zip(symbols.tolist(), log_probs.tolist(), strict=True)]
