"""How legible writing is: the errors that whoever reads it makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

ALIKE = ("0O", "1Il|", "'`")
"""Characters that are the same stroke in many hands: no one could say which of them is written, but for what stands
around."""
RESAMPLES = 2000
"""Of the lines, with replacement: the bootstrap (Efron 1979)."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class ErrorRate:
    """Errors a character over some lines, and the interval in which other such lines would have it.

    low, high: the bootstrap's 95 % interval over lines.
    edits, characters: what `rate` is the quotient of.
    """

    rate: float
    low: float
    high: float
    edits: int
    characters: int


def ink(text: str) -> tuple[str, list[int]]:
    """What of a text shows on paper, and the place in the text of each of its characters: of those that look alike the
    first in their place, and no blanks but those between letters and figures, since marks have room around them."""
    places = [
        n
        for n, character in enumerate(text)
        if not character.isspace() or (text[n - 1 : n].isalnum() and text[n + 1 : n + 2].isalnum())
    ]
    return "".join(text[n].translate(_FIRST) for n in places), places


_FIRST = {ord(other): group[0] for group in ALIKE for other in group}


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Insertions, deletions and substitutions of a character, or in lists of words of a word, that make `b` of `a`, at
    the least (Levenshtein 1966)."""
    before = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (one != other)))
        before = row
    return before[-1]


def character_error_rate(pairs: Iterable[tuple[Sequence[str], Sequence[str] | None]], seed: int = 0) -> ErrorRate:
    """All edits of some lines over all their characters, from each line's text and what was read there; where lines are
    lists of words, words count instead of characters.

    None for what was read: there was nothing to read, and each character of the text counts as an error.
    Raises `ValueError` if the texts have no characters.
    """
    known = list(pairs)
    edits = np.array([len(text) if read is None else edit_distance(text, read) for text, read in known], np.int64)
    characters = np.array([len(text) for text, _ in known], np.int64)
    if not characters.sum():
        raise ValueError("a rate of errors needs texts with characters")
    rng = np.random.default_rng(seed)
    rates = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(known), size=len(known))
        rates.append(edits[drawn].sum() / max(1, characters[drawn].sum()))
    low, high = np.quantile(rates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    total = int(edits.sum())
    return ErrorRate(total / int(characters.sum()), float(low), float(high), total, int(characters.sum()))
