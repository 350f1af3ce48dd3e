"""Finds, while a sequence is read, where the model's reset policy lets units begin."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np

from rhapsode.data.codecs.text import Decoder
from rhapsode.data.resets import Scanner
from rhapsode.data.shallow import shallow
from rhapsode.inference.trained import Trained


class Units:
    """A place in a sequence that is read step by step: it finds where units begin.

    every:   a unit begins when the one before has so many steps; 0 if steps do not matter.
    in_unit: the steps of the unit so far.
    end:     the symbol after which a unit begins; None if there is none.
    """

    def __init__(self, model: Trained) -> None:
        self._last = model.codec.steps.start
        self._model, self.every = model, model.policy.every
        self.end = model.end if model.policy.documents else None
        self._begin_document()

    def _begin_document(self) -> None:
        self.in_unit = 0
        self._decoder: Decoder | None = None
        self._scanner: Scanner | None = None
        if self._model.policy.rule:  # rules are rules on text
            self._decoder, self._scanner = self._model.text_codec.decoder(), self._model.policy.scanner()

    @property
    def ruled(self) -> bool:
        """Whether units also begin where a rule on text says."""
        return self._scanner is not None

    @property
    def unbroken(self) -> bool:
        """Whether no further unit begins, ever."""
        return self.end is None and not self.every and not self.ruled

    def copy(self) -> Self:
        other = shallow(self)
        if self._scanner is not None:
            other._decoder, other._scanner = self._decoder and self._decoder.copy(), copy.copy(self._scanner)
        return other

    def read(self, step: Any) -> bool:
        """Take the next step. Returns whether a unit begins after it."""
        if self.end is not None and step == self.end:
            self._begin_document()
            return True
        self.in_unit += 1
        begins = self.in_unit == self.every
        if self._scanner is not None and self._decoder is not None:
            begins = bool(self._scanner.feed(self._decoder.feed(step)))
        if begins:
            self.in_unit = 0
        return begins

    def inputs(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read symbols [N]: the network's input before each [N] int64, and whether a unit begins after each [N]."""
        start = self._model.codec.steps.start
        if self.unbroken:
            begins = np.zeros(len(symbols), bool)
        else:
            begins = np.array([self.read(symbol) for symbol in symbols.tolist()], bool)
        inputs = np.append(self._last, np.where(begins, start, symbols.astype(np.int64)))
        self._last = inputs[-1]
        return inputs[:-1], begins
