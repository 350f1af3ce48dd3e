"""Steps: what a network reads and predicts at one time, and long sequences of them on disk.

A *kind* of step says what one is: `Symbols` (one of V symbols), `Moves` (of a pen), `Sets` (of notes), `Tuples` (of a
pitch and a length, or of voices), `Frames` (of sound). `Steps` is a sequence of steps in
memory-mapped files, so that memory does not grow with the corpus; beside it stand `Texts`, where each unit of the
sequence has a text that goes with it, and numbers that are given with each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Symbols:
    """A step is one of `size` symbols, numbered from 0.

    `start` is one number more: it is only ever an input, fed where there is no step before (the
    beginning of a document, line, ... according to the reset policy, or an empty prompt).
    """

    size: int
    shape = ()
    nats = 0.0
    lags = ()

    @property
    def start(self) -> int:
        """The input-only symbol: the row after the last of the embedding."""
        return self.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds every symbol."""
        return np.min_scalar_type(max(self.size - 1, 0))

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Steps [...] as a network reads them: int64. (`start` may not fit `dtype`: 256 in uint8 would become 0.)"""
        return np.asarray(values).astype(np.int64)

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Steps [...] as training sees them: the same each time."""
        return self.inputs(values)


@dataclass(frozen=True)
class Moves:
    """A step is a move of a pen: x to the right, y down, and 1 if the pen is lifted after it, 2 if the drawing is over
    then, -1 if the pen is lifted and goes on where it was before the last stroke (see `ink.delayed`), else 0.

    x and y are kept normalised: (offset - mean) / sd, the mean and sd being those of the training data, in its units.

    grid:  the pitch of the grid that the data lies on, each axis, in its units; 0 for none. On a grid a density has no
           bound, so steps are presented with uniform noise of half a pitch to either side (Theis et al. 2016).
    scale: training presents each unit at a random size, this part larger or smaller at most (Ha et al. 2017).
    returns: whether there are any steps after which the pen goes back.
    """

    mean: tuple[float, float]
    sd: tuple[float, float]
    grid: tuple[float, float] = (0.0, 0.0)
    scale: float = 0.0
    returns: bool = False
    shape = (3,)
    lags = ()

    @property
    def size(self) -> int:
        """Numbers in a step."""
        return 3

    @property
    def start(self) -> np.ndarray:
        """Fed where there is no step before: the pen does not move, and is up."""
        return np.array([-self.mean[0] / self.sd[0], -self.mean[1] / self.sd[1], 1], np.float32)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    @property
    def nats(self) -> float:
        """What -log p of one step in units of the data has more than in normalised ones."""
        return float(np.log(self.sd[0]) + np.log(self.sd[1]))

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Steps [..., 3] as a network reads them: float32."""
        return np.asarray(values, np.float32)

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Steps [..., 3] as training sees them: with noise that is a function of index and epoch [...], at a size
        that is a function of unit and epoch [...]. Epoch -1 is for validation: noise, but no change of size."""
        found = np.array(values, np.float32)
        for axis in range(2):
            if self.grid[axis]:
                noise = uniform(2 * index.astype(np.uint64) + np.uint64(axis), epoch) - 0.5
                found[..., axis] += (noise * (self.grid[axis] / self.sd[axis])).astype(np.float32)
        if self.scale:
            size = 1 + self.scale * (2 * uniform(~unit.astype(np.uint64), epoch) - 1)
            factor = np.where(epoch < 0, 1.0, size).astype(np.float32)[..., None]
            zero = self.start[:2]
            found[..., :2] = (found[..., :2] - zero) * factor + zero
        return found


@dataclass(frozen=True)
class Sets:
    """A step is a set: which of `size` things are in it, as zeros and ones. The things are `groups` × `places`: e.g.
    pitches that begin, and pitches that are held. Of each place, what is drawn has a thing in one group at the most.

    shift: training presents each unit moved by at most so many places, up or down, in all groups alike: a tune in
           another key. What would leave the range stays outside: codecs leave room for it.
    lags:  with each step are given those so many steps before it, nothing where the unit had not begun.
    """

    places: int
    groups: int = 1
    shift: int = 0
    lags: tuple[int, ...] = ()
    nats = 0.0

    @property
    def size(self) -> int:
        """Numbers in a step."""
        return self.places * self.groups

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    @property
    def start(self) -> np.ndarray:
        """Fed where there is no step before: nothing."""
        return np.zeros(self.size, np.float32)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Steps [..., size] as a network reads them: float32."""
        return np.asarray(values, np.float32)

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Steps [..., size], or several of them in a row, as training sees them: moved by a function of unit and epoch
        [...]; not in epoch -1, which is for validation."""
        found = np.asarray(values, np.float32)
        if not self.shift or (epoch < 0).all():
            return found
        by = np.floor(uniform(unit.astype(np.uint64), epoch) * (2 * self.shift + 1)).astype(np.int64) - self.shift
        by = np.where(epoch < 0, 0, by)[..., None]
        source = np.arange(self.places) - by
        inside = (source >= 0) & (source < self.places)
        grouped = found.reshape(*found.shape[:-1], -1, self.places)
        source = np.broadcast_to(source.clip(0, self.places - 1)[..., None, :], grouped.shape)
        moved = np.take_along_axis(grouped, source, axis=-1) * inside[..., None, :]
        return moved.reshape(found.shape).astype(np.float32)


