"""The drawing loop: rows that are drawn side by side, each with its own options.

Generation, streams, particles, rewinding and batches all draw here. Where nothing is to be decided between steps, the
reader draws many by itself (`Rows.chunk`). Else, one step is drawn in all rows at once, each row takes it, and what
goes on is read (`Rows.step`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from rhapsode.data.codecs.output import Piece
from rhapsode.inference.builders import Builder
from rhapsode.inference.reader import NONE, Reader
from rhapsode.nn.heads._head import Drawn, Head
from rhapsode.nn.samplers import Draw


class Row:
    """One row, and what becomes of the steps that are drawn in it: a builder takes them, up to so many."""

    builder: Builder

    def __init__(self, builder: Builder, length: int) -> None:
        self.builder, self._length = builder, length

    @property
    def left(self) -> int:
        """How many steps may still be drawn."""
        return self._length - len(self.builder.steps)

    @property
    def goes_on(self) -> bool:
        """Whether further steps are drawn behind those that it has taken."""
        return not self.builder.ended and self.left > 0

    def become(self, other: Row) -> Row:
        """See `Builder.become`."""
        return Row(self.builder.become(other.builder), self._length)

    def complete(self, attention: np.ndarray) -> bool:
        """Whether the steps so far are all. attention: [U], what the network sees now."""
        return self.builder.complete(attention)

    def how(self) -> Draw:
        """How the next step is drawn."""
        return self.builder.how()

    def take(self, steps: list[Any], log_probs: list[float]) -> None:
        """Take steps that the reader has drawn, and log p of each; no more than are left."""
        self.builder.extend(steps, log_probs)

    def step(self, drawn: Drawn, how: Draw, distribution: np.ndarray, attention: np.ndarray) -> None:
        """Take one step, see `Builder.step`."""
        self.builder.step(drawn, how, distribution, attention)

    def failed(self, error: Exception) -> None:
        """Something failed that concerns this row. By default, all rows fail with it."""
        raise error


class Streamed(Row):
    """Keeps what each step adds."""

    def __init__(self, builder: Builder, length: int) -> None:
        super().__init__(builder, length)
        self.pieces: list[Piece] = []

    def take(self, steps: list[Any], log_probs: list[float]) -> None:
        self.pieces += self.builder.pieces(steps, log_probs)

    def step(self, drawn: Drawn, how: Draw, distribution: np.ndarray, attention: np.ndarray) -> None:
        self.pieces.append(self.builder.step(drawn, how, distribution, attention))


R = TypeVar("R", bound=Row)

Going = Callable[[list[R]], tuple[list[R], list[int]]]
"""Says after a step which rows go on, and at the places of which rows."""


def _those_that_go_on(rows: list[R]) -> tuple[list[R], list[int]]:
    places = [place for place, row in enumerate(rows) if row.goes_on]
    return [rows[place] for place in places], places


class Rows(Generic[R]):
    """Rows side by side. `reader` stands behind the steps that were drawn in them, in their order."""

    def __init__(
        self, head: Head[Any], covered: bool, reader: Any, rows: list[R], going: Going[R] = _those_that_go_on
    ) -> None:
        """head: of the model. covered: whether its network reads covariates. reader: a `Reader`, or `Precomputed`; of
        no meaning where there are no rows."""
        self._head, self._covered, self._going = head, covered, going
        self.reader, self.rows = reader, rows

    def join(self, others: Sequence[Rows[R]]) -> None:
        """Go on with the rows of others, too."""
        every = [each for each in (self, *others) if each.rows]
        if every:
            readers = [each.reader for each in every]
            self.reader = readers[0].joined(readers[1:]) if len(every) > 1 else readers[0]
            self.rows = [row for each in every for row in each.rows]

    def leave(self, row: R) -> Reader:
        """Let a row leave: a reader of it alone."""
        at = self.rows.index(row)
        own: Reader = self.reader.take([at])
        places = [n for n in range(len(self.rows)) if n != at]
        self._keep([self.rows[n] for n in places], places)
        return own

    def chunk(self, count: int, **more: Any) -> int:
        """Let the reader draw so many steps in each row, and the rows take them; those that have ended leave. Returns
        how many were drawn. If they are fewer, a unit begins after the next one, which must be drawn by `step`.

        more: as of the reader's `draw`.
        """
        drawn = self.drawn(count, **more)
        if drawn is None:
            return 0
        self.taken(*drawn)
        return len(drawn[0])

    def drawn(self, count: int, **more: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Let the reader draw so many steps in each row, see `Reader.draw`. None if that failed."""
        reader: Reader = self.reader
        try:
            return reader.draw(count, [row.how() for row in self.rows], self._endings(), **more)
        except Exception as error:  # the network's numbers are not finite: nothing can be drawn
            self._all_failed(error)
            return None

    def taken(self, symbols: np.ndarray, log_probs: np.ndarray, counts: np.ndarray) -> None:
        """The rows take what was drawn; those that have ended leave."""
        drawn = zip(self.rows, symbols.T.tolist(), log_probs.T.tolist(), counts.tolist(), strict=True)
        for row, steps, logs, many in drawn:
            count = min(many, row.left)
            try:
                row.take(steps[:count], logs[:count])
            except Exception as error:
                row.failed(error)
        self.sweep()

    def _endings(self) -> np.ndarray | None:
        """Symbols that end each of the rows; None if these are not the same. (Then more is drawn than is needed.)"""
        found = [row.builder.output.endings for row in self.rows]
        first = found[0]
        for one in found:
            if first is None or one is None or not (one is first or np.array_equal(one, first)):
                return None
        return first

    def step(self) -> None:
        """Draw one step in each row that is not complete without it; read what goes on."""
        self.take_step()
        rows, places = self._going(self.rows)
        self._keep(rows, places)
        self._read()

    def take_step(self) -> None:
        """Draw one step in each row that is not complete without it."""
        rows, reader = self.rows, self.reader
        places, hows, seen = list[int](), list[Draw](), list[np.ndarray]()
        for n, row in enumerate(rows):
            attention = reader.seen(n)
            try:
                if not row.complete(attention):
                    hows.append(row.how())
                    places.append(n)
                    seen.append(attention)
            except Exception as error:
                row.failed(error)
        if not places:
            return
        parameters = reader.parameters
        distributions = self._head.distribution(parameters if len(places) == len(rows) else parameters[places])
        drawing = [rows[n] for n in places]
        steps = self._steps(distributions, drawing, hows)
        for row, drawn, how, own, attention in zip(drawing, steps, hows, distributions, seen, strict=True):
            if drawn is not None:
                try:
                    row.step(drawn, how, own, attention)
                except Exception as error:
                    row.failed(error)

    def _steps(self, distributions: np.ndarray, rows: list[R], hows: list[Draw]) -> Sequence[Drawn | None]:
        """A step of each row; None where that failed."""
        before = [how.randomness.step for how in hows]
        try:
            return self._head.draw_rows(distributions, hows)
        except Exception:  # of which row?
            found = list[Drawn | None]()
            for row, own, how, step in zip(rows, distributions, hows, before, strict=True):
                how.randomness.step = step
                try:
                    found.append(self._head.draw(own, how))
                except Exception as error:
                    row.failed(error)
                    found.append(None)
            return found

    def sweep(self) -> None:
        """Rows that have ended leave."""
        self._keep(*_those_that_go_on(self.rows))

    def _keep(self, rows: list[R], places: list[int]) -> None:
        if rows and places != list(range(self.reader.rows)):  # what has ended costs no more steps
            self.reader = self.reader.take(places)
        self.rows = rows

    def _read(self) -> None:
        """Read the last step of each row."""
        given = list[np.ndarray]()
        if self._covered:
            for row in self.rows:
                try:
                    given.append(row.builder.covariates)
                except Exception as error:
                    row.failed(error)
            self.sweep()
        if not self.rows:
            return
        try:
            steps = np.array([row.builder.steps[-1] for row in self.rows])
            self.reader.read(steps, np.array(given) if self._covered else NONE)
        except Exception as error:  # the network's numbers are not finite
            self._all_failed(error)

    def _all_failed(self, error: Exception) -> None:
        for row in self.rows:
            row.failed(error)
        self.sweep()
