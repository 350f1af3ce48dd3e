"""A network that is trained on random data, to measure the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from rhapsode import registry
from rhapsode.config import NetworkConfig
from rhapsode.nn.attention._attention import Memory
from rhapsode.nn.network import Network
from rhapsode.steps.kind import Kind
from rhapsode.steps.text import Text
from rhapsode.training.optimizers import Optimizers
from rhapsode.training.plan import Budget, Plan

SYMBOLS = 96
"""Values of a step, where it has a choice."""
WRITTEN = 10
"""Symbols of each row's text, where there are texts."""


class Probe:
    """A network and a batch of some shape, trained without dropout on random steps of the head's kind."""

    def __init__(self, config: NetworkConfig, rows: int, window: int, precision: str, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)
        kind: Kind = registry.get("head", config.head.name).kind.example(SYMBOLS)
        self.network = Network(config, kind, Text(SYMBOLS) if config.attention else None)
        self.weights = {n: w.to(device).requires_grad_() for n, w in self.network.initialise(generator).items()}
        plan = Plan(network=config, budget=Budget(updates=1), precision=precision)  # type: ignore[arg-type]
        self.optimizers = Optimizers(self.weights, plan, self.network.matrices)
        self.mixed = precision == "bf16"
        steps = kind.inputs(kind.random(np.random.default_rng(0), (window, rows)))
        self.inputs = torch.from_numpy(steps).to(device)
        self.memory: Memory | None = None
        if config.attention:
            symbols = torch.randint(SYMBOLS, (WRITTEN, rows), generator=generator).to(device)
            begin = torch.zeros(window, rows, dtype=torch.int64, device=device)
            self.memory = Memory(symbols, begin, begin + WRITTEN)
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
        """Floating-point operations of an update, matrix products only."""
        return self.network.flops * self.inputs.shape[0] * self.inputs.shape[1]

    def passes(self) -> None:
        """Forward and backward."""
        with torch.autocast(self.inputs.device.type, torch.bfloat16, enabled=self.mixed):
            parameters, _ = self.network.run(self.weights, self.inputs, self.state, memory=self.memory)
        self.network.nll(self.weights, parameters, self.inputs).mean().backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Forward, backward, clipping and optimizers."""
        self.passes()
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), 1.0, foreach=True)
        self.optimizers.step(0.01)
