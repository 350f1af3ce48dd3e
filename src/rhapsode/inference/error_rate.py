"""Error rates of reading: edits a character, or a word, with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2000
"""How often lines are drawn with replacement, for the bootstrap (Efron 1979)."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class ErrorRate:
    """Errors per character over some lines, with an interval for other lines of this kind.

    low, high: the bootstrap's 95 % interval over lines.
    edits, characters: `rate` is their quotient.
    """

    rate: float
    low: float
    high: float
    edits: int
    characters: int


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """The fewest insertions, deletions and substitutions that make `b` of `a` (Levenshtein 1966): of characters, or of
    words in lists of words."""
    before = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (one != other)))
        before = row
    return before[-1]


def character_error_rate(pairs: Iterable[tuple[Sequence[str], Sequence[str] | None]], seed: int = 0) -> ErrorRate:
    """All edits of some lines, divided by all their characters. If the lines are lists of words, words count instead of
    characters, and the result is the word error rate.

    pairs: each line's text, and what was read. None means that nothing could be read: each character is an error.
    seed:  of the bootstrap.
    Raises `ValueError` if the texts have no characters.
    """
    lines = list(pairs)
    edits = np.array([len(text) if read is None else edit_distance(text, read) for text, read in lines], np.int64)
    characters = np.array([len(text) for text, _ in lines], np.int64)
    if not characters.sum():
        raise ValueError("a rate of errors needs texts with characters")
    rng = np.random.default_rng(seed)
    rates = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(lines), size=len(lines))
        rates.append(edits[drawn].sum() / max(1, characters[drawn].sum()))
    low, high = np.quantile(rates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    total = int(edits.sum())
    return ErrorRate(total / int(characters.sum()), float(low), float(high), total, int(characters.sum()))
