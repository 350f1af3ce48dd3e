"""Embeddings, by which networks read steps: steps [..., *S] → numbers [..., width].

Each is written twice: with torch (`run`), and as nodes of an ONNX graph (`graph`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic.quantise import NUMBER, exact_product, number

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.engine import Graph


class Embedding(ABC):
    """One way to read steps."""

    width: int
    """How many numbers the network reads of each step."""

    table: tuple[int, int] | None = None
    """The shape of the table of weights, the last row of which is `start`; None if the embedding has no weights."""

    groups: tuple[int, ...] = ()
    """Of one-hot vectors, their sizes, one after another. Each has a single 1."""

    most: float | None = None
    """Of real numbers, the greatest that is read, if there is a limit; none is less than its negative."""

    def initialise(self, table: Tensor, std: float, generator: Generator) -> None:
        """Fill the table in place with values of this standard deviation, for the beginning of training."""
        table.normal_(std=std, generator=generator)
        table[-1] = 0  # `start` is neutral: short training may never meet it

    @abstractmethod
    def run(self, inputs: Tensor, table: Tensor | None, like: Tensor) -> Tensor:
        """inputs [..., *S] → [..., width], of the device and type of `like`."""

    @abstractmethod
    def graph(self, graph: Graph, inputs: str, table: np.ndarray | None) -> str:
        """The same for inputs [T, B, *S]. Returns the name of the result."""

    @abstractmethod
    def numbers(self, inputs: np.ndarray, table: np.ndarray | None) -> np.ndarray:
        """The same in whole numbers: inputs [..., *S] → [..., width] int16 (see `quantise.number`). table: int16."""

    def sums(self, weights: np.ndarray, inputs: np.ndarray, table: np.ndarray | None) -> np.ndarray:
        """What is read, times weights [R, width] int16: [..., R] int64."""
        return exact_product(self.numbers(inputs, table), weights)


class Numbers(Embedding):
    """Real numbers are read as they are."""

    def __init__(self, width: int) -> None:
        self.width = width

    def run(self, inputs: Tensor, table: Tensor | None, like: Tensor) -> Tensor:
        return inputs

    def graph(self, graph: Graph, inputs: str, table: np.ndarray | None) -> str:
        return inputs

    def numbers(self, inputs: np.ndarray, table: np.ndarray | None) -> np.ndarray:
        return number(inputs)


class Table(Embedding):
    """Symbols are looked up in a table, which is learnt."""

    def __init__(self, rows: int, width: int) -> None:
        self.table, self.width = (rows, width), width

    def run(self, inputs: Tensor, table: Tensor | None, like: Tensor) -> Tensor:
        from torch.nn import functional

        assert table is not None
        # The gradient of the table is dense, not of single rows, so that fused optimizers work.
        return functional.embedding(inputs, table)

    def graph(self, graph: Graph, inputs: str, table: np.ndarray | None) -> str:
        assert table is not None
        return graph.add("Gather", graph.constant(table), inputs)[0]

    def numbers(self, inputs: np.ndarray, table: np.ndarray | None) -> np.ndarray:
        assert table is not None
        return np.asarray(table[inputs])


class OneHot(Embedding):
    """Each symbol becomes a vector of zeros with a single one."""

    def __init__(self, width: int) -> None:
        self.width, self.groups = width, (width,)

    def run(self, inputs: Tensor, table: Tensor | None, like: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.one_hot(inputs, self.width).to(like.dtype)

    def graph(self, graph: Graph, inputs: str, table: np.ndarray | None) -> str:
        # An identity matrix of a large vocabulary would not fit into memory.
        off_on = graph.constant(np.array([0, 1], np.float32))
        return graph.add("OneHot", inputs, graph.constant([self.width]), off_on)[0]

    def numbers(self, inputs: np.ndarray, table: np.ndarray | None) -> np.ndarray:
        return np.asarray((inputs[..., None] == np.arange(self.width)) * np.int16(NUMBER))

    def sums(self, weights: np.ndarray, inputs: np.ndarray, table: np.ndarray | None) -> np.ndarray:
        # Vectors of a large vocabulary would not fit into memory.
        return np.asarray(weights.T.astype(np.int64)[inputs] * NUMBER)


class OneHots(Embedding):
    """Each field of a tuple becomes a vector of zeros with a single one; all fields are joined. sizes: of the
    fields."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.width, self.groups = sum(sizes), sizes
        self._begins = np.cumsum([0, *sizes[:-1]])

    def run(self, inputs: Tensor, table: Tensor | None, like: Tensor) -> Tensor:
        where = inputs + inputs.new_tensor(self._begins)
        return like.new_zeros(*inputs.shape[:-1], self.width).scatter_(-1, where, 1.0)

    def graph(self, graph: Graph, inputs: str, table: np.ndarray | None) -> str:
        off_on = graph.constant(np.array([0, 1], np.float32))
        where = graph.add("Add", inputs, graph.constant(self._begins))[0]
        fields = graph.add("OneHot", where, graph.constant([self.width]), off_on)[0]
        return graph.add("ReduceSum", fields, graph.constant([2]), keepdims=0)[0]  # of zeros and ones: exact

    def numbers(self, inputs: np.ndarray, table: np.ndarray | None) -> np.ndarray:
        found = np.zeros((*inputs.shape[:-1], self.width), np.int16)
        np.put_along_axis(found, inputs + self._begins, NUMBER, axis=-1)
        return found
