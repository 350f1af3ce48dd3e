"""Chooses the settings that the user did not: size, batch size, sequence length and dropout, from the corpus and the
budget.

The speed of this machine is measured, and so the budget becomes a number of steps to read. From this number and the
corpus follows the size of the network; from the number of epochs, the dropout. docs/log.md says how the constants were
found.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from typing import Any

import torch

from rhapsode import registry
from rhapsode.config import Dropout, FramingConfig, NetworkConfig, Part, make, unknown
from rhapsode.data.framing import framing_of
from rhapsode.errors import UserError, choice
from rhapsode.nn.network import Network
from rhapsode.steps.kind import Kind
from rhapsode.steps.text import Text
from rhapsode.training import memory
from rhapsode.training.pace import GAIN
from rhapsode.training.plan import SETTINGS, Budget, Plan
from rhapsode.training.probe import Probe

STEPS_PER_PARAMETER = 5
"""Steps to read for each parameter, as long as the corpus is not exhausted."""
LARGEST = 2000
"""The most parameters, divided by the square root of the training steps: a larger network learns a small corpus by
heart, whatever the budget. From two measurements: 2 million for a megabyte, half a million for 86 kB. (A width of 64 is
always allowed.)"""
ROWS, WINDOW = 64, 32
"""The batch of streams for a short budget: enough rows to keep the processor's matrix units busy, and short sequences,
so that there are many updates. Wider networks, for longer budgets, get sequences of twice the length; still wider ones
get twice as many steps in a batch, so that the optimizer's share of the time stays small."""
WIDE, WIDER = 512, 768
ATTENDING = 128
"""The sequence length of networks with attention: about seven characters of handwriting. Whether a step belongs to this
character or to the next one shows only later."""
PACKED, PACKED_ROWS, PACKED_LEAST = 1024, 8, 256
"""For whole units: the steps in a row, the rows in a batch, and the steps in a row if there are few steps in all."""
FED_BACK = 1.4
"""How much longer a step takes if the attention feeds the first layer, which then runs step by step."""
FINE = 0.2
"""The factor of the learning rates for fine-tuning: full rates would undo what the model has learnt."""


