"""All four framings on one corpus for equal seconds of training, scored by the same text.

    RHAPSODE_DATA=folder python benchmarks/framings.py --seconds 60

Tiny Shakespeare, contiguous 90/10; the same network (one layer of 256) for all, otherwise defaults. Nats per
character of the whole validation text; each model reads as its framing says: a stream with its state carried, a
many-to-one window anew for every character, one-to-one with no past at all, one-to-many from one character on.
Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import tempfile

from shakespeare import shakespeare

from rhapsode.inference.model import Model
from rhapsode.training.run import train

CASES = [
    ("stream", {}),
    ("many-to-one", {"window": 40}),
    ("many-to-one", {"window": 10}),
    ("one-to-many", {"horizon": 10}),
    ("one-to-one", {}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--width", type=int, default=256)
    options = parser.parse_args()
    path, _, valid = shakespeare()
    print("| framing | updates | targets learnt from | nats per char |\n|---|---|---|---|", flush=True)
    for framing, length in CASES:
        with tempfile.TemporaryDirectory() as folder:
            train(
                [path],
                folder,
                minutes=options.seconds / 60,
                framing=framing,
                network={"width": options.width},
                **length,
            )
            model = Model.load(folder)
            facts = model.config.facts
            rows, window = facts["plan"]["batch_size"], facts["plan"]["sequence_length"]
            targets = facts["updates"] * rows * (1 if framing == "many-to-one" else window)
            name = " ".join([framing, *(f"({value})" for value in length.values())])
            nats = model.score(valid).nats_per_char
            print(f"| {name} | {facts['updates']:,} | {targets:,} | {nats:.3f} |", flush=True)


if __name__ == "__main__":
    main()
