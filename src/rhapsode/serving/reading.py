"""What a model makes of a text, token by token: for shading a text by surprise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rhapsode.nn.heads.categorical import Categorical
from rhapsode.serving.served import Served


def read(served: Served, text: str, top: int) -> dict[str, Any]:
    """Of each token of a text: -log p in nats, as `score` has it; the entropy in nats of what was expected there; its
    rank, from 1; and the `top` likeliest tokens, with log p of each."""
    model, head = served.model, served.model.head
    assert isinstance(head, Categorical)
    symbols = served.codec.encode(text.encode("utf-8", "surrogatepass")).astype(np.int64)
    found: list[dict[str, Any]] = []
    for parameters in model.reader().read_all(symbols):
        here = symbols[len(found) : len(found) + len(parameters)]
        nats = -head.log_prob(parameters, here)
        frequencies = head.frequencies(parameters).astype(np.float64)
        probabilities = frequencies / frequencies.sum(axis=-1, keepdims=True)
        log_probs = np.log(probabilities)
        entropies = -(probabilities * log_probs).sum(axis=-1)
        orders = np.argsort(-frequencies, axis=-1, kind="stable")[:, :top]
        ranks = (frequencies > np.take_along_axis(frequencies, here[:, None], axis=-1)).sum(axis=-1) + 1
        for n, token in enumerate(here.tolist()):
            found.append(
                {
                    "token": served.labels[token],
                    "id": token,
                    "nats": float(nats[n]),
                    "entropy": float(entropies[n]),
                    "rank": int(ranks[n]),
                    "top": [[served.labels[other], float(log_probs[n, other])] for other in orders[n].tolist()],
                }
            )
    total = math.fsum(one["nats"] for one in found)
    return {"model": served.name, "system_fingerprint": served.fingerprint, "nats": total, "tokens": found}
