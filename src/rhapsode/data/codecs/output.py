"""What a codec does in generation: it says how a sequence begins, and makes output of the steps that are drawn."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from rhapsode.data.guide import Guide

Stopped = Literal["length", "stop", "end", "unfinished"]
LENGTH = 500
"""Steps that are drawn where nothing says how many."""
NO_TEXT = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Prompt:
    """What a sample goes on from, and what ends it.

    data:       a text; with a model that attends to texts, the text to be written.
    style:      a record to go on from; None for none.
    outline:    a record of which some things are said and the rest is to be drawn; None for what is usual.
    stops:      strings that end a text → whether they stay in it.
    ignore_end: go on where a document (or line) has ended.
    """

    data: bytes = b""
    style: Any = None
    outline: Any = None
    stops: Mapping[bytes, bool] = field(default_factory=dict)
    ignore_end: bool = False


@dataclass(frozen=True)
class Beginning:
    """What a codec makes of a prompt.

    steps:  [N, *shape of a step], read before the first one is drawn.
    text:   [U] int64, the symbols that the network attends to; U is 0 where there is no text.
    guide:  from the beginning of `steps` on.
    length: so many steps are drawn where nothing else is asked for.
    output: makes a sample of the steps; each sample has a copy.
    """

    steps: np.ndarray
    text: np.ndarray
    guide: Guide
    length: int
    output: Output


@dataclass(frozen=True)
class Piece:
    """What one step of a stream adds: to the bytes, and to the characters that are complete. Either may be empty."""

    data: bytes
    text: str


EMPTY = Piece(b"", "")


class Made(NamedTuple):
    """What was made of all steps. steps: [N, *shape of a step]; record: None of a text."""

    steps: np.ndarray
    data: bytes
    text: str
    record: Any


class Output(ABC):
    """Makes one sample of the steps that are drawn, one after another."""

    stopped: Stopped = "unfinished"
    """Why no more steps are to be drawn."""

    @abstractmethod
    def add(self, step: Any) -> Piece:
        """Take one more step in; sets `stopped` if it is the last one."""

    def complete(self, steps: Sequence[Any], attention: np.ndarray) -> bool:
        """Whether the steps so far are all, for a network that now gives `attention` [U] to its text."""
        return False

    @abstractmethod
    def finish(self, steps: Sequence[Any]) -> Piece:
        """No step will come after these: what was held back."""

    @abstractmethod
    def made(self, steps: Sequence[Any]) -> Made:
        """The sample of these steps, which were all taken in."""

    def copy(self) -> Self:
        """Another that goes on from here by itself. Override it where `add` changes anything in place."""
        return copy.copy(self)
