"""A network trained on nothing, to measure the machine with."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch

from rhapsode.config import NetworkConfig
from rhapsode.network import Network
from rhapsode.steps import Symbols
from rhapsode.training.optimizers import Optimizers
from rhapsode.training.plan import Budget, Plan

SYMBOLS = 96


class Probe:
    """One shape of network and batch, trained without dropout."""

    def __init__(self, config: NetworkConfig, rows: int, window: int, precision: str, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)
        self.network = Network(config, Symbols(SYMBOLS))
        self.weights = {n: w.to(device).requires_grad_() for n, w in self.network.initialise(generator).items()}
        plan = Plan(network=config, budget=Budget(steps=1), precision=precision)  # type: ignore[arg-type]
        self.optimizers = Optimizers(self.weights, plan)
        self.mixed = precision == "bf16"
        self.inputs = torch.randint(SYMBOLS, (window, rows), generator=generator).to(device)
        self.state = self.network.zeros(rows, self.weights["output.bias"].detach())

    def timed(self, work: Callable[[], object]) -> float:
        """Seconds that some work takes on the probe's device."""
        device = self.inputs.device
        cpu = device.type == "cpu"
        wait: Callable[[], object] = (lambda: None) if cpu else partial(torch.accelerator.synchronize, device)
        wait()
        begun = time.perf_counter()
        work()
        wait()
        return time.perf_counter() - begun

    @property
    def flops(self) -> int:
        """Floating-point operations an update, matrices only."""
        return self.network.flops * self.inputs.numel()

    def passes(self) -> None:
        """Forward and backward."""
        with torch.autocast(self.inputs.device.type, torch.bfloat16, enabled=self.mixed):
            parameters, _ = self.network.run(self.weights, self.inputs, self.state)
        self.network.head.nats(parameters, self.inputs).mean().backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Forward, backward, clipping and optimizers."""
        self.passes()
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), 1.0, foreach=True)
        self.optimizers.step(0.01)
