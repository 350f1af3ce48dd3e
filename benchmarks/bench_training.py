"""Training FLOP/s over the matrix peak measured in the same run.

    python benchmarks/bench_training.py

For each shape: 6 FLOPs per weight and step (embedding not counted), the whole update (forward, backward,
optimizers), as the trainer makes it. The peak is the best of some square matrix products in the same
precision, interleaved with the updates so that a noisy machine slows both alike.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from rhapsode.config import NetworkConfig
from rhapsode.network import Network
from rhapsode.steps import Symbols
from rhapsode.training import auto
from rhapsode.training.optimizers import Optimizers
from rhapsode.training.plan import Budget, Plan

SHAPES = [(1, 384, 32, 32), (1, 640, 32, 64), (1, 1024, 32, 64), (2, 512, 64, 128)]


def main() -> None:
    device = auto.device_for("auto")
    precision = auto.precision_for("auto", device)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a = torch.randn(2048, 2048, device=device).to(dtype)

    def timed(work) -> float:  # type: ignore[no-untyped-def]
        if device.type == "cuda":
            torch.cuda.synchronize()
        begun = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begun

    print(f"{device}, {precision}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(
        f"{'network':>10} {'batch':>9} {'peak GFLOP/s':>13} {'pass GFLOP/s':>13} {'share':>6} {'update GFLOP/s':>15} {'share':>6}"
    )
    for layers, width, rows, window in SHAPES:
        config = NetworkConfig(layers=layers, width=width)
        network = Network(config, Symbols(96))
        weights = {n: w.to(device).requires_grad_() for n, w in network.initialise(torch.Generator()).items()}
        plan = Plan(network=config, budget=Budget(steps=1), precision=precision)  # type: ignore[arg-type]
        optimizers = Optimizers(weights, plan, 4)
        inputs = torch.from_numpy(np.random.default_rng(0).integers(0, 96, (window, rows))).to(device)
        state = network.zeros(rows, weights["output.bias"].detach())

        def passes() -> None:
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                parameters, _ = network.run(weights, inputs, state)
            network.head.nats(parameters, inputs).mean().backward()

        def update() -> None:
            passes()
            torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0, foreach=True)
            optimizers.step(0.01)

        for _ in range(3):
            update()
        peak, forth, whole = [], [], []
        for _ in range(7):
            peak.append(timed(lambda: a @ a))
            forth.append(timed(passes))
            optimizers.step(0.01)
            whole.append(timed(update))
        top = 2 * 2048**3 / min(peak)
        pass_rate = network.flops * rows * window / statistics.median(forth)
        rate = network.flops * rows * window / statistics.median(whole)
        print(
            f"{f'{layers}x{width}':>10} {f'{rows}x{window}':>9} {top / 1e9:13.0f} {pass_rate / 1e9:13.0f} {pass_rate / top:6.0%}"
            f" {rate / 1e9:15.0f} {rate / top:6.0%}"
        )


if __name__ == "__main__":
    main()
