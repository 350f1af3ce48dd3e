"""Builders: each samples the steps of one row of generation, and makes a sample of them."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.codecs.output import Output, Piece, Stopped
from rhapsode.data.guide import Guide
from rhapsode.inference.precomputed import Precomputed
from rhapsode.inference.reader import Reader
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw

NO_ATTENTION = np.zeros(0, np.float32)
TRIES = 64
"""The most attempts to draw a step in the form that encoding writes, see `Guide.canonical`."""


@dataclass(frozen=True)
class Sample:
    """A generated continuation of the prompt.

    data:      the bytes; cut before the stop string, or after it, if that is what ended it. Of a record: a file in its
               own format.
    text:      the same as text, U+FFFD for what is not UTF-8. Of a record: the text that goes with it.
    steps:     [N, *shape of a step], every step drawn, those of the stop string and the end included; symbols are
               int64.
    log_probs: [N] float64, nats: what the model itself gives each step, whatever the sampling. The
               numbers are those that scoring gives, to the last bit.
    seed, row: with these it can be drawn again.
    stopped:   `length`: all steps asked for were drawn; `stop`: a stop string was; `end`: the document ended, or the
               line where lines are units, or the record; `refused`: too much was refused by what must hold;
               `unfinished`: a stream was asked before its end.
    record:    what the codec makes of the steps, e.g. a `Drawing`; None for text.
    attention: [N, U] float32: how much of each symbol of its text was seen at each step; U is 0 without a text.
    rewound, discarded, closed: how often generation went back to a settled place; how many steps were drawn and thrown
               away; and how many of `steps` were not drawn, but are the closing (see `rhapsode.inference.rewinding`).
    """

    data: bytes
    text: str
    steps: np.ndarray
    log_probs: np.ndarray
    seed: int
    row: int
    stopped: Stopped
    record: Any
    attention: np.ndarray
    rewound: int = 0
    discarded: int = 0
    closed: int = 0


class Mark(NamedTuple):
    """A place of a builder, behind `at` steps, to which it can go back."""

    at: int
    guide: Guide
    output: Output


class Builder:
    """One row: it draws steps one after another, and makes a sample of them. As a particle, it is one of several rows,
    of which one becomes the sample."""

    log_weight = 0.0
    """Of a particle: log p of what its guide allowed, of all steps together."""
    rewound = discarded = closed = 0

    def __init__(
        self,
        head: Head[Any],
        sampling: Sampling,
        randomness: Randomness,
        guide: Guide,
        output: Output,
        recent: Sequence[Any],
    ) -> None:
        """guide, output: its own. recent: the last steps of the prompt, as far as the sampling looks back."""
        self._head, self._sampling, self._randomness = head, sampling, randomness
        self._guide, self._output = guide, output
        self._before = list(recent)
        self._recent = deque(recent, sampling.repetition_window)
        self._counts = np.zeros(head.steps.choices, np.int32) if sampling.counting else None
        self.steps: list[Any] = []
        self._log_probs: list[float] = []
        self._attention: list[np.ndarray] = []

    @property
    def ended(self) -> bool:
        return self._output.stopped != "unfinished"

    @property
    def covariates(self) -> np.ndarray:
        """[D] float32: those of the next step."""
        return self._guide.covariates()

    def become(self, other: Builder) -> Builder:
        """A copy of the other particle that continues with the random numbers of this one."""
        new = copy.copy(other)
        new._randomness, new.log_weight = self._randomness, 0.0
        new._recent, new.steps, new._log_probs = other._recent.copy(), other.steps.copy(), other._log_probs.copy()
        new._counts = None if other._counts is None else other._counts.copy()
        new._attention, new._guide, new._output = other._attention.copy(), other._guide.copy(), other._output.copy()
        return new

    @property
    def guide(self) -> Guide:
        """At the place behind all steps."""
        return self._guide

    @property
    def output(self) -> Output:
        """Made of all steps."""
        return self._output

    @property
    def randomness(self) -> Randomness:
        """Its random numbers."""
        return self._randomness

    @property
    def log_probs(self) -> list[float]:
        """log p of each step, nats."""
        return self._log_probs

    @property
    def attention(self) -> list[np.ndarray]:
        """[U] of each step; empty if the model attends to nothing."""
        return self._attention

    def mark(self) -> Mark:
        """This place."""
        return Mark(len(self.steps), self._guide.copy(), self._output.copy())

    def back(self, mark: Mark) -> None:
        """Go back to a place. Random numbers that were used stay used."""
        count = mark.at
        self._count(self.steps[count:], -1)
        del self.steps[count:], self._log_probs[count:], self._attention[count:]
        self._guide, self._output = mark.guide.copy(), mark.output.copy()
        window = self._sampling.repetition_window
        self._recent = deque([*self._before, *self.steps[-window:]], window)

    def complete(self, attention: np.ndarray) -> bool:
        """Whether the steps so far are all. If so, the sample has ended. attention: [U], what the model sees now."""
        found = self._output.complete(self.steps, attention)
        if found:
            self._output.stopped = "end"
        return found

    def how(self, sampling: Sampling | None = None, mask: np.ndarray | None = None) -> Draw:
        """How the next step is drawn. sampling, mask: in the place of its own, and its guide's."""
        mask = self._guide.mask() if mask is None else mask
        return Draw(sampling or self._sampling, self._randomness, self._recent, mask, counts=self._counts)

    def step(self, drawn: Drawn, how: Draw, distribution: np.ndarray, attention: np.ndarray) -> Piece:
        """Take the next step, and return what it adds. It was `drawn` from the model's distribution [Q], which was made
        while it saw `attention` [U]; it is drawn again if it has not the form that encoding writes."""
        guide = self._guide
        for _ in range(TRIES - 1):
            if guide.canonical(drawn.step):
                break
            drawn = self._head.draw(distribution, how)
        step, log_prob, log_mass = drawn
        guide.read(step)
        self.log_weight += log_mass
        self._recent.append(step)
        self._count((step,))
        return self._take(step, log_prob, attention)

    def extend(self, steps: Sequence[Any], log_probs: Sequence[float], attention: Sequence[np.ndarray] = ()) -> int:
        """Take steps that were drawn elsewhere, and log p of each, up to one that is the last; returns how many."""
        count = self._output.extend(steps)
        self._note(steps[:count], log_probs[:count])
        self._attention.extend(attention[:count])
        return count

    def take(self, steps: Sequence[Any], log_probs: Sequence[float]) -> tuple[int, Piece]:
        """As `extend`, and all that these steps add, as one piece."""
        count, piece = self._output.added(steps)
        self._note(steps[:count], log_probs[:count])
        return count, piece

    def _note(self, steps: Sequence[Any], log_probs: Sequence[float]) -> None:
        self.steps.extend(steps)
        self._log_probs.extend(log_probs)
        self._recent.extend(steps)
        self._count(steps)

    def _count(self, steps: Sequence[Any], by: int = 1) -> None:
        """Note how often each symbol was drawn, if that is asked for."""
        if self._counts is not None:
            np.add.at(self._counts, list(steps), by)

    def pieces(self, steps: Sequence[Any], log_probs: Sequence[float]) -> Iterator[Piece]:
        """As `extend`, and what each step adds."""
        for step, log_prob in zip(steps, log_probs, strict=True):
            self._recent.append(step)
            self._count((step,))
            yield self._take(step, log_prob, NO_ATTENTION)
            if self.ended:
                break

    def _take(self, step: Any, log_prob: float, attention: np.ndarray) -> Piece:
        self.steps.append(step)
        self._log_probs.append(log_prob)
        if len(attention):
            self._attention.append(attention)
        return self._output.add(step)

    def finish(self) -> Piece:
        """End the sample, and return what was held back."""
        if not self.ended:
            self._output.stopped = "length"
        return self._output.finish(self.steps)

    def sample(self) -> Sample:
        """What was drawn so far."""
        steps, data, text, record = self._output.made(self.steps)
        seen, log_probs = self._attention, np.array(self._log_probs, np.float64)
        attention = np.array(seen, np.float32).reshape(len(seen) or len(steps), -1 if seen else 0)
        seed, row = self._randomness.seed, self._randomness.row
        how = self.rewound, self.discarded, self.closed
        return Sample(data, text, steps, log_probs, seed, row, self._output.stopped, record, attention, *how)


