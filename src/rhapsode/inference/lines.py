"""The score of a text, line by line."""

from __future__ import annotations

from collections.abc import Callable

from rhapsode.data.encode import Tally
from rhapsode.inference.score import Score, Surprise


class ByLine:
    """Gives each line of a text the score of the steps that begin in it. The end of the document belongs to the last
    line.

    If a step spans several lines, all its nats belong to the first. A newline belongs to the line that it ends.
    """

    def __init__(self, on_line: Callable[[Score], None]) -> None:
        """on_line: is called with the score of each line, in order."""
        self._on_line = on_line
        self._whole: Score | None = None  # a line that is whole, until it is clear that another one follows
        self._begin()

    def _begin(self) -> None:
        self._nats, self._steps, self._tally = 0.0, 0, Tally()

    def add(self, step: Surprise) -> None:
        """The next step."""
        self._nats += step.nats
        self._steps += 1
        first, *others = step.data.split(b"\n")
        for other in others:
            self._feed(first + b"\n")
            self._end()
            first = other
        if first:
            self._feed(first)

    def _feed(self, data: bytes) -> None:
        if self._whole is not None:
            self._on_line(self._whole)
            self._whole = None
        self._tally.feed(data)

    def _end(self) -> None:
        self._tally.feed(b"", ends=True)
        counts = self._tally
        if counts.bytes:
            sizes = counts.chars, counts.bytes, None, counts.words, counts.lines
            self._whole = Score(self._nats, self._steps, *sizes)
        elif self._steps:  # the end of the document, behind a newline
            self._whole = (self._whole or Score(0.0, 0, 0, 0)) + Score(self._nats, self._steps, 0, 0)
        self._begin()

    def close(self) -> None:
        """The text is over."""
        self._end()
        if self._whole is not None:
            self._on_line(self._whole)
