"""What whole numbers cost and what they bring.

    python benchmarks/arithmetic.py quality MODEL SOURCE... [--most 200]

quality: nats a step of the sources in float32 and in whole numbers, by a model that was trained with `--keep float` (or
    saved in float32). Of recordings, drawings and tunes, the first ones are scored. For densities, the whole numbers
    are also compared with what float32 draws: the mean difference of the nats of a step is the Kullback-Leibler
    divergence from float32 to whole numbers, estimated.

One line of JSON for each model.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rhapsode.data.codecs.records import RecordCodec
from rhapsode.inference.evaluation import carried
from rhapsode.inference.model import Model

DRAWN = 20
"""Records that are drawn, to compare densities."""


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
        if real.codec.covariates:
            outline = {"outline": record}
        else:
            outline = {"length": len(real.record_codec.encode(record))}
        text = real.record_codec.spelling(record) if real.text else ""
        sample = real.generate(text, seed=n, **outline)[0]
        symbols = real.codec.encode_text(text) if real.text else np.empty(0, np.uint8)
        total += float(carried(scored, sample.steps, symbols).sum())
        steps += len(sample.steps)
    return total, steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("quality", help="nats a step in both arithmetics")
    command.add_argument("model", type=Path)
    command.add_argument("sources", nargs="+")
    command.add_argument("--most", type=int, default=200, help="records that are scored [default: 200]")
    options = parser.parse_args()
    print(json.dumps(quality(Model.load(options.model), options.sources, options.most)))


if __name__ == "__main__":
    main()
