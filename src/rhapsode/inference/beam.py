"""Beam search: the likeliest completions of a prompt, as far as a search of this width finds them.

Sequences of symbols grow side by side. After each symbol, only the `width` best are kept, of all that the kept ones can
become (Graves 2012, 1211.3711; Sutskever, Vinyals & Le 2014, 1409.3215). One that ends, and is among the best at that
time, is set aside. The search is over when none that goes on can become better than the `width` best of these. A beam
as wide as there are sequences finds the best of all; one of width 1 is greedy, as sampling at temperature 0.

A longer sequence is less probable than its beginning, so the likeliest completions are short where a text can end. Wu
et al. (2016, 1609.08144, equation 14) compare by a normalised score instead,

    score = log p / ((5 + n) / 6) ** penalty

where n is the number of symbols. A penalty of 0 is log p itself.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.data.codecs.output import Output, Stopped
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.constrained import Valid
from rhapsode.data.constraint import Verdict
from rhapsode.data.guide import Guide
from rhapsode.errors import UserError
from rhapsode.inference.generate import Request, Stops, _start, _whole
from rhapsode.inference.reader import Reader
from rhapsode.inference.trained import Trained

WIDEST = 1024
"""Sequences side by side, at most."""
STEEPEST = 1.0
"""The greatest penalty: by a greater one, the longest would be best."""
BLOCK = 16
"""So many symbols of a row are put in order first."""


@dataclass(frozen=True)
class Completion:
    """A completion of the prompt.

    data, text, steps, log_probs: as in `Sample`. log_probs are those that scoring gives, to the last bit.
    stopped: `length`, `stop` or `end`, as in `Sample`.
    score:   by what completions are compared: the sum of `log_probs`, or that normalised.
    """

    data: bytes
    text: str
    steps: np.ndarray
    log_probs: np.ndarray
    stopped: Stopped
    score: float


@dataclass(frozen=True)
class _Grown:
    """A sequence that is longer than another one by a symbol. total: the sum of log p, nats."""

    before: _Grown | None
    symbol: int
    log_prob: float
    total: float
    length: int
    output: Output
    guide: Guide

    @property
    def ended(self) -> bool:
        return self.output.stopped != "unfinished"

    def symbols(self) -> tuple[list[int], list[float]]:
        """All symbols, and log p of each."""
        symbols, log_probs = [], []
        grown = self
        while grown.before is not None:
            symbols.append(grown.symbol)
            log_probs.append(grown.log_prob)
            grown = grown.before
        return symbols[::-1], log_probs[::-1]


def beam(
    model: Trained,
    prompt: bytes | str = b"",
    *,
    width: int = 5,
    length: int | None = None,
    length_penalty: float = 0.0,
    stop: Stops = None,
    stop_after: Stops = None,
    ignore_end: bool = False,
    valid: Valid = None,
    max_copy: int | None = None,
) -> list[Completion]:
    """The `width` best completions of a prompt that a beam of this width finds, best first; fewer if there are fewer.

    for one in model.beam("It was", width=3, length=40):
        print(one.score, one.text)

    length: the most symbols; None for 500. length_penalty: see the module. The others are as for `generate`; a
    sequence that cannot become valid any more is dropped, and so is one that is not at its end. Two
    completions may be the same text, written with other symbols.

    Raises `UserError` for arguments that cannot be, for models that are not of text, and if nothing valid is found.
    """
    _whole("width", width, 1, WIDEST)
    if not 0 <= length_penalty <= STEEPEST:
        raise UserError(f"length_penalty: {length_penalty} is not allowed. Allowed: 0 to {STEEPEST:g}.")
    if not isinstance(model.codec, TextCodec):
        raise UserError(f"beam search is for models of text; the codec of this one is {model.codec.name!r}.")
    request = Request(
        length=length,
        stop=stop,
        stop_after=stop_after,
        ignore_end=ignore_end,
        valid=valid,
        max_copy=max_copy,
        seed=0,
    )
    head, start = model.categorical, _start(model, prompt, request)
    reader = start.reader
    assert isinstance(reader, Reader)
    alive, ended = [_Grown(None, 0, 0.0, 0.0, 0, start.output.copy(), start.guide.copy())], list[_Grown]()

    def score(one: _Grown) -> float:
        return _score(one.total, one.length, length_penalty)

    for _ in range(start.length):
        following: list[_Grown] = []
        rows: list[int] = []
        for place, (row, grown) in enumerate(_fitting(alive, head.frequencies(reader.parameters), width)):
            if not grown.ended:
                following.append(grown)
                rows.append(row)
            elif place < width and _valid(grown, start.guide):
                ended.append(grown)
            if len(following) == width:
                break
        alive = following
        ended = sorted(ended, key=score, reverse=True)[:width]
        if len(ended) == width:  # what cannot become better goes on no more
            worst = score(ended[-1])
            count = sum(_score(one.total, start.length, length_penalty) > worst for one in alive)
            alive, rows = alive[:count], rows[:count]
        if not alive or alive[0].length == start.length:
            break
        reader = reader.take(rows)
        reader.read(np.array([one.symbol for one in alive]))
    ends = [*ended, *(one for one in alive if _valid(one, start.guide))]
    if not ends:
        raise UserError(
            f"no valid completion of {start.length:,} symbols or fewer was found by a beam of width {width}. Ask for "
            "more symbols, for a wider beam, or for less; or begin with a prompt."
        )
    found = [_completion(one, length_penalty) for one in ends]
    return sorted(found, key=lambda one: one.score, reverse=True)[:width]


def _fitting(alive: list[_Grown], frequency: np.ndarray, width: int) -> Iterator[tuple[int, _Grown]]:
    """What these become by one more symbol, and may become, the likeliest first; and the place of the old one."""
    masks: dict[int, np.ndarray | None] = {}
    for row, symbol, log_prob in _best(alive, frequency, width):
        one, mask = alive[row], masks.get(row)
        if mask is not None and not mask[symbol]:
            continue
        guide, output = one.guide, one.output.copy()
        output.add(symbol)
        if guide.judges:
            guide = guide.copy()
            guide.read(symbol)
            if guide.verdict() is Verdict.IMPOSSIBLE and output.stopped != "stop":
                masks.setdefault(row, one.guide.instead(symbol) if one.guide.redraws(symbol) else None)
                continue
            if output.stopped == "unfinished" and guide.complete():
                output.stopped = "end"
        yield row, _Grown(one, symbol, log_prob, one.total + log_prob, one.length + 1, output, guide)


def _valid(one: _Grown, begin: Guide) -> bool:
    """Whether the sequence may end here. begin: the guide before its first symbol."""
    if not begin.judges or one.output.stopped == "end":
        return True
    if one.output.stopped == "stop":  # the text is cut
        symbols, guide = one.symbols()[0], begin.copy()
        count, part = one.output.whole(symbols)
        for symbol in symbols[:count]:
            guide.read(symbol)
        guide.read_part(part)
        return guide.verdict() is Verdict.VALID
    return one.guide.verdict() is Verdict.VALID


def _score(total: float, length: int, penalty: float) -> float:
    return total / math.pow((5 + length) / 6, penalty)


def _best(alive: list[_Grown], frequency: np.ndarray, width: int) -> Iterator[tuple[int, int, float]]:
    """What these become by one more symbol, the likeliest first: (the place of the old one, the symbol, its log p). Of
    equally likely ones, the first place and the lower symbol come first. frequency: [rows, V]."""
    following = [_descending(each, width) for each in frequency]
    heap = []
    for row, one in enumerate(alive):
        log_prob, symbol = next(following[row])
        heap.append((-(one.total + log_prob), row, symbol, log_prob))
    heapq.heapify(heap)
    while heap:
        _, row, symbol, log_prob = heap[0]
        yield row, symbol, log_prob
        if (more := next(following[row], None)) is None:
            heapq.heappop(heap)
        else:
            log_prob, symbol = more
            heapq.heapreplace(heap, (-(alive[row].total + log_prob), row, symbol, log_prob))


def _descending(frequency: np.ndarray, width: int) -> Iterator[tuple[float, int]]:
    """(log p, symbol) of all symbols [V], in the order of `choice.likeliest`."""
    done, count = 0, min(BLOCK, width)
    while done < len(frequency):
        symbols, logs = choice.likeliest(frequency, count)
        yield from zip(logs[done:].tolist(), symbols[done:].tolist(), strict=True)
        done, count = count, 4 * count


def _completion(one: _Grown, penalty: float) -> Completion:
    symbols, log_probs = one.symbols()
    output = one.output.copy()
    if not one.ended:
        output.stopped = "length"
    output.finish(symbols)
    steps, data, text, _ = output.made(symbols)
    score = _score(math.fsum(log_probs), len(symbols), penalty)
    return Completion(data, text, steps, np.array(log_probs, np.float64), output.stopped, score)
