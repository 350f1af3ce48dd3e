"""What every cell offers.

A cell is a pure function of its weights, its input and its state; it holds nothing. It is written
twice: `run` for training (torch, over a whole window at once), `graph` for everything else (an ONNX
graph for the engine). The conformance tests hold the two against each other, and T steps at once
against T times one step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

State = tuple["Tensor", ...]


class Cell(ABC):
    """The recurrence of one layer, from `inputs` numbers a step to `width` numbers a step."""

    name: ClassVar[str]
    state: ClassVar[tuple[str, ...]]
    """Names of the state's parts, each [B, H]. Zero is the state before anything was read."""

    single: ClassVar[bool] = False
    """Its graph computes one step, not a window of any length."""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name.upper()

    def __init__(self, inputs: int, width: int) -> None:
        self.inputs = inputs
        self.width = width

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of each weight."""

    @property
    def matrices(self) -> dict[str, int]:
        """Name → the number of matrices that stand in a weight one above the other, one a gate: of those weights that
        are matrices, in the order of their names."""
        gates = max(shape[0] // self.width for shape in self.shapes.values())
        rows = gates * self.width  # peepholes are no matrices
        return {name: gates for name, shape in sorted(self.shapes.items()) if len(shape) == 2 and shape[0] == rows}

    @abstractmethod
    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Fill the weights in place with the values training begins with."""

    @property
    def recurrent(self) -> tuple[str, ...]:
        """Names of the recurrent weights, the ones weight-drop applies to."""
        return ()

    @abstractmethod
    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        """A window: x [T, B, inputs], state parts [B, H] → outputs [T, B, H], state after step T.

        reset [T, B] bool, or None for nowhere: where it is true, row b's state after step t is zero,
        whatever the input (such steps carry no data; see `rhapsode.data.framing`).
        """

    @abstractmethod
    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """Add one layer to an ONNX graph: names of x [T, B, inputs] and state parts [B, H] → the same
        of the outputs and the new state."""
