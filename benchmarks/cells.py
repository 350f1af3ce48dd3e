"""Every cell, on tiny Shakespeare and on Python source: with equal parameters, and with equal seconds besides.

    RHAPSODE_DATA=folder python benchmarks/cells.py --minutes 2 --seeds 0 1 2 [--params 700000] [--cells lstm gru]

Protocol. Networks of one layer; each cell is as wide as about `--params` parameters allow, embedding and output among
them. All else is equal: batches of 64 rows and 64 steps, the default rates and their schedule, no dropout. First the
fused LSTM is trained for `--minutes`. In the first table, the others make as many updates as it made; in the second,
they are trained for as many seconds. Tiny Shakespeare: the last 10 % are held out. Python source: the first
`--megabytes` of the standard library, in the order of the files' paths; the last 200 kB are held out. Bits per
character of the first `--characters` that are held out, static (the weights stay as they are), state carried: the mean
over the seeds and, with two or more, the standard deviation. Cost: seconds of an update over those of the fused LSTM in
the same run; of networks with as many parameters, not as wide.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora import read
from shakespeare import shakespeare

from rhapsode import registry
from rhapsode.inference.model import Model
from rhapsode.training.run import train

FUSED, HELD_OUT = "lstm", 200_000
BATCH = {"batch_size": 64, "sequence_length": 64}


@dataclass(frozen=True)
class Run:
    """One training, and its score."""

    width: int
    parameters: int
    updates: int
    seconds: float
    bits_per_char: float


@dataclass(frozen=True)
class Text:
    """A text to train on, and the one that is held out."""

    name: str
    known: bytes
    held_out: bytes


def texts(names: list[str], megabytes: float) -> list[Text]:
    found = []
    if "shakespeare" in names:
        found.append(Text("tiny Shakespeare", *shakespeare()[1:]))
    if "python" in names:
        data = read(f"python:{megabytes}")
        cut = len(data) - min(HELD_OUT, len(data) // 10)
        found.append(Text("Python source", data[:cut], data[cut:]))
    return found


def run(text: Text, cell: str, seed: int, options: argparse.Namespace, **budget: Any) -> Run:
    """budget: minutes or updates."""
    with tempfile.TemporaryDirectory() as scratch:
        known, valid, folder = (Path(scratch, name) for name in ("train.txt", "valid.txt", "model"))
        known.write_bytes(text.known)
        valid.write_bytes(text.held_out)
        result = train(
            [known],
            folder,
            valid=[valid],
            network={"cell": cell},
            params=options.params,
            dropout={"output": 0.0},
            plan=BATCH,
            seed=seed,
            **budget,
        )
        if not result.finished:
            raise SystemExit("interrupted")
        model = Model.load(folder)
        bits = model.score(text.held_out[: options.characters]).bits_per_char
        return Run(model.config.network.width, model.network.parameters, result.updates, result.seconds, bits)


def row(cell: str, runs: list[Run], fused: list[Run]) -> str:
    bits = [one.bits_per_char for one in runs]
    spread = f" ± {statistics.stdev(bits):.3f}" if len(bits) > 1 else ""
    cost = statistics.median(
        one.seconds / one.updates / (other.seconds / other.updates) for one, other in zip(runs, fused, strict=True)
    )
    cells = [
        f"`{cell}`",
        f"{runs[0].width}",
        f"{runs[0].parameters:,}",
        f"{statistics.mean(one.updates for one in runs):,.0f}",
        f"{statistics.mean(one.seconds for one in runs):.0f}",
        f"{statistics.mean(bits):.3f}{spread}",
        f"{cost:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2, help="of training, of each run of the second table")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--params", type=int, default=700_000)
    parser.add_argument("--cells", nargs="+", choices=registry.names("cell"), default=registry.names("cell"))
    parser.add_argument("--texts", nargs="+", choices=["shakespeare", "python"], default=["shakespeare", "python"])
    parser.add_argument(
        "--equal", nargs="+", choices=["updates", "seconds"], default=["updates", "seconds"], help="tables"
    )
    parser.add_argument("--megabytes", type=float, default=10, help="of Python source")
    parser.add_argument("--characters", type=int, default=100_000, help="that are scored")
    options = parser.parse_args()
    print(__doc__.split("\n\n")[2])
    others = [cell for cell in options.cells if cell != FUSED]
    head = (
        "| cell | width | parameters | updates | seconds | bits per character | cost |\n|---|---|---|---|---|---|---|"
    )
    for text in texts(options.texts, options.megabytes):
        fused = [run(text, FUSED, seed, options, minutes=options.minutes) for seed in options.seeds]
        for equal in options.equal:
            print(f"\n{text.name}: equal parameters, equal {equal}\n\n{head}\n{row(FUSED, fused, fused)}", flush=True)
            for cell in others:
                runs = []
                for seed, one in zip(options.seeds, fused, strict=True):
                    budget = {"updates": one.updates} if equal == "updates" else {"minutes": options.minutes}
                    runs.append(run(text, cell, seed, options, **budget))
                print(row(cell, runs, fused), flush=True)


if __name__ == "__main__":
    main()
