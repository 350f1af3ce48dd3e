"""What a model makes of a text, token by token: for shading a text by surprise, and for what else was likely."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.inference.loops import reader_of
from rhapsode.inference.reader import Reader
from rhapsode.inference.states import BLOCK, Prefix, kept_at
from rhapsode.nn.samplers import Draw, remaining
from rhapsode.serving.errors import ApiError
from rhapsode.serving.rendering import dumped
from rhapsode.serving.requests import Next, Read
from rhapsode.serving.served import Served

TOKENS = 100_000
"""The most tokens that are read at once."""
NUMBERS = 1 << 20
"""So many probabilities are in memory at a time."""


def read(served: Served, symbols: np.ndarray, asked: Read) -> Iterator[str]:
    """JSON, piece by piece. Of each token of a text, from number `begin` to before `end`: -log p in nats, as `score`
    has it; the entropy in nats of what was expected there; its rank, from 1; the `top` likeliest tokens, with log p of
    each; and where it begins, in characters. Raises `ApiError` for texts that are too long."""
    if len(symbols) > TOKENS:
        raise ApiError(
            400,
            f"prompt: it has {len(symbols):,} tokens, and at most {TOKENS:,} are read at once. Send less of the text.",
            "prompt",
            "too_large",
        )
    head = {"model": served.name, "system_fingerprint": served.fingerprint, "count": len(symbols)}
    mark, nats = dumped(head)[:-1] + ',"tokens":[', list[float]()
    rows, offsets = max(1, NUMBERS // served.codec.steps.size), _offsets(served, symbols[: asked.end])
    at = min(asked.begin, len(symbols))
    wanted = symbols[: asked.end].astype(np.int64)
    for parameters in _behind(served, wanted[:at]).read_all(wanted[at:]):
        for first in range(0, len(parameters), rows):
            some = parameters[first : first + rows]
            end = at + len(some)
            found = _tokens(served, some, wanted[at:end], offsets[at:end], asked.top)
            at = end
            nats += [one["nats"] for one in found]
            yield mark + ",".join(map(dumped, found))
            mark = ","
    yield f'{"" if nats else mark}],"nats":{json.dumps(math.fsum(nats))}}}'


def expect(served: Served, symbols: np.ndarray, asked: Next) -> dict[str, Any]:
    """The distribution of what comes behind a text: the likeliest tokens with p of each, and with what the sampling
    options leave of it; the entropy of both, in nats."""
    head = served.model.categorical
    reader = _behind(served, symbols.astype(np.int64))
    [before] = head.probabilities(reader.parameters)
    [logits] = head.distribution(reader.parameters)
    after = remaining(logits, Draw(asked.sampling, Randomness(0, 0), symbols.tolist()))
    order = np.argsort(-np.maximum(after, before), kind="stable")[: asked.top]
    tokens = [
        {"token": served.labels[n], "id": n, "text": served.shown[n], "p": float(before[n]), "drawn": float(after[n])}
        for n in order.tolist()
    ]
    return {
        "model": served.name,
        "system_fingerprint": served.fingerprint,
        "entropy": [_entropy(before), _entropy(after)],
        "left": int((after > 0).sum()),
        "size": len(after),
        "tokens": tokens,
    }


def _entropy(p: np.ndarray) -> float:
    some = p[p > 0]
    return float(-(some * np.log(some)).sum())


def _behind(served: Served, symbols: np.ndarray) -> Reader:
    """A reader that has read these symbols. States on the way are kept, so that an edited text is not read again."""
    model, states = served.model, served.states
    prefix = Prefix(model.digest, symbols)
    reader, at = states.find(prefix) or (reader_of(model), 0)
    while at < len(symbols):
        end = min(len(symbols), (at // BLOCK + 1) * BLOCK)
        for _ in reader.read_all(symbols[at:end]):
            pass
        at = end
        if kept_at(at) or at == len(symbols):
            states.put(prefix, at, reader)
    return reader


def _offsets(served: Served, symbols: np.ndarray) -> list[int]:
    """Where each symbol begins: the characters that begin before it."""
    data = np.frombuffer(served.decoded(symbols), np.uint8)
    begun = np.append(0, np.cumsum(data & 0xC0 != 0x80))
    ends = np.append(0, np.cumsum(served.codec.widths[symbols]))
    return list(begun[np.minimum(ends[:-1], len(data))].tolist())


def _tokens(
    served: Served, parameters: np.ndarray, symbols: np.ndarray, offsets: Sequence[int], top: int
) -> list[dict[str, Any]]:
    """parameters: [n, P] before each of the symbols [n]. offsets: where these begin."""
    head = served.model.categorical
    nats, frequencies = -head.log_prob(parameters, symbols), head.frequencies(parameters)
    probabilities = head.probabilities(parameters)
    entropies = -(probabilities * np.log(probabilities)).sum(axis=-1)
    best, log_probs = choice.likeliest(frequencies, top)
    ranks = (frequencies > np.take_along_axis(frequencies, symbols[:, None], axis=-1)).sum(axis=-1) + 1
    return [
        {
            "token": served.labels[token],
            "id": token,
            "offset": offsets[n],
            "nats": float(nats[n]),
            "entropy": float(entropies[n]),
            "rank": int(ranks[n]),
            "top": [
                [served.labels[other], log_prob]
                for other, log_prob in zip(best[n].tolist(), log_probs[n].tolist(), strict=True)
            ],
        }
        for n, token in enumerate(symbols.tolist())
    ]
