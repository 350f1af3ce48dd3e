"""Two optimizers, each for what it is good at.

The layers' matrices are learnt by Muon: momentum whose direction is made orthogonal, one gate at a
time, so that the large directions of a gate's matrix are learnt at the same speed. In the same time
it learns clearly more than AdamW (docs/log.md). Embedding,
output weights and biases are learnt by AdamW.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from rhapsode.nn.uncompiled import stepping
from rhapsode.training.plan import Plan

MOMENTUM = 0.95
BETAS = (0.9, 0.99)
ITERATIONS = 2
"""Of Newton–Schulz. They even out the large directions of a gradient and leave the small ones, mostly noise, small:
five, which Muon is published with, or steeper ones take longer and learn worse (docs/log.md)."""
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic a X + b (X Xᵀ) X + c (X Xᵀ)² X, which drives all singular values to about 1."""


class Muon(torch.optim.Optimizer):
    """Momentum, made more orthogonal by a few Newton–Schulz iterations (Jordan et al. 2024, "Muon").

    torch.optim.Muon treats a weight as one matrix. An LSTM's [4H, I] is four, one a gate; taking
    them one by one costs the same and each gate gets an update of full rank.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        rate: float,
        decay: float,
        gates: int,
        dtype: torch.dtype,
        iterations: int = ITERATIONS,
    ) -> None:
        """gates: matrices that each weight consists of, one above the other; a group of weights may have its own."""
        super().__init__(params, {"lr": rate, "weight_decay": decay, "gates": gates})
        self.dtype = dtype
        self.iterations = iterations

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if "momentum" not in self.state[p]:
                    self.state[p]["momentum"] = torch.zeros_like(p)
                momentum = self.state[p]["momentum"]
                momentum.lerp_(p.grad, 1 - MOMENTUM)
                update = p.grad.lerp(momentum, MOMENTUM)  # Nesterov
                x = update.view(group["gates"], -1, p.shape[1]).to(self.dtype)
                height, width = x.shape[1:]
                if height > width:
                    x = x.mT
                x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
                a, b, c = COEFFICIENTS
                for _ in range(self.iterations):
                    square = x @ x.mT
                    x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
                if height > width:
                    x = x.mT
                # A tall matrix adds to more outputs than it has inputs: the larger step keeps their size.
                scale = max(1.0, height / width) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(x.reshape(p.shape).to(p.dtype), alpha=-group["lr"] * scale)


class Optimizers:
    """Both optimizers over a network's weights, with one learning-rate factor."""

    def __init__(self, weights: Mapping[str, Tensor], plan: Plan, matrices: Mapping[str, int]) -> None:
        """matrices: as `Network.matrices`."""
        dtype = torch.bfloat16 if plan.precision == "bf16" else torch.float32
        self._names = {id(w): name for name, w in weights.items()}
        groups = [
            {"params": [w for name, w in weights.items() if matrices.get(name) == gates], "gates": gates}
            for gates in sorted(set(matrices.values()))
        ]
        others = [w for name, w in weights.items() if name not in matrices]
        self._all: list[torch.optim.Optimizer] = [
            Muon(groups, plan.matrix_rate, plan.decay, 1, dtype),
            torch.optim.AdamW(others, lr=plan.rate, betas=BETAS, weight_decay=0.0, fused=True),
        ]
        self._steps = [stepping(optimizer) for optimizer in self._all]
        self._peaks = [group["lr"] for optimizer in self._all for group in optimizer.param_groups]

    def step(self, factor: float) -> None:
        """One update at `factor` times the peak rates, from the weights' gradients, which are then forgotten."""
        peaks = iter(self._peaks)
        for optimizer, step in zip(self._all, self._steps, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = next(peaks) * factor
            step()
        self.forget()

    def forget(self) -> None:
        """Forget the gradients."""
        for optimizer in self._all:
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """All that the optimizers remember, `weight/quantity` → tensor."""
        return {
            f"{self._names[id(p)]}/{key}": value
            for optimizer in self._all
            for p, values in optimizer.state.items()
            for key, value in values.items()
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take up again what `state` gave."""
        for optimizer in self._all:
            for group in optimizer.param_groups:
                for p in group["params"]:
                    prefix = self._names[id(p)] + "/"
                    optimizer.state[p] = {
                        key.removeprefix(prefix): value.to(p.device).clone()
                        for key, value in state.items()
                        if key.startswith(prefix)
                    }
