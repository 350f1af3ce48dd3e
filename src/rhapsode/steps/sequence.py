"""Long sequences of steps on disk, in memory-mapped files, so that memory does not grow with the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.steps.covariates import Covariates, Lookback, Stored
from rhapsode.steps.kind import Kind
from rhapsode.steps.text import Text


@dataclass(frozen=True)
class Texts:
    """The texts of the units of a sequence, as symbols.

    symbols: [S] unsigned integers, all texts one after another, usually a memory map.
    begins:  [M + 1] int64: where the text of each unit begins, and S.
    """

    symbols: np.ndarray
    begins: np.ndarray


@dataclass(frozen=True)
class Steps:
    """A long sequence of steps, and the places where its units begin.

    values:  [N, *kind.shape] of kind.dtype, usually a memory map.
    units:   [M] int64, sorted, distinct, each in [0, N): the step that begins a unit (a line, a
             document, ...) according to the reset policy. Position 0 is always a unit's beginning
             and is always listed.
    texts:   the texts of the units, if the data has texts.
    covariates: the covariates of the steps, if the codec has any.
    """

    values: np.ndarray
    units: np.ndarray
    texts: Texts | None = None
    covariates: Covariates | None = None

    def __len__(self) -> int:
        return len(self.values)

    @staticmethod
    def open(
        folder: Path, kind: Kind, text: Text | None = None, stored: int = 0, lookback: Sequence[int] = ()
    ) -> Steps:
        """Map steps.bin and units.bin (int64), and texts.bin and begins.bin (int64) if there is `text`; unread.

        stored:   D, if covariates of the steps are in covariates.bin (float16).
        lookback: the distances of the earlier steps that are covariates.
        Raises `ValueError` where sizes do not fit.
        """

        def mapped(name: str, dtype: Any, shape: tuple[int, ...] = ()) -> np.ndarray:
            path = folder / f"{name}.bin"
            if path.stat().st_size == 0:
                return np.empty((0, *shape), dtype)
            return np.memmap(path, dtype=np.dtype(dtype), mode="r").reshape(-1, *shape)

        texts = None if text is None else Texts(mapped("texts", text.dtype), mapped("begins", np.int64))
        values, units = mapped("steps", kind.dtype, kind.shape), mapped("units", np.int64)
        covariates: Covariates | None = Lookback(values, kind, lookback) if lookback else None
        if stored:
            rows = mapped("covariates", np.float16, (stored,))
            if len(rows) != len(values):
                raise ValueError(f"{folder} has {len(values)} steps and the covariates of {len(rows)}")
            covariates = Stored(rows)
        return Steps(values, units, texts, covariates)
