"""Phones of any alphabet, said with those that a voice has learnt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from rhapsode.modalities.speech.alphabets import IPA, NO_SPEECH, alphabet, sounds
from rhapsode.modalities.speech.likeness import distance, segments
from rhapsode.modalities.speech.syllables import numbered
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Timed, Utterance

Changed = dict[str, tuple[str, ...]]
"""A symbol → those that are said for it."""
EACH = 0.01
"""What a phone costs: of two ways to say the same, the one of fewer phones."""
MORE, LESS = 0.6, 0.3
"""What it costs that a phone has a sound more than what it is to say; the second for a long vowel, said as two."""
SAME = 0.2
"""A phone that is no further away is the same: it is longer or shorter."""


class Inventory:
    """The phones that a voice knows. alphabet: of their symbols, "" if that is not known."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = frozenset(symbols)
        self.alphabet = alphabet(self.symbols)
        self._known = [
            (each, symbol)
            for symbol in sorted(self.symbols)
            if symbol.lower() not in NO_SPEECH
            for each in sounds(symbol, self.alphabet)
        ]
        self._found: dict[tuple[str, str], tuple[tuple[str, ...], bool]] = {}

    def respelled(self, symbol: str, alphabet: str = IPA) -> tuple[tuple[str, ...], bool]:
        """The voice's symbols that are most like a symbol of an alphabet, none if it is unknown there; and whether they
        are the same sounds."""
        if symbol == PAUSE or (symbol in self.symbols and self.alphabet in ("", alphabet)):
            return (symbol,), True
        key = symbol, alphabet
        if key not in self._found:
            every = [self._spelled(each) for each in sounds(symbol, alphabet)]
            cost, found = min(every, default=(np.inf, ()))
            foreign = not every and symbol in self.symbols
            self._found[key] = ((symbol,), True) if foreign else (found, cost <= SAME)
        return self._found[key]

    def spelled(self, ipa: str) -> tuple[tuple[str, ...], bool]:
        """The same of sounds one after another, written as IPA."""
        cost, found = self._spelled(segments(ipa))
        return found, cost <= SAME

    def said(self, utterance: Utterance, theirs: str = IPA) -> tuple[Utterance, Changed]:
        """The utterance with the voice's phones alone, and what was changed: a symbol → those that are said for it, if
        they are not the same sounds; none if nothing is like it, and it is left out. Times are shared evenly.

        theirs: the alphabet of its phones."""
        ways = [self.respelled(phone.symbol, theirs) for phone in utterance.phones]
        changed = {phone.symbol: found for phone, (found, same) in zip(utterance.phones, ways, strict=True) if not same}
        if all(found == (phone.symbol,) for phone, (found, _) in zip(utterance.phones, ways, strict=True)):
            return utterance, {}
        phones: list[Phone] = []
        silence = (PAUSE,) if isinstance(utterance, Timed) else ()  # its time must not be lost
        shares = [found or silence for found, _ in ways]
        for phone, symbols in zip(utterance.phones, shares, strict=True):
            phones += [replace(phone, symbol=symbol) for symbol in symbols]
        renamed = replace(utterance, phones=numbered(phones))
        return (_shared(renamed, shares) if isinstance(renamed, Timed) else renamed), changed

    def _spelled(self, sounds: Sequence[str]) -> tuple[float, tuple[str, ...]]:
        """The symbols that together are most like these sounds, and how far they are from them."""
        best: list[tuple[float, tuple[str, ...]]] = [(0.0, ())]
        for end in range(1, len(sounds) + 1):
            every = []
            for begin in range(max(0, end - 3), end):
                cost, symbol = self._nearest(tuple(sounds[begin:end]))
                if symbol:
                    every.append((best[begin][0] + cost + EACH, (*best[begin][1], symbol)))
            best.append(min(every, default=(np.inf, ())))
        return best[-1]

    def _nearest(self, sounds: tuple[str, ...]) -> tuple[float, str]:
        """The symbol that is most like one to three sounds at once."""
        return min(((_apart(sounds, its), symbol) for its, symbol in self._known), default=(np.inf, ""))


def _shared(utterance: Timed, shares: Sequence[Sequence[str]]) -> Timed:
    """The utterance, whose phones became these symbols each, with their times shared evenly, and with their melody."""
    edges: list[float] = []
    for symbols, (begin, end) in zip(shares, pairwise(utterance.times.tolist()), strict=True):
        edges += np.linspace(begin, end, len(symbols), endpoint=False).tolist()
    melody = None if utterance.melody is None else np.repeat(utterance.melody, [len(symbols) for symbols in shares])
    return replace(utterance, times=np.array([*edges, utterance.times[-1]]), melody=melody)


def _apart(sounds: tuple[str, ...], its: tuple[str, ...]) -> float:
    if len(its) == len(sounds):
        return sum(map(distance, sounds, its))
    if len(its) == len(sounds) + 1:
        ways = (its[:at] + its[at + 1 :] for at in range(len(its)))
        return (LESS if "ː" in sounds[-1] else MORE) + min(sum(map(distance, sounds, each)) for each in ways)
    return np.inf
