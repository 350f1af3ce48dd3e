"""What options of sampling cost, as a ratio to sampling without any.

    python benchmarks/options.py [--width 384 --rounds 7]

Models of one layer with untrained weights, in whole numbers, with 96 and with 4,096 symbols: `Model.generate` of one
sample, and of 32 side by side. The forms take turns in one process. Prints the least processor time of each form,
divided by that without options.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.config import NetworkConfig
from rhapsode.demos.bench import untrained
from rhapsode.inference.model import Model
from rhapsode.modalities.text.codecs.chars import Chars

VOCABULARIES = 96, 4096
ROWS, STEPS = (1, 32), 4000
FORMS: dict[str, dict[str, Any]] = {
    "temperature": {"temperature": 0.8},
    "top-k": {"top_k": 20},
    "repetition penalty": {"repetition_penalty": 1.2},
    "logit bias": {"logit_bias": {5: -100, 9: 1}},
    "frequency penalty": {"frequency_penalty": 0.5},
    "frequency and presence penalty, logit bias": {
        "frequency_penalty": 0.5,
        "presence_penalty": 1,
        "logit_bias": {5: -100, 9: 1},
    },
}


def made(symbols: int, width: int) -> Model:
    codec = Chars("".join(chr(0x4E00 + n) for n in range(symbols - 32)))
    config = NetworkConfig(layers=1, width=width, embedding=32)
    return untrained(codec, config).quantised()


def seconds(model: Model, rows: int, sampling: Sampling) -> float:
    begun = time.process_time()
    model.generate(length=STEPS // rows, samples=rows, seed=1, sampling=sampling)
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    for symbols in VOCABULARIES:
        model = made(symbols, options.width)
        for rows in ROWS:
            least = dict.fromkeys(("none", *FORMS), float("inf"))
            for _ in range(options.rounds):
                for name in least:
                    least[name] = min(least[name], seconds(model, rows, Sampling(**FORMS.get(name, {}))))
            print(f"{symbols:,} symbols, {rows} rows: {least['none'] / STEPS * 1e6:.1f} µs a symbol without options")
            for name in FORMS:
                print(f"  {name:44} {least[name] / least['none']:.2f}", flush=True)


if __name__ == "__main__":
    main()
