"""Steps: what a network reads and predicts at one time, and long sequences of them on disk.

`Symbols` says that a step is one of V symbols. Other kinds of step (sets of notes, pen offsets,
frames) will stand beside it here. `Steps` is a sequence of steps in a memory-mapped file, so that
memory does not grow with the corpus.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Symbols:
    """A step is one of `size` symbols, numbered from 0.

    `start` is one number more: it is only ever an input, fed where there is no step before (the
    beginning of a document, line, ... according to the reset policy, or an empty prompt).
    """

    size: int

    @property
    def start(self) -> int:
        """The input-only symbol: the row after the last of the embedding."""
        return self.size

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """The smallest unsigned type that holds every symbol."""
        return np.min_scalar_type(max(self.size - 1, 0))


@dataclass(frozen=True)
class Steps:
    """A long sequence of symbols and the places where a new unit begins in it.

    values:  [N] unsigned integers, usually a memory map.
    units:   [M] int64, sorted, distinct, each in [0, N): the step that begins a unit (a line, a
             document, ...) according to the reset policy. Position 0 is always a unit's beginning
             and is always listed.
    """

    values: np.ndarray
    units: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    @staticmethod
    def open(folder: Path, dtype: np.dtype[np.unsignedinteger]) -> Steps:
        """Map `folder`/steps.bin and `folder`/units.bin (int64) without reading them."""

        def mapped(path: Path, kind: np.dtype) -> np.ndarray:
            if path.stat().st_size == 0:
                return np.empty(0, kind)
            return np.memmap(path, dtype=kind, mode="r")

        return Steps(mapped(folder / "steps.bin", np.dtype(dtype)), mapped(folder / "units.bin", np.dtype(np.int64)))
