"""A set whose members depend on one another: drawn one after another, from the lowest to the highest.

A neural autoregressive distribution estimator (NADE, Larochelle & Murray 2011) at each step, whose biases come from the
network: the RNN-NADE of Boulanger-Lewandowski, Bengio & Vincent 2012, with an LSTM for the RNN.

    p(v) = prod_i p(v_i | v_<i)    p(v_i = 1 | v_<i) = sigmoid(b_i + V_i · h_i)    h_i = sigmoid(c + sum_(j<i) v_j W_j)

The parameters [P = D + H] of a step are b (one a thing) and c (one a hidden unit); W and V are the head's own weights.
h changes only where something is in the set. So with k members there are k + 1 different h, and one product with V
for each gives every logit: that is what makes it fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rhapsode.arithmetic import doubles
from rhapsode.nn.heads._head import Drawn
from rhapsode.nn.heads._hidden import Hidden
from rhapsode.nn.heads._sets import Choice, log_odds
from rhapsode.nn.samplers import Draw
from rhapsode.steps.sets import Sets

if TYPE_CHECKING:
    from torch import Tensor


AHEAD = 16
"""Things at a time, of all rows together, that are drawn as if the sets had no further member."""


class Nade(Hidden[Sets]):
    """`into` and `out` are W and V above."""

    name = "nade"
    kind = Sets
    options = frozenset({"temperature"})

    class Settings(Hidden.Settings):
        """Settings of it."""

        name: str = "nade"

    def nll(self, parameters: Tensor, targets: Tensor, weights: Mapping[str, Tensor]) -> Tensor:
        import torch
        from torch.nn.functional import softplus

        size = self.steps.size
        with torch.autocast(parameters.device.type, enabled=False):
            p = parameters.float().reshape(-1, self.width)
            b, c = p[:, :size], p[:, size:]
            members = targets.reshape(-1, size)
            below = members.cumsum(-1)
            which = (below - members).long()  # how many members are below each thing: which h it sees
            states = int(below[:, -1].max()) + 1 if len(members) else 1
            row, thing = members.nonzero(as_tuple=True)
            # What each member adds to the h after it.
            added = c.new_zeros(len(c) * (states + 1), self.hidden)
            added = added.index_add(0, row * (states + 1) + which[row, thing] + 1, weights["into"][thing])
            h = torch.sigmoid(added.view(len(c), states + 1, self.hidden)[:, :states].cumsum(1) + c.unsqueeze(1))
            z = b + (h @ weights["out"].t()).gather(1, which.unsqueeze(1)).squeeze(1)
            nats: Tensor = (softplus(z) - z * members).sum(-1)
            return nats.view(targets.shape[:-1])

    def log_prob(self, parameters: np.ndarray, targets: np.ndarray) -> np.ndarray:
        members = np.asarray(targets, np.float64)
        p = parameters.astype(np.float64)
        b, c = p[..., : self.steps.size], p[..., self.steps.size :]
        z = np.empty(members.shape)
        # One thing after another: for all steps at once, and never more than [..., H] of memory. h changes where
        # something is in the set.
        a, h = c.copy(), doubles.sigmoid(c)
        for i in range(self.steps.size):
            z[..., i] = b[..., i] + doubles.total(h * self.weights["out"][i])
            there = members[..., i] > 0
            a[there] += self.weights["into"][i]
            h[there] = doubles.sigmoid(a[there])
        return log_odds(z, members)

    def draw_alike(self, distribution: np.ndarray, hows: Sequence[Draw]) -> list[Drawn]:
        size, out, ahead = self.steps.size, self.weights["out"], max(1, AHEAD // len(hows))
        choice, several = Choice(self.steps, hows), len(hows) > 1
        b, a = distribution[:, :size], distribution[:, size:].copy()
        found, z = np.zeros(b.shape, np.uint8), np.empty(b.shape)
        h, first = doubles.sigmoid(a), 0
        while first < size:  # things up to the next member of any row see the same h
            some = slice(first, min(first + ahead, size))
            z[:, some] = b[:, some] + doubles.total(h[:, None] * out[some])
            members = choice.members(z[:, some], some)
            any_in = np.asarray(members.any(axis=0)) if several else members[0]
            n = int(any_in.argmax())
            first = some.start + n
            if not any_in[n]:
                first = some.stop
                continue
            there = members[:, n] if several else slice(None)
            found[there, first] = 1
            choice.taken(members[:, [n]], first)
            a[there] += self.weights["into"][first]
            h[there] = doubles.sigmoid(a[there])
            first += 1
        return choice.drawn(z, found)
