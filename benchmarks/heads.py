"""What it costs to draw a step, and to score one, in doubles that are the same on every machine.

    python benchmarks/heads.py [--rounds 5]

Of each head over numbers, sets and tuples, in microseconds of processor time a step: `one` is drawing in one row,
`many` in each of 64, `score` is log p of each of 2,000 steps. The parameters are random ones. With the kernel, and in
numpy alone. Prints a table.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from rhapsode import registry
from rhapsode.arithmetic import doubles
from rhapsode.arithmetic.kernel import NUMPY, VARIABLE
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.modalities.ink.moves import Moves
from rhapsode.modalities.series.values import Counts, Reals
from rhapsode.nn.heads._head import Head
from rhapsode.nn.samplers import Draw
from rhapsode.steps.frames import Frames
from rhapsode.steps.sets import Sets
from rhapsode.steps.tuples import Tuples

HEADS: dict[str, tuple[Any, dict[str, int]]] = {
    "mixture": (Moves((0.0, 0.0), (1.0, 1.0)), {"mixtures": 20}),
    "gaussians": (Frames(40, 1), {"mixtures": 4}),
    "regression": (Frames(40, 1), {}),
    "bernoulli": (Sets(88), {}),
    "nade": (Sets(88), {"hidden": 128}),
    "chain": (Tuples((40, 30, 20)), {"hidden": 128}),
    "student": (Reals.example(), {}),
    "negative_binomial": (Counts.example(), {}),
}
ROWS, STEPS = 64, 2000
RARE = -3.0
"""Added to the log-odds of sets: few things are in."""


def made(name: str, rng: np.random.Generator) -> Head[Any]:
    steps, settings = HEADS[name]
    kind: type[Head[Any]] = registry.get("head", name)
    head = kind(steps, kind.Settings(name=name, **settings))
    return head.bound({key: 0.3 * rng.standard_normal(shape) for key, shape in head.shapes.items()})


def works(name: str) -> dict[str, tuple[int, Callable[[], object]]]:
    """What is measured: how many steps it is, and what does it."""
    rng = np.random.default_rng(0)
    head = made(name, rng)
    parameters = rng.standard_normal((STEPS, head.width)).astype(np.float32)
    if isinstance(head.steps, Sets):
        parameters[:, : head.steps.size] += RARE
    hows = [Draw(Sampling(), Randomness(0, row)) for row in range(ROWS)]
    drawn = head.draw_rows(head.distribution(parameters[:ROWS]), hows)
    targets = head.steps.inputs(np.resize([one.step for one in drawn], (STEPS, *head.steps.shape)))

    def draw(rows: int) -> list[Any]:
        return head.draw_rows(head.distribution(parameters[:rows]), hows[:rows])

    return {
        "one": (1, lambda: draw(1)),
        "many": (ROWS, lambda: draw(ROWS)),
        "score": (STEPS, lambda: head.log_prob(parameters, targets)),
    }


def measured(steps: int, work: Callable[[], object], rounds: int) -> float:
    """Microseconds a step, of the fastest round."""
    best, times = float("inf"), max(1, 200 // steps)
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(times):
            work()
        best = min(best, time.process_time() - begin)
    return 1e6 * best / times / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    columns = [f"{what}, {by}" for by in ("kernel", "numpy") for what in ("one", "many", "score")]
    print(f"| head | {' | '.join(columns)} |")
    print("|---" * 7 + "|")
    for name in HEADS:
        found = []
        for variant in ("", NUMPY):
            os.environ[VARIABLE] = variant
            doubles._native.cache_clear()
            found += [measured(*work, rounds) for work in works(name).values()]
        print(f"| {name} | " + " | ".join(f"{one:.3g}" for one in found) + " |", flush=True)


if __name__ == "__main__":
    main()
