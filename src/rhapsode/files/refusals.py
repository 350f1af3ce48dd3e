"""Counts of what readers skipped or left out, and why, so that the user is always told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

EXAMPLES = 3
"""How many places are named for each reason."""
LONGEST = 200
"""The most characters of a place's description."""


@dataclass
class Refusals:
    """What was skipped and left out.

    skipped:  reason → how many records were not read.
    left_out: description → how often a part of a record was left out, while the rest of the record was read.
    places:   reason or description → the first places.
    """

    skipped: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)

    def skip(self, reason: str, place: str) -> None:
        """A record is not read."""
        self.skipped[reason] += 1
        self._note(reason, place)

    def leave_out(self, what: str, place: str) -> None:
        """A record is read without one of its parts."""
        self.left_out[what] += 1
        self._note(what, place)

    def add(self, other: Refusals) -> None:
        """Add the counts and places of another file."""
        self.skipped += other.skipped
        self.left_out += other.left_out
        for what, places in other.places.items():
            for place in places:
                self._note(what, place)

    @property
    def count(self) -> int:
        """How many records were skipped."""
        return self.skipped.total()

    def lines(self) -> Iterator[str]:
        """A sentence a reason."""
        for reason, count in self.skipped.most_common():
            yield f"{count:,} skipped: {reason}{self._where(reason, count)}."
        for what, count in self.left_out.most_common():
            yield f"left out, {count:,} times: {what}{self._where(what, count)}."

    def told(self, where: str) -> list[str]:
        """The sentences of `lines`, each of which begins with `where`, e.g. a file's name."""
        return [f"{where}: {line}" for line in self.lines()]

    def _note(self, what: str, place: str) -> None:
        known = self.places.setdefault(what, [])
        place = place if len(place) <= LONGEST else f"{place[:LONGEST]}…"
        if len(known) < EXAMPLES and place not in known:
            known.append(place)

    def _where(self, what: str, count: int) -> str:
        return f" ({some(self.places[what], count)})"


def some(places: Sequence[str], count: int, between: str = ", ") -> str:
    """The first places as one text; `…` stands for the rest of `count`."""
    return between.join([*places[:EXAMPLES], *["…"] * (count > min(EXAMPLES, len(places)))])


class Unreadable(Exception):
    """One record of a file cannot be read. reason: a general reason, which is counted; place: where, and what is
    there."""

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.reason, self.place = reason, place
