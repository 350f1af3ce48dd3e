"""Readers of symbols whose engine scores, draws and codes symbols by itself, many steps at a time.

The results are the same, to the last bit, as those of `Reader`, step by step. A step costs no Python.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.data.codecs.output import NO_TEXT
from rhapsode.data.guide import NOTHING
from rhapsode.inference.reader import NONE, Reader, Row
from rhapsode.inference.trained import Trained
from rhapsode.nn.compiled import Compiled, Policy, Rows
from rhapsode.nn.heads.categorical import Categorical
from rhapsode.nn.samplers import Draw


def reader_of(model: Trained, text: np.ndarray = NO_TEXT, covariates: np.ndarray = NOTHING) -> Reader:
    """The fastest reader of one row."""
    engine = model.engine
    plain = (
        isinstance(model.head, Categorical) and model.network.config.autoregressive and not model.framing.past.window
    )
    if isinstance(engine, Compiled) and plain and not len(text) and not len(covariates):
        return Loops(model, engine)
    return Reader(model, text=text, covariates=covariates)


class Loops(Reader):
    """A reader, see `reader_of`."""

    def __init__(self, model: Trained, loops: Compiled) -> None:
        """loops: the engine of the model."""
        super().__init__(model)
        self._loops = loops

    def score(self, symbols: np.ndarray) -> np.ndarray:
        """Read symbols [N] in the only row: -log p of each, before it is read, [N] float64 nats."""
        nats = -self._model.head.log_prob(self.parameters, symbols[:1])
        inputs, fresh = self._known(symbols)
        rest, self._state = self._loops.score(inputs[:-1, None], self._state, symbols[1:, None], fresh[:-1, None])
        self._feed_last(inputs, fresh)
        return np.concatenate([nats, rest[:, 0]])

    def encode(self, symbols: np.ndarray, encoder: Encoder) -> None:
        """Put symbols [N] into the code, and read them in the only row."""
        encoder.put(self._model.categorical.frequencies(self.parameters[0]), int(symbols[0]))
        inputs, fresh = self._known(symbols)
        self._state = self._loops.encode(inputs[:-1], self._state, symbols[1:], encoder, fresh[:-1])
        self._feed_last(inputs, fresh)

    def decode(self, count: int, decoder: Decoder) -> tuple[np.ndarray, Decoder] | None:
        """Get so many symbols [count] from the code, and read them in the only row; and the decoder behind them. None,
        and nothing is done, if a unit begins among them of which only the text tells."""
        policy, logits, after = self._policy(), self.parameters.copy(), copy.copy(decoder)
        symbols, state = self._loops.decode(count, self._state, logits, after, policy)
        rows = self._after(symbols[:, None], np.array([count]), policy)
        if rows is None:
            return None
        self._rows, self._state, self.parameters = rows, state, logits
        return symbols, after

    def draw(
        self, count: int, hows: Sequence[Draw], endings: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Draw so many symbols in each row, and read them: symbols [count, rows], log p of each [count, rows] float64,
        and how many there are of each row [rows]. None, and nothing is done, if a unit begins among them of which only
        the text tells.

        hows: how, of each row; without masks. endings: [V] bool: symbols with which a row ends; None for none.
        """
        policy, sampling = self._policy(), hows[0].sampling
        window = sampling.repetition_window if sampling.repetition_penalty != 1 else 1
        recent = np.full((len(hows), window), -1, np.int32)
        for place, how in zip(recent, hows, strict=True):
            last = list(how.recent)[-window:]
            place[: len(last)] = last
        rows = Rows(
            state=self._state,
            logits=self.parameters.copy(),
            keys=np.array([how.randomness.key for how in hows], np.uint64),
            drawn=np.array([how.randomness.step for how in hows], np.uint64),
            recent=recent,
            place=np.array([min(len(how.recent), window) for how in hows], np.int64),
        )
        symbols, log_probs, counts = self._loops.generate(count, rows, sampling, policy, endings)
        after = self._after(symbols, counts, policy)
        if after is None:
            return None
        self._rows, self._state, self.parameters = after, rows.state, rows.logits
        for how, drawn in zip(hows, counts.tolist(), strict=True):
            how.randomness.step += drawn
        return symbols, log_probs, counts

    def _known(self, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network reads after each of these symbols [N], and whether its state is zero before that."""
        row, period = self._rows[0], self._past.period
        inputs, fresh = symbols.astype(np.int64), np.zeros(len(symbols), bool)
        if row.unbroken and not period:
            return inputs, fresh
        for n, symbol in enumerate(inputs.tolist()):
            if row.read(symbol):
                inputs[n], fresh[n] = self._model.codec.steps.start, True
            fresh[n] |= bool(period) and row.predicted >= period
            row.predicted *= not fresh[n]
        return inputs, fresh

    def _feed_last(self, inputs: np.ndarray, fresh: np.ndarray) -> None:
        if fresh[-1]:
            self._state = self._model.engine.zeros(1)
        self._feed(inputs[-1:], NONE)

    def _policy(self) -> Policy:
        """What the engine must know of units."""
        begins, row = None, self._rows[0]
        if row.end is not None:
            begins = np.arange(self._model.codec.steps.choices) == row.end
        return Policy(
            start=int(self._model.codec.steps.start),
            in_unit=np.array([one.in_unit for one in self._rows], np.int32),
            predicted=np.array([one.predicted for one in self._rows], np.int32),
            every=row.every if row.every < 1 << 31 else 0,
            period=self._past.period,
            begins=begins,
        )

    def _after(self, symbols: np.ndarray, counts: np.ndarray, policy: Policy) -> list[Row] | None:
        """The rows after these symbols [N, rows], of which so many [rows] were read; None if a unit begins among them
        of which only the text tells. A row that has fewer than N has ended with the last."""
        rows = [row.copy() for row in self._rows]
        if rows[0].ruled:
            for row, drawn, count in zip(rows, symbols.T.tolist(), counts.tolist(), strict=True):
                if any(map(row.read, drawn[: count - (count < len(symbols))])):
                    return None
        for row, in_unit, predicted in zip(rows, policy.in_unit.tolist(), policy.predicted.tolist(), strict=True):
            row.in_unit, row.predicted = in_unit, predicted
        return rows
