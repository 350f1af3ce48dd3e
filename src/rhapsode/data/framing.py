"""Framing: how a long sequence is cut into training examples.

First the sequence is *framed*: each unit (see `rhapsode.data.resets`) of L steps x0, x1, ... becomes
L + 1 positions,

    input    start   start   x0   x1   ...
    target   (none)  x0      x1   x2   ...

The first is a *reset step*: it carries no data and leaves the state at zero. It costs one step a
unit, and in return a fused kernel can run over any mixture of units without knowing of them.
The framed sequence is cyclic: its end is followed by its beginning, which is a reset step.
Then a framing says which positions stand together in a batch, and what a network remembers:

    stream        B places of the framed sequence, read on and on, state carried (truncated BPTT)
    whole         units as a whole, several in a row of a batch, from zero state: what looks ahead sees the end
    one-to-one    one position, from zero state: the next step given the one before
    many-to-one   n positions, from zero state, the loss on the last: the next step given n before
    one-to-many   k positions, from zero state: the next k steps given one

(These are not the shapes of input and output that go by the same names: see docs/glossary.md.)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from rhapsode.config import FramingConfig
from rhapsode.data.batches import Batches, Packed, Streams, Windows
from rhapsode.data.framed import Framed
from rhapsode.errors import UserError, choice


@dataclass(frozen=True)
class Past:
    """What a network remembers when it predicts a step, within a unit.

    carried: all steps before it: the state is carried from step to step.
    period:  the state is zero again after so many steps; 0 for never.
    window:  the last so many steps, read anew from zero state for each step; 0: none is read twice.
    """

    carried: bool = False
    period: int = 0
    window: int = 0


class Framing(ABC):
    """One way to cut examples. length: steps of a window, where the framing leaves that open."""

    name: ClassVar[str]

    rows: ClassVar[str] = "windows"
    """What the rows of a batch are, for people."""

    option: ClassVar[str] = ""
    """The option of the command line that says its length; empty if it has none."""

    carried: ClassVar[bool] = False
    """The state is carried from batch to batch."""

    whole: ClassVar[bool] = False
    """A row has whole units only, so that a network can read a unit to its end before it predicts."""

    def __init__(self, length: int = 0) -> None:
        self.length = length

    @property
    @abstractmethod
    def past(self) -> Past:
        """What the network remembers."""

    @abstractmethod
    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        """Batches over a sequence. sequence_length: steps of a row, where the framing leaves that open. seed: of the
        order of windows or units."""

    def targets(self, sequence_length: int) -> int:
        """Targets that a row is learnt from, reset steps counted."""
        return sequence_length

    def stride(self, sequence_length: int) -> int:
        """Positions of the sequence for each row of an epoch."""
        return 1


class Stream(Framing):
    """One long sequence a row: truncated backpropagation through time."""

    name = "stream"
    rows = "streams"
    carried = True
    past = Past(carried=True)

    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        return Streams(framed, batch_size, sequence_length)

    def stride(self, sequence_length: int) -> int:
        return sequence_length


class Whole(Framing):
    """Whole units in each row."""

    name = "whole"
    rows = "rows of whole units"
    whole = True
    past = Past(carried=True)

    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        return Packed(framed, batch_size, sequence_length, seed)

    def stride(self, sequence_length: int) -> int:
        return sequence_length


class OneToOne(Framing):
    """The next step given the one before."""

    name = "one-to-one"
    past = Past(period=1)

    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        return Windows(framed, batch_size, 1, seed, last_only=False)


class ManyToOne(Framing):
    """The next step given so many before it."""

    name = "many-to-one"
    option = "--window"

    @property
    def past(self) -> Past:
        return Past(window=self.length)

    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        return Windows(framed, batch_size, self.length, seed, last_only=True)

    def targets(self, sequence_length: int) -> int:
        return 1


class OneToMany(Framing):
    """The next so many steps given one."""

    name = "one-to-many"
    option = "--horizon"

    @property
    def past(self) -> Past:
        return Past(period=self.length)

    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        return Windows(framed, batch_size, self.length, seed, last_only=False)


FRAMINGS: dict[str, type[Framing]] = {
    framing.name: framing for framing in (Stream, Whole, OneToOne, ManyToOne, OneToMany)
}


def framing_of(config: FramingConfig) -> Framing:
    """The framing that is configured so. Raises `UserError`."""
    if config.name not in FRAMINGS:
        raise choice("framing", config.name, tuple(FRAMINGS))
    framing = FRAMINGS[config.name](config.length)
    if framing.option and not config.length:
        raise UserError(f"framing {framing.name}: its length must be 1 or more.")
    return framing


def parse(name: str, window: int | None = None, horizon: int | None = None) -> FramingConfig:
    """The configuration of the framing called `name`, with its length. Raises `UserError`.

    window is n of many-to-one (in a stream it is a matter of training, not of the framing);
    horizon is k of one-to-many.
    """
    option = FRAMINGS[name].option if name in FRAMINGS else ""
    length = {"--window": window, "--horizon": horizon}.get(option, 0)
    if length is None:
        raise UserError(f"framing {name} needs its length: {option} N, e.g. {option} 40.")
    config = FramingConfig(name=name, length=max(0, length))
    framing = framing_of(config)
    if horizon and option != "--horizon":
        raise UserError(f"--horizon belongs to framing one-to-many; this is {name}.")
    if window and option != "--window" and not framing.past.carried:
        raise UserError(f"--window does not go with framing {name}: its length is fixed.")
    return config
