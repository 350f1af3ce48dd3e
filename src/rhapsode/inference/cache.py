"""A cache of the text: what followed the last steps, wherever they stood before in the text that is scored.

A network forgets names, phrases and spellings after some hundred steps; the cache does not (Kuhn & De Mori 1990; Grave,
Joulin & Usunier 2017, who find such places by hidden states). Here they are found as in PPM (Cleary & Witten 1984), by
contexts of k steps: of each, it is counted what followed. From short contexts to long ones, k of `ORDERS`,

    p ← (1 - w) p + w (how often the step followed) / (how often the context was seen)

and p is the network's at first. w depends on k, on how often the context was seen, and on how many different steps
followed it: where few did, more will be as before. All w are learnt from the steps that are over, by expectation
maximisation (interpolation after Jelinek & Mercer 1980), so nothing is to be tuned. Each p sums to one over the steps:
the score is a likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from rhapsode.inference.evaluation import Evaluation, Scored

ORDERS = (1, 2, 3, 4, 5, 6, 8, 12, 16, 24)
"""Steps in a context."""
PRIOR = 8.0
"""How many steps the network has explained better than the cache before the first one, for each w."""
SEEN, DIFFERENT = 8, 6
"""More than so many are alike, of how often a context was seen, and of the different steps that followed it."""
LIMIT = 1 << 19
"""When it has so many new contexts, those are forgotten that were not met meanwhile. All take some 200 MB at most."""
TOTAL = -1
"""The number of no step, under which the sum of all counts stands."""


class Cache:
    """Mixes what followed the steps so far with the predictions of a network."""

    def __init__(self, size: int) -> None:
        """size: the bytes of a step's number."""
        self._size = size
        # Context → what followed: one step, if it was seen once, or how often each step did.
        self._recent: dict[bytes, int | dict[int, int]] = {}
        self._older: dict[bytes, int | dict[int, int]] = {}
        self._weights = [[[PRIOR, 1.0] for _ in range((SEEN + 1) * (DIFFERENT + 1))] for _ in ORDERS]
        self._past = b""

    def begin(self) -> None:
        """A text begins: the steps before it are none of its contexts. What is known stays."""
        self._past = b""

    def mixed(self, steps: np.ndarray, nats: np.ndarray, learn: bool = True) -> np.ndarray:
        """Read the next steps [N], of which the network has predicted each with -log p = nats [N]: -log p of the
        mixture, [N] float64. learn: the weights, too, not only what followed what."""
        size = self._size
        text = self._past + steps.astype(f"u{size}").tobytes()
        ways = [(order * size, weights) for order, weights in zip(ORDERS, self._weights, strict=True)]
        at, out = len(self._past), []
        for step, surprise in zip(steps.tolist(), nats.tolist(), strict=True):
            out.append(self._step(text, at, step, surprise, ways, learn))
            at += size
            if len(self._recent) >= LIMIT:
                self._recent, self._older = {}, self._recent
        self._past = text[-ORDERS[-1] * size :]
        return np.array(out)

    def _step(
        self, text: bytes, at: int, step: int, surprise: float, ways: list[tuple[int, list[list[float]]]], learn: bool
    ) -> float:
        """-log p of the step at text[at:], which is then counted."""
        recent, older = self._recent, self._older
        network = math.exp(-surprise)
        kept, added = 1.0, 0.0  # p = kept network + added; apart, so that nothing is lost where exp gives 0
        for length, weights in ways:
            if at < length:
                break
            context = text[at - length : at]
            followed = recent.get(context)
            if followed is None:
                followed = older.pop(context, None)
            if followed is None:
                recent[context] = step
                continue
            counts = {TOTAL: 1, followed: 1} if isinstance(followed, int) else followed
            seen, count = counts[TOTAL], counts.get(step, 0)
            w = weights[min(seen, SEEN) * (DIFFERENT + 1) + min(len(counts) - 1, DIFFERENT)]
            both = w[0] + w[1]
            here = w[1] / both * count / seen
            kept, added = kept * w[0] / both, added * w[0] / both + here
            if learn:
                share = here / (kept * network + added) if here else 0.0
                w[0] += 1 - share
                w[1] += share
            counts[TOTAL], counts[step] = seen + 1, count + 1
            recent[context] = counts
        return -math.log(kept * network + added) if added else surprise - math.log(kept)


class Cached(Evaluation):
    """As another evaluation, whose predictions are mixed with a cache's. What the cache knows stays from text to text,
    unless there is a prompt."""

    def __init__(self, inner: Evaluation, prompt: np.ndarray, size: int) -> None:
        """inner: it has read the prompt. size: the bytes of a step's number."""
        self._inner, self._prompt, self._size = inner, prompt, size
        self._begin()

    def _begin(self) -> None:
        self._cache = Cache(self._size)
        self._cache.mixed(self._prompt, np.zeros(len(self._prompt)), learn=False)

    def reset(self) -> None:
        self._inner.reset()
        if len(self._prompt):
            self._begin()
        else:
            self._cache.begin()

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        for steps, nats in self._inner.scored(pieces):
            yield steps, self._cache.mixed(steps, nats)
