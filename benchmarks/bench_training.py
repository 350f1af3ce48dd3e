"""Training FLOP/s over the matrix peak measured in the same run.

    python benchmarks/bench_training.py

For each shape: 6 FLOPs per weight and step (embedding not counted), the whole update (forward, backward,
optimizers), as the trainer makes it. The peak is the best of some square matrix products in the same
precision, interleaved with the updates so that a noisy machine slows both alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from rhapsode.config import NetworkConfig
from rhapsode.network import Network
from rhapsode.steps import Symbols
from rhapsode.training import auto, memory
from rhapsode.training.optimizers import Optimizers
from rhapsode.training.plan import Budget, Plan

SHAPES = [(1, 384, 32, 32), (1, 640, 32, 64), (1, 1024, 32, 64), (2, 512, 64, 128)]


def timed(work: Callable[[], object]) -> float:
    """Seconds, with the device's queue empty before and after."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else (lambda: None)
    wait()
    begun = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - begun


class Case:
    """One shape of network and batch."""

    def __init__(self, layers: int, width: int, rows: int, window: int, precision: str, device: torch.device) -> None:
        config = NetworkConfig(layers=layers, width=width)
        self.network = Network(config, Symbols(96))
        self.precision = precision
        fresh = self.network.initialise(torch.Generator())
        self.weights = {n: w.to(device).requires_grad_() for n, w in fresh.items()}
        plan = Plan(network=config, budget=Budget(steps=1), precision=precision)  # type: ignore[arg-type]
        self.optimizers = Optimizers(self.weights, plan)
        self.inputs = torch.from_numpy(np.random.default_rng(0).integers(0, 96, (window, rows))).to(device)
        self.state = self.network.zeros(rows, self.weights["output.bias"].detach())

    def passes(self) -> None:
        """Forward and backward."""
        with torch.autocast(self.inputs.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            parameters, _ = self.network.run(self.weights, self.inputs, self.state)
        self.network.head.nats(parameters, self.inputs).mean().backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """All that one step of training does."""
        self.passes()
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), 1.0, foreach=True)
        self.optimizers.step(0.01)


def main() -> None:
    device = auto.device_for("auto")
    precision = auto.precision_for("auto", device)
    a = torch.randn(2048, 2048, device=device).to(torch.bfloat16 if precision == "bf16" else torch.float32)
    print(f"{device}, {precision}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print("GFLOP/s, and their share of the matrix peak")
    print(f"{'network':>8} {'batch':>8} {'peak':>7} {'forward+backward':>17} {'whole update':>17}")
    for layers, width, rows, window in SHAPES:
        case = Case(layers, width, rows, window, precision, device)
        peak, passes, updates = [], [], []
        with memory.kept():  # as `train` does
            for _ in range(3):
                case.update()
            for _ in range(7):
                peak.append(timed(lambda: a @ a))
                passes.append(timed(case.passes))
                case.optimizers.step(0.01)
                updates.append(timed(case.update))
        top = 2 * 2048**3 / min(peak)
        work = case.network.flops * rows * window
        rates = [work / statistics.median(times) for times in (passes, updates)]
        shares = " ".join(f"{rate / 1e9:11.0f} {rate / top:5.0%}" for rate in rates)
        print(f"{f'{layers}x{width}':>8} {f'{rows}x{window}':>8} {top / 1e9:7.0f} {shares}")


if __name__ == "__main__":
    main()
