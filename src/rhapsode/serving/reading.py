"""What a model makes of a text, token by token: for shading a text by surprise, and for what else was likely."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.arithmetic.randomness import Randomness
from rhapsode.inference.loops import reader_of
from rhapsode.inference.reader import Reader, as_bytes
from rhapsode.nn.samplers import Draw, remaining
from rhapsode.serving.requests import Next, Read
from rhapsode.serving.served import Served

STRIDE = 256
"""The states behind each so many symbols are kept."""


def read(served: Served, asked: Read) -> dict[str, Any]:
    """Of each token of a text, from number `begin` to before `end`: -log p in nats, as `score` has it; the entropy in
    nats of what was expected there; its rank, from 1; the `top` likeliest tokens, with log p of each; and where it
    begins, in characters."""
    head, data = served.model.categorical, as_bytes(asked.prompt, "prompt")
    symbols = served.codec.encode(data).astype(np.int64)
    begin = min(asked.begin, len(symbols))
    wanted = symbols[begin : asked.end]
    offsets = _offsets(served, data, symbols)[begin:]
    reader = _behind(served, symbols[:begin])
    found: list[dict[str, Any]] = []
    for parameters in reader.read_all(wanted):
        here = wanted[len(found) : len(found) + len(parameters)]
        nats, frequencies = -head.log_prob(parameters, here), head.frequencies(parameters)
        probabilities = head.probabilities(parameters)
        entropies = -(probabilities * np.log(probabilities)).sum(axis=-1)
        best, log_probs = choice.likeliest(frequencies, asked.top)
        ranks = (frequencies > np.take_along_axis(frequencies, here[:, None], axis=-1)).sum(axis=-1) + 1
        for n, token in enumerate(here.tolist()):
            found.append(
                {
                    "token": served.labels[token],
                    "id": token,
                    "offset": offsets[len(found)],
                    "nats": float(nats[n]),
                    "entropy": float(entropies[n]),
                    "rank": int(ranks[n]),
                    "top": _shown(served, best[n], log_probs[n]),
                }
            )
    total = math.fsum(one["nats"] for one in found)
    return {
        "model": served.name,
        "system_fingerprint": served.fingerprint,
        "count": len(symbols),
        "nats": total,
        "tokens": found,
    }


def expect(served: Served, asked: Next) -> dict[str, Any]:
    """The distribution of what comes behind a text: the likeliest tokens with p of each, and with what the sampling
    options leave of it; the entropy of both, in nats."""
    head, symbols = served.model.categorical, served.codec.encode(as_bytes(asked.prompt, "prompt")).astype(np.int64)
    reader = _behind(served, symbols)
    [before] = head.probabilities(reader.parameters)
    [logits] = head.distribution(reader.parameters)
    after = remaining(logits, Draw(asked.sampling, Randomness(0, 0), symbols.tolist()))
    order = np.argsort(-np.maximum(after, before), kind="stable")[: asked.top]
    return {
        "model": served.name,
        "system_fingerprint": served.fingerprint,
        "entropy": [_entropy(before), _entropy(after)],
        "left": int((after > 0).sum()),
        "size": len(after),
        "tokens": [
            {
                "token": served.labels[n],
                "id": n,
                "text": served.shown[n],
                "p": float(before[n]),
                "drawn": float(after[n]),
            }
            for n in order.tolist()
        ],
    }


def _entropy(p: np.ndarray) -> float:
    some = p[p > 0]
    return float(-(some * np.log(some)).sum())


def _behind(served: Served, symbols: np.ndarray) -> Reader:
    """A reader that has read these symbols. States on the way are kept, so that an edited text is not read again."""
    model, states = served.model, served.states
    reader, at = states.find(model.digest, symbols) or (reader_of(model), 0)
    while at < len(symbols):
        end = min(len(symbols), (at // STRIDE + 1) * STRIDE)
        for _ in reader.read_all(symbols[at:end]):
            pass
        at = end
        states.put(model.digest, symbols[:at], reader)
    return reader


def _offsets(served: Served, data: bytes, symbols: np.ndarray) -> list[int]:
    """Where each symbol begins: the characters that begin before it."""
    begun = np.append(0, np.cumsum(np.frombuffer(data, np.uint8) & 0xC0 != 0x80))
    ends = np.cumsum(served.codec.widths[symbols])
    return list(begun[np.append(0, ends[:-1])].tolist()) if len(symbols) else []


def _shown(served: Served, tokens: np.ndarray, values: np.ndarray) -> list[list[Any]]:
    return [[served.labels[token], value] for token, value in zip(tokens.tolist(), values.tolist(), strict=True)]
