"""The published text systems, each as a recipe with the small budget: our figure beside the published one.

    RHAPSODE_DATA=folder python benchmarks/recipes.py --only karpathy-2015-war-and-peace karpathy-2022-makemore
    python benchmarks/recipes.py --minutes 8 --source woolf-2017-headlines=headlines.txt

A recipe is trained by `rhapsode recipe run NAME --budget small` (same data, codec, cell, resets; size by the time), and
scored on the part on which the published figure was measured, at most its first `--bytes`: state carried, exact, of the
model in the file. Where no figure was published, it is the end of the data, as validation holds it out. The published
figures come from far longer trainings of far larger networks; the table says what some minutes give, not who is better.
Perplexity is that per word and end of line, everything in the text counted, whatever the steps are. Markdown.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rhapsode.cli import train
from rhapsode.cli._settings import Figure, Settings, recipes, small
from rhapsode.data.sources import open_sources
from rhapsode.errors import UserError
from rhapsode.inference.model import Model

TEXTS = ("chars", "bytes", "words", "bpe")


def read(source: str, most: int) -> bytes:
    data = bytearray()
    for piece in open_sources([source]).pieces():
        data += piece.data
        if len(data) >= most:
            break
    return bytes(data[:most])


def measured(model: Model, figure: Figure, most: int) -> str:
    """Our figure, in the unit of the published one."""
    data = read(figure.part, most)
    score = model.score(data, dynamic=figure.dynamic)
    if figure.unit.startswith("perplexity"):
        value = math.exp(score.nats / (score.words + data.count(b"\n")))
    elif figure.unit.startswith("bits per byte"):
        value = score.bits_per_byte
    elif figure.unit.startswith("nats per character"):
        value = score.nats_per_char
    else:
        value = score.bits_per_char
    whole = "" if len(data) < most else f" (first {most / 1e6:g} MB)"
    return f"{value:.4g}{whole}"


def rows(name: str, found: Settings, options: Any, scratch: Path) -> Iterator[list[str]]:
    assert found.about
    figures = found.about.reported or [None]
    sources = options.source.get(name, found.sources)
    why = "not asked for" if options.only and name not in options.only else "" if sources else "its data is not at hand"
    model = None
    if not why:
        settings = small(found)
        try:
            folder = scratch / name
            train.begin(settings, str(folder), sources=sources, minutes=options.minutes)
            model = Model.load(folder)
        except UserError as error:
            why = str(error)
    for figure in figures:
        published = f"{figure.value:g} {figure.unit}" if figure else "none"
        ours = f"not run ({why})"
        if model and figure and figure.part:
            ours = measured(model, figure, options.bytes)
        elif model:
            facts = model.config.facts
            bits = facts["valid_nats_per_step"] / math.log(2) * facts["valid_steps"] / facts["valid_chars"]
            ours = f"{bits:.4g} bits per character (validation)"
        size = f"{model.network.description}, {model.network.parameters / 1e6:.2f} M" if model else ""
        yield [name, published, figure.protocol if figure else "", ours, size]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="recipes [default: all of texts]")
    parser.add_argument("--minutes", type=float, default=8.0, help="of training, each")
    parser.add_argument("--bytes", type=int, default=500_000, help="of the part that is scored, at most")
    parser.add_argument("--source", action="append", default=[], metavar="NAME=SOURCE", help="data of a recipe")
    parser.add_argument("--keep", type=Path, help="folder for the models (default: thrown away)")
    options = parser.parse_args()
    options.source = {name: [source] for name, _, source in (one.partition("=") for one in options.source)}
    print("| recipe | published | measured on | here | network here |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for name, found in recipes().items():
            if found.codec["name"] in TEXTS:
                for row in rows(name, found, options, options.keep or Path(scratch)):
                    print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
