"""What readers skipped, and why, so that nothing is lost unseen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

EXAMPLES = 3
"""Places that are named of each reason."""
LONGEST = 200
"""Characters of a place, with what stands there."""


@dataclass
class Refusals:
    """skipped: records that were not read, by reason. left_out: what records that were read are without, by what it is.

    places: the first places of each.
    """

    skipped: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)

    def skip(self, reason: str, place: str) -> None:
        """A record is not read."""
        self.skipped[reason] += 1
        self._note(reason, place)

    def leave_out(self, what: str, place: str) -> None:
        """A record is read without something that its file has."""
        self.left_out[what] += 1
        self._note(what, place)

    def add(self, other: Refusals) -> None:
        """Those of another file too."""
        self.skipped += other.skipped
        self.left_out += other.left_out
        for what, places in other.places.items():
            for place in places:
                self._note(what, place)

    @property
    def count(self) -> int:
        """Records that were skipped."""
        return self.skipped.total()

    def lines(self) -> Iterator[str]:
        """A sentence a reason."""
        for reason, count in self.skipped.most_common():
            yield f"{count:,} skipped: {reason}{self._where(reason, count)}."
        for what, count in self.left_out.most_common():
            yield f"left out, {count:,} times: {what}{self._where(what, count)}."

    def told(self, where: str) -> list[str]:
        """One sentence after another, with what they are about before each."""
        return [f"{where}: {line}" for line in self.lines()]

    def _note(self, what: str, place: str) -> None:
        known = self.places.setdefault(what, [])
        place = place if len(place) <= LONGEST else f"{place[:LONGEST]}…"
        if len(known) < EXAMPLES and place not in known:
            known.append(place)

    def _where(self, what: str, count: int) -> str:
        return f" ({some(self.places[what], count)})"


def some(places: Sequence[str], count: int, between: str = ", ") -> str:
    """A few of so many places."""
    return between.join([*places[:EXAMPLES], *["…"] * (count > min(EXAMPLES, len(places)))])


class Unreadable(Exception):
    """One record of a file cannot be read. reason: in general, to be counted; place: where, and what stands there."""

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.reason, self.place = reason, place
