"""The network in whole numbers, run by the kernel, with the results of the reference, `rhapsode.nn.integers`.

The kernel draws, scores and codes symbols, too, so that a step costs no Python.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.arithmetic import structures as s
from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.arithmetic.drawing import options
from rhapsode.arithmetic.kernel import Kernel, kernel
from rhapsode.nn.integers import Integers, WholeNumbers
from rhapsode.nn.layout import known, laid_out
from rhapsode.nn.program import Program

if TYPE_CHECKING:
    from rhapsode.arithmetic.sampling import Sampling
    from rhapsode.nn.engine import State, Texts
    from rhapsode.nn.network import Network


_Arrays = dict[str, np.ndarray | None]


@dataclass(frozen=True)
class Policy:
    """What is read after a symbol that was drawn or decoded.

    start:   the symbol before the first of a unit.
    every:   a unit begins after so many steps of a unit: the state becomes zero, and `start` is read. 0: never.
    period:  the state becomes zero when so many steps were predicted since it was zero. 0: never.
    begins:  [V] bool: the symbols after which a unit begins; None for none.
    in_unit, predicted: [B] int32: the steps of the unit so far, and those predicted since the state was zero. They
             are changed in place.
    """

    start: int
    in_unit: np.ndarray
    predicted: np.ndarray
    every: int = 0
    period: int = 0
    begins: np.ndarray | None = None


@dataclass
class Rows:
    """Rows that symbols are drawn for. `generate` changes all arrays in place.

    state:  of the rows; they have read everything before.
    logits: [B, V] int32, of the next step.
    keys:   [B, 2] uint64: `Randomness.key`. drawn: [B] uint64: `Randomness.step`.
    recent: [B, W] int32: the last symbols, in any order; -1 for none. Of each row, as many places are used as its
            repetition window has.
    place:  [B] int64: the place in `recent` that is overwritten next, modulo that.
    counts: B of [V] int32, how often each symbol was drawn before; None where no penalty asks for it.
    trail:  the state after each step, parts [steps, B, H], and the logits then, [steps, B, V]; None if not wanted.
    """

    state: State
    logits: np.ndarray
    keys: np.ndarray
    drawn: np.ndarray
    recent: np.ndarray
    place: np.ndarray
    counts: Sequence[np.ndarray | None]
    trail: tuple[State, np.ndarray] | None = None


def engine(network: Network, tensors: Mapping[str, np.ndarray], program: Program) -> WholeNumbers:
    """What runs a network in whole numbers on this machine: the kernel, or the reference. Both give the same bits.

    tensors: as `rhapsode.nn.quantised.quantise` gives them. program: of the network, or of its encoder.
    """
    found = kernel()
    if found and known(program):
        return Compiled(network, tensors, program, found)
    return Integers(network, tensors, program)


class Compiled(WholeNumbers):
    """Runs integer tensors by the kernel."""

    def __init__(self, network: Network, tensors: Mapping[str, np.ndarray], program: Program, kernel: Kernel) -> None:
        """program: of the network, and `known`."""
        super().__init__(network, program)
        self.name = f"kernel ({kernel.name})"
        self._library = kernel.library
        s.declare(self._library)
        self._image = laid_out(network, tensors, program, kernel)
        self._model = self._image.ctypes.data
        assert program.output is not None
        self._outputs, self._whole = program.output.width, program.output.whole

    def attend(
        self, inputs: np.ndarray, state: State, text: Texts | None, covariates: np.ndarray | None = None
    ) -> tuple[np.ndarray, State, np.ndarray]:
        if covariates is None and self._network.covariates:
            raise ValueError("the network reads covariates, and none are given")
        steps, rows = inputs.shape[:2]
        longest = 0 if text is None else len(text[0])
        parameters = np.empty((steps, rows, self._outputs), np.int32 if self._whole else np.float64)
        seen = np.empty((steps, rows, longest), np.float32)
        arrays: _Arrays = {
            "covariates": None if covariates is None else np.ascontiguousarray(covariates, np.float32),
            "attention": seen,
            "logits" if self._whole else "parameters": parameters,
        }
        if text is not None:
            arrays["text"], arrays["lengths"] = (np.ascontiguousarray(one, np.int32) for one in text)
        new = self._run(inputs, state, longest, arrays)
        return parameters, new, seen

    def read(self, inputs: np.ndarray, state: State, fresh: np.ndarray) -> tuple[np.ndarray, State]:
        """Read symbols [T, B]: the logits after the last [B, V] int32, and the new state. fresh: as for `score`."""
        logits = np.empty((*inputs.shape, self._outputs), np.int32)
        new = self._run(inputs, state, 0, {"logits": logits, "fresh": _flags(fresh)})
        return logits[-1].copy(), new

    def score(
        self, inputs: np.ndarray, state: State, targets: np.ndarray, fresh: np.ndarray | None = None
    ) -> tuple[np.ndarray, State]:
        """The surprise of known symbols: inputs [T, B] and targets [T, B], the symbols after them → -log p of each
        target in nats, [T, B] float64, and the new state. fresh: [T, B] bool: the state is zero before the step."""
        nats = np.empty(targets.shape, np.float64)
        arrays: _Arrays = {"next": np.ascontiguousarray(targets, np.int32), "nats": nats, "fresh": _flags(fresh)}
        return nats, self._run(inputs, state, 0, arrays)

    def generate(
        self,
        steps: int,
        rows: Rows,
        samplings: Sequence[Sampling],
        policy: Policy,
        ends: np.ndarray | None = None,
        allowed: np.ndarray | None = None,
        seen: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw `steps` symbols in each row, and read them: symbols [steps, B] int32, log p of each [steps, B] float64
        by the model's own distribution, and how many there are in each row, [B] int32.

        samplings: how, of each row.
        ends: [V] bool: a row ends with these symbols; it costs nothing from then on, and its state is no longer of use.
        allowed: [B, V] bool: the only symbols that may be drawn; None for all.
        seen: [steps, B, V] int32, into which the logits are put that each symbol is drawn from.
        """
        count = len(rows.logits)
        symbols, log_probs = np.zeros((steps, count), np.int32), np.zeros((steps, count))
        counts = np.zeros(count, np.int32)
        state, parts = _state(rows.state)
        flags = [_flags(one) for one in (ends, allowed)]
        window = rows.recent.shape[1]
        how = options(samplings, rows.counts, window, masked=allowed is not None)
        asked = s.Generate(steps=steps, rows=count, ends=_pointer(flags[0]), allowed=_pointer(flags[1]))
        asked.seen, asked.sampling, asked.stride = _pointer(seen), _pointer(how), window
        asked.policy, kept = self._policy(policy)
        arrays = {"logits": rows.logits, "keys": rows.keys, "drawn": rows.drawn, "recent": rows.recent}
        arrays |= {"place": rows.place, "symbols": symbols, "log_probs": log_probs, "counts": counts}
        for name, array in arrays.items():
            setattr(asked, name, _pointer(array))
        asked.state = ctypes.addressof(parts)
        if rows.trail is not None:
            places = np.array([[part.ctypes.data] for part in rows.trail[0]], np.uint64)
            strides = np.array([[part.strides[0]] for part in rows.trail[0]], np.uint64)
            along = np.ascontiguousarray((places + strides * np.arange(steps, dtype=np.uint64)).T)
            asked.trail, asked.trail_logits = _pointer(along), _pointer(rows.trail[1])
        memory = self._memory(count)
        self._library.rk_generate(self._model, memory.ctypes.data, ctypes.addressof(asked))
        rows.state = state
        del kept
        return symbols, log_probs, counts

    def encode(
        self,
        inputs: np.ndarray,
        state: State,
        targets: np.ndarray,
        encoder: Encoder,
        fresh: np.ndarray | None = None,
    ) -> State:
        """Put symbols of one row: inputs [T] and targets [T], the symbols after them, which are put. The new state.
        fresh: [T] bool, as for `score`."""
        size = len(encoder.code)
        encoder.code += bytes(8 * len(targets))
        room = (ctypes.c_uint8 * len(encoder.code)).from_buffer(encoder.code)
        coder = s.Coder(low=encoder.low, range=encoder.range, code=ctypes.addressof(room), size=size)
        arrays: _Arrays = {"next": np.ascontiguousarray(targets[:, None], np.int32), "fresh": _flags(fresh)}
        new = self._run(inputs[:, None], state, 0, arrays, coder)
        del room  # while it is there, the code cannot be cut
        del encoder.code[coder.size :]
        encoder.low, encoder.range = coder.low, coder.range
        return new

    def decode(
        self, steps: int, state: State, logits: np.ndarray, decoder: Decoder, policy: Policy
    ) -> tuple[np.ndarray, State]:
        """Get `steps` symbols of one row, and read them: symbols [steps] int32, and the new state. logits: [1, V] int32
        of the next step, changed in place."""
        symbols, code = np.empty(steps, np.int32), np.frombuffer(decoder.code, np.uint8)
        new, parts = _state(state)
        asked = s.Decode(steps=steps, state=ctypes.addressof(parts), logits=_pointer(logits), symbols=_pointer(symbols))
        asked.coder = s.Coder(
            low=decoder.offset, range=decoder.range, code=_pointer(code), size=decoder.next, length=len(code)
        )
        asked.policy, kept = self._policy(policy)
        memory = self._memory(1)
        self._library.rk_decode(self._model, memory.ctypes.data, ctypes.addressof(asked))
        del kept
        decoder.offset, decoder.range, decoder.next = asked.coder.low, asked.coder.range, asked.coder.size
        return symbols, new

    def _run(
        self,
        inputs: np.ndarray,
        state: State,
        longest: int,
        arrays: _Arrays,
        coder: s.Coder | None = None,
    ) -> State:
        """Known steps through the kernel: the new state."""
        asked = s.Run(steps=inputs.shape[0], rows=inputs.shape[1], longest=longest)
        if np.issubdtype(inputs.dtype, np.integer) and np.issubdtype(self._network.steps.input_dtype, np.integer):
            name, inputs = "symbols", np.ascontiguousarray(inputs, np.int32)
        else:
            limit = self._network.embedding.most
            inputs = inputs if limit is None else inputs.clip(-limit, limit)
            name, inputs = "values", np.ascontiguousarray(inputs, np.float32)
        setattr(asked, name, _pointer(inputs))
        for name, array in arrays.items():
            setattr(asked, name, _pointer(array))
        new, parts = _state(state)
        asked.state = ctypes.addressof(parts)
        memory = self._memory(asked.rows)
        if coder is None:
            self._library.rk_run(self._model, memory.ctypes.data, ctypes.addressof(asked))
        else:
            self._library.rk_encode(self._model, memory.ctypes.data, ctypes.addressof(asked), ctypes.addressof(coder))
        return new

    def _policy(self, policy: Policy) -> tuple[s.Policy, Any]:
        """As the kernel reads it; and what must be kept as long."""
        begins = _flags(policy.begins)
        made = s.Policy(every=policy.every, period=policy.period, start=policy.start, begins=_pointer(begins))
        made.in_unit, made.predicted = _pointer(policy.in_unit), _pointer(policy.predicted)
        return made, begins

    def _memory(self, rows: int) -> np.ndarray:
        """Memory to work in. Each call has its own, so that threads may share the engine."""
        return s.lines(self._library.rk_memory(self._model, rows))


def _state(state: State) -> tuple[State, Any]:
    """A copy of the state, and pointers to its parts."""
    new = tuple(np.array(part, order="C") for part in state)
    return new, (s.POINTER * max(1, len(new)))(*(part.ctypes.data for part in new))


def _pointer(array: np.ndarray | None) -> int | None:
    return None if array is None else array.ctypes.data


def _flags(values: np.ndarray | None) -> np.ndarray | None:
    return None if values is None else np.ascontiguousarray(values, np.uint8)
