"""What a model makes of a text, token by token: for shading a text by surprise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rhapsode.arithmetic import choice
from rhapsode.inference.reader import as_bytes
from rhapsode.serving.served import Served


def read(served: Served, text: str, top: int) -> dict[str, Any]:
    """Of each token of a text: -log p in nats, as `score` has it; the entropy in nats of what was expected there; its
    rank, from 1; and the `top` likeliest tokens, with log p of each."""
    model, head = served.model, served.model.categorical
    symbols = served.codec.encode(as_bytes(text, "prompt")).astype(np.int64)
    found: list[dict[str, Any]] = []
    for parameters in model.reader().read_all(symbols):
        here = symbols[len(found) : len(found) + len(parameters)]
        nats, frequencies = -head.log_prob(parameters, here), head.frequencies(parameters)
        probabilities = head.probabilities(parameters)
        entropies = -(probabilities * np.log(probabilities)).sum(axis=-1)
        best, log_probs = choice.likeliest(frequencies, top)
        ranks = (frequencies > np.take_along_axis(frequencies, here[:, None], axis=-1)).sum(axis=-1) + 1
        for n, token in enumerate(here.tolist()):
            found.append(
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
            )
    total = math.fsum(one["nats"] for one in found)
    return {"model": served.name, "system_fingerprint": served.fingerprint, "nats": total, "tokens": found}
