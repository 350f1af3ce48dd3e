"""Reading: a place in sequences, with the state of the network, and its prediction of the next step.
A `Reader` is the explicit state, which can be copied and forked. Scoring, generation and compression are all loops
around a reader, so none of them knows of resets, framings or kinds of step.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np

from rhapsode.arithmetic.drawing import copied
from rhapsode.data.codecs.output import NO_TEXT
from rhapsode.data.guide import NOTHING
from rhapsode.data.shallow import shallow
from rhapsode.errors import UserError
from rhapsode.inference.trained import Trained
from rhapsode.inference.units import Units
from rhapsode.nn.engine import State, Texts
from rhapsode.nn.samplers import Draw, choose

NONE = NOTHING[None]
"""[1, 0] float32: no covariates, of a model that has none."""
BLOCK = 256
"""Steps per call of the engine when a known sequence is read."""


def as_bytes(text: bytes | str, what: str) -> bytes:
    """Text as UTF-8. Bytes that the command line could not decode (lone U+DC80 to U+DCFF) come out as they were.

    Raises `UserError`, which calls the text `what`, for other halves of surrogate pairs.
    """
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UserError(
            f"{what}: character {error.start} is U+{ord(text[error.start]):04X}, half of a surrogate pair: it has "
            "no UTF-8. Repair the text, or give it as bytes."
        ) from None


class Reader:
    """A place in `rows` sequences. It holds what the network remembers of everything read so far.

    `parameters` [rows, P] are those of the distribution of the next step, of the type that the engine gives
    (`Engine.run`). The numbers are the same, bit for bit, however the steps were given: one by one, all at once, alone
    or among other rows. (A test holds the engines to that.)
    """

    parameters: np.ndarray
    attention: np.ndarray
    """[rows, U] float32: how much of each symbol of the texts that go with the rows was seen at the last step; U is 0
    where there are none."""

    def __init__(
        self, model: Trained, rows: int = 1, text: np.ndarray = NO_TEXT, covariates: np.ndarray = NOTHING
    ) -> None:
        """text: [U] symbols that go with every row; models with attention need it. covariates: [D]
        float32 of the first step, of models whose codec has any."""
        self._model, self._past = model, model.framing.past
        self._rows = [Row(model) for _ in range(rows)]
        self._state: State = model.engine.zeros(rows)
        self._text: Texts | None = None
        if len(text):
            self._text = np.repeat(text.astype(np.int64)[:, None], rows, axis=1), np.full(rows, len(text), np.int64)
        self._feed(np.repeat(self._start, rows, axis=0), np.repeat(covariates[None], rows, axis=0))

    @property
    def _start(self) -> np.ndarray:
        """The input where there is no step before, [1, *shape of a step]."""
        kind = self._model.codec.steps
        return kind.inputs(np.asarray(kind.start)[None])

    @property
    def rows(self) -> int:
        return len(self._rows)

    @property
    def state(self) -> list[dict[str, np.ndarray]]:
        """Each layer's state, first layer first: the parts of its cell by name, [rows, H] float32, real numbers. Not to
        be changed.

        It has everything read so far in it, as far as framing and reset policy let it.
        """
        parts = iter(self._model.engine.real(self._state))
        return [{name: next(parts) for name in cell.state} for cell in self._model.network.cells]

    @property
    def nbytes(self) -> int:
        """The bytes of its arrays."""
        return sum(part.nbytes for part in (*self._state, self.parameters, self.attention))

    def copy(self) -> Self:
        """The same place once more. Arrays are shared: a step makes new ones."""
        other = shallow(self)
        other._rows = [row.copy() for row in self._rows]
        return other

    def repeat(self, rows: int) -> Self:
        """`rows` rows at the place of this reader's only row."""
        if self.rows != 1:
            raise ValueError("only a reader of one row can be repeated")
        return self.take([0] * rows)

    def take(self, index: Sequence[int]) -> Self:
        """Some rows of this reader, in the order given; a row may be taken more than once."""
        other = copy.copy(self)
        other._rows = [self._rows[n].copy() for n in index]
        other._state = tuple(part[index] for part in self._state)
        other.parameters, other.attention = self.parameters[index], self.attention[index]
        if self._text is not None:
            other._text = self._text[0][:, index], self._text[1][index]
        return other

    def joined(self, others: Sequence[Self]) -> Self:
        """The rows of this reader, and behind them those of the others, which may stand at other places. The opposite
        of `take`.

        Texts of several lengths are filled up, so `attention` is as wide as the longest: see `seen`. Raises
        `ValueError` for readers of another model.
        """
        every = [self, *others]
        if any(each._model is not self._model or type(each) is not type(self) for each in others):
            raise ValueError("only readers of one model can be joined")
        other = copy.copy(self)
        other._rows = [row.copy() for each in every for row in each._rows]
        other._state = tuple(np.concatenate(parts) for parts in zip(*(each._state for each in every), strict=True))
        other.parameters = np.concatenate([each.parameters for each in every])
        longest = max(each.attention.shape[1] for each in every)
        other.attention = np.concatenate([_filled(each.attention, longest, 1) for each in every])
        texts = [each._text for each in every if each._text is not None]
        if texts:
            symbols = [_filled(symbols, longest, 0) for symbols, _ in texts]
            other._text = np.concatenate(symbols, axis=1), np.concatenate([lengths for _, lengths in texts])
        return other

    def seen(self, row: int) -> np.ndarray:
        """[U] float32: how much of each symbol of its own text a row has seen at the last step."""
        return self.attention[row, : 0 if self._text is None else self._text[1][row]]

    def read(self, steps: np.ndarray, covariates: np.ndarray = NONE) -> None:
        """Read one step in each row: [rows, *shape of a step]. covariates: [rows, D] of the steps after them."""
        inputs = self._model.codec.steps.inputs(steps)
        # Lists, not arrays: this runs once a step, mostly for one row, and then numpy costs more than it does.
        begins = [row.read(symbol) for row, symbol in zip(self._rows, inputs.tolist(), strict=True)]
        if any(begins):
            inputs[begins] = self._start
        if self._past.window:
            self._read_windows(inputs, begins)
            return
        fresh, period = begins, self._past.period
        if period:
            fresh = [begin or row.predicted >= period for row, begin in zip(self._rows, begins, strict=True)]
        if any(fresh):
            for row, is_fresh in zip(self._rows, fresh, strict=True):
                if is_fresh:
                    row.predicted = 0
            keep = ~np.array(fresh)[:, None]
            self._state = tuple(part * keep for part in self._state)
        self._feed(inputs, covariates)

    def draw(
        self, count: int, hows: Sequence[Draw], endings: np.ndarray | None, seen: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw so many symbols in each row, and read them: symbols [N, rows], log p of each [N, rows] float64, and how
        many there are of each row [rows], whose place is of no use if it has fewer. For models of symbols without
        covariates. N may be less than `count`, see `Loops.draw`.

        hows: how, of each row; without masks. endings: [V] bool: symbols with which a row ends; None for none.
        seen: [count, rows, V] int32, into which the logits are put that each symbol is drawn from.
        """
        head = self._model.categorical
        drawn = copied([how.counts for how in hows], [how.sampling for how in hows], head.steps.size)
        hows = [
            how._replace(recent=deque(how.recent, how.sampling.repetition_window), counts=count)
            for how, count in zip(hows, drawn, strict=True)
        ]
        symbols, log_probs = np.zeros((count, self.rows), np.int64), np.zeros((count, self.rows))
        for n in range(count):
            logits = head.distribution(self.parameters)
            if seen is not None:
                seen[n] = logits
            symbols[n], log_probs[n], _ = choose(logits, hows)
            for how, symbol in zip(hows, symbols[n].tolist(), strict=True):
                how.recent.append(symbol)  # type: ignore[attr-defined]
                if how.counts is not None:
                    how.counts[symbol] += 1
            self.read(symbols[n])
        counts = np.full(self.rows, count)
        if endings is not None:
            ended = endings[symbols]
            counts = np.where(ended.any(axis=0), ended.argmax(axis=0) + 1, counts)
        return symbols, log_probs, counts

    def _feed(self, inputs: np.ndarray, covariates: np.ndarray) -> None:
        """One step of the network in each row: inputs [rows, *S], covariates [rows, D]."""
        parameters, attention = self._run(inputs[None], covariates[None])
        self.parameters, self.attention = parameters[0], attention[0]

    def _run(self, inputs: np.ndarray, covariates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """inputs [T, rows, *S], covariates [T, rows, D] → parameters [T, rows, P], attention [T, rows, U]."""
        given = covariates if covariates.shape[-1] else None
        parameters, self._state, attention = self._model.engine.attend(inputs, self._state, self._text, given)
        return parameters, attention

    def _read_windows(self, inputs: np.ndarray, begins: list[bool]) -> None:
        """The window before the next step, from zero state, once more for each step."""
        out, states = [], []
        for row, step, begin in zip(self._rows, inputs, begins, strict=True):
            row.window = [step] if begin else [*row.window, step][-self._past.window :]
            window = self._model.codec.steps.inputs(np.stack(row.window))[:, None]
            parameters, state = self._model.engine.run(window, self._model.engine.zeros(1))
            out.append(parameters[-1, 0])
            states.append(state)
        self.parameters = np.stack(out)
        self._state = tuple(np.concatenate(parts) for parts in zip(*states, strict=True))

    def read_all(self, steps: np.ndarray, covariates: np.ndarray = NONE) -> Iterator[np.ndarray]:
        """Read [N, *shape of a step] in the only row; yields [n, P] blocks of the parameters before each of them.

        covariates: [N, D] of the steps after each of them.
        """
        if self.rows != 1:
            raise ValueError("only a reader of one row can read a known sequence")
        for at in range(0, len(steps), BLOCK):
            block = self._model.codec.steps.inputs(steps[at : at + BLOCK])
            known = covariates[at : at + BLOCK]
            if self._past.carried:
                yield self._read_block(block, known)
            else:
                out = []
                for step in block:
                    out.append(self.parameters[0])
                    self.read(step[None])
                yield np.stack(out)

    def _read_block(self, block: np.ndarray, covariates: np.ndarray) -> np.ndarray:
        """A block, where the state is carried, in as few calls as its unit beginnings allow."""
        row = self._rows[0]
        begins = np.flatnonzero([row.read(step) for step in block.tolist()]) + 1
        out = [self.parameters]
        for n, piece in enumerate(np.split(block, begins)):
            ends_unit = n < len(begins)
            seen = piece[:-1] if ends_unit else piece  # a unit's last step is never fed: the state is zeroed after it
            if len(seen):
                parameters, attention = self._run(seen[:, None], covariates[:, None])
                self.attention = attention[-1]
                out.append(parameters[:, 0])
            if ends_unit:
                self._state = self._model.engine.zeros(1)
                self._feed(self._start, NONE)
                out.append(self.parameters)
        parameters = np.concatenate(out)
        self.parameters = parameters[-1:]
        return parameters[:-1]


def _filled(array: np.ndarray, size: int, axis: int) -> np.ndarray:
    """With zeros behind it, so that this axis has so many numbers."""
    more = size - array.shape[axis]
    return np.pad(array, [(0, more * (n == axis)) for n in range(array.ndim)]) if more else array


class Row(Units):
    """What one row must remember beside the network's state."""

    def __init__(self, model: Trained) -> None:
        super().__init__(model)
        self.predicted = 0  # steps since the state was last zero
        self.window: list[Any] = [model.codec.steps.start]

    def read(self, step: Any) -> bool:
        self.predicted += 1
        return super().read(step)
