"""Nats per character on tiny Shakespeare after `rhapsode train --minutes M` with no other option.

    RHAPSODE_DATA=folder python benchmarks/tinyshakespeare.py --minutes 0.5 2 10 25

Split: contiguous, first 90 % of the characters to train, last 10 % to validate (nanoGPT's). Scored on
all of the validation text by `rhapsode score`: carried state, and cold-start windows of 256 characters
(nanoGPT's protocol). Seconds are of training; evaluation is not counted. One line of JSON each.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from shakespeare import shakespeare

from rhapsode.inference.model import Model
from rhapsode.training.run import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[0.5, 2.0])
    parser.add_argument("--keep", type=Path, help="folder for the models and loss curves (default: thrown away)")
    options = parser.parse_args()
    text, _, valid = shakespeare()
    with tempfile.TemporaryDirectory() as scratch:
        for minutes in options.minutes:
            folder = (options.keep or Path(scratch)) / f"{minutes:g}min"
            result = train([text], folder, minutes=minutes)
            if not result.finished:
                raise SystemExit("interrupted")
            model = Model.load(folder)
            carried, cold = model.score(valid), model.score(valid, cold=256)
            print(
                json.dumps(
                    {
                        "minutes": minutes,
                        "seconds": round(result.seconds, 1),
                        "updates": model.config.facts["updates"],
                        "parameters": model.network.parameters,
                        "width": model.config.network.width,
                        "nats_per_char_carried": round(carried.nats_per_char, 4),
                        "nats_per_char_cold_256": round(cold.nats_per_char, 4),
                        "processors": os.cpu_count(),
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
