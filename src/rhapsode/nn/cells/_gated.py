"""LSTMs of which the sums of the gates are their own, and what follows is plain."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from rhapsode.nn.cells import _plain
from rhapsode.nn.cells._stepwise import Stepwise

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.nn.engine import Graph


class Gated(Stepwise):
    """A cell with the state and the gates of an LSTM, whose graph computes one step."""

    state = ("h", "c")
    gates = _plain.GATES
    single = True

    @abstractmethod
    def sums(self, graph: Graph, weights: dict[str, np.ndarray], x: str, h: str) -> str:
        """The sums of the gates i, f, g, o [1, B, 4H] of one step: x [1, B, I] and the output before [B, H]."""

    def seen(self, graph: Graph, weights: dict[str, np.ndarray], c: str) -> str:
        """What the output sees of the memory cells c [1, B, H]."""
        return c

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        sums = self.sums(graph, weights, x, state[0])
        return _plain.step(graph, sums, state[1], lambda c: self.seen(graph, weights, c))

    def opened(self, graph: Graph, weights: dict[str, np.ndarray], x: str, state: tuple[str, ...]) -> tuple[str, ...]:
        return _plain.opened(graph, self.sums(graph, weights, x, state[0]))
