"""One of V symbols, of which the rare ones cost little: adaptive softmax (Grave et al. 2017, 1609.04309).

Symbols are ranked by their frequency. The first ones are the *shortlist*; the others are *clusters*:

    p(w) = softmax(u)_w                                    for a symbol w of the shortlist
    p(w) = softmax(u)_c softmax(V_c h_c + b_c)_w           for a symbol w of the cluster c

The parameters [P] of a step are u, one number a symbol of the shortlist and one a cluster; then h_c of each cluster, a
projection of the features to few numbers: the rarer the cluster, the fewer. V_c and b_c are the head's own weights.
Training computes a cluster only where the target is in it.

The paper has no b_c. And to u of a cluster from rank r to s, a constant is added here, so that with zeros a cluster has
the share that Zipf's law gives it beside the shortlist of n: log(n log((s + 1) / (r + 1)) / log(n + 1)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

import numpy as np
from pydantic import AfterValidator, Field

from rhapsode.arithmetic import choice, doubles
from rhapsode.config import Part
from rhapsode.nn.heads._symbols import OfSymbols
from rhapsode.steps.symbols import Symbols

if TYPE_CHECKING:
    from torch import Generator, Tensor

LARGEST = 1e6
"""Parameters are cut to this, so that no product of them is infinite."""
BITS = 20
"""Of each factor in the product with V_c. A product of two and a sum of 8,192 of them are exact in doubles."""
LEAST = 2.0**-100
"""If no factor is larger than this, they count as if one were."""


Rank = Annotated[int, Field(ge=1, le=1 << 20)]


def _rising(cutoffs: tuple[int, ...]) -> tuple[int, ...]:
    if any(a >= b for a, b in pairwise(cutoffs)):
        raise ValueError("cutoffs must rise, e.g. [2000, 10000]")
    return cutoffs


_InBits = tuple[np.ndarray, np.ndarray]
"""Whole numbers of `BITS` bits, and the power of two of which each is so many."""


class Cluster(NamedTuple):
    """The symbols of these ranks, the place of its h_c [D] among the parameters, and what is added to its u."""

    begin: int
    end: int
    place: slice
    share: float


class Adaptive(OfSymbols):
    """Weights of its own, of each cluster of N symbols: `weight0` [N, D] and `bias0` [N], `weight1`, and so on."""

    name = "adaptive"
    example = {"cutoffs": (3, 5), "features": 4}
    _rounded: Sequence[_InBits] = ()

    class Settings(Part):
        """Settings of it."""

        name: str = "adaptive"
        cutoffs: Annotated[tuple[Rank, ...], Field(min_length=1, max_length=16), AfterValidator(_rising)] = (1000, 5000)
        """The rank at which each cluster begins; the first is the size of the shortlist. Those that the vocabulary does
        not reach count for nothing."""
        features: int = Field(default=64, ge=1, le=4096)
        """Numbers to which the features are projected for the first cluster; a quarter of them for the next, and so
        on."""

    def __init__(self, steps: Symbols, settings: Settings) -> None:
        super().__init__(steps, settings)
        begins = [one for one in settings.cutoffs if one < steps.size]
        self.shortlist = begins[0] if begins else steps.size
        self.clusters, at, features = list[Cluster](), self.shortlist + len(begins), settings.features
        for begin, end in pairwise([*begins, steps.size]):
            zipf = doubles.log((end + 1) / (begin + 1)) / doubles.log(self.shortlist + 1.0)
            self.clusters.append(Cluster(begin, end, slice(at, at + features), doubles.log(self.shortlist * zipf)))
            at, features = at + features, max(1, features // 4)
        self._width = at

    @property
    def width(self) -> int:
        return self._width

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for n, (begin, end, place, _) in enumerate(self.clusters):
            found |= {f"weight{n}": (end - begin, place.stop - place.start), f"bias{n}": (end - begin,)}
        return found

    @property
    def multiplied(self) -> float:
        """By Zipf's law, a symbol of rank r is met in proportion to 1 / r."""
        return sum(
            math.prod(self.shapes[f"weight{n}"]) * math.log((end + 1) / (begin + 1)) / math.log(self.steps.size + 1)
            for n, (begin, end, *_) in enumerate(self.clusters)
        )

    def initialise(self, weights: dict[str, Tensor], generator: Generator) -> None:
        for n in range(len(self.clusters)):
            weights[f"weight{n}"].normal_(std=weights[f"weight{n}"].shape[1] ** -0.5, generator=generator)
            weights[f"bias{n}"].zero_()

    def bound(self, weights: Mapping[str, np.ndarray]) -> Self:
        other = super().bound(weights)
        other._rounded = [_in_bits(other.weights[f"weight{n}"], axis=None) for n in range(len(self.clusters))]
        return other

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        import torch
        from torch.nn.functional import cross_entropy

        flat = parameters.reshape(-1, self.width)
        ranks = (targets.reshape(-1).long() - self.steps.first) % self.steps.size
        first = ranks
        for n, cluster in enumerate(self.clusters):
            first = torch.where(ranks >= cluster.begin, self.shortlist + n, first)
        shares = [0.0] * self.shortlist + [cluster.share for cluster in self.clusters]
        u = flat[:, : len(shares)].float() + flat.new_tensor(shares, dtype=torch.float32)
        nats = cross_entropy(u, first, reduction="none")
        for n, (begin, end, place, _) in enumerate(self.clusters):
            # Where there are no targets, too: so that each weight gets a gradient at each update.
            rows = ((ranks >= begin) & (ranks < end)).nonzero().squeeze(1)
            h = flat[rows, place].float().clamp(-LARGEST, LARGEST)
            z = torch.addmm(weights[f"bias{n}"], h, weights[f"weight{n}"].t())
            nats = nats.index_add(0, rows, cross_entropy(z, ranks[rows] - begin, reduction="none"))
        return nats.view(targets.shape)

    def distribution(self, parameters: np.ndarray) -> np.ndarray:
        p = doubles.clip(parameters.astype(np.float64), LARGEST)
        z = np.empty((*p.shape[:-1], self.steps.size))
        z[..., : self.shortlist] = p[..., : self.shortlist]
        for n, (begin, end, place, share) in enumerate(self.clusters):
            inner = _product(p[..., place], self._rounded[n]) + self.weights[f"bias{n}"]
            z[..., begin:end] = doubles.log_softmax(inner) + (p[..., self.shortlist + n, None] + share)
        return choice.logits_of(np.roll(z, self.steps.first, axis=-1))


def _in_bits(x: np.ndarray, axis: int | None) -> _InBits:
    """Numbers [..., N], rounded: their greatest size along the axis says of which power of two."""
    _, power = np.frexp(np.abs(x).max(axis=axis, keepdims=True, initial=LEAST))
    power = power - BITS
    return np.rint(np.ldexp(x, -power)), power


def _product(x: np.ndarray, weights: _InBits) -> np.ndarray:
    """x [..., D] times weights [N, D] → [..., N]. The factors are rounded, and then all is exact: so no library, and no
    order of its sums, makes a difference."""
    whole, power = _in_bits(x, axis=-1)
    return np.asarray((whole @ weights[0].T) * np.ldexp(1.0, power + weights[1][0]))
