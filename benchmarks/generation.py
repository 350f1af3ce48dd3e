"""Steps per second of generation: Rhapsode's own loop and torch's layers called one step at a time.

    python benchmarks/generation.py [--layers 2 --width 512 --rounds 7]

One sample, V = 256, untrained weights (their values do not matter to the time). All contenders do the same work: embed
the symbol, run the layers with the state in and out, the output layer, softmax, and draw. Rhapsode does it in whole
numbers, on one thread, and in float32 (ONNX Runtime). They take turns in one process; the ratio to `nn.LSTM` is the
median over the rounds. `nn.LSTM` is what
people call in such a loop; `nn.LSTMCell` and `nn.LSTM` without oneDNN are two ways in torch that do not pack the
weights anew at each step.

Taking turns does NOT make the ratio independent of other load. Where something else wants a core, a step on two
threads waits for the slower one, and torch, with its many small parallel regions a step, suffers far more than we do:
the busier the machine, the better our ratio looks. So run it on a quiet machine, read the worst and best beside the
median (far apart: not quiet), and trust the ratio of one thread to one thread most.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from rhapsode.config import NetworkConfig
from rhapsode.demos.bench import untrained
from rhapsode.inference.model import Model
from rhapsode.modalities.text.codecs.bytes import Bytes
from rhapsode.nn.engine import OnnxEngine

DEFAULT_THREADS = torch.get_num_threads()


def whole_loop(model: Model) -> Callable[[int], None]:
    """`Model.generate` in whole numbers."""
    whole = model.quantised()

    def run(steps: int) -> None:
        whole.generate(length=steps, seed=1)

    return run


def float_loop(model: Model, threads: int | None) -> Callable[[int], None]:
    """`Model.generate` in float32, with so many threads; None for the engine's own choice."""
    other = Model(model.config, model.weights)
    other.__dict__["engine"] = OnnxEngine(model.network.graph(model.weights), threads)

    def run(steps: int) -> None:
        other.generate(length=steps, seed=1)

    return run


def torch_loop(model: Model, cells: bool, onednn: bool = True, threads: int | None = None) -> Callable[[int], None]:
    """The loop that one writes with torch.nn: layers as one nn.LSTM, or as a list of nn.LSTMCell."""
    layers, width, size = model.config.network.layers, model.config.network.width, model.codec.steps.size
    inputs = model.config.network.embedding
    embedding, output = torch.nn.Embedding(size, inputs), torch.nn.Linear(width, size)
    lstm = torch.nn.LSTM(inputs, width, layers).eval()
    stack = [torch.nn.LSTMCell(inputs if n == 0 else width, width) for n in range(layers)]

    @torch.inference_mode()
    def run(steps: int) -> None:
        torch.set_num_threads(threads or DEFAULT_THREADS)
        symbol = torch.zeros(1, dtype=torch.long)
        state = (torch.zeros(layers, 1, width), torch.zeros(layers, 1, width))
        states = [(torch.zeros(1, width), torch.zeros(1, width)) for _ in stack]
        with torch.backends.mkldnn.flags(enabled=onednn):
            for _ in range(steps):
                x = embedding(symbol)
                if cells:
                    for n, cell in enumerate(stack):
                        states[n] = cell(x, states[n])
                        x = states[n][0]
                else:
                    x, state = lstm(x[None], state)
                    x = x[0]
                symbol = torch.multinomial(output(x).log_softmax(-1).exp(), 1)[0]

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="per contender and round")
    args = parser.parse_args()

    model = untrained(Bytes(), NetworkConfig(layers=args.layers, width=args.width))
    contenders = {
        "rhapsode": whole_loop(model),
        "float32": float_loop(model, None),
        "float32, 1 thread": float_loop(model, 1),
        "nn.LSTM": torch_loop(model, cells=False),
        "nn.LSTM, 1 thread": torch_loop(model, cells=False, threads=1),
        "nn.LSTM, no oneDNN": torch_loop(model, cells=False, onednn=False),
        "nn.LSTMCell": torch_loop(model, cells=True),
    }
    steps = {}
    for name, run in contenders.items():  # warm up, and find how many steps fill the time
        run(20)
        begun = time.perf_counter()
        run(20)
        steps[name] = max(10, int(20 * args.seconds / (time.perf_counter() - begun)))
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(args.rounds):
        for name, run in contenders.items():
            begun = time.perf_counter()
            run(steps[name])
            speeds[name].append(steps[name] / (time.perf_counter() - begun))

    print(
        f"{args.layers}x{args.width}, V = {model.codec.steps.size}, one sample; {os.cpu_count()} cores, "
        f"torch {torch.__version__} with {DEFAULT_THREADS} threads, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'steps/s':22}{'worst':>9}{'median':>9}{'best':>9}{'nn.LSTM = 1':>14}")
    for name, found in speeds.items():
        middle, ratio = statistics.median(found), ratio_of(speeds, name, "nn.LSTM")
        print(f"{name:22}{min(found):9,.0f}{middle:9,.0f}{max(found):9,.0f}{ratio:14.1f}")
    print(f"one thread against one thread: {ratio_of(speeds, 'rhapsode', 'nn.LSTM, 1 thread'):.1f}")


def ratio_of(speeds: dict[str, list[float]], name: str, base: str) -> float:
    """Median over the rounds of the ratio within each round."""
    return float(np.median(np.divide(speeds[name], speeds[base])))


if __name__ == "__main__":
    main()
