"""The best way through chains of states (Viterbi 1967): many utterances at once, vectorised over all their states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NEVER = np.float32(-1e30)
"""Log-probability of what may not be."""


@dataclass(frozen=True)
class StateChain:
    """What states an utterance goes through, from the first to the last; each lasts a frame or more.

    emit:    [S], which column of the scores belongs to each.
    sources: [W, S], the states it may be reached from (any, where that may not be); costs: [W, S] float32, the
             log-probabilities of that.
    """

    emit: np.ndarray
    sources: np.ndarray
    costs: np.ndarray


def best_paths(chains: Sequence[StateChain], scores: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """scores: [T, K] float32 for each chain, log-probabilities of its frames.

    Returns for each the state of every frame, [T]; and the log-probability of each whole path, [B]: `NEVER` or less
    where there is none, since there are too few frames.
    """
    lengths = np.array([len(each) for each in scores])
    longest = int(lengths.max())
    columns = np.cumsum([0, *(each.shape[1] for each in scores)])
    begins = np.cumsum([0, *(len(chain.emit) for chain in chains)])
    emit = np.concatenate([chain.emit + at for chain, at in zip(chains, columns, strict=False)])
    sources = np.concatenate([chain.sources + at for chain, at in zip(chains, begins, strict=False)], axis=1)
    costs = np.concatenate([chain.costs for chain in chains], axis=1).astype(np.float32)
    side = np.zeros((longest, columns[-1]), np.float32)
    for each, at in zip(scores, columns, strict=False):
        side[: len(each), at : at + each.shape[1]] = each

    now = np.full(begins[-1], NEVER, np.float32)
    now[begins[:-1]] = 0
    now += side[0].take(emit)
    ends, totals = begins[1:] - 1, np.full(len(chains), NEVER, np.float32)
    came = np.zeros((longest, begins[-1]), np.int8)
    for t in range(longest):
        if t:
            best, choice = now.take(sources[0]) + costs[0], came[t]
            for way in range(1, len(sources)):
                other = now.take(sources[way]) + costs[way]
                choice[other > best] = way
                np.maximum(best, other, out=best)
            now = np.maximum(best + side[t].take(emit), NEVER)
        over = lengths == t + 1
        totals[over] = now[ends[over]]

    at, path = ends.copy(), np.empty((longest, len(chains)), np.int64)
    for t in range(longest - 1, -1, -1):
        path[t] = at
        at = np.where(t < lengths, sources[came[t].take(at), at], at)
    return [path[:length, b] - begins[b] for b, length in enumerate(lengths)], totals
