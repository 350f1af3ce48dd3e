"""Dynamic evaluation by both rules, and a cache of the text: bits per character of tiny Shakespeare's validation text.

    RHAPSODE_DATA=folder python benchmarks/dynamic.py --minutes 2
    python benchmarks/dynamic.py --model models/book --training book.txt --text another.txt

State carried; `rms` chooses its rates on training text. Seconds are of scoring alone, and of choosing. Markdown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import product
from pathlib import Path

from shakespeare import shakespeare

from rhapsode.inference.dynamic import Rms
from rhapsode.inference.model import Model
from rhapsode.training.run import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0, help="of training, without --model")
    parser.add_argument("--model", type=Path, help="a trained model; with --training and --text")
    parser.add_argument("--training", type=Path, help="text that the model was trained on")
    parser.add_argument("--text", type=Path, help="the text to score")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if options.model:
            model, known, text = Model.load(options.model), options.training.read_bytes(), options.text.read_bytes()
        else:
            path, known, text = shakespeare()
            folder = Path(scratch, "model")
            if not train([path], folder, minutes=options.minutes).finished:
                raise SystemExit("interrupted")
            model = Model.load(folder)
        begun = time.perf_counter()
        rms = Rms.of(model, known)
        chosen = time.perf_counter() - begun
        print(f"rms: rate {rms.rate:g}, decay {rms.decay:g}, chosen in {chosen:.0f} s\n")
        print("| weights | cache | bits per character | seconds |\n|---|---|---|---|")
        rules = ("fixed", False), ("learn by Adam", True), ("learn by RMS", rms)
        for cache, (name, dynamic) in product((False, True), rules):
            begun = time.perf_counter()
            bits = model.score(text, dynamic=dynamic, cache=cache).bits_per_char
            row = (name, "yes" if cache else "no", f"{bits:.4f}", f"{time.perf_counter() - begun:.1f}")
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
