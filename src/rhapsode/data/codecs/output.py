"""The part of codecs in generation: they say how a sequence begins, and turn generated steps into output."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from rhapsode.data.guide import Guide

Stopped = Literal["length", "stop", "end", "refused", "unfinished"]
LENGTH = 500
"""How many steps are generated, unless something else decides it."""
NO_TEXT = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Prompt:
    """What a sample continues, and what ends it.

    data:       a text; with a model that attends to texts, the text to be written.
    steps:      the symbols of a text [N], where they are given in the place of `data`: they are read as they are.
    style:      a record to go on from; None for none.
    outline:    a record of which some parts are given, and the rest is to be generated; None for the usual outline.
    stops:      string that ends a text → whether it stays in the text.
    ignore_end: go on after the end of a document (or line).
    """

    data: bytes = b""
    steps: np.ndarray | None = None
    style: Any = None
    outline: Any = None
    stops: Mapping[bytes, bool] = field(default_factory=dict)
    ignore_end: bool = False


@dataclass(frozen=True)
class Beginning:
    """A prompt, as the codec prepares it.

    steps:  [N, *shape of a step], which are read before the first one is generated.
    text:   [U] int64, the symbols that the network attends to; U is 0 if there is no text.
    guide:  stands at the beginning of `steps`.
    length: how many steps are generated, unless the user says.
    output: makes a sample of the steps; each sample gets a copy.
    """

    steps: np.ndarray
    text: np.ndarray
    guide: Guide
    length: int
    output: Output


@dataclass(frozen=True)
class Piece:
    """What one step of a stream adds: bytes, and complete characters. Either may be empty."""

    data: bytes
    text: str


EMPTY = Piece(b"", "")


def joined(pieces: Iterable[Piece]) -> Piece:
    """One piece of several that follow one another."""
    datas, texts = zip(*((piece.data, piece.text) for piece in (EMPTY, *pieces)), strict=True)
    return Piece(b"".join(datas), "".join(texts))


class Made(NamedTuple):
    """The output of all steps. steps: [N, *shape of a step]; record: None for a text."""

    steps: np.ndarray
    data: bytes
    text: str
    record: Any


class Output(ABC):
    """Makes one sample from steps, which come one after another."""

    stopped: Stopped = "unfinished"
    """Why the sample ended."""
    endings: np.ndarray | None = None
    """[choices] bool: symbols with which the sample surely ends; None if that is not known."""

    @abstractmethod
    def add(self, step: Any) -> Piece:
        """Take the next step. Sets `stopped` if it is the last one."""

    def extend(self, steps: Sequence[Any]) -> int:
        """Take the next steps, up to one that is the last; returns how many. The same as `add` for each, but without
        pieces."""
        for count, step in enumerate(steps, start=1):
            self.add(step)
            if self.stopped != "unfinished":
                return count
        return len(steps)

    def added(self, steps: Sequence[Any]) -> tuple[int, Piece]:
        """As `extend`, and all that these steps add, as one piece."""
        pieces = []
        for step in steps:
            pieces.append(self.add(step))
            if self.stopped != "unfinished":
                break
        return len(pieces), joined(pieces)

    def complete(self, steps: Sequence[Any], attention: np.ndarray) -> bool:
        """Whether the sample is complete after these steps. attention: [U], how much each symbol of the text is
        attended now."""
        return False

    def whole(self, steps: Sequence[Any]) -> tuple[int, bytes]:
        """How many of these steps, all of which were added, are whole in the output; and what of the next one is. Not
        all are, after a stop string."""
        return len(steps), b""

    def close(self) -> Piece:
        """The steps that come are a closing: stop strings in it are none. Returns what was held back."""
        return EMPTY

    @abstractmethod
    def finish(self, steps: Sequence[Any]) -> Piece:
        """End the sample after these steps, and return what was held back."""

    @abstractmethod
    def made(self, steps: Sequence[Any]) -> Made:
        """The sample of these steps, all of which were added before."""

    def copy(self) -> Self:
        """An independent copy. Override it if `add` changes anything in place."""
        return copy.copy(self)
