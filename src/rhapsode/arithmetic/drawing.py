"""Symbols drawn by the kernel: each row with its own options. The bits are those of `rhapsode.arithmetic.choice`."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from rhapsode.arithmetic import choice, tables
from rhapsode.arithmetic import structures as s
from rhapsode.arithmetic.kernel import Kernel
from rhapsode.arithmetic.sampling import UNBIASED, Sampling


def options(
    samplings: Sequence[Sampling],
    counts: Sequence[np.ndarray | None],
    window: int = 1,
    late: Sequence[bool] = (),
    masked: bool = False,
) -> np.ndarray:
    """How each row is drawn, as the kernel reads it: [N] of `SAMPLING`. As long, samplings and counts must be kept.

    counts: see `copied`. window: of the rings of last symbols, at the most. late: see `Draw`. masked: each row has a
    mask.
    """
    first = samplings[0]
    if all(one is first for one in samplings):
        found = np.full(len(samplings), _record(first))
    else:
        found = np.array([_record(one) for one in samplings], s.SAMPLING)
    if window > 1:
        np.minimum(found["window"], window, out=found["window"])
    else:
        found["window"] = 1
    if masked:
        found["masked"] = 1
    if any(late):
        found["late"] = late
    for n, sampling in enumerate(samplings):
        if sampling.logit_bias is not UNBIASED:
            bias = sampling.biases
            found["biases"][n], found["biased"][n], found["bias"][n] = (
                len(bias),
                _address(bias.symbols),
                _address(bias.nats),
            )
        if (count := counts[n]) is not None:
            found["counts"][n] = _address(count)
    return found


@lru_cache(256)
def _record(sampling: Sampling) -> Any:
    reals = sampling.temperature, sampling.top_p, sampling.min_p, sampling.typical, sampling.repetition_penalty
    top_k, window = (min(one, (1 << 31) - 1) for one in (sampling.top_k, sampling.repetition_window))
    return np.array((*reals, top_k, window, 0, 0, *choice.penalties(sampling), 0, 0, 0, 0, 0), s.SAMPLING)[()]


def recents(
    last: Sequence[Sequence[int]], samplings: Sequence[Sampling], more: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The last symbols of each row that a repetition penalty looks at, as rings: [N, W] int32, -1 for none; and how
    many are in each, [N] int64. more: so many symbols are to be drawn."""
    penalised = [one.repetition_window for one in samplings if one.repetition_penalty != 1]
    counts = np.zeros(len(samplings), np.int64)
    if not penalised:
        return np.full((len(samplings), 1), -1, np.int32), counts
    lists = [
        () if sampling.repetition_penalty == 1 else list(row)[-sampling.repetition_window :]
        for row, sampling in zip(last, samplings, strict=True)
    ]
    counts[:] = list(map(len, lists))
    rings = np.full((len(lists), max(1, min(max(penalised), int(counts.max()) + more))), -1, np.int32)
    for ring, row in zip(rings, lists, strict=True):
        if row:
            ring[: len(row)] = row
    return rings, counts


def copied(given: Sequence[np.ndarray | None], samplings: Sequence[Sampling], size: int) -> list[np.ndarray | None]:
    """Copies of how often each symbol was drawn before, [size] int32, None for never; and None for samplings that do
    not ask for it."""
    rows = zip(given, samplings, strict=True)
    return [
        (np.zeros(size, np.int32) if counts is None else np.array(counts, np.int32)) if sampling.counting else None
        for counts, sampling in rows
    ]


class Scratch(threading.local):
    """Memory to work in, of one thread."""

    lines = np.zeros(0, np.uint8)


_scratch = Scratch()


def draw(
    kernel: Kernel,
    logits: np.ndarray,
    words: np.ndarray,
    recent: np.ndarray,
    how: np.ndarray,
    allowed: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One of V symbols in each row: logits [N, V] int32, random numbers [N] uint64, `recents` and `options`, and
    perhaps masks [N, V] bool, each of which allows something.

    Returns symbols [N] int64; log p of each by the logits, and log p of all that its mask allows: [N] float64, nats.
    """
    model, needed, _ = _model(kernel, logits.shape[1])
    if len(_scratch.lines) < needed:
        _scratch.lines = s.lines(needed)
    count = len(logits)
    symbols, log_probs, masses = np.empty(count, np.int64), np.empty(count), np.empty(count)
    logits = np.ascontiguousarray(logits)
    masks = None if allowed is None else np.ascontiguousarray(allowed, np.uint8)
    asked = s.Choose(
        count,
        _address(logits),
        _address(words),
        _address(recent),
        _address(how.view(np.uint8)),  # of a structure, numpy would describe each field first
        None if masks is None else _address(masks),
        recent.shape[1],
        *map(_address, (symbols, log_probs, masses)),
    )
    kernel.library.rk_choose(model, _address(_scratch.lines), ctypes.addressof(asked))
    return symbols, log_probs, masses


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])  # twice as fast as `array.ctypes.data`


@cache
def _model(kernel: Kernel, outputs: int) -> tuple[int, int, np.ndarray]:
    """A model without layers, but with so many symbols: where its image is, the bytes of memory that it needs to work
    in, and the image."""
    s.declare(kernel.library)
    image = s.Image(s.Model)
    layers = image.put(s.array([s.Layer(cell=s.LOGITS, width=outputs, groups=-(-outputs // s.SUMS))]))
    begin = s.Model(
        variant=kernel.number,
        feedback=1,  # one step at a time: less memory
        outputs=outputs,
        whole=1,
        fields=1,
        layer=layers,
        frequencies=image.put(tables.frequencies()),
    )
    made = image.finished(begin)
    return _address(made), kernel.library.rk_memory(_address(made), 1), made
