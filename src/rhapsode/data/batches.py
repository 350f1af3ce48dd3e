"""Batches of examples: the positions of a framed sequence that a batch consists of, see `rhapsode.data.framing`.

`batch(i)` is a pure function of i, so a training run is resumed by the number of its updates alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from rhapsode.data.framed import Batch, Framed


class Batches(ABC):
    """Batches over one framed sequence. batch_size: B, the rows of a batch. sequence_length: T, the positions of a
    row."""

    carried = False
    """A row continues the same row of the previous batch, and so does its state."""

    def __init__(self, framed: Framed, batch_size: int, sequence_length: int, examples: int) -> None:
        self.framed, self.batch_size, self.sequence_length = framed, batch_size, sequence_length
        self.per_epoch = max(1, -(-examples // batch_size))

    def batch(self, i: int, rows: slice = slice(None)) -> Batch:
        """Batch number i, or some of its rows (if several processes share it)."""
        return self.framed.at(self.positions(i)[:, rows])

    @abstractmethod
    def positions(self, i: int) -> np.ndarray:
        """[T, B]: the positions of batch number i. The quotient of a position and the sequence's length is its
        epoch."""


class Streams(Batches):
    """B places in the sequence, each read on and on."""

    carried = True

    def __init__(self, framed: Framed, batch_size: int, sequence_length: int) -> None:
        super().__init__(framed, batch_size, sequence_length, -(-framed.length // sequence_length))

    def positions(self, i: int) -> np.ndarray:
        starts = np.arange(self.batch_size) * (self.framed.length // self.batch_size) + i * self.sequence_length
        return np.asarray(starts + np.arange(self.sequence_length)[:, None])


class Windows(Batches):
    """A window at each position, in another order in each epoch. last_only: the loss is on the last position of a
    window."""

    def __init__(self, framed: Framed, batch_size: int, sequence_length: int, seed: int, last_only: bool) -> None:
        super().__init__(framed, batch_size, sequence_length, framed.length)
        self._seed, self._last_only = seed, last_only

    def positions(self, i: int) -> np.ndarray:
        return np.asarray(self._shuffled(i) + np.arange(self.sequence_length)[:, None])

    def batch(self, i: int, rows: slice = slice(None)) -> Batch:
        batch = super().batch(i, rows)
        if self._last_only:
            batch.weight[:-1] = 0
        return batch

    def _shuffled(self, i: int) -> np.ndarray:
        """The positions where the windows of batch i begin. Each epoch visits every position once, in the order of a
        random affine map, which needs no table of the length of the corpus."""
        length = self.framed.length
        n = i * self.batch_size + np.arange(self.batch_size)
        epochs, n = n // length, n % length
        starts = np.empty_like(n)
        for epoch in np.unique(epochs):
            rng = np.random.default_rng([self._seed, int(epoch)])
            factor = int(rng.integers(length // 3, length)) if length > 3 else 1
            while np.gcd(factor, length) != 1:
                factor = factor % length + 1
            here = epochs == epoch
            # Python integers: factor * n passes 64 bits for corpora of a few billion steps.
            shift = int(rng.integers(length))
            starts[here] = [(factor * int(m) + shift) % length + int(epoch) * length for m in n[here]]
        return starts


OPEN = 64
"""How many rows are kept open for a unit that fits."""


class Packed(Batches):
    """Packs whole units into rows, in another order in each epoch. A row has `sequence_length` positions, or as many as
    the longest unit needs.

    The rest of a row is filled with reset steps. A bidirectional layer has a zero state at them, in both directions, so
    no unit sees another.
    """

    def __init__(self, framed: Framed, batch_size: int, sequence_length: int, seed: int) -> None:
        self._lengths, self._seed = np.diff(framed.begins, append=framed.length), seed
        self.sequence_length = max(sequence_length, int(self._lengths.max()))
        self._latest: tuple[int, list[list[int]]] = (-1, [])
        super().__init__(framed, batch_size, self.sequence_length, len(self.units(0)))

    def units(self, epoch: int) -> list[list[int]]:
        """The units of each row. A pure function of the epoch; the latest result is kept."""
        if self._latest[0] != epoch:
            done, waiting = list[list[int]](), list[tuple[int, list[int]]]()  # room that is left, units
            order = np.random.default_rng([self._seed, epoch]).permutation(len(self._lengths))
            for unit in order.tolist():
                length = int(self._lengths[unit])
                fitting = [n for n, (room, _) in enumerate(waiting) if room >= length]
                if fitting:
                    best = min(fitting, key=lambda n: waiting[n][0])
                    room, units = waiting[best]
                    waiting[best] = room - length, [*units, unit]
                else:
                    waiting.append((self.sequence_length - length, [unit]))
                if len(waiting) > OPEN:
                    done.append(waiting.pop(min(range(len(waiting)), key=lambda n: waiting[n][0]))[1])
            self._latest = epoch, done + [units for _, units in waiting]
        return self._latest[1]

    def positions(self, i: int) -> np.ndarray:
        """T is the length of the longest row of the batch. The rows of an epoch are divided evenly into its batches; a
        row that is missing in a batch consists of reset steps."""
        epoch, n = divmod(i, self.per_epoch)
        rows = self.units(epoch)
        chosen = rows[n * len(rows) // self.per_epoch : (n + 1) * len(rows) // self.per_epoch][: self.batch_size]
        found = np.zeros((self.sequence_length, self.batch_size), np.int64)  # position 0 is a reset step
        used = 1
        for column, units in enumerate(chosen):
            row = np.concatenate([self.framed.begins[unit] + np.arange(self._lengths[unit]) for unit in units])
            found[: len(row), column] = row
            used = max(used, len(row))
        return np.asarray(found[:used] + epoch * self.framed.length)
