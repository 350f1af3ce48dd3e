"""Choosing what the user did not: size, batch, window and dropout, from the corpus and the budget.

The rules are few. The budget is turned into steps that will be read, through speed measured on the
spot; the network gets a parameter for about every nine of them (docs/log.md); how often the corpus
will be read over says how much dropout it needs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import torch

from rhapsode.config import Dropout, FramingConfig, NetworkConfig, make
from rhapsode.network import Network
from rhapsode.steps import Symbols
from rhapsode.training.optimizers import Optimizers
from rhapsode.training.plan import Budget, Plan

STEPS_PER_PARAMETER = 9
PARAMETERS_PER_STEP_OF_DATA = 8
"""A larger network than this learns a small corpus by heart long before the budget is spent."""


def device_for(name: str) -> torch.device:
    """`auto` is CUDA where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def precision_for(name: str, device: torch.device) -> str:
    """`auto` is bf16 where the hardware multiplies it natively."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    can = torch.cpu.get_capabilities()
    return "bf16" if can.get("amx_bf16") or can.get("avx512_bf16") or can.get("bf16") else "fp32"


def threads_for(device: torch.device, precision: str) -> int:
    """All processors, if that is at least a fifth faster than one thread here and now; else one.

    With as many threads as processors, one busy neighbour makes every parallel section wait for the thread that
    lost its processor: the training of a small LSTM then runs at a twentieth of its speed (docs/log.md).
    """
    every = torch.get_num_threads()
    if device.type != "cpu" or every == 1:
        return every
    speeds = {}
    for threads in (every, 1):
        torch.set_num_threads(threads)
        speeds[threads] = measure(device, precision)
    torch.set_num_threads(every)
    return every if speeds[every] > 1.2 * speeds[1] else 1


def measure(device: torch.device, precision: str, width: int = 384) -> float:
    """FLOP/s of training a small LSTM here, now, whole updates; takes about half a second."""
    network = Network(NetworkConfig(width=width), Symbols(96))
    weights = {
        n: w.to(device).requires_grad_() for n, w in network.initialise(torch.Generator().manual_seed(0)).items()
    }
    plan = make(Plan, {"network": network.config, "budget": Budget(steps=1), "precision": precision}, "plan settings")
    optimizers = Optimizers(weights, plan)
    rows = window = 32
    inputs = torch.zeros(window, rows, dtype=torch.int64, device=device)
    best = math.inf
    for _ in range(12):
        begun = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            parameters, _ = network.run(weights, inputs, network.zeros(rows, weights["output.bias"].detach()))
        loss = network.head.nats(parameters, inputs).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizers.step(0.0)
        loss.detach().item()
        best = min(best, time.perf_counter() - begun)
    return network.flops * rows * window / best


def choose(
    steps: Symbols,
    data: int,
    budget: Budget,
    framing: FramingConfig,
    reset: str,
    *,
    network: Mapping[str, Any],
    dropout: Mapping[str, Any],
    plan: Mapping[str, Any],
    parameters: int | None,
    window: int | None,
    device: torch.device,
    precision: str,
    base: NetworkConfig | None = None,
    processes: int = 1,
) -> tuple[Plan, list[str]]:
    """A plan for `data` training steps, and the reasons for it. What is given is kept."""
    reasons = []
    config = base or make(NetworkConfig, dict(network), "network settings")
    rows = int(plan.get("rows", 32 * processes))
    span = int(plan.get("window", window or 32)) if framing.name == "stream" else max(1, framing.length)
    if framing.name != "stream" and "rows" not in plan:
        rows = max(32, min(512, 2048 // span))
    threads = int(plan["threads"]) if "threads" in plan else threads_for(device, precision)
    torch.set_num_threads(threads)
    speed = measure(device, precision) * processes
    per_update = 1 if framing.name == "many-to-one" else span  # targets per row
    if budget.minutes is not None:
        flops = speed * 60 * budget.minutes
        wanted = parameters or round(math.sqrt(flops / (6 * STEPS_PER_PARAMETER)))
    else:
        passes = budget.epochs or rows * per_update * (budget.steps or 0) / data
        flops = math.inf
        wanted = parameters or round(data * passes / STEPS_PER_PARAMETER)
    if base is None and "width" not in network:
        cap = wanted if parameters else min(wanted, PARAMETERS_PER_STEP_OF_DATA * data)
        config = _with_width(config, steps, cap, exact=parameters is not None)
        why = "asked for" if parameters else f"{speed / 1e9:.0f} GFLOP/s measured, budget and {data:,} training steps"
        if cap < wanted:
            why = f"{data:,} training steps call for a small network"
        reasons.append(f"network: {config.layers} × {config.width} LSTM ({why})")
    shape = Network(config, steps)
    if framing.name == "stream" and "window" not in plan and window is None and config.width > 448:
        span = per_update = 64  # larger matrices: more steps per update keep the optimizer's share of time small
    while rows > processes and rows * span * 4 > data and "rows" not in plan:
        rows = max(processes, rows // 2)
    while framing.name == "stream" and span > 8 and rows * span * 2 > data and window is None and "window" not in plan:
        span //= 2
    reasons.append(f"batch: {rows} {'streams' if framing.name == 'stream' else 'windows'} × {span} steps")
    read = flops / shape.flops if math.isfinite(flops) else data * passes
    epochs = read / data
    chosen = dict(dropout)
    if not dropout:
        rate, recurrent = (round(max(0.0, min(0.5, 0.15 * math.log2(max(epochs, 1e-9) / free))), 2) for free in (3, 30))
        chosen = {"between": rate, "output": rate, "input": round(rate / 4, 3), "recurrent": recurrent}
        also = f", of recurrent weights {recurrent}" if recurrent else ""
        reasons.append(f"dropout: {rate}{also} (the corpus will be read about {epochs:.1f} times)")
    values: dict[str, Any] = {
        "precision": precision,
        "threads": threads,
        **plan,
        "network": config,
        "dropout": make(Dropout, chosen, "dropout settings"),
        "framing": framing,
        "reset": reset,
        "rows": rows,
        "window": span,
        "budget": budget,
    }
    if "warmup" not in plan:
        updates = read / max(1, rows * per_update)
        values["warmup"] = max(1, min(50, int(updates / 10)))
    return make(Plan, values, "plan settings"), reasons


def _with_width(config: NetworkConfig, steps: Symbols, parameters: int, exact: bool) -> NetworkConfig:
    """The width with which the network has about this many parameters (a multiple of 32 unless asked exactly)."""

    def at(width: int) -> NetworkConfig:
        values = config.model_dump() | {"width": width}
        if config.tied:
            values["embedding"] = width * (config.layers if config.skip else 1)
        return NetworkConfig(**values)

    low, high = 8, 8192
    while low < high:  # largest width whose count does not pass `parameters`
        middle = (low + high + 1) // 2
        if Network(at(middle), steps).parameters <= parameters:
            low = middle
        else:
            high = middle - 1
    return at(low if exact else min(2048, max(64, round(low / 32) * 32)))
