"""How near training and generation come to what the machine can do.

Training is measured in floating-point operations per second (6 for each weight and step, without the embedding),
compared with the machine's fastest large matrix product. Generation is measured in bytes of weights read per second,
compared with what the processor can read of as many bytes: a single sample reads every weight once for each step, and
computes little. The measurements take turns, and medians are compared, so that other work on the machine slows both
alike.
"""

from __future__ import annotations

import statistics
import string
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from rhapsode import registry
from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig, merged
from rhapsode.data.codecs.codec import Codec
from rhapsode.data.codecs.stored import codec_to_json
from rhapsode.data.recognition import plain_codec
from rhapsode.inference.model import Model
from rhapsode.nn.network import Network
from rhapsode.nn.quantised import KERNEL
from rhapsode.training import memory
from rhapsode.training.probe import Probe

SHAPES = [(1, 384, 64, 32), (1, 640, 32, 64), (1, 1024, 64, 64), (2, 512, 64, 128), (2, 1024, 128, 64)]
"""Layers, width, rows, window."""
FUSED = "lstm"
"""The cell that the others are compared with."""
CELL_SHAPE = (1, 384, 64, 32)
"""Layers, width, rows, window of the networks with which cells are compared."""
ROUNDS, PATIENCE = 7, 20.0
"""Of each measurement; no more are begun after so many seconds."""
STEPS = 400
"""Of generation a round."""
COMMON = 10
"""Times that a character is seen that counts as common."""


@dataclass(frozen=True)
class Training:
    """Of one shape, FLOP/s: forward and backward, whole updates, and the matrix peak; and steps per second."""

    network: str
    batch: str
    passes: float
    updates: float
    peak: float
    steps_per_second: float


@dataclass(frozen=True)
class Generation:
    """Of one sample: what computes, steps per second, bytes of weights per second, and bytes that a mere read makes."""

    network: str
    engine: str
    steps_per_second: float
    bytes_per_second: float
    peak: float


@dataclass(frozen=True)
class CellCost:
    """What training a network of this cell costs over one of the fused LSTM that is as wide: seconds an update, and
    parameters of the layers."""

    cell: str
    cost: float
    parameters: float


class Case(NamedTuple):
    """Networks over one kind of step that a modality has measured.

    networks: settings of each, by its name. batch: rows and steps a row. prompt: what is drawn after.
    """

    codec: Codec
    networks: Mapping[str, Mapping[str, Any]]
    batch: tuple[int, int]
    prompt: str = ""


@dataclass(frozen=True)
class Speeds:
    """Of one network of a case: steps per second, trained and drawn, the latter of one sample."""

    network: str
    trained_per_second: float
    drawn_per_second: float


@memory.kept()
def training(shape: tuple[int, int, int, int], precision: str, device: torch.device) -> Training:
    """One shape, e.g. of `SHAPES`."""
    layers, width, rows, window = shape
    probe = Probe(NetworkConfig(layers=layers, width=width), rows, window, precision, device)
    side = 2048 if device.type == "cpu" else 8192
    a = torch.randn(side, side, device=device).to(torch.bfloat16 if precision == "bf16" else torch.float32)
    begun, times = time.perf_counter(), list[tuple[float, float, float]]()
    probe.update()
    probe.timed(lambda: a @ a)
    while not times or (len(times) < ROUNDS and time.perf_counter() - begun < PATIENCE):
        peak, passes = probe.timed(lambda: a @ a), probe.timed(probe.passes)
        probe.optimizers.step(0.01)  # spends the gradients that the passes left
        times.append((peak, passes, probe.timed(probe.update)))
    peak, passes, update = (statistics.median(column) for column in zip(*times, strict=True))
    return Training(
        f"{layers}x{width}",
        f"{rows}x{window}",
        probe.flops / passes,
        probe.flops / update,
        2 * side**3 / peak,
        rows * window / update,
    )


@memory.kept()
def cells(precision: str, device: torch.device) -> list[CellCost]:
    """Every cell, the cheapest first. They take turns, and each update is compared with one of the fused LSTM's before
    and one after it."""
    layers, width, rows, window = CELL_SHAPE
    probes = {}
    for name in registry.names("cell"):
        config = NetworkConfig(cell=name, layers=layers, width=width)  # type: ignore[arg-type]
        probes[name] = Probe(config, rows, window, precision, device)
        probes[name].update()
    fused, ratios = probes[FUSED], {FUSED: [1.0]}
    for _ in range(ROUNDS // 2 + 1):
        before = fused.timed(fused.update)
        for name, probe in probes.items():
            if name != FUSED:
                own, after = probe.timed(probe.update), fused.timed(fused.update)
                ratios.setdefault(name, []).append(2 * own / (before + after))
                before = after
    sizes = {
        name: sum(weight.numel() for own, weight in probe.weights.items() if own.startswith("layer"))
        for name, probe in probes.items()
    }
    found = [CellCost(name, statistics.median(own), sizes[name] / sizes[FUSED]) for name, own in ratios.items()]
    return sorted(found, key=lambda one: one.cost)


@memory.kept()
def speeds(case: Case, precision: str, device: torch.device) -> Iterator[Speeds]:
    """Each network of a case."""
    rows, window = case.batch
    for name, settings in case.networks.items():
        network = NetworkConfig(**merged(case.codec.network, settings))
        probe = Probe(network, rows, window, precision, device)
        probe.update()
        update = statistics.median(probe.timed(probe.update) for _ in range(ROUNDS))
        model = untrained(case.codec, network).quantised()
        model.generate(case.prompt, length=20, seed=1)
        times = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            drawn = model.generate(case.prompt, length=STEPS, seed=1)[0]
            times.append((time.perf_counter() - begun) / len(drawn.steps))
        yield Speeds(name, rows * window / update, 1 / statistics.median(times))


def untrained(codec: Codec, network: NetworkConfig) -> Model:
    """A model that has learnt nothing: what it draws is noise, and takes as long."""
    fresh = Network(network, codec.steps, codec.text).initialise(torch.Generator().manual_seed(0))
    config = ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="document")
    return Model(config, {name: w.numpy() for name, w in fresh.items()})


def generation(layers: int = 2, width: int = 512) -> Generation:
    """One sample of text drawn in whole numbers: network, distribution, drawing."""
    codec = registry.get("codec", plain_codec()).fit([COMMON * string.printable.encode()])
    model = untrained(codec, NetworkConfig(layers=layers, width=width)).quantised()
    # What a step reads of weights: the matrices of activations. Of the embedding, it reads one row.
    size = sum(w.nbytes for name, w in model.tensors.items() if name.endswith(f".{KERNEL}"))
    read = np.zeros(size, np.int8)
    model.generate(length=20, seed=1)
    steps, reads = list[float](), list[float]()
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        model.generate(length=STEPS, seed=1)
        steps.append((time.perf_counter() - begun) / STEPS)
        begun = time.perf_counter()
        for _ in range(STEPS):
            read.max()  # of all that numpy has, it reads fastest
        reads.append((time.perf_counter() - begun) / STEPS)
    step, least = statistics.median(steps), statistics.median(reads)
    return Generation(f"{layers}x{width}", model.engine.name, 1 / step, size / step, size / least)
