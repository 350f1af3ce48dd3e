"""Readers of symbols whose engine scores, draws and codes symbols by itself, many steps at a time.

The results are the same, to the last bit, as those of `Reader`, step by step. A step costs no Python.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.arithmetic.drawing import copied, recents
from rhapsode.data.codecs.output import NO_TEXT
from rhapsode.data.guide import NOTHING
from rhapsode.data.shallow import shallow
from rhapsode.inference.reader import NONE, Reader, Row
from rhapsode.inference.trained import Trained
from rhapsode.nn.compiled import Compiled, Policy, Rows
from rhapsode.nn.engine import State
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


class Trail:
    """All places along symbols that were drawn at once: the state behind each. `Loops.draw` fills it."""

    def __init__(self) -> None:
        self._before: Loops
        self._symbols: np.ndarray
        self._state: State
        self._logits: np.ndarray

    def filled(self, before: Loops, symbols: np.ndarray, state: State, logits: np.ndarray) -> None:
        """before: stands before the first symbol. symbols [N, rows]; behind each of them parts of the state
        [N, rows, H], and logits [N, rows, V]."""
        self._before, self._symbols, self._state, self._logits = before, symbols, state, logits

    def take(self, index: Sequence[int], counts: Sequence[int]) -> Loops:
        """Some rows, each behind so many of its symbols, one at least."""
        other = shallow(self._before)
        rows, at = list(index), [count - 1 for count in counts]
        if len(rows) == 1:  # views are made sooner than copies
            rows, at = slice(rows[0], rows[0] + 1), at[0]  # type: ignore[assignment]
        other._state = tuple(part[at, rows] for part in self._state)
        other.parameters = self._logits[at, rows]
        other._rows = []
        for n, count in zip(index, counts, strict=True):
            row = self._before._rows[n].copy()
            other._known(row, self._symbols[:count, n])
            other._rows.append(row)
        other.attention = self._before.attention[[0] * len(index)]
        return other


class Loops(Reader):
    """A reader, see `reader_of`."""

    def __init__(self, model: Trained, loops: Compiled) -> None:
        """loops: the engine of the model."""
        super().__init__(model)
        self._loops = loops
        begins = np.arange(model.codec.steps.choices) == self._rows[0].end
        if model.policy.lines:
            begins |= [b"\n" in piece for piece in model.text_codec.pieces]
        self._begins = begins if begins.any() else None

    def score(self, symbols: np.ndarray) -> np.ndarray:
        """Read symbols [N] in the only row: -log p of each, before it is read, [N] float64 nats."""
        nats = -self._model.head.log_prob(self.parameters, symbols[:1])
        inputs, fresh = self._known(self._rows[0], symbols)
        rest, self._state = self._loops.score(inputs[:-1, None], self._state, symbols[1:, None], fresh[:-1, None])
        self._feed_last(inputs, fresh)
        return np.concatenate([nats, rest[:, 0]])

    def each(self, sequences: Sequence[np.ndarray]) -> Loops:
        """A reader of several rows, each of which has read one of these sequences [N] from the start, in one call of
        the engine. This reader must have read nothing."""
        longest, count, start = max(map(len, sequences)), len(sequences), self._model.codec.steps.start
        other = self.repeat(count)
        inputs, fresh = np.full((longest + 1, count), start, np.int64), np.zeros((longest + 1, count), bool)
        for n, (row, symbols) in enumerate(zip(other._rows, sequences, strict=True)):
            begin = longest - len(symbols)  # what is read before counts for nothing: the state is zero at the start
            fresh[begin, n] = True
            inputs[begin + 1 :, n], fresh[begin + 1 :, n] = self._known(row, symbols)
        other.parameters, other._state = self._loops.read(inputs, self._loops.zeros(count), fresh)
        return other

    def encode(self, symbols: np.ndarray, encoder: Encoder) -> None:
        """Put symbols [N] into the code, and read them in the only row."""
        encoder.put(self._model.categorical.frequencies(self.parameters[0]), int(symbols[0]))
        inputs, fresh = self._known(self._rows[0], symbols)
        self._state = self._loops.encode(inputs[:-1], self._state, symbols[1:], encoder, fresh[:-1])
        self._feed_last(inputs, fresh)

    def decode(self, count: int, decoder: Decoder) -> tuple[np.ndarray, Decoder]:
        """Get so many symbols from the code, and read them in the only row; and the decoder behind them. There are
        fewer, perhaps none, if after the next one a unit begins of which only the text tells."""
        policy, logits, after = self._policy(), self.parameters.copy(), copy.copy(decoder)
        symbols, state = self._loops.decode(count, self._state, logits, after, policy)
        rows, sure = self._after(symbols[:, None], np.array([count]), policy)
        if sure < count:
            return self.decode(sure, decoder) if sure else (symbols[:0], decoder)
        self._rows, self._state, self.parameters = rows, state, logits
        return symbols, after

    def draw(
        self,
        count: int,
        hows: Sequence[Draw],
        endings: np.ndarray | None,
        seen: np.ndarray | None = None,
        trail: Trail | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `Reader.draw`. N is less than `count`, perhaps 0, if after the next ones a unit begins of which only the
        text tells.

        trail: is filled with all places along the symbols, if there are any.
        """
        policy, samplings = self._policy(), [how.sampling for how in hows]
        recent, place = recents([how.recent for how in hows], samplings, count)
        rows = Rows(
            state=self._state,
            logits=self.parameters.copy(),
            keys=np.array([how.randomness.key for how in hows], np.uint64),
            drawn=np.array([how.randomness.step for how in hows], np.uint64),
            recent=recent,
            place=place,
            counts=copied([how.counts for how in hows], samplings, self.parameters.shape[1]),
        )
        if trail is not None:
            state = tuple(np.empty((count, *part.shape), part.dtype) for part in self._state)
            rows.trail = state, np.empty((count, *rows.logits.shape), rows.logits.dtype)
        symbols, log_probs, counts = self._loops.generate(count, rows, samplings, policy, endings, None, seen)
        after, sure = self._after(symbols, counts, policy)
        if sure < count:
            return self.draw(sure, hows, endings, seen, trail) if sure else (symbols[:0], log_probs[:0], counts * 0)
        if trail is not None and rows.trail is not None:
            trail.filled(shallow(self), symbols, *rows.trail)
        self._rows, self._state, self.parameters = after, rows.state, rows.logits
        for how, drawn in zip(hows, counts.tolist(), strict=True):
            how.randomness.step += drawn
        return symbols, log_probs, counts

    def _known(self, row: Row, symbols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network reads in this row after each of these symbols [N], and whether its state is zero before."""
        period = self._past.period
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
        row = self._rows[0]
        return Policy(
            start=int(self._model.codec.steps.start),
            in_unit=np.array([one.in_unit for one in self._rows], np.int32),
            predicted=np.array([one.predicted for one in self._rows], np.int32),
            every=row.every if row.every < 1 << 31 else 0,
            period=self._past.period,
            begins=self._begins,
        )

    def _after(self, symbols: np.ndarray, counts: np.ndarray, policy: Policy) -> tuple[list[Row], int]:
        """The rows after these symbols [N, rows], of which so many [rows] were read; and after how many steps no unit
        had begun, in any row, but where the policy says so. A row that has fewer than N has ended with the last."""
        rows, sure = [row.copy() for row in self._rows], len(symbols)
        if rows[0].ruled:
            begins = set() if policy.begins is None else set(np.flatnonzero(policy.begins).tolist())
            for row, drawn, count in zip(rows, symbols.T.tolist(), counts.tolist(), strict=True):
                for n, symbol in enumerate(drawn[: min(sure, count - (count < len(symbols)))]):
                    if row.read(symbol) != (symbol in begins):
                        sure = n
                        break
        for row, in_unit, predicted in zip(rows, policy.in_unit.tolist(), policy.predicted.tolist(), strict=True):
            row.in_unit, row.predicted = in_unit, predicted
        return rows, sure
