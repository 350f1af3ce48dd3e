"""The base class of attention.

An attention comes after the first layer of a network. It reads that layer's outputs and the text of the unit; its
output is an input of the layers above. Like a cell, it holds nothing, and is written twice: `run` (torch) for training,
`graph` (ONNX) for everything else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from rhapsode.config import Part
from rhapsode.errors import UserError
from rhapsode.steps.text import Text

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.cells._cell import Cell
    from rhapsode.nn.engine import Graph

    State = tuple[Tensor, ...]


@dataclass(frozen=True)
class Memory:
    """The texts of a batch: symbols [U, B] int64; begin, end [T, B] int64: the part of a row that belongs to the step's
    unit."""

    symbols: Tensor
    begin: Tensor
    end: Tensor


class Attention(ABC):
    """An attention to a text. It gives the layers above the first one `width` numbers for each step.

    reads: H, the hidden size of the first layer.
    """

    name: ClassVar[str]

    parts: ClassVar[tuple[str, ...]]
    """The names of the state's parts."""

    class Settings(Part):
        """Its settings: the table [network.attention]."""

        feedback: bool = False
        """What is attended at a step is an input of the first layer at the next one, too. (It costs speed.)"""

    def __init__(self, reads: int, text: Text | None, settings: Settings) -> None:
        """Raises `UserError` if there are no texts."""
        if text is None:
            raise UserError(f"attention {self.name!r} needs texts that go with the steps; there are none.")
        self.reads = reads
        self.text = text
        self.feedback = settings.feedback

    @property
    @abstractmethod
    def width(self) -> int:
        """C, numbers a step."""

    @property
    @abstractmethod
    def state(self) -> tuple[int, ...]:
        """The widths of the state's parts, each [B, width]. All zeros is the state before anything was read."""

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of each weight."""

    @abstractmethod
    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Fill the weights in place with the values with which training begins."""

    @abstractmethod
    def run(
        self,
        weights: dict[str, Tensor],
        h: Tensor,
        text: Memory,
        state: tuple[Tensor, ...],
        reset: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """h [T, B, H] → [T, B, C] and the new state. reset [T, B] as in `Cell.run`: the state after it is zero."""

    def around(
        self,
        cell: Cell,
        layer: dict[str, Tensor],
        weights: dict[str, Tensor],
        x: Tensor,
        text: Memory,
        before: State,
        state: State,
        reset: Tensor | None,
    ) -> tuple[Tensor, Tensor, State, State]:
        """The first layer, which reads the attention of the previous step: outputs [T, B, H] and [T, B, C], and the new
        states. The last part of `state` is the last output of the attention, [B, C]."""
        import torch

        state, w = state[:-1], state[-1]
        ys, ws = [], []
        for t in range(len(x)):
            now = slice(t, t + 1)
            shut = None if reset is None else reset[now]
            y, before = cell.run(layer, torch.cat([x[now], w.unsqueeze(0).to(x.dtype)], dim=-1), before, shut)
            attended, state = self.run(weights, y, Memory(text.symbols, text.begin[now], text.end[now]), state, shut)
            w = attended[0] if shut is None else attended[0] * ~shut[0].unsqueeze(-1)
            ys.append(y)
            ws.append(w)
        return torch.cat(ys), torch.stack(ws), before, (*state, w)

    @abstractmethod
    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], h: str, state: tuple[str, ...]
    ) -> tuple[str, str, tuple[str, ...]]:
        """Add it to an ONNX graph with the inputs `graph.text` [U, B] int64 and `graph.lengths` [B] int64. Returns the
        names of its output [T, B, C], of its weights on symbols [T, B, U], and of the new state."""

    def step(
        self, parameters: np.ndarray, state: tuple[np.ndarray, ...], text: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
        """One step in doubles, the same on every machine (docs/arithmetic.md): what the layer that steers it gives
        [B, N] float64, the state's parts [B, width] float64, and the texts, symbols [U, B] and lengths [B] → its output
        [B, C] float64, its weights on symbols [B, U] float64, and the new state."""
        raise NotImplementedError