@dataclass(frozen=True)
class Start:
    """Everything that the samples of a request share.

    length: of steps to be drawn, at the most. covariates: whether the network reads any. guide, output: each sample has
    a copy. recent: the prompt's last steps, as far as the sampling looks back. reader: stands behind the prompt.
    """

    head: Head[Any]
    sampling: Sampling
    seed: int
    length: int
    covariates: bool
    guide: Guide
    output: Output
    recent: list[Any]
    reader: Reader | Precomputed

    def builder(self, row: int, particle: int | None = None) -> Builder:
        """The builder of one sample, or of one of its particles."""
        randomness = Randomness(self.seed, row, particle=particle)
        return Builder(self.head, self.sampling, randomness, self.guide.copy(), self.output.copy(), self.recent)


@dataclass(frozen=True)
class Prepared:
    """A request that was checked, and whose prompt is still to be read.

    steps: [N, *shape of a step], the prompt. text: [U] symbols that the network attends to. covariates: [N + 1, D]: of
    the first step, and of the step after each. The guide stands behind the prompt. The rest is as in `Start`.
    """

    sampling: Sampling
    seed: int
    length: int
    guide: Guide
    output: Output
    steps: np.ndarray
    text: np.ndarray
    covariates: np.ndarray
    head: Head[Any]
    reads_covariates: bool

    def start(self, reader: Reader | Precomputed) -> Start:
        """reader: stands behind the prompt."""
        recent = self.steps[-self.sampling.repetition_window :].tolist()
        how = self.sampling, self.seed, self.length, self.reads_covariates
        return Start(self.head, *how, self.guide, self.output, recent, reader)
