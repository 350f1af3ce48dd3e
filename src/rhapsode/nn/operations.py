"""The operations that networks are made of, so that a forward pass is written once.

There are two backends: `rhapsode.nn.tensors.Tensors` computes with torch, for training; `rhapsode.nn.engine.Graph`
writes an ONNX graph, for everything else. X is the type of values: a tensor, or the name of a value in the graph. Their
shape is [T, B, N], time-major. Weights are tensors for the first backend, and arrays for the second.

Cells and attentions have two forms of their own (`run` and `graph`), since training needs fused kernels and gradients,
and an LSTM is one ONNX node.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

if TYPE_CHECKING:
    from rhapsode.nn.attention._attention import Attention
    from rhapsode.nn.cells._cell import Cell

X = TypeVar("X")


class Operations(ABC, Generic[X]):
    """One backend."""

    @abstractmethod
    def concatenate(self, parts: Sequence[X]) -> X:
        """[T, B, N1], [T, B, N2] ... → [T, B, N1 + N2 ...]. float32 beside bfloat16 gives float32."""

    @abstractmethod
    def sum(self, one: X, other: X) -> X:
        """The sum of two values of equal shape."""

    @abstractmethod
    def tanh(self, x: X) -> X:
        """tanh of each number."""

    @abstractmethod
    def linear(self, x: X, weight: Any, bias: Any, exact: bool = False) -> X:
        """x [T, B, I], weight [O, I], bias [O] → [T, B, O]. exact: compute in float32, whatever the precision of the
        rest."""

    @abstractmethod
    def drop(self, x: X, place: Literal["input", "between", "output"]) -> X:
        """Dropout at the rate for this place. Without training, it changes nothing."""

    @abstractmethod
    def layer(self, cell: Cell, weights: Mapping[str, Any], x: X, state: tuple[X, ...]) -> tuple[X, tuple[X, ...]]:
        """A recurrent layer: x [T, B, I] and state parts [B, H] → outputs [T, B, H] and the new state."""

    @abstractmethod
    def direction(self, cell: Cell, weights: Mapping[str, Any], x: X, backward: bool) -> X:
        """One direction of a bidirectional layer, which begins with a zero state: x [T, B, I] → [T, B, H]. backward:
        the last step is read first."""

    @abstractmethod
    def attend(
        self,
        attention: Attention,
        weights: Mapping[str, Any],
        cell: Cell,
        layer: Mapping[str, Any],
        x: X,
        before: tuple[X, ...],
        state: tuple[X, ...],
    ) -> tuple[X, X, tuple[X, ...], tuple[X, ...]]:
        """The first layer and the attention that it steers: x [T, B, I] → outputs [T, B, H] of the layer and [T, B, C]
        of the attention, and the new states of both. before, state: those of the layer and of the attention."""


def part(weights: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The weights of one part of a network: `name.weight` is its `weight`."""
    prefix = f"{name}."
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
