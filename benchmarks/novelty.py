"""What a training index of text costs, and generation that copies no more than it may.

    python benchmarks/novelty.py TEXT [--sizes 1 4 16] [--model MODEL] [--most 40 20 15]

The index: for so many megabytes of text, seconds to sort it, to measure the held-out text and to load the file, bytes
on the disk and of memory for each byte of text, and seconds to look up 100 kB. A text that is too small is made longer
by pieces of it in another order. With --model, which has an index beside it: characters a second, drawn at temperature
0.5, free and with `--max-copy N`; what was thrown away; nats a character; and the longest span.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import rhapsode
from rhapsode.data.suffixes import suffix_array
from rhapsode.data.text_index import Gathered, TextIndex

LENGTH, SAMPLES = 2000, 4


def longer(text: bytes, size: int) -> bytes:
    """The text, or so many bytes of pieces of eight words."""
    if len(text) >= size:
        return text[:size]
    words, rng, found, made = text.split(b" "), random.Random(0), list[bytes](), 0
    while made < size:
        at = rng.randrange(max(1, len(words) - 8))
        found.append(b" ".join(words[at : at + 8]) + b" ")
        made += len(found[-1])
    return b"".join(found)[:size]


def sizes(text: bytes, megabytes: list[int]) -> Iterator[str]:
    yield f"{'MB':>4} {'sort':>7} {'held out':>9} {'save':>7} {'load':>7} {'disk':>6} {'memory':>7} {'100 kB':>7}"
    held, sought = text[-(1 << 18) :], text[-100_000:]
    for each in megabytes:
        gathered = Gathered(False)
        gathered.files, gathered.data = ["text"], ["digest"]
        gathered.add(longer(text[: -(1 << 18)], each * 10**6), True, 0, 0)
        size, marks = len(gathered.text), [time.perf_counter()]
        suffix_array(gathered.finished()[0])
        marks.append(time.perf_counter())
        index = TextIndex.of(gathered, [held])
        marks.append(time.perf_counter())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "index.safetensors")
            index.save(path)
            marks.append(time.perf_counter())
            TextIndex.load(path)
            marks.append(time.perf_counter())
            disk = path.stat().st_size / size
        index.matches(sought)
        marks.append(time.perf_counter())
        sort, whole, save, load, lookup = (after - before for before, after in zip(marks, marks[1:], strict=False))
        memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / size
        yield (
            f"{each:>4} {sort:>6.2f}s {whole - sort:>8.2f}s {save:>6.2f}s {load:>6.2f}s {disk:>6.1f} {memory:>7.1f} "
            f"{lookup:>6.2f}s"
        )


def copies(name: str, limits: list[int]) -> Iterator[str]:
    model, sampling = rhapsode.load(name), rhapsode.Sampling(temperature=0.5)
    model.generate(length=LENGTH, seed=0)
    _ = model.index
    yield f"{'N':>5} {'chars/s':>9} {'went back':>10} {'thrown away':>12} {'nats':>7} {'longest':>8}"
    for most in (None, *limits):
        begun = time.perf_counter()
        drawn = model.generate(length=LENGTH, seed=1, samples=SAMPLES, sampling=sampling, max_copy=most)
        seconds = time.perf_counter() - begun
        chars = sum(len(one.text) for one in drawn)
        nats = -sum(one.log_probs.sum() for one in drawn) / sum(len(one.steps) for one in drawn)
        longest = max(model.novelty(one.data).figures.longest for one in drawn)
        back, away = sum(one.rewound for one in drawn), sum(one.discarded for one in drawn)
        share = away / (away + sum(len(one.steps) for one in drawn))
        yield f"{most or 'free':>5} {chars / seconds:>9,.0f} {back:>10,} {share:>12.1%} {nats:>7.3f} {longest:>8,}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 4, 16], metavar="MB")
    parser.add_argument("--model")
    parser.add_argument("--most", type=int, nargs="+", default=[40, 20, 15], metavar="N")
    given = parser.parse_args()
    for line in sizes(given.text.read_bytes(), given.sizes):
        print(line, flush=True)
    for line in copies(given.model, given.most) if given.model else ():
        print(line, flush=True)


if __name__ == "__main__":
    main()
