"""What every attention offers.

An attention stands after the first layer of a network: it reads that layer's outputs and the text that goes with the
unit, and what it returns is an input of the layers above. Like a cell, it holds nothing and is written twice: `run`
(torch) for training, `graph` (ONNX) for everything else.
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
    """The texts of a batch: symbols [U, B] int64; begin, end [T, B] int64 of the part of a row that is the unit's."""

    symbols: Tensor
    begin: Tensor
    end: Tensor


class Attention(ABC):
    """A text, as the layers above the first one get it: `width` numbers a step.

    reads: H, the width of the first layer.
    """

    name: ClassVar[str]

    class Settings(Part):
        """What can be set of it: the table [network.attention]."""

        feedback: bool = False
        """What is attended at a step is an input of the first layer at the next one, too. (It costs speed.)"""

    def __init__(self, reads: int, text: Text | None, settings: Settings) -> None:
        """Raises `UserError` where there are no texts."""
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
        """Widths of the state's parts, each [B, width]. Zero is the state before anything was read."""

    @property
    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape of each weight."""

    @abstractmethod
    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        """Fill the weights in place with the values training begins with."""

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
        """The first layer, fed by what was attended at the step before: outputs [T, B, H] and [T, B, C], and the
        new states. The last part of `state` is what was given last, [B, C]."""
        import torch

        state, w = state[:-1], state[-1]
        ys, ws = [], []
        for t in range(len(x)):
            now = slice(t, t + 1)
            shut = None if reset is None else reset[now]
            y, before = cell.run(layer, torch.cat([x[now], w.unsqueeze(0).to(x.dtype)], dim=-1), before, shut)
            given, state = self.run(weights, y, Memory(text.symbols, text.begin[now], text.end[now]), state, shut)
            w = given[0] if shut is None else given[0] * ~shut[0].unsqueeze(-1)
            ys.append(y)
            ws.append(w)
        return torch.cat(ys), torch.stack(ws), before, (*state, w)

    @abstractmethod
    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], h: str, state: tuple[str, ...]
    ) -> tuple[str, str, tuple[str, ...]]:
        """Add it to an ONNX graph that has the inputs `graph.text` [U, B] int64 and `graph.lengths` [B] int64: names of
        what it returns [T, B, C], of what it attends to [T, B, U], and of the new state."""