def device_for(name: str) -> torch.device:
    """The device. `auto` is CUDA if there is one; the processes of torchrun take one GPU each. Raises `UserError`."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if name == "cuda" else torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter from a torch without CUDA
        raise UserError(f"device {name!r} cannot be used: {str(error).splitlines()[0]}. Try --device cpu.") from None
    return device


def precision_for(name: str, device: torch.device) -> str:
    """The precision of matrix products. `auto` is bf16 if the hardware supports it natively. Raises `UserError`."""
    if name not in ("auto", "bf16", "fp32"):
        raise choice("precision", name, ["auto", "bf16", "fp32"])
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    can = torch.cpu.get_capabilities()
    return "bf16" if can.get("amx_bf16") or can.get("avx512_bf16") or can.get("bf16") else "fp32"


LSTM = Part(name="lstm")


def threads_for(device: torch.device, precision: str, cell: Part = LSTM) -> tuple[int, float]:
    """How many threads to train networks of this cell with, and their FLOP/s: all processors if they are at least a
    fifth faster than one thread now, else one.

    If there are as many threads as processors, one other busy program makes every parallel section wait for the thread
    that lost its processor. (`training.pace` goes back to one thread if that happens later, and tries all again.)
    """
    every = torch.get_num_threads()
    all_speed = measure(device, precision, every, cell)
    if device.type != "cpu" or every == 1:
        return every, all_speed
    one_speed = measure(device, precision, 1, cell)
    return (every, all_speed) if all_speed > GAIN * one_speed else (1, one_speed)


@memory.kept()
def measure(device: torch.device, precision: str, threads: int, cell: Part = LSTM) -> float:
    """Measures the FLOP/s of complete updates of a small network of this cell on this machine. It takes half a second,
    or three updates. (An operation of a cell without a fused kernel may take twice the time of one of the LSTM's.)"""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        probe = Probe(NetworkConfig(cell=cell, width=384), ROWS, WINDOW, precision, device)
        begun, times = time.perf_counter(), list[float]()
        while len(times) < 3 or time.perf_counter() - begun < 0.5:
            times.append(probe.timed(probe.update))
    finally:
        torch.set_num_threads(before)
    return probe.flops / min(times)


def choose(
    steps: Kind,
    data: int,
    budget: Budget,
    framing_config: FramingConfig,
    reset: str,
    *,
    network: Mapping[str, Any],
    dropout: float | Mapping[str, Any] | None,
    plan: Mapping[str, Any],
    parameters: int | None,
    window: int | None,
    device: torch.device,
    precision: str,
    base: NetworkConfig | None = None,
    processes: int = 1,
    text: Text | None = None,
    covariates: int = 0,
    longest: int = 0,
) -> tuple[Plan, list[str]]:
    """A plan for `data` training steps, and the reasons for it. Settings that are given are kept.

    dropout: all rates; or one rate, from which the others are computed as usual.
    longest: the steps of the longest unit.
    Raises `UserError`."""
    reasons, framing = [], framing_of(framing_config)
    for name in plan:
        if name not in SETTINGS:
            raise unknown("setting of the plan", name, SETTINGS)
    config = base or make(NetworkConfig, network, "network settings")
    make(Plan, {"network": config, "budget": budget, **plan}, "plan settings")  # what is given must be sound by itself
    if "threads" in plan:
        threads = most = int(plan["threads"])
        speed = measure(device, precision, threads, config.cell)
    else:
        (threads, speed), most = threads_for(device, precision, config.cell), torch.get_num_threads()
        if threads < most:
            reasons.append(f"threads: one (at this moment {most} are hardly faster; they are tried again later)")
    speed *= processes / (FED_BACK if config.feedback else 1)

    def batch(width: int) -> tuple[int, int, int]:
        """Rows, steps in a row, and how many targets an update learns from."""
        if framing.carried:
            usual = ATTENDING if config.attention else WINDOW * (2 if width > WIDE else 1)
            span, free = int(plan.get("sequence_length", window or usual)), "sequence_length" not in plan and not window
            share = max(ROWS // 2, min(4 * ROWS, ROWS * WINDOW * (2 if width > WIDER else 1) // span))
        elif framing.whole:
            span, free, share = int(plan.get("sequence_length", window or PACKED)), False, PACKED_ROWS
            many = int(plan.get("batch_size", share))
            while not window and "sequence_length" not in plan and span > PACKED_LEAST and 32 * many * span > data:
                span //= 2
            span = max(span, longest)
        else:
            span, free = max(1, framing.length), False
            share = -(-max(32, min(512, 2048 // span)) // processes)
        if "batch_size" in plan:
            rows = int(plan["batch_size"])
            if rows % processes:
                raise UserError(f"batch_size = {rows} cannot be shared by {processes} processes: take a multiple.")
        else:
            fewest = (32 if framing.whole else 16) * framing.stride(span)  # of an epoch's updates
            while share > 1 and share * processes * fewest > data:
                share //= 2
            rows = share * processes
        while free and span > 8 and rows * span * 2 > data:
            span //= 2
        return rows, span, rows * framing.targets(span)

    sized = base is None and "width" not in network
    if parameters is not None and not sized:
        raise UserError("params and width were given, and each says how large the network is. One of them must go.")
    rows, span, targets = batch(0 if sized else config.width)
    if sized:
        # 1 / parameters = 5 / steps to be read + 1 / largest: a fifth of the steps, and less of what is read often.
        largest = LARGEST * math.sqrt(data)
        for _ in range(2):  # wide networks have larger batches, and so many updates of those read more
            if budget.minutes is not None:  # and in a given time, parameters × steps to be read is constant
                product = speed * 60 * budget.minutes / (rows * span / targets) / 6
                root = math.sqrt(largest**-2 + 4 * STEPS_PER_PARAMETER / product)
                size = 2 / (1 / largest + root)
                why = f"{speed / 1e9:.0f} GFLOP/s measured, budget and {data:,} training steps"
            else:
                read = data * budget.epochs if budget.epochs else targets * (budget.updates or 0)
                size = 1 / (STEPS_PER_PARAMETER / read + 1 / largest)
                why = f"{read:,.0f} steps to be read, {data:,} different"
            config = _with_width(config, (steps, text, covariates), parameters or round(size), parameters is not None)
            rows, span, targets = batch(config.width)
        layers = Network(config, steps, text, covariates).description
        reasons.append(f"network: {layers} ({'asked for' if parameters else why})")
    reasons.append(f"batch: {rows} {framing.rows} × {span} steps")
    if budget.minutes is not None:
        updates = speed * 60 * budget.minutes / (Network(config, steps, text, covariates).flops * rows * span)
    elif budget.epochs is not None:
        updates = budget.epochs * data / (rows * framing.stride(span))
    else:
        updates = budget.updates or 1
    epochs = updates * targets / data
    if isinstance(dropout, Mapping) and dropout:
        rates = make(Dropout, dict(dropout), "dropout settings")
    else:
        rate, recurrent = steps.feature_dropout.at(epochs), steps.recurrent_dropout.at(epochs)
        why = f"the corpus will be read about {epochs:.1f} times"
        if isinstance(dropout, int | float):
            rate = make(Dropout, {"between": dropout}, "dropout settings").between
            recurrent, why = 0.0, "asked for"
        rates = steps.dropout(rate, recurrent)
        if not config.autoregressive:
            rates = rates.model_copy(update={"input": 0.0})
        also = f", of recurrent weights {recurrent}" if recurrent else ""
        also += f", of the step before {rates.input}" if steps.hidden and rates.input else ""
        reasons.append(f"dropout: {rate}{also} ({why})")
    fine, cell = FINE if base else 1.0, registry.get("cell", config.cell.name)
    values: dict[str, Any] = {
        "precision": precision,
        "threads": threads,
        "most": most,
        "warmup": max(1, int(min(50, updates / 10))),
        "rate": fine * Plan.model_fields["rate"].default,
        "matrix_rate": fine * cell.pace * Plan.model_fields["matrix_rate"].default,
        **plan,
        "network": config,
        "dropout": rates,
        "framing": framing_config,
        "reset": reset,
        "batch_size": rows,
        "sequence_length": span,
        "budget": budget,
    }
    return make(Plan, values, "plan settings"), reasons


def _with_width(
    config: NetworkConfig, data: tuple[Kind, Text | None, int], parameters: int, exact: bool
) -> NetworkConfig:
    """The width with which the network has about this many parameters: a multiple of 32, unless `exact`."""

    def at(width: int) -> NetworkConfig:
        values = config.model_dump() | {"width": width}
        if config.tied:
            values["embedding"] = width * (config.layers if config.skip else 1)
        return NetworkConfig(**values)

    low, high = 8, 8192
    while low < high:  # largest width whose count does not pass `parameters`
        middle = (low + high + 1) // 2
        if Network(at(middle), *data).parameters <= parameters:
            low = middle
        else:
            high = middle - 1
    return at(low if exact else min(2048, max(64, round(low / 32) * 32)))
