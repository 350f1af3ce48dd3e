"""Perplexity as papers have it, of a model that spells the words that it does not know.

In the literature on words (Mikolov et al. 2010, and all that use its Penn Treebank; WikiText), each word outside of the
vocabulary is one symbol, `<unk>`: a model need not say which word it is. Here it is spelled, and the probability of
`<unk>` is that of all spellings together. With p the distribution of the next symbol, and u a character or more,

    P(<unk>) = Σ p(h) + Σ p(c) P(longer | c)        h: high halves of bytes; c: known characters
    P(longer | u) = Σ p(d | u)                      d: the characters that make a longer token of u

since a character that nothing follows is a token itself. The spelling of a word does not say that it is at its end, so
the token after it has p(token | u) / (1 - P(longer | u)).

P(longer | c) is known of the character c with which the word begins. Of all others it is not: it is at least 0, and at
most 1. So the figure has two bounds. They are close together, because nearly all words begin with a space.

The network has still read the spellings of earlier words, of which a paper's model sees no more than `<unk>`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rhapsode.errors import UserError
from rhapsode.inference.evaluation import Carried, Scored
from rhapsode.inference.trained import Trained


@dataclass(frozen=True)
class Unknown:
    """The tokens that are spelled, and -log p of the whole text in nats, if each is `<unk>`: at least, and at most."""

    count: int
    least: float
    most: float

    def __add__(self, other: Unknown) -> Unknown:
        return Unknown(self.count + other.count, self.least + other.least, self.most + other.most)


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
        self._count, self._least, self._most = 0, list[float](), list[float]()

    def reset(self) -> None:
        super().reset()
        self._token = ""
        """The token that is being spelled, or that was just before."""
        self._left = 0
        """Symbols of it to come."""
        self._first: tuple[float, ...] | None = None
        """Behind its first character: the mass that high halves had before it, it itself, and other characters with
        which a longer token can begin."""

    def taken(self, nats: float) -> Unknown:
        """Of the text that was scored since this was asked last. nats: its -log p."""
        found = Unknown(self._count, math.fsum([nats, *self._least]), math.fsum([nats, *self._most]))
        self._count, self._least, self._most = 0, [], []
        return found

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        for piece in pieces:
            begins, at = dict[int, tuple[str, int]](), 0
            for token, count in self._codec.tokens(self._codec.decode(piece)) or ():
                if count > 1:
                    begins[at] = token, count
                at += count
            at = 0
            for parameters in self._reader.read_all(piece):
                block = piece[at : at + len(parameters)]
                found = -self._model.head.log_prob(parameters, block)
                for n, (symbol, nats) in enumerate(zip(block.tolist(), found.tolist(), strict=True)):
                    if self._token or at + n in begins:
                        self._look(parameters[n], symbol, nats, begins.get(at + n))
                at += len(block)
                yield block, found

    def _look(self, parameters: np.ndarray, symbol: int, nats: float, begins: tuple[str, int] | None) -> None:
        """A symbol that belongs to a token that is spelled, or that comes after one. begins: the token that is spelled
        from here, and its symbols."""
        if self._token and not self._left:
            self._change(math.log1p(-self._mass(parameters, self._codec.longer(self._token))))
            self._token = ""
        if begins:
            self._token, self._left = begins
            self._count += 1
            self._before(parameters, symbol)
        elif self._first is not None:
            halves, first, others = self._first
            known = halves + first * self._mass(parameters, self._codec.longer(self._token[0]))
            self._change(-math.log(known + others), -math.log(known))
            self._first = None
        if self._left:
            self._change(-nats)
            self._left -= 1

    def _before(self, parameters: np.ndarray, symbol: int) -> None:
        """Before the first symbol of a token that is spelled."""
        beginning = self._beginning
        if self._halves[symbol]:
            halves = self._mass(parameters, self._halves)
            self._change(-math.log(halves + self._mass(parameters, beginning)), -math.log(halves))
            return
        only = np.arange(len(beginning)) == symbol
        self._first = tuple(self._mass(parameters, one) for one in (self._halves, only, beginning & ~only))

    def _change(self, least: float, most: float | None = None) -> None:
        self._least.append(least)
        self._most.append(least if most is None else most)

    def _mass(self, parameters: np.ndarray, symbols: np.ndarray) -> float:
        """The probability of these symbols [V] bool together."""
        frequency = self._model.categorical.frequencies(parameters)
        return float(frequency[symbols].sum(dtype=np.int64) / frequency.sum(dtype=np.int64))

    @cached_property
    def _halves(self) -> np.ndarray:
        """[V] bool: the high halves of bytes."""
        first = self._codec.first_half
        assert first is not None
        place = np.arange(self._codec.steps.size)
        return (place >= first) & (place < first + 16)

    @cached_property
    def _beginning(self) -> np.ndarray:
        """[V] bool: the characters with which a longer token can begin."""
        found = np.zeros(self._codec.steps.size, bool)
        for symbol, piece in enumerate(self._codec.pieces):
            character = piece.decode()
            found[symbol] = len(character) == 1 and self._codec.longer(character).any()
        return found
