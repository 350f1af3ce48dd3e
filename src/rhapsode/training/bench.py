"""How near training and generation come to what the machine can do.

Training is measured in floating-point operations a second (6 per weight and step, embedding not counted) over those of
the machine's fastest large matrix product, generation in bytes of weights read a second over those of a
matrix-vector product with as many weights: a single sample reads every weight once a step and computes little. What is
compared takes turns, so that a noisy machine slows both alike.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from rhapsode.codecs.bytes import Bytes
from rhapsode.config import FramingConfig, ModelConfig, NetworkConfig
from rhapsode.model import Model, codec_to_json
from rhapsode.training import auto, memory
from rhapsode.training.probe import Probe

SHAPES = [(1, 384, 64, 32), (1, 640, 64, 32), (1, 1024, 64, 64), (2, 512, 64, 128), (2, 1024, 128, 64)]
"""Layers, width, rows, window."""
ROUNDS = 7
STEPS = 400
"""Of generation a round."""


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
    """Of one sample: steps per second, and bytes of weights per second, its own and of the matrix-vector product."""

    network: str
    steps_per_second: float
    bytes_per_second: float
    peak: float


@memory.kept()
def _one_shape(shape: tuple[int, int, int, int], precision: str, device: torch.device) -> Training:
    layers, width, rows, window = shape
    probe = Probe(NetworkConfig(layers=layers, width=width), rows, window, precision, device)
    a = torch.randn(2048, 2048, device=device).to(torch.bfloat16 if precision == "bf16" else torch.float32)
    for _ in range(2):
        probe.update()
    peak, passes, updates = list[float](), list[float](), list[float]()
    for _ in range(ROUNDS):
        peak.append(probe.timed(lambda: a @ a))
        passes.append(probe.timed(probe.passes))
        probe.optimizers.step(0.01)
        updates.append(probe.timed(probe.update))
    middle = statistics.median(updates)
    return Training(
        f"{layers}x{width}",
        f"{rows}x{window}",
        probe.flops / statistics.median(passes),
        probe.flops / middle,
        2 * 2048**3 / min(peak),
        rows * window / middle,
    )


def training(precision: str = "auto", device: str = "auto") -> Iterator[Training]:
    """Each shape in turn."""
    where = auto.device_for(device)
    for shape in SHAPES:
        yield _one_shape(shape, auto.precision_for(precision, where), where)


def generation(layers: int = 2, width: int = 512) -> Generation:
    """One sample drawn by an untrained model, whole: network, distribution, drawing."""
    codec, network = Bytes(), NetworkConfig(layers=layers, width=width)
    config = ModelConfig(codec=codec_to_json(codec), network=network, framing=FramingConfig(), reset="never")
    shapes = Model(config, {}, "").network
    weights = {name: w.numpy() for name, w in shapes.initialise(torch.Generator().manual_seed(0)).items()}
    model = Model(config, weights, "")
    # What a step reads: all but the embedding, of which it reads one row.
    numbers = sum(math.prod(shape) for name, shape in shapes.shapes.items() if name != "embedding")
    matrix, vector = torch.randn(numbers // 1024, 1024), torch.randn(1024)
    model.generate(length=20, seed=1)
    steps, products = list[float](), list[float]()
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        model.generate(length=STEPS, seed=1)
        steps.append((time.perf_counter() - begun) / STEPS)
        begun = time.perf_counter()
        for _ in range(STEPS):
            matrix @ vector
        products.append((time.perf_counter() - begun) / STEPS)
    step = statistics.median(steps)
    return Generation(
        f"{layers}x{width}", 1 / step, 4 * numbers / step, 4 * matrix.numel() / statistics.median(products)
    )
