"""Generated tunes beside held-out ones: how alike they are, and how alike held-out tunes are to one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.music.describe import describe
from rhapsode.modalities.music.measures import (
    FAULTS,
    HISTOGRAMS,
    MEANS,
    SHARES,
    Sums,
    Terms,
    measured,
    overlap,
    total,
)
from rhapsode.modalities.music.tune import Tune

GENERATED, HELD_OUT, REFERENCE = "generated", "held-out", "reference"
HALVES = "halves"
HALVINGS = 10
Row = dict[str, float | None]
"""By `GENERATED`, `HELD_OUT`, `REFERENCE` and `HALVES`, as far as they are."""


@dataclass(frozen=True)
class Comparison:
    """`lines()` is for people, `to_json()` for programs.

    tunes:    how many there are in each set.
    terms:    how all were measured.
    overlaps: of each of `HISTOGRAMS`, pooled over a set, with that of the held-out tunes. (Yang & Lerch compare pieces
              with pieces, and the distributions of those distances.) Halves: of one half of the held-out tunes, drawn
              at random, with the other, the mean of `HALVINGS` times. That is what tunes of one kind have, and a little
              less than they would have if they were as many as in the whole sets.
    rates:    of each of `SHARES`, `MEANS` and `FAULTS`; None where nothing in a set has it. Halves: by how much they
              differ, in the mean.
    sums:     what it was reckoned from, for pictures.
    """

    tunes: dict[str, int]
    terms: Terms
    overlaps: dict[str, Row]
    rates: dict[str, Row]
    sums: dict[str, Sums] = field(repr=False)

    def lines(self) -> Iterator[str]:
        yield "tunes: " + ", ".join(f"{count:,} {name}" for name, count in self.tunes.items())
        yield "tonics " + ("as the tunes say" if self.terms.keys else "estimated: not all tunes have a key")
        sets = [name for name in self.tunes if name != HELD_OUT]
        yield _line("overlap with held-out (1: alike)", [*sets, HALVES])
        for name, words in HISTOGRAMS.items():
            yield _line(f"  {words}", [_shown(self.overlaps[name].get(each), "{:.3f}") for each in (*sets, HALVES)])
        sets = list(self.tunes)
        groups = (
            ("in the mean", MEANS, "{:.2f}"),
            ("shares", SHARES, "{:.1%}"),
            ("in 100 chord changes", FAULTS, "{:.2f}"),
        )
        for title, group, style in groups:
            rows = {words: self.rates[name] for name, words in group.items() if name in self.rates}
            if rows:
                yield _line(title, [*sets, f"{HALVES} differ"])
            for words, row in rows.items():
                yield _line(f"  {words}", [_shown(row.get(each), style) for each in (*sets, HALVES)])

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_json(self) -> dict[str, Any]:
        return {"tunes": self.tunes, "keys_known": self.terms.keys, "overlaps": self.overlaps, "rates": self.rates}


def compare(
    generated: Iterable[Tune],
    held_out: Iterable[Tune],
    reference: Iterable[Tune] | None = None,
    copied: Callable[[Tune], int] | None = None,
) -> Comparison:
    """reference: a third set, e.g. tunes that were trained on. copied: the length of a tune's longest copy, in notes.

    Raises `UserError` for a set without notes.
    """
    sets = {GENERATED: list(generated), HELD_OUT: list(held_out)}
    if reference is not None:
        sets[REFERENCE] = list(reference)
    for name, tunes in sets.items():
        if not any(len(tune) for tune in tunes):
            raise UserError(f"the {name} tunes have no notes: there is nothing to compare. Give others.")
    terms = Terms.of(sets.values(), describe(sets[HELD_OUT]).grid)
    each = {name: [measured(tune, terms, copied) for tune in tunes] for name, tunes in sets.items()}
    sums = {name: total(found) for name, found in each.items()}
    halves = list(_halves(each[HELD_OUT]))
    overlaps: dict[str, Row] = {}
    for name in HISTOGRAMS:
        held = sums[HELD_OUT].histograms[name]
        row: Row = {which: overlap(found.histograms[name], held) for which, found in sums.items() if which != HELD_OUT}
        row[HALVES] = _mean([overlap(a.histograms[name], b.histograms[name]) for a, b in halves])
        overlaps[name] = row
    rates: dict[str, Row] = {}
    for name in (*MEANS, *SHARES, *FAULTS):
        row = {which: found.rate(name) for which, found in sums.items()}
        if any(value is not None for value in row.values()):
            pairs = [(a.rate(name), b.rate(name)) for a, b in halves]
            row[HALVES] = _mean([abs(a - b) for a, b in pairs if a is not None and b is not None])
            rates[name] = row
    return Comparison({name: len(tunes) for name, tunes in sets.items()}, terms, overlaps, rates, sums)


def _halves(found: list[Sums]) -> Iterator[tuple[Sums, Sums]]:
    """A set cut in two at random, `HALVINGS` times; the same each time it is asked. None of fewer than two tunes."""
    chance = np.random.default_rng(0)
    for _ in range(HALVINGS if len(found) > 1 else 0):
        order = chance.permutation(len(found))
        middle = len(found) // 2
        yield total(found[n] for n in order[:middle]), total(found[n] for n in order[middle:])


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _shown(value: float | None, style: str) -> str:
    return "–" if value is None else style.format(value)


def _line(words: str, cells: list[str]) -> str:
    return f"{words:<40}" + "".join(f"{cell:>14}" for cell in cells)
