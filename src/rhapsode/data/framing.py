"""Framing: how a long sequence is cut into training examples.

First the sequence is *framed*: each unit (see `rhapsode.data.resets`) of L steps x0, x1, ... becomes
L + 1 positions,

    input    start   start   x0   x1   ...
    target   (none)  x0      x1   x2   ...

The first is a *reset step*: it carries no data and leaves the state at zero. It costs one step a
unit, and in return a fused kernel can run over any mixture of units without knowing of them.
Then a framing says which positions stand together in a batch, and whether the state is carried:

    stream        B places of the framed sequence, read on and on, state carried (truncated BPTT)
    whole         units as a whole, several in a row of a batch, from zero state: what looks ahead sees the end
    one-to-one    one position, from zero state: the next step given the one before
    many-to-one   n positions, from zero state, the loss on the last: the next step given n before
    one-to-many   k positions, from zero state: the next k steps given one

The framed sequence is cyclic: its end is followed by its beginning, which is a reset step.
`batch(i)` is a pure function of i, so a training run is resumed by its step number alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rhapsode.config import FramingConfig
from rhapsode.errors import UserError, choice
from rhapsode.steps.covariates import Places
from rhapsode.steps.kind import Kind
from rhapsode.steps.sequence import Steps

NAMES = ("stream", "whole", "one-to-one", "many-to-one", "one-to-many")


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

    @staticmethod
    def of(config: FramingConfig) -> Past:
        """As the framing presents it."""
        return {
            "one-to-one": Past(period=1),
            "one-to-many": Past(period=config.length),
            "many-to-one": Past(window=config.length),
        }.get(config.name, Past(carried=True))


@dataclass(frozen=True)
class Batch:
    """Time-major examples, all [T, B] or [T, B, *shape of a step].

    inputs:  the step before, as the kind's `inputs`, or `start`
    targets: the step to predict (0 where weight is 0)
    weight:  float32, how much the target counts
    reset:   bool, reset steps: row b's state after step t is zero
    text:    where units have texts: [U, B] int64, those that the row's units have, in a row (0 after the last)
    begin, end: and [T, B] int64, which part of them is that of the step's unit
    covariates:   where numbers are given with steps: [T, B, D] float32, those of the target
    """

    inputs: np.ndarray
    targets: np.ndarray
    weight: np.ndarray
    reset: np.ndarray
    text: np.ndarray | None = None
    begin: np.ndarray | None = None
    end: np.ndarray | None = None
    covariates: np.ndarray | None = None


class Framed:
    """A sequence of steps with a reset step before each unit; see the module.

    augment: each epoch presents the steps anew, where their kind is presented with noise; else always the same way.
    """

    def __init__(self, steps: Steps, kind: Kind, augment: bool = False) -> None:
        if len(steps) == 0:
            raise ValueError("no steps to frame")
        self.steps, self.kind, self.augment = steps, kind, augment
        self.begins = steps.units + np.arange(len(steps.units))  # positions of the reset steps
        self.length = len(steps) + len(steps.units)

    def at(self, positions: np.ndarray) -> Batch:
        """The examples at these positions, [T, B] int64: modulo the length, and what that leaves is the epoch."""
        epoch, p = np.divmod(positions, self.length)
        unit = np.searchsorted(self.begins, p, side="right") - 1
        into = p - self.begins[unit]  # 0: the reset step, 1: the unit's first step, ...
        raw = p - unit - 1  # index of the target; at a reset step that of the step before, or -1
        reset = into == 0
        shown = epoch if self.augment else np.full_like(epoch, -1)
        values, kind = self.steps.values, self.kind
        targets = kind.augmented(values[raw], raw, unit, shown)
        targets[reset] = 0
        inputs = kind.augmented(values[raw - 1], raw - 1, unit, shown)
        inputs[into <= 1] = kind.start
        covariates = self.steps.covariates
        given = None if covariates is None else covariates.at(Places(raw, into - 1, unit, shown))
        return Batch(inputs, targets, (~reset).astype(np.float32), reset, *self._texts(unit, epoch), given)

    def _texts(
        self, unit: np.ndarray, epoch: np.ndarray
    ) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
        """`text`, `begin` and `end` of the batch, if there are texts. In a row, units follow one another."""
        texts = self.steps.texts
        if texts is None:
            return None, None, None
        whole = len(texts.symbols)

        def place(units: np.ndarray, epochs: np.ndarray) -> np.ndarray:
            return np.asarray(texts.begins[units] + epochs * whole)  # as if the texts were repeated each epoch

        first = place(unit[0], epoch[0])
        begin, end = place(unit, epoch) - first, place(unit + 1, epoch) - first
        index = np.arange(end[-1].max())[:, None]
        text = texts.symbols[(first + index) % whole].astype(np.int64)
        text[index >= end[-1]] = 0
        return text, begin, end


OPEN = 64
"""Rows that wait for a unit that fits."""


class Packing:
    """Whole units in rows of `window` positions, in another order each epoch.

    Rows are filled up with reset steps, so those between units keep them apart in both directions of time.
    """

    def __init__(self, framed: Framed, window: int, seed: int) -> None:
        self._begins, self._seed = framed.begins, seed
        self._lengths = np.diff(framed.begins, append=framed.length)
        self._whole = framed.length
        self.window = max(window, int(self._lengths.max()))
        self._known: tuple[int, list[list[int]]] = (-1, [])

    def rows(self, epoch: int) -> list[list[int]]:
        """The units of each row. A function of the epoch; the last one asked for is remembered."""
        if self._known[0] != epoch:
            done, waiting = list[list[int]](), list[tuple[int, list[int]]]()  # room that is left, units
            for unit in np.random.default_rng([self._seed, epoch]).permutation(len(self._lengths)).tolist():
                length = int(self._lengths[unit])
                fitting = [n for n, (room, _) in enumerate(waiting) if room >= length]
                if fitting:
                    best = min(fitting, key=lambda n: waiting[n][0])
                    room, units = waiting[best]
                    waiting[best] = room - length, [*units, unit]
                else:
                    waiting.append((self.window - length, [unit]))
                if len(waiting) > OPEN:
                    done.append(waiting.pop(min(range(len(waiting)), key=lambda n: waiting[n][0]))[1])
            self._known = epoch, done + [units for _, units in waiting]
        return self._known[1]

    def positions(self, epoch: int, n: int, parts: int, count: int) -> np.ndarray:
        """[T, count]: the epoch's rows are shared evenly by so many `parts`, of which this is number n. What is left of
        `count` rows is reset steps. T is as long as the longest row."""
        rows = self.rows(epoch)
        chosen = rows[n * len(rows) // parts : (n + 1) * len(rows) // parts][:count]
        found = np.zeros((self.window, count), np.int64)  # position 0 is a reset step
        used = 1
        for column, units in enumerate(chosen):
            row = np.concatenate([self._begins[unit] + np.arange(self._lengths[unit]) for unit in units])
            found[: len(row), column] = row
            used = max(used, len(row))
        return found[:used] + epoch * self._whole


class Framing:
    """Batches of one framing over one framed sequence.

    rows:   B. stream: parallel streams; else: windows per batch.
    window: T. stream: steps of truncated BPTT; whole: at least the longest unit's; else fixed by the framing.
    seed:   order of the windows or units (stream: not used).
    """

    def __init__(self, config: FramingConfig, framed: Framed, rows: int, window: int, seed: int = 0) -> None:
        self.framed = framed
        self.carried = config.name == "stream"
        self.last_only = config.name == "many-to-one"
        self.rows = rows
        self.seed = seed
        self.packing = Packing(framed, window, seed) if config.name == "whole" else None
        if self.packing:
            self.window = self.packing.window
            examples = len(self.packing.rows(0))
        else:
            self.window = {"stream": window, "one-to-one": 1}.get(config.name, config.length)
            examples = -(-framed.length // self.window) if self.carried else framed.length
        self.per_epoch = max(1, -(-examples // rows))

    def batch(self, i: int, rows: slice = slice(None)) -> Batch:
        """Batch number i, or some of its rows (the share of one process among several)."""
        if self.packing:
            epoch, n = divmod(i, self.per_epoch)
            return self.framed.at(self.packing.positions(epoch, n, self.per_epoch, self.rows)[:, rows])
        if self.carried:
            starts = np.arange(self.rows) * (self.framed.length // self.rows) + i * self.window
        else:
            starts = self._shuffled(i)
        positions = starts[rows] + np.arange(self.window)[:, None]
        batch = self.framed.at(positions)
        if self.last_only:
            batch.weight[:-1] = 0
        return batch

    def _shuffled(self, i: int) -> np.ndarray:
        """Window beginnings of batch i: each epoch visits every position once, in the order of a random
        affine map, which needs no table as long as the corpus."""
        length = self.framed.length
        n = i * self.rows + np.arange(self.rows)
        epochs, n = n // length, n % length
        starts = np.empty_like(n)
        for epoch in np.unique(epochs):
            rng = np.random.default_rng([self.seed, int(epoch)])
            factor = int(rng.integers(length // 3, length)) if length > 3 else 1
            while np.gcd(factor, length) != 1:
                factor = factor % length + 1
            here = epochs == epoch
            # Python integers: factor * n passes 64 bits for corpora of a few billion steps.
            shift = int(rng.integers(length))
            starts[here] = [(factor * int(m) + shift) % length + int(epoch) * length for m in n[here]]
        return starts


def parse(name: str, window: int | None = None, horizon: int | None = None) -> FramingConfig:
    """The framing called `name` with its own length. Raises `UserError`.

    window is n of many-to-one (in a stream it is a matter of training, not of the framing);
    horizon is k of one-to-many.
    """
    if name not in NAMES:
        raise choice("framing", name, NAMES)
    length = {"many-to-one": window, "one-to-many": horizon}.get(name, 0)
    if length is None:
        option = "--window" if name == "many-to-one" else "--horizon"
        raise UserError(f"framing {name} needs its length: {option} N, e.g. {option} 40.")
    if horizon and name != "one-to-many":
        raise UserError(f"--horizon belongs to framing one-to-many; this is {name}.")
    if window and name in ("one-to-one", "one-to-many"):
        raise UserError(f"--window does not go with framing {name}: its length is fixed.")
    if length < 0 or (length == 0 and name in ("many-to-one", "one-to-many")):
        raise UserError(f"framing {name}: its length must be 1 or more.")
    return FramingConfig(name=name, length=length)  # type: ignore[arg-type]
