"""Defaults on corpora of many kinds and sizes: bits per character beside what needs no network.

    python benchmarks/corpora.py --minutes 2 book.txt folder/ data:enwik8 python:10

Each source is read whole and cut once: the last tenth, at most 200 kB, is held out. `python:N` is the first N MB of the
Python source files of the standard library and then of this environment, in the order of their paths. Rhapsode is run
by `--minutes` and nothing else; xz and bz2 have read the training text first; the n-gram (order 5, Witten–Bell) is left
out above 8 MB, where it would not fit. Prints a Markdown table. Exact scores, state carried.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rhapsode.data import datasets
from rhapsode.inference.model import Model
from rhapsode.modalities.text.baselines import compressed_bits_per_char, ngram_bits_per_char
from rhapsode.training.run import train

HELD_OUT, NGRAM_LIMIT = 200_000, 8_000_000


def pieces(source: str) -> Iterator[bytes]:
    if source.startswith("python:"):
        library = Path(sysconfig.get_path("stdlib"))
        paths = [path for path in sorted(library.rglob("*.py")) if "site-packages" not in path.parts]
        paths += sorted(Path(sys.prefix).rglob("*.py"))
    elif source.startswith("data:"):
        paths = list(datasets.get(source.removeprefix("data:")).paths.values())
    else:
        paths = sorted(p for p in Path(source).rglob("*") if p.is_file()) if Path(source).is_dir() else [Path(source)]
    for path in paths:
        yield path.read_bytes()


def read(source: str) -> bytes:
    """The text of a source; of `python:N` only the first N MB."""
    limit = int(float(source.removeprefix("python:")) * 1e6) if source.startswith("python:") else sys.maxsize
    data = bytearray()
    for piece in pieces(source):
        data += piece
        if len(data) >= limit:
            break
    return bytes(data[:limit])


def measure(source: str, minutes: float) -> str:
    """One row of the table."""
    data = read(source)
    cut = len(data) - min(len(data) // 10, HELD_OUT)
    known, held_out = data[:cut], data[cut:]
    with tempfile.TemporaryDirectory() as scratch:
        text, valid, folder = (Path(scratch, name) for name in ("train.txt", "valid.txt", "model"))
        text.write_bytes(known)
        valid.write_bytes(held_out)
        result = train([text], folder, minutes=minutes, valid=[valid])
        model = Model.load(folder)
    network, facts = model.config.network, model.config.facts
    baselines = compressed_bits_per_char(known, held_out)
    ngram = f"{ngram_bits_per_char(known, held_out):.3f}" if len(known) <= NGRAM_LIMIT else ""
    cells = [
        Path(source).name,
        f"{len(known):,}",
        f"{network.layers} × {network.width}",
        f"{result.seconds:.0f} s, {facts['updates']:,}",
        f"**{model.score(held_out).bits_per_char:.3f}**",
        ngram,
        *(f"{bits:.3f}" for bits in baselines.values()),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="+", metavar="SOURCE")
    parser.add_argument("--minutes", type=float, default=2)
    options = parser.parse_args()
    print("| text | bytes to train | network | training, updates | Rhapsode | n-gram | xz -9 | bz2 |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for source in options.sources:
        print(measure(source, options.minutes), flush=True)


if __name__ == "__main__":
    main()
