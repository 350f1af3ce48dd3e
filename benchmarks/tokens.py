"""One text by character, byte, part of words (BPE) and word, for equal seconds of training.

    RHAPSODE_DATA=folder python benchmarks/tokens.py --minutes 2
    python benchmarks/tokens.py --minutes 2 --text book.txt
    python benchmarks/tokens.py --minutes 1 --text enwik8 --held 100000 --codecs words --sizes 5000 20000 \
        --heads categorical adaptive

Tiny Shakespeare, contiguous 90/10, or the same of another text; the defaults of `rhapsode train` but for the codec. All
of the held-out text is scored, exactly, state carried: what a codec does not know is spelled, and counted in full. So
bits per character can be compared, and perplexity per word (e to the nats per word; spaces and line ends are counted in
the nats); perplexity per token cannot. Prints a Markdown table.

--sizes: of the vocabularies of `words` and `bpe`, which then know what they have seen twice. --heads: of the networks.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import product
from pathlib import Path

from shakespeare import shakespeare

from rhapsode.inference.model import Model
from rhapsode.training.run import train

CODECS = ("chars", "bytes", "bpe", "words")
HEADS = ("categorical", "adaptive")
SIZES = {"words": "max_size", "bpe": "size"}
"""The option that says how many symbols a codec has at most."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument(
        "--processor", action="store_true", help="minutes are of processor time: on a machine that does other work, too"
    )
    parser.add_argument("--text", type=Path, help="another text [default: tiny Shakespeare]")
    parser.add_argument("--held", type=int, help="the bytes of it that are held out [default: the last tenth]")
    parser.add_argument("--codecs", nargs="+", default=CODECS, choices=CODECS)
    parser.add_argument("--sizes", nargs="+", type=int, help="symbols of words and bpe at most [default: the codec's]")
    parser.add_argument("--heads", nargs="+", default=HEADS[:1], choices=HEADS)
    options = parser.parse_args()
    if options.processor:
        time.perf_counter = time.process_time
    if options.text:
        data = options.text.read_bytes()
        cut = data.rfind(b"\n", 0, len(data) - (options.held or len(data) // 10)) + 1
        known, valid = data[:cut], data[cut:]
    else:
        _, known, valid = shakespeare()
    print(
        "| codec | symbols | head | network | weights | ms an update | tokens per character | bits per character "
        "| perplexity per word | perplexity per token |\n" + 10 * "|---" + "|",
        flush=True,
    )
    for codec, size, head in product(options.codecs, options.sizes or [None], options.heads):
        own = {SIZES[codec]: size, "min_count": 2} if size and codec in SIZES else {}
        with tempfile.TemporaryDirectory() as folder:
            path, held, made = (Path(folder, name) for name in ("train.txt", "valid.txt", "model"))
            path.write_bytes(known)
            held.write_bytes(valid)
            how = {"codec": codec, "codec_options": own, "network": {"head": head}}
            run = train([path], made, valid=[held], minutes=options.minutes, **how)  # type: ignore[arg-type]
            if not run.finished:
                raise SystemExit("interrupted")
            model = Model.load(made)
            score = model.score(valid)
            cells = [
                codec,
                f"{model.codec.steps.choices:,}",
                head,
                model.network.description,
                f"{model.network.parameters:,}",
                f"{1000 * run.seconds / run.updates:.1f}",
                f"{score.steps / score.chars:.3f}",
                f"{score.bits_per_char:.3f}",
                f"{score.perplexity_per_word:,.0f}",
                f"{score.perplexity_per_step:.2f}",
            ]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
