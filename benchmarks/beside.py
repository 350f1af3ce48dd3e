"""Tunes that a model draws, beside tunes that were held out from its training.

    python benchmarks/music.py compare --model models/band --data tunes/ [--tunes 200] [--temperature 1]
        [--picture compare.png]

`data` is what the model was trained on: of a file that is divided, the part valid is held out; of others, what training
held out. Each tune is drawn along a held-out one: as long, in its metre and key, by a codec that knows
such things. What is finer than the model's steps is taken out of the held-out tunes, too. What is measured is said in
`music.measures`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.corpus import FRACTION
from rhapsode.data.encode_records import split_hash
from rhapsode.data.sources import open_sources
from rhapsode.inference.model import Model
from rhapsode.modalities.music.cli.copies import index_beside
from rhapsode.modalities.music.codecs._tunes import TuneCodec
from rhapsode.modalities.music.compare import compare
from rhapsode.modalities.music.keys import home
from rhapsode.modalities.music.outline import Outline
from rhapsode.modalities.music.panels import picture
from rhapsode.modalities.music.tune import Tune, notes


def held_out(codec: TuneCodec, data: str) -> Iterator[Tune]:
    """The tunes that training holds out if nothing else is asked for, but those that the codec refuses."""
    files = open_sources([data], accepts=codec.recognises).files
    divided = len(files) == 1 and {"train", "valid"} <= set(codec.parts(files[0].path))
    number = 0
    for file in files:
        for tune in codec.read(file.path, "valid" if divided else None, file.name):
            number += 1
            held = divided or split_hash(type(codec), tune, number) < FRACTION
            if held and not codec.refusal(tune):
                yield tune


def run(options: argparse.Namespace) -> dict[str, Any]:
    if not options.model or not options.data:
        raise SystemExit("compare needs --model and --data")
    model = Model.load(options.model)
    codec = model.record_codec
    if not isinstance(codec, TuneCodec):
        raise SystemExit(f"{options.model} is no model of tunes")
    known = index_beside(model)
    held = list(islice(held_out(codec, options.data), options.tunes or 200))
    begun = perf_counter()
    drawn, sampling = [], Sampling(temperature=options.temperature)
    for number, tune in enumerate(held):
        bare = replace(tune, notes=notes([]), chords=(), keys=(home(tune),))
        drawn += [one.record for one in model.generate(outline=Outline(bare), seed=number, sampling=sampling)]
    pace = sum(tune.seconds for tune in drawn) / (perf_counter() - begun)
    print(f"drawn {pace:.0f} times as fast as it plays, one tune at a time", flush=True)
    seen = [codec.seen(tune) for tune in held]
    found = compare(drawn, seen, copied=(lambda tune: known.longest(tune).notes) if known else None)
    print(found, flush=True)
    if options.picture:
        Path(options.picture).write_bytes(picture(found))
    return found.to_json()


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="compare: the model's folder")
    parser.add_argument("--temperature", type=float, default=1.0, help="compare: of drawing")
    parser.add_argument("--data", help="compare: what it was trained on, a file or a folder")
