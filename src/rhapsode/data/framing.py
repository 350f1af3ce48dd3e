"""Framing: how a long sequence is cut into training examples.

First the sequence is *framed*: each unit (see `rhapsode.data.resets`) of L steps x0, x1, ... becomes
L + 1 positions,

    input    start   start   x0   x1   ...
    target   (none)  x0      x1   x2   ...

The first is a *reset step*: it carries no data and leaves the state at zero. It costs one step a
unit, and in return a fused kernel can run over any mixture of units without knowing of them.
The framed sequence is cyclic: its end is followed by its beginning, which is a reset step.
Then a framing says which positions a batch consists of, and what the network remembers:

    stream        B places in the framed sequence, each read on and on; the state is carried (truncated BPTT)
    whole         complete units, packed into rows; zero state. An encoder can read such a unit to its end.
    one-to-one    one position, zero state: predict the next step from one step
    many-to-one   n positions, zero state, loss on the last: predict the next step from n steps
    one-to-many   k positions, zero state: predict the next k steps, beginning with one step

(Elsewhere, many-to-one and one-to-many often name shapes of input and output: see docs/glossary.md.)
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

    carried: it remembers all steps, since the state is carried from step to step.
    period:  the state becomes zero again after this many steps; 0: never.
    window:  it reads this many last steps again for each step, with a zero state; 0: it reads no step twice.
    """

    carried: bool = False
    period: int = 0
    window: int = 0


class Framing(ABC):
    """One way to cut examples. length: the steps of a window, if the framing does not fix them."""

    name: ClassVar[str]

    rows: ClassVar[str] = "windows"
    """A word for the rows of a batch, in messages."""

    option: ClassVar[str] = ""
    """The command-line option for its length; empty if it has none."""

    carried: ClassVar[bool] = False
    """The state is carried from batch to batch."""

    whole: ClassVar[bool] = False
    """A row holds complete units only, so that a network can read a unit to its end before it predicts."""

    def __init__(self, length: int = 0) -> None:
        self.length = length

    @property
    @abstractmethod
    def past(self) -> Past:
        """What the network remembers."""

    @abstractmethod
    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        """Batches over a sequence. sequence_length: the steps of a row, if the framing does not fix them. seed: of the
        order of windows or units."""

    def targets(self, sequence_length: int) -> int:
        """How many targets of a row are learnt from, including reset steps."""
        return sequence_length

    def stride(self, sequence_length: int) -> int:
        """How many positions of the sequence each row of an epoch uses up."""
        return 1


class Stream(Framing):
    """Each row is one long sequence: truncated backpropagation through time."""

    name = "stream"
    rows = "streams"
    carried = True
    past = Past(carried=True)

    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        return Streams(framed, batch_size, sequence_length)

    def stride(self, sequence_length: int) -> int:
        return sequence_length


class Whole(Framing):
    """Each row consists of complete units."""

    name = "whole"
    rows = "rows of whole units"
    whole = True
    past = Past(carried=True)

    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        return Packed(framed, batch_size, sequence_length, seed)

    def stride(self, sequence_length: int) -> int:
        return sequence_length


class OneToOne(Framing):
    """Predict the next step from one step."""

    name = "one-to-one"
    past = Past(period=1)

    def batches(self, framed: Framed, batch_size: int, sequence_length: int, seed: int = 0) -> Batches:
        return Windows(framed, batch_size, 1, seed, last_only=False)


class ManyToOne(Framing):
    """Predict the next step from the `length` steps before it."""

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
    """Predict the next `length` steps, beginning with one step."""

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
    """The framing for a configuration. Raises `UserError`."""
    if config.name not in FRAMINGS:
        raise choice("framing", config.name, tuple(FRAMINGS))
    framing = FRAMINGS[config.name](config.length)
    if framing.option and not config.length:
        raise UserError(f"framing {framing.name}: its length must be 1 or more.")
    return framing


def parse(name: str, window: int | None = None, horizon: int | None = None) -> FramingConfig:
    """The configuration of the framing called `name`, with its length. Raises `UserError`.

    window:  n of many-to-one. (With stream, the sequence length is a setting of training, not of the framing.)
    horizon: k of one-to-many.
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
