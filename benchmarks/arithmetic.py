"""What whole numbers cost and what they bring.

    python benchmarks/arithmetic.py quality MODEL SOURCE... [--most 200]
    python benchmarks/arithmetic.py speed [--rounds 5] [--size 1x384 --size 2x512]

quality: nats a step of the sources in float32 and in whole numbers, by a model that was trained with `--keep float` (or
    saved in float32). Of recordings, drawings and tunes, the first ones are scored. For densities, the whole numbers
    are also compared with what float32 draws: the mean difference of the nats of a step is the Kullback-Leibler
    divergence from float32 to whole numbers, estimated.

speed: steps a second of untrained models of text (V = 101, embedding 32), whose weights do not matter to the time: in
    float32 (ONNX Runtime, one thread), in numpy, and in each variant of the kernel that this processor has. `one` and
    `many` are generation of 1 and of 64 samples, drawing included; `score`, `pack` and `unpack` read or write one text.
    All contenders take turns in one process, and the fastest round counts. Ratios are to float32.

quality prints a line of JSON for each model, speed a table.
"""

from __future__ import annotations

import argparse
import json
import os
import string
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode import registry
from rhapsode.arithmetic.kernel import NUMPY, VARIABLE, variants
from rhapsode.config import NetworkConfig
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.demos.bench import untrained
from rhapsode.inference.evaluation import carried
from rhapsode.inference.model import Model
from rhapsode.nn.engine import OnnxEngine

DRAWN = 20
"""Records that are drawn, to compare densities."""
FLOAT = "float32"
SIZES = "1x384", "2x512"
ROWS = 64
SECONDS = 0.25
"""Of work in one turn, about."""


def quality(model: Model, sources: list[str], most: int) -> dict[str, Any]:
    """The nats of the sources' steps in both arithmetics."""
    if model.whole and not any(name.startswith("float32.") for name in model.tensors):
        raise SystemExit(f"{model.path} has no float32 weights to compare with: train it with --keep float.")
    real = Model(model.config.model_copy(update={"arithmetic": "float32"}), model.weights)
    whole = model.quantised()
    found: dict[str, Any] = {"model": str(model.path), "codec": model.codec.name, "network": model.network.description}
    found |= compared([nats(each, sources, most) for each in (real, whole)])
    found["bytes"] = {name: sum(t.nbytes for t in one.tensors.values()) for name, one in named(real, whole).items()}
    if model.codec.steps.density:
        drawn = compared([drawn_nats(real, each, sources) for each in (real, whole)])
        found["divergence"] = drawn["nats_whole"] - drawn["nats_float32"]
    return found


def named(real: Model, whole: Model) -> dict[str, Model]:
    return {"float32": real, "whole": whole}


def compared(totals: list[tuple[float, int]]) -> dict[str, Any]:
    """Of both arithmetics, the sum of nats, and the steps."""
    (real, steps), (whole, same) = totals
    assert steps == same > 0
    found: dict[str, Any] = {"steps": steps, "nats_float32": real / steps, "nats_whole": whole / steps}
    found["lost"] = (whole - real) / steps
    return found | ({"lost_percent": 100 * (whole - real) / real} if real > 0 else {})


def nats(model: Model, sources: list[str], most: int) -> tuple[float, int]:
    if isinstance(model.codec, RecordCodec):
        scores = list(model.score_records(islice(records(model, sources), most)))
        return sum(one.nats for one in scores), sum(one.steps for one in scores)
    scores = [model.score(Path(source).read_bytes()) for source in sources]
    return sum(one.nats for one in scores), sum(one.steps for one in scores)


def records(model: Model, sources: list[str]) -> Iterable[Any]:
    codec = model.record_codec
    for source in sources:
        yield from (each for each in codec.read(Path(source)) if not codec.refusal(each))


def drawn_nats(real: Model, scored: Model, sources: list[str]) -> tuple[float, int]:
    """Of steps that the float32 model draws."""
    total, steps = 0.0, 0
    for n, record in enumerate(islice(records(real, sources), DRAWN)):
        outline = {"outline": record} if real.codec.covariates else {"length": len(real.record_codec.encode(record))}
        text = real.record_codec.spelling(record) if real.text else ""
        sample = real.generate(text, seed=n, **outline)[0]
        symbols = real.codec.encode_text(text) if real.text else np.empty(0, np.uint8)
        total += float(carried(scored, sample.steps, symbols).sum())
        steps += len(sample.steps)
    return total, steps


