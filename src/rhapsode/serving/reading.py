"""What a model makes of a text, token by token: for shading a text by surprise."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.inference.loops import reader_of
from rhapsode.serving.errors import ApiError
from rhapsode.serving.rendering import dumped
from rhapsode.serving.served import Served

TOKENS = 100_000
"""The most tokens that are read at once."""
NUMBERS = 1 << 20
"""So many probabilities are in memory at a time."""


def read(served: Served, symbols: np.ndarray, top: int) -> Iterator[str]:
    """JSON, piece by piece. Of each token of a text: -log p in nats, as `score` has it; the entropy in nats of what was
    expected there; its rank, from 1; and the `top` likeliest tokens, with log p of each. Raises `ApiError` for texts
    that are too long."""
    if len(symbols) > TOKENS:
        raise ApiError(
            400,
            f"prompt: it has {len(symbols):,} tokens, and at most {TOKENS:,} are read at once. Send less of the text.",
            "prompt",
            "too_large",
        )
    head = {"model": served.name, "system_fingerprint": served.fingerprint}
    mark, at, nats = dumped(head)[:-1] + ',"tokens":[', 0, list[float]()
    rows = max(1, NUMBERS // served.codec.steps.size)
    for parameters in reader_of(served.model).read_all(symbols.astype(np.int64)):
        for first in range(0, len(parameters), rows):
            some = parameters[first : first + rows]
            found = _tokens(served, some, symbols[at : at + len(some)].astype(np.int64), top)
            at += len(some)
            nats += [one["nats"] for one in found]
            yield mark + ",".join(map(dumped, found))
            mark = ","
    yield f'{"" if at else mark}],"nats":{json.dumps(math.fsum(nats))}}}'


def _tokens(served: Served, parameters: np.ndarray, symbols: np.ndarray, top: int) -> list[dict[str, Any]]:
    """parameters: [n, P] before each of the symbols [n]."""
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
