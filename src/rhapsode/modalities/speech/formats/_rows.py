"""What all formats give: rows of times and labels → phones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.speech.syllables import numbered
from rhapsode.modalities.speech.utterance import PAUSE, Phone

PAUSES = frozenset(["", "_", "#", "h#", "sil", "ssil", "sp", "pau", "<sil>", "<eps>", "<p:>"])
"""How files call silence, in small letters."""
MARKS = {"ˈ": 2, "ˌ": 1}
DIGITS = {"0": 0, "1": 2, "2": 1}
"""ARPABET's, behind a vowel."""
SAME = 1e-6
"""Seconds that are no time."""


@dataclass(frozen=True)
class Interval:
    """begin, end: seconds; where: for messages."""

    begin: float
    end: float
    label: str
    where: str


def phone(label: str) -> Phone:
    """A phone of its symbol and, if that is marked, its stress: `ˈɔː` and `AO1` have 2."""
    if label.lower() in PAUSES:
        return Phone(PAUSE)
    stress = MARKS.get(label[0], 0)
    symbol = label.lstrip("ˈˌ")
    if len(symbol) == 3 and symbol.isascii() and symbol[:2].isupper() and symbol[2] in DIGITS:
        symbol, stress = symbol[:2], DIGITS[symbol[2]]
    return Phone(symbol or label, stress)


def filled(rows: Sequence[Interval]) -> list[Interval]:
    """The same from 0 on without gaps: what is between two, and before the first, is a pause. Raises `UserError`."""
    found: list[Interval] = []
    for row in rows:
        last = found[-1].end if found else 0.0
        if row.begin < last - SAME:
            raise UserError(
                f"{row.where}: begins at {row.begin:g} s, before the end of the phone before it, {last:g} s. "
                "Phones must follow one another."
            )
        if row.end - row.begin < SAME:
            raise UserError(f"{row.where}: lasts from {row.begin:g} to {row.end:g} s. A phone must take some time.")
        if row.begin > last + SAME:
            found.append(Interval(last, row.begin, "", row.where))
            last = row.begin
        found.append(Interval(last, row.end, row.label, row.where))
    return found


def phones(rows: Sequence[Interval], words: Sequence[Interval] = ()) -> tuple[tuple[Phone, ...], np.ndarray]:
    """The phones [P] of rows in order, and their times [P + 1]; pauses side by side are one.

    words: whose they are, where that is known; else a word is what stands between pauses. Raises `UserError`.
    """
    found: list[Phone] = []
    times: list[float] = []
    word = 0
    ends = np.array([each.end for each in words])
    given = filled(rows)
    for row in given:
        one = phone(row.label)
        pause = bool(found) and found[-1].symbol == PAUSE
        if one.symbol == PAUSE and pause:
            continue
        if one.symbol != PAUSE:
            word = int(np.searchsorted(ends, (row.begin + row.end) / 2)) if len(ends) else word + pause
        found.append(Phone(one.symbol, one.stress, word=word))
        times.append(row.begin)
    return numbered(found), np.array([*times, given[-1].end if given else 0.0])
