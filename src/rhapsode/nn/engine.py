"""Engines: a trained network run step by step or window by window, with the state in and out.

Scoring, generation and compression all use an engine, so that they see the same numbers. There are two arithmetics. In
whole numbers, `rhapsode.nn.integers` runs a network, the same on every machine. In float32, `OnnxEngine` runs an ONNX
graph in ONNX Runtime. (Calling torch's LSTM once per step costs more in repacking weights than in arithmetic; ONNX
Runtime packs them once.)
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.nn.operations import Operations

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    from rhapsode.nn.attention._attention import Attention
    from rhapsode.nn.cells._cell import Cell

State = tuple[np.ndarray, ...]
"""The state of B rows: parts [B, H], of types that the engine chooses. Treat as immutable: a step makes new arrays."""
Texts = tuple[np.ndarray, np.ndarray]
"""Texts of B rows: symbols [U, B] int64, and how many of them are each row's own, [B] int64."""

OPSET = 17
INPUT, COVARIATES, OUTPUT = "inputs", "covariates", "parameters"
TEXT, LENGTHS, ATTENTION = "text", "lengths", "attention"
SINGLE = "single steps"
"""A graph's documentation says so if it computes one step, not a window of any length."""


def cores() -> int:
    """The processor's cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Graph(Operations[str]):
    """An ONNX graph under construction. Nodes get their names as they are added.

    shape:   the shape of a step: () for symbols.
    whole:   steps consist of whole numbers.
    covariates: D, the covariates of each step: the graph has an input `covariates` [T, B, D].
    attends: each row has a text: the graph has inputs `text` [U, B] and `lengths` [B], and `attention` is set.
    single:  the graph computes one step, not a window.
    """

    FLOAT = 1  # ONNX's number for float32
    text, lengths, covariates = TEXT, LENGTHS, COVARIATES

    def __init__(
        self,
        shape: tuple[int, ...] = (),
        whole: bool = True,
        attends: bool = False,
        covariates: int = 0,
        single: bool = False,
    ) -> None:
        self._shape, self._whole, self._attends, self._given, self._single = shape, whole, attends, covariates, single
        self.attention = ""
        self.row_lengths = ""
        """The name of how many steps each row has, [B] int64, where rows are padded: for bidirectional layers."""
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._state: list[tuple[str, int]] = []
        self._count = 0

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def constant(self, value: np.ndarray | Sequence[int]) -> str:
        """Add an array (lists of int become int64)."""
        from onnx import numpy_helper

        name = self._name()
        array = np.asarray(value if isinstance(value, np.ndarray) else np.array(value, np.int64), order="C")
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> tuple[str, ...]:
        """Add a node; returns the names of its outputs."""
        from onnx import helper

        names = tuple(self._name() for _ in range(outputs))
        self._nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names

    def state(self, name: str, width: int) -> str:
        """Declare one more part of the state, [B, width]; returns the name of its value before the window."""
        self._state.append((name, width))
        return name

    def concatenate(self, parts: Sequence[str]) -> str:
        return self.add("Concat", *parts, axis=2)[0] if len(parts) > 1 else parts[0]

    def sum(self, one: str, other: str) -> str:
        return self.add("Add", one, other)[0]

    def tanh(self, x: str) -> str:
        return self.add("Tanh", x)[0]

    def linear(self, x: str, weight: np.ndarray, bias: np.ndarray, exact: bool = False) -> str:
        return self.sum(self.add("MatMul", x, self.constant(weight.T))[0], self.constant(bias))

    def drop(self, x: str, place: str) -> str:
        return x

    def layer(
        self, cell: Cell, weights: Mapping[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        return cell.graph(self, dict(weights), x, state)

    def direction(self, cell: Cell, weights: Mapping[str, np.ndarray], x: str, backward: bool) -> str:
        rows = self.add("Shape", x, start=1, end=2)[0]
        shape = self.add("Concat", rows, self.constant([cell.width]), axis=0)[0]
        zero = self.add("ConstantOfShape", shape)[0]  # float32
        y, _ = cell.graph(self, dict(weights), self._turned(x) if backward else x, (zero,) * len(cell.state))
        return self._turned(y) if backward else y

    def _turned(self, x: str) -> str:
        """[T, B, N] in reverse order of time. Of each row, the first `row_lengths` steps are reversed."""
        if self.row_lengths:
            return self.add("ReverseSequence", x, self.row_lengths, batch_axis=1, time_axis=0)[0]
        ends = [self.constant([at]) for at in (-1, -(2**62), 0, -1)]
        return self.add("Slice", x, *ends)[0]

    def attend(
        self,
        attention: Attention,
        weights: Mapping[str, np.ndarray],
        cell: Cell,
        layer: Mapping[str, np.ndarray],
        x: str,
        before: tuple[str, ...],
        state: tuple[str, ...],
    ) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
        first = self.constant([0])
        if attention.feedback:  # one step: what was attended at the step before stands in the state
            x = self.concatenate([x, self.add("Unsqueeze", state[-1], first)[0]])
        y, new = self.layer(cell, layer, x, before)
        own = state[: len(attention.state)]
        w, self.attention, after = attention.graph(self, dict(weights), y, own)
        if attention.feedback:
            after = (*after, self.add("Squeeze", w, first)[0])
        return y, w, new, after

    def finish(self, parameters: str, new_state: Sequence[str]) -> bytes:
        """The serialised model. Inputs: `inputs` [T, B, *shape] int64 or float32, the state, and perhaps the text and
        the covariates. Outputs: `parameters` [T, B, P], perhaps `attention` [T, B, U], and the new state, as
        declared."""
        from onnx import TensorProto, checker, helper

        if len(new_state) != len(self._state):
            raise ValueError(f"{len(self._state)} state parts declared, {len(new_state)} given back")
        number, integer = TensorProto.FLOAT, TensorProto.INT64
        ends = [(parameters, OUTPUT), *[(self.attention, ATTENTION)] * self._attends]
        ends += [(new, f"new_{old}") for new, (old, _) in zip(new_state, self._state, strict=True)]
        for source, name in ends:
            self._nodes.append(helper.make_node("Identity", [source], [name]))
        graph = helper.make_graph(
            self._nodes,
            "rhapsode",
            [
                helper.make_tensor_value_info(INPUT, integer if self._whole else number, ["T", "B", *self._shape]),
                *[helper.make_tensor_value_info(COVARIATES, number, ["T", "B", self._given])] * bool(self._given),
                *(helper.make_tensor_value_info(name, number, ["B", width]) for name, width in self._state),
                *[helper.make_tensor_value_info(TEXT, integer, ["U", "B"])] * self._attends,
                *[helper.make_tensor_value_info(LENGTHS, integer, ["B"])] * self._attends,
            ],
            [
                helper.make_tensor_value_info(OUTPUT, number, ["T", "B", "P"]),
                *[helper.make_tensor_value_info(ATTENTION, number, ["T", "B", "U"])] * self._attends,
                *(helper.make_tensor_value_info(f"new_{name}", number, ["B", width]) for name, width in self._state),
            ],
            self._constants,
            doc_string=SINGLE if self._single else "",
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        checker.check_model(model)
        return bytes(model.SerializeToString())


class Opened(Graph):
    """A graph that has the gates of all recurrent layers, too."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.gates: list[tuple[str, ...]] = []
        """Of each layer so far, the names of its gates [1, B, H]."""

    def layer(
        self, cell: Cell, weights: Mapping[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        self.gates.append(cell.opened(self, dict(weights), x, state))
        return super().layer(cell, weights, x, state)


class Engine(ABC):
    """Runs a network, or the encoder of one.

    Its results are the same, bit for bit, in windows of any length, and alone or among other rows.
    """

    name: str
    """What computes, for `inspect`."""

    @abstractmethod
    def zeros(self, rows: int) -> State:
        """The state of `rows` rows that have read nothing."""

    @abstractmethod
    def attend(
        self, inputs: np.ndarray, state: State, text: Texts | None, covariates: np.ndarray | None = None
    ) -> tuple[np.ndarray, State, np.ndarray]:
        """As `run`, and the weights of attention on the symbols at each step: [T, B, U] float32; U is 0 without
        attention."""

    @abstractmethod
    def real(self, state: State) -> State:
        """A state in real numbers: float32."""

    def run(
        self, inputs: np.ndarray, state: State, text: Texts | None = None, covariates: np.ndarray | None = None
    ) -> tuple[np.ndarray, State]:
        """inputs [T, B, *shape of a step] → parameters [T, B, P] of the step after each, and the new state.

        Parameters are float32 (of `OnnxEngine`), int32 (logits in whole numbers, 1024 to a nat) or float64 (all others
        of networks in whole numbers). An encoder gives its output, float32.

        text: symbols [U, B] int64 and lengths [B] int64 of the texts of the rows, if the network has attention.
        covariates: [T, B, D] float32 of the step after each, if the network reads any.
        Raises `UserError` if the weights are so large that the output is not finite.
        """
        return self.attend(inputs, state, text, covariates)[:2]


class OnnxEngine(Engine):
    """Runs a graph made by `Graph.finish`."""

    name = "ONNX Runtime"

    def __init__(self, graph: bytes, threads: int | None = None, spinning: bool = True) -> None:
        """spinning: threads wait for work for some milliseconds before they sleep. It costs what others could use."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or min(4, os.cpu_count() or 1)
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        names = (INPUT, COVARIATES, TEXT, LENGTHS)
        self._state = [(i.name, int(i.shape[1])) for i in self._session.get_inputs() if i.name not in names]
        self._single = self._session.get_modelmeta().graph_description == SINGLE

    def zeros(self, rows: int) -> State:
        return tuple(np.zeros((rows, width), np.float32) for _, width in self._state)

    def attend(
        self, inputs: np.ndarray, state: State, text: Texts | None, covariates: np.ndarray | None = None
    ) -> tuple[np.ndarray, State, np.ndarray]:
        if self._single and len(inputs) > 1:
            parameters, attention = [], []
            for t, step in enumerate(inputs):
                one, state, where = self.attend(
                    step[None], state, text, None if covariates is None else covariates[t : t + 1]
                )
                parameters.append(one)
                attention.append(where)
            return np.concatenate(parameters), state, np.concatenate(attention)
        feeds = {INPUT: inputs, **{name: part for (name, _), part in zip(self._state, state, strict=True)}}
        if covariates is not None:
            feeds[COVARIATES] = covariates
        if text is None:
            found, *new_state = self._session.run(None, feeds)
            where = np.empty((*found.shape[:2], 0), np.float32)
        else:
            found, where, *new_state = self._session.run(None, feeds | {TEXT: text[0], LENGTHS: text[1]})
        if not np.isfinite(found).all():
            raise UserError(
                "the network's output is not finite: the model's weights are far too large for anything to be computed "
                "with them. Restore the model from a copy, or train again."
            )
        return found, tuple(new_state), where

    def real(self, state: State) -> State:
        return state