@dataclass(frozen=True)
class Tuples:
    """A step is a tuple: of each field, one of so many values, numbered from 0. sizes: how many, of each field."""

    sizes: tuple[int, ...]
    nats = 0.0
    lags = ()

    @property
    def size(self) -> int:
        """Values of all fields together."""
        return sum(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.sizes),)

    @property
    def slices(self) -> list[slice]:
        """Where each field's values stand when those of all are in a row."""
        ends = np.cumsum(self.sizes).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]

    @property
    def start(self) -> np.ndarray:
        """Input-only, fed where there is no step before: of each field, the number after its last value."""
        return np.array(self.sizes, np.int64)

    @property
    def columns(self) -> np.ndarray:
        """[F] int64: where each field's values begin among the network's inputs, in which each field has one more, that
        of `start`."""
        return np.cumsum([0, *(size + 1 for size in self.sizes[:-1])])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.min_scalar_type(max(self.sizes) - 1)

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Steps [..., F] as a network reads them: int64."""
        return np.asarray(values).astype(np.int64)

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Steps [..., F] as training sees them: the same each time."""
        return self.inputs(values)


@dataclass(frozen=True)
class Frames:
    """A step is a frame: so many `numbers`, and after them `flags` that are 0 or 1, e.g. whether the voice sounds.

    The numbers are kept normalised: (value - mean) / sd, the codec knows both. nats: the sum of log sd, which is what
    -log p of one step in units of the data has more than in normalised ones.
    """

    numbers: int
    flags: int = 0
    nats: float = 0.0
    lags = ()

    @property
    def size(self) -> int:
        """Numbers and flags in a step."""
        return self.numbers + self.flags

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    @property
    def start(self) -> np.ndarray:
        """Fed where there is no step before: the mean, and no flag."""
        return np.zeros(self.size, np.float32)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def inputs(self, values: np.ndarray) -> np.ndarray:
        """Steps [..., size] as a network reads them: float32."""
        return np.asarray(values, np.float32)

    def augmented(self, values: np.ndarray, index: np.ndarray, unit: np.ndarray, epoch: np.ndarray) -> np.ndarray:
        """Steps [..., size] as training sees them: the same each time."""
        return np.array(values, np.float32)


Kind = Symbols | Moves | Sets | Tuples | Frames


@dataclass(frozen=True)
class Text(Symbols):
    """The symbols of the texts that go with steps; the last one ends each text.

    pace: symbols a step, in the mean of the training data.
    """

    pace: float = 0.05

    @property
    def end(self) -> int:
        """The symbol after a text's last one."""
        return self.size - 1


def uniform(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """A number in [0, 1) for each counter and key, the same every time: SplitMix64 (Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        z = counter.astype(np.uint64) + (key.astype(np.int64).astype(np.uint64) + np.uint64(1)) * np.uint64(
            0x9E3779B97F4A7C15
        )
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53)


@dataclass(frozen=True)
class Texts:
    """The text that goes with each unit of a sequence, as symbols.

    symbols: [S] unsigned integers, all texts in a row, usually a memory map.
    begins:  [M + 1] int64: where each unit's text begins, and S.
    """

    symbols: np.ndarray
    begins: np.ndarray


@dataclass(frozen=True)
class Steps:
    """A long sequence of steps and the places where a new unit begins in it.

    values:  [N, *kind.shape] of kind.dtype, usually a memory map.
    units:   [M] int64, sorted, distinct, each in [0, N): the step that begins a unit (a line, a
             document, ...) according to the reset policy. Position 0 is always a unit's beginning
             and is always listed.
    texts:   what goes with each unit, where the data has texts.
    covariates: [N, D] float16: what is known of each step before it is predicted, where the codec gives any.
    """

    values: np.ndarray
    units: np.ndarray
    texts: Texts | None = None
    covariates: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    @staticmethod
    def open(folder: Path, kind: Kind, text: Text | None = None, covariates: int = 0) -> Steps:
        """Map steps.bin and units.bin (int64), texts.bin and begins.bin (int64) if there is `text`, and covariates.bin
        (float16) if so many numbers are given with a step; unread."""

        def mapped(name: str, dtype: Any, shape: tuple[int, ...] = ()) -> np.ndarray:
            path = folder / f"{name}.bin"
            if path.stat().st_size == 0:
                return np.empty((0, *shape), dtype)
            return np.memmap(path, dtype=np.dtype(dtype), mode="r").reshape(-1, *shape)

        texts = None if text is None else Texts(mapped("texts", text.dtype), mapped("begins", np.int64))
        known = mapped("covariates", np.float16, (covariates,)) if covariates else None
        return Steps(mapped("steps", kind.dtype, kind.shape), mapped("units", np.int64), texts, known)
