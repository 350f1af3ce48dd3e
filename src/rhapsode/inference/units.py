"""Finds, while a sequence is read, where the model's reset policy lets units begin."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np

from rhapsode.data.codecs.text import Decoder
from rhapsode.data.resets import Scanner
from rhapsode.inference.trained import Trained


class Units:
    """A place in a sequence that is read step by step: it finds where units begin."""

    def __init__(self, model: Trained) -> None:
        self._last = model.codec.steps.start
        self._model, self._every = model, model.policy.every
        self._end = model.end if model.policy.documents else None
        self._begin_document()

    def _begin_document(self) -> None:
        self._in_unit = 0
        self._decoder: Decoder | None = None
        self._scanner: Scanner | None = None
        if self._model.policy.rule:  # rules are rules on text
            self._decoder, self._scanner = self._model.text_codec.decoder(), self._model.policy.scanner()

    def copy(self) -> Self:
        other = copy.copy(self)
        other._decoder, other._scanner = self._decoder and self._decoder.copy(), copy.copy(self._scanner)
        return other

    def read(self, step: Any) -> bool:
        """Take the next step. Returns whether a unit begins after it."""
        if self._end is not None and step == self._end:
            self._begin_document()
            return True
        self._in_unit += 1
        begins = self._in_unit == self._every
        if self._scanner is not None and self._decoder is not None:
            begins = bool(self._scanner.feed(self._decoder.feed(step)))
        if begins:
            self._in_unit = 0
        return begins

    def inputs(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read symbols [N]: the network's input before each [N] int64, and whether a unit begins after each [N]."""
        start = self._model.codec.steps.start
        if self._end is None and not self._every and self._scanner is None:  # the policy is `never`, or has no use here
            begins = np.zeros(len(symbols), bool)
        else:
            begins = np.array([self.read(symbol) for symbol in symbols.tolist()], bool)
        inputs = np.append(self._last, np.where(begins, start, symbols.astype(np.int64)))
        self._last = inputs[-1]
        return inputs[:-1], begins
