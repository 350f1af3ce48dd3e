"""The base class of cells.

A cell is a pure function of its weights, its input and its state; it holds nothing. It is written twice: `run` for
training (torch, a whole window at once), `graph` for everything else (an ONNX graph for the engine). The conformance
tests compare the two, and T steps at once with T times one step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rhapsode.config import Part

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph

State = tuple["Tensor", ...]


class Cell(ABC):
    """The recurrence of one layer: `inputs` numbers per step → `width` numbers per step."""

    name: ClassVar[str]
    state: ClassVar[tuple[str, ...]]
    """The names of the state's parts, each [B, H]. All zeros is the state before anything was read."""

    single: ClassVar[bool] = False
    """Whether its graph computes one step, instead of a window of any length."""

    pace: ClassVar[float] = 1.0
    """The usual learning rate of its matrices, over that of the plain LSTM's. Where matrices are multiplied with one
    another, steps as large as an LSTM's are too large."""

    gates: ClassVar[tuple[str, ...]] = ()
    """The names of its gates: numbers from 0, closed, to 1, open, of each unit at each step."""

    Settings: ClassVar[type[Part]] = Part
    """Its settings: the table [network.cell]."""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name.upper()

    def __init__(self, inputs: int, width: int, settings: Part | None = None) -> None:
        """settings: of the class `Settings`; None for its defaults."""
        self.inputs = inputs
        self.width = width

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of each weight."""

    @property
    def matrices(self) -> dict[str, int]:
        """Name → how many matrices a weight consists of, one for each gate, one above the other. Only of weights that
        are matrices, sorted by name."""
        gates = max(shape[0] // self.width for shape in self.shapes.values())
        rows = gates * self.width  # peepholes are no matrices
        return {name: gates for name, shape in sorted(self.shapes.items()) if len(shape) == 2 and shape[0] == rows}

    @abstractmethod
    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Fill the weights in place with the values with which training begins."""

    @property
    def recurrent(self) -> tuple[str, ...]:
        """The names of the recurrent weights, to which weight-drop applies."""
        return ()

    @abstractmethod
    def run(self, weights: dict[str, Tensor], x: Tensor, state: State, reset: Tensor | None) -> tuple[Tensor, State]:
        """A window: x [T, B, inputs], state parts [B, H] → outputs [T, B, H], state after step T.

        reset [T, B] bool, or None if there are no resets: where it is true, the state of row b after step t is zero,
        whatever the input is (such steps have no data; see `rhapsode.data.framing`).
        """

    @abstractmethod
    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """Add one layer to an ONNX graph: the names of x [T, B, inputs] and of the state's parts [B, H] → the names of
        the outputs and of the new state."""

    def opened(self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]) -> tuple[str, ...]:
        """Add the gates of one step, as `graph` computes them, to an ONNX graph: the names of x [1, B, inputs] and of
        the state's parts before it [B, H] → those of `gates`, [1, B, H] each."""
        return ()
