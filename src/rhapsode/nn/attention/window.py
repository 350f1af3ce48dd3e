"""A soft window that moves along a text (Graves 2013, section 5.1, equations 46-51).

    (alpha^, beta^, kappa^) = W h + b              K numbers each
    kappa_t = kappa_(t-1) + exp(kappa^)            where each Gaussian stands, in characters from the text's beginning
    phi(t, u) = sum_k exp(alpha^) exp(-exp(beta^) (kappa_t - u)^2)
    w_t = sum_u phi(t, u) onehot(c_u)

The sum over time is all of its recurrence. So without feedback a whole window of T steps is computed at once.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from rhapsode.arithmetic import doubles
from rhapsode.nn.attention._attention import Attention, Memory
from rhapsode.steps.text import Text

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from rhapsode.nn.cells._cell import Cell
    from rhapsode.nn.engine import Graph

    State = tuple[Tensor, ...]

MOST = 8.0
"""Cut of the exponents, so that nothing overflows: exp(8) = 2981 characters a step."""


class Window(Attention):
    """Weights: `weight` [3K, H] and `bias` [3K], rows for alpha, beta, kappa. State: kappa [B, K]."""

    name = "window"
    parts = ("kappa",)

    class Settings(Attention.Settings):
        """Settings of it."""

        name: str = "window"
        components: int = Field(default=10, ge=1, le=1000)
        """K, Gaussians in the window."""

    def __init__(self, reads: int, text: Text | None, settings: Settings) -> None:
        super().__init__(reads, text, settings)
        self.components = settings.components

    @property
    def width(self) -> int:
        return self.text.size

    @property
    def state(self) -> tuple[int, ...]:
        return (self.components,)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (3 * self.components, self.reads), "bias": (3 * self.components,)}

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        weights["weight"].normal_(std=0.1 * self.reads**-0.5, generator=generator)
        # The window begins to move at the data's own pace; exp(0) would be a character each step.
        alpha, beta, kappa = weights["bias"].view(3, -1)
        alpha.fill_(-math.log(self.components))
        beta.fill_(0.0)
        kappa.fill_(math.log(self.text.pace))

    def run(
        self,
        weights: dict[str, Tensor],
        h: Tensor,
        text: Memory,
        state: tuple[Tensor, ...],
        reset: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        import torch
        from torch.nn.functional import linear, one_hot

        with torch.autocast(h.device.type, enabled=False):  # positions need more digits than bf16 has
            found = linear(h.float(), weights["weight"], weights["bias"]).clamp(max=MOST).exp()
            alpha, beta, moved = torch.chunk(found, 3, dim=-1)
            kappa = state[0] + moved.cumsum(0)
            if reset is not None:
                # What had been passed by the last reset step of a row, 0 where it had none.
                kappa = kappa - (kappa * reset.unsqueeze(-1)).cummax(0).values
            u = torch.arange(len(text.symbols), device=h.device)
            place = (u - text.begin.unsqueeze(-1)).unsqueeze(-2)  # [T, B, 1, U]
            phi = torch.exp(-beta.unsqueeze(-1) * (kappa.unsqueeze(-1) - place) ** 2)
            phi = (alpha.unsqueeze(-2) @ phi).squeeze(-2)  # [T, B, U]
            phi = phi * ((u >= text.begin.unsqueeze(-1)) & (u < text.end.unsqueeze(-1)))
            symbols = one_hot(text.symbols.T, self.text.size).float()  # [B, U, C]
            w = torch.bmm(phi.transpose(0, 1), symbols).transpose(0, 1)
        return w, (kappa[-1],)

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
        """With a plain LSTM, by a loop of its own, which is several times as fast."""
        import torch
        from torch.nn.functional import linear, one_hot

        from rhapsode.nn.attention._loop import Loop
        from rhapsode.nn.cells._plain import shut
        from rhapsode.nn.cells.lstm import LSTM

        if not isinstance(cell, LSTM):
            return super().around(cell, layer, weights, x, text, before, state, reset)
        kappa, w = state
        own = x.shape[-1]  # of the kernel's columns, those that read the step; the others read w
        gates = linear(x, layer["input"][:, :own])
        dtype = gates.dtype
        gates = gates.float()
        with torch.autocast(x.device.type, enabled=False):
            gates = gates + layer["bias"]
            keep = torch.ones(*x.shape[:2], 1, device=x.device)
            if reset is not None:
                keep = (~reset).unsqueeze(-1).float()
                gates = gates + shut(gates, cell.width).mul(1 - keep)
            u = torch.arange(len(text.symbols), device=x.device)
            inside = ((u >= text.begin.unsqueeze(-1)) & (u < text.end.unsqueeze(-1))).float()
            h, w, c, kappa = Loop.apply(  # type: ignore[no-untyped-call]
                gates,
                torch.cat([layer["recurrent"], layer["input"][:, own:]], dim=1),
                weights["weight"],
                weights["bias"],
                *(part.float() for part in (*before, kappa, w)),
                one_hot(text.symbols.T, self.text.size).float(),
                (u - text.begin.unsqueeze(-1)).float(),
                inside,
                keep,
                MOST,
                dtype,
            )
        return h, w, (h[-1], c), (kappa, w[-1])

    def graph(
        self, graph: Graph, weights: dict[str, np.ndarray], h: str, state: tuple[str, ...]
    ) -> tuple[str, str, tuple[str, ...]]:
        def axes(name: str, *where: int) -> str:
            return graph.add("Unsqueeze", name, graph.constant(list(where)))[0]

        product = graph.add("MatMul", h, graph.constant(weights["weight"].T))[0]
        product = graph.add("Add", product, graph.constant(weights["bias"]))[0]
        product = graph.add("Min", product, graph.constant(np.array(MOST, np.float32)))[0]
        alpha, beta, moved = graph.add("Split", graph.add("Exp", product)[0], outputs=3, axis=2)
        # kappa before the window, then what each step adds: a sum in that order, so T steps at once are T single ones.
        sums = graph.add("Concat", axes(state[0], 0), moved, axis=0)[0]
        sums = graph.add("CumSum", sums, graph.constant(np.array(0, np.int64)))[0]
        kappa = graph.add("Slice", sums, graph.constant([1]), graph.constant([2**62]), graph.constant([0]))[0]
        last = graph.add("Gather", kappa, graph.constant(np.array(-1, np.int64)), axis=0)[0]
        length = graph.add("Shape", graph.text, start=0, end=1)[0]
        zero, one = (graph.constant(np.array(n, np.int64)) for n in (0, 1))
        u = graph.add("Range", zero, graph.add("Squeeze", length, graph.constant([0]))[0], one)[0]
        distance = graph.add("Sub", axes(kappa, 3), graph.add("Cast", u, to=graph.FLOAT)[0])[0]  # [T, B, K, U]
        square = graph.add("Mul", distance, distance)[0]
        falls = graph.add("Exp", graph.add("Neg", graph.add("Mul", axes(beta, 3), square)[0])[0])[0]
        # As a product: ReduceSum adds up in another order when there is but one row and step.
        phi = graph.add("Squeeze", graph.add("MatMul", axes(alpha, 2), falls)[0], graph.constant([2]))[0]
        inside = graph.add("Less", axes(u, 0), axes(graph.lengths, 1))[0]  # [B, U]
        phi = graph.add("Mul", phi, graph.add("Cast", inside, to=graph.FLOAT)[0])[0]
        off_on = graph.constant(np.array([0, 1], np.float32))
        symbols = graph.add("OneHot", graph.text, graph.constant([self.text.size]), off_on)[0]  # [U, B, C]
        symbols = graph.add("Transpose", symbols, perm=[1, 0, 2])[0]
        w = graph.add("MatMul", axes(phi, 2), symbols)[0]  # [T, B, 1, U] × [B, U, C]
        return graph.add("Squeeze", w, graph.constant([2]))[0], phi, (last,)

    def step(
        self, parameters: np.ndarray, state: tuple[np.ndarray, ...], text: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
        """The sum over k is `doubles.total`; that over u goes from the first symbol to the last. Of the exponent, first
        (kappa - u)^2 is computed."""
        (symbols, lengths), rows = text, len(parameters)
        alpha, beta, moved = np.split(doubles.exp(np.minimum(parameters, MOST)), 3, axis=-1)
        kappa = state[0] + moved
        u = np.arange(len(symbols))
        off = kappa[:, None] - u[:, None]  # [B, U, K]
        phi = doubles.total(alpha[:, None] * doubles.exp(-(beta[:, None] * (off * off))))
        phi *= u < lengths[:, None]
        places = np.arange(rows)[:, None] * self.width + symbols.T
        w = np.bincount(places.ravel(), phi.ravel(), rows * self.width)  # adds from the first to the last
        return w.reshape(rows, self.width), phi, (kappa,)