def speed(sizes: list[str], rounds: int) -> None:
    """Print steps a second for each size."""
    for size in sizes:
        layers, width = map(int, size.split("x"))
        codec = registry.get("codec", "chars").fit([4 * string.printable[:-5].encode()])
        real = untrained(codec, NetworkConfig(layers=layers, width=width, embedding=32))
        text = real.quantised().generate(length=40_000, seed=1)[0].data
        contenders = {name: works(made(real, name), text) for name in (FLOAT, NUMPY, *variants())}
        best: dict[str, dict[str, float]] = {name: {} for name in contenders}
        for _ in range(rounds):
            for name, each in contenders.items():
                for work, run in each.items():
                    best[name][work] = max(best[name].get(work, 0.0), run())
        print(f"{size}, steps a second; in brackets as multiples of float32")
        for name, found in best.items():
            cells = (f"{work} {rate:>9,.0f} ({rate / best[FLOAT][work]:.1f})" for work, rate in found.items())
            print(f"  {name:<11} {'   '.join(cells)}", flush=True)


def made(real: Model, name: str) -> Model:
    """The model for one contender."""
    if name == FLOAT:
        model = Model(real.config, real.weights)
        model.__dict__["engine"] = OnnxEngine(model.network.graph(model.weights), 1)
        return model
    os.environ[VARIABLE] = name
    model = real.quantised()
    assert model.engine  # it is chosen by the variable, and kept
    return model


def works(model: Model, text: bytes) -> dict[str, Callable[[], float]]:
    """Name → a function that does one turn of this work, and says how many steps it did in a second."""
    codec = model.text_codec
    symbols = codec.encode(text)
    sizes: dict[str, int] = {}

    def timed(name: str, run: Callable[[int], int]) -> Callable[[], float]:
        def turn() -> float:
            count = sizes.get(name, 50)
            begun = time.perf_counter()
            steps = run(count)
            taken = time.perf_counter() - begun
            sizes[name] = min(len(symbols), max(20, int(count * SECONDS / max(taken, 1e-4))))
            return steps / taken

        return turn

    def cut(count: int) -> bytes:
        return codec.decode(symbols[:count])

    def unpacked() -> float:
        count = sizes.get("unpack", 50)
        blob = model.compress(cut(count))  # its time is not counted
        begun = time.perf_counter()
        model.decompress(blob)
        taken = time.perf_counter() - begun
        sizes["unpack"] = min(len(symbols), max(20, int(count * SECONDS / max(taken, 1e-4))))
        return count / taken

    def generated(count: int, samples: int) -> int:
        return sum(len(one.steps) for one in model.generate(length=count, samples=samples, seed=1))

    def scored(count: int) -> int:
        return model.score(cut(count)).steps

    def compressed(count: int) -> int:
        model.compress(cut(count))
        return count

    return {
        "one": timed("one", lambda count: generated(count, 1)),
        "many": timed("many", lambda count: generated(max(4, count // ROWS), ROWS)),
        "score": timed("score", scored),
        "pack": timed("pack", compressed),
        "unpack": unpacked,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("quality", help="nats a step in both arithmetics")
    command.add_argument("model", type=Path)
    command.add_argument("sources", nargs="+")
    command.add_argument("--most", type=int, default=200, help="records that are scored [default: 200]")
    command.set_defaults(run=lambda options: print_quality(options))
    command = commands.add_parser("speed", help="steps a second of all arithmetics")
    command.add_argument("--rounds", type=int, default=5, help="turns of each contender [default: 5]")
    command.add_argument("--size", action="append", help=f"layers x width [default: {' and '.join(SIZES)}]")
    command.set_defaults(run=lambda options: speed(options.size or list(SIZES), options.rounds))
    options = parser.parse_args()
    options.run(options)


def print_quality(options: argparse.Namespace) -> None:
    print(json.dumps(quality(Model.load(options.model), options.sources, options.most)))


if __name__ == "__main__":
    main()
