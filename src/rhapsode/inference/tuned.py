"""How many threads run a model best when many rows are drawn side by side: measured when it is loaded to be served."""

from __future__ import annotations

import copy
import time

import numpy as np

from rhapsode.inference.trained import Trained
from rhapsode.nn.engine import Engine, OnnxEngine, cores

SECONDS = 0.4
"""Nothing more is tried after so many seconds."""
TRIED = 4
"""Calls of an engine with so many rows; the fastest counts."""
THREADS = 8
"""The most threads that are tried: a step of an LSTM is short, and more threads wait for one another."""


def tuned(model: Trained, rows: int) -> Trained:
    """The model, with the engine that is fastest here with one row, with some, and with `rows` rows.

    One thread that does not spin is what others are compared with: it leaves the other cores to others. An engine is
    taken only if it gives the same bits. Whole numbers are computed in one thread, so there is nothing to choose.
    """
    if model.whole or not isinstance(model.engine, OnnxEngine) or model.text is not None or model.codec.covariates:
        return model
    begun, graph = time.perf_counter(), model.network.graph(model.weights)
    counts = sorted({1, min(8, rows), rows})
    expected = [_measured(model, model.engine, count, 1)[1] for count in counts]
    best, least = None, np.inf
    for threads, spinning in _choices(cores()):
        if best is not None and time.perf_counter() - begun > SECONDS:
            break
        engine = OnnxEngine(graph, threads, spinning)
        found = [_measured(model, engine, count, TRIED if cores() > 1 else 1) for count in counts]
        if any(not np.array_equal(own, wanted) for (_, own), wanted in zip(found, expected, strict=True)):
            continue
        score = float(np.prod([seconds for seconds, _ in found]))
        if best is None or score < least * 0.9 ** len(counts):  # more threads must be worth it
            best, least = engine, score
    return model if best is None else running(model, best)


def running(model: Trained, engine: Engine) -> Trained:
    """The same model, run by this engine."""
    other = copy.copy(model)
    other.__dict__["engine"] = engine
    return other


def _choices(most: int) -> list[tuple[int, bool]]:
    """Threads, and whether they spin."""
    found, threads = [(1, False)], 2
    while threads <= min(most, THREADS):
        found += [(threads, False), (threads, True)]
        threads *= 2
    return found


def _measured(model: Trained, engine: Engine, rows: int, tried: int) -> tuple[float, np.ndarray]:
    """The seconds of a step of so many rows, and its parameters."""
    kind = model.codec.steps
    start = kind.inputs(np.broadcast_to(np.asarray(kind.start), (1, rows, *np.shape(kind.start))))
    parameters, state = engine.run(start, engine.zeros(rows))
    least = np.inf
    for _ in range(tried):
        begun = time.perf_counter()
        parameters, _ = engine.run(start, state)
        least = min(least, time.perf_counter() - begun)
    return least, parameters
