"""Perplexity as papers have it, of a model that spells the words that it does not know.

In the literature on words (Mikolov et al. 2010, and all that use its Penn Treebank; WikiText), each word outside of the
vocabulary is one symbol, `<unk>`: a model need not say which word it is. Here it is spelled, and the probability of
`<unk>` is that of all spellings together. With p the distribution of the next symbol, and u a character or more,

    P(<unk>) = Σ p(h) + Σ p(c) P(longer | c)        h: high halves of bytes; c: known characters
    P(longer | u) = Σ p(d | u)                      d: the characters that make a longer token of u

since a character that nothing follows is a token itself. So at each word that is spelled, the network reads the
characters with which one can begin, each by itself. The spelling of a word does not say that it is at its end, so the
token after it has p(token | u) / (1 - P(longer | u)).

The network has still read the spellings of earlier words, of which a paper's model sees no more than `<unk>`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from rhapsode.errors import UserError
from rhapsode.inference.evaluation import Carried, Scored
from rhapsode.inference.trained import Trained

SELDOM = 1e-3
"""The characters that together have less than this part of the probability are not read: as if they were words by
themselves. So the figure is too high, if at all, by less than that for each `<unk>`."""


@dataclass(frozen=True)
class Unknown:
    """How many tokens are spelled, and -log p of the whole text in nats, if each is `<unk>`."""

    count: int
    nats: float

    def __add__(self, other: Unknown) -> Unknown:
        return Unknown(self.count + other.count, self.nats + other.nats)


class AsUnknown(Carried):
    """As `Carried`, and counts what changes if each token that is spelled is `<unk>`."""

    def __init__(self, model: Trained, prompt: np.ndarray) -> None:
        """Raises `UserError` for codecs that know no words."""
        self._codec = model.text_codec
        if self._codec.tokens(b"") is None:
            raise UserError(
                f"codec {model.codec.name} has no words that it does not know, so <unk> means nothing to it. Allowed: "
                "models with codec words. Score it without."
            )
        super().__init__(model, prompt)
        self._count, self._changes = 0, list[float]()

    def reset(self) -> None:
        super().reset()
        self._ended = ""
        """The token that was spelled just before."""

    def taken(self, nats: float) -> Unknown:
        """Of the text that was scored since this was asked last. nats: its -log p."""
        found = Unknown(self._count, math.fsum([nats, *self._changes]))
        self._count, self._changes = 0, []
        return found

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        codec = self._codec
        for piece in pieces:
            spelled, places, at = dict[int, str](), {0, len(piece)}, 0
            for token, count in codec.tokens(codec.decode(piece)) or ():
                if count > 1:
                    spelled[at] = token
                    places |= {at, at + count}
                at += count
            parts = [self._part(piece[begin:end], spelled.get(begin, "")) for begin, end in pairwise(sorted(places))]
            yield piece, np.concatenate([np.zeros(0), *parts])

    def _part(self, symbols: np.ndarray, spelled: str) -> np.ndarray:
        """Nats of symbols: those of a token that is spelled, or some between these. There is one at least."""
        if self._ended:
            self._changes.append(math.log1p(-self._next[self._codec.longer(self._ended)].sum()))
        if spelled:
            self._changes.append(-math.log(self._unknown()))
        self._ended = spelled
        log_prob = self._model.head.log_prob
        nats, at = list[np.ndarray](), 0
        for parameters in self._reader.read_all(symbols):
            nats.append(-log_prob(parameters, symbols[at : at + len(parameters)]))
            at += len(parameters)
        found = np.concatenate(nats)
        if spelled:
            self._count += 1
            self._changes.append(-math.fsum(found))
        return found

    @property
    def _next(self) -> np.ndarray:
        """The probability of each symbol to be the next: [V] float64."""
        found: np.ndarray = self._model.categorical.probabilities(self._reader.parameters)[0]
        return found

    def _unknown(self) -> float:
        """The probability of all spellings together."""
        p, codec = self._next, self._codec
        first = codec.first_half
        assert first is not None
        found = float(p[first : first + 16].sum())
        begins = np.array(sorted(self._begins, key=lambda symbol: -p[symbol]), np.int64)
        left = p[begins][::-1].cumsum()[::-1]  # of each and all after it
        begins = begins[left > SELDOM * (found + p[begins].sum())]
        if len(begins):
            reader = self._reader.take([0] * len(begins))
            reader.read(begins)
            after = self._model.categorical.probabilities(reader.parameters)
            longer = np.stack([self._begins[symbol] for symbol in begins.tolist()])
            found += float((p[begins] * (after * longer).sum(axis=-1)).sum())
        return found

    @cached_property
    def _begins(self) -> dict[int, np.ndarray]:
        """The symbols of characters with which a longer token can begin → `longer` of each."""
        characters = {n: piece.decode() for n, piece in enumerate(self._codec.pieces)}
        found = {n: self._codec.longer(one) for n, one in characters.items() if len(one) == 1}
        return {n: longer for n, longer in found.items() if longer.any()}
