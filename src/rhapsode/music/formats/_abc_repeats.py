"""Repeats and endings of ABC written out."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from rhapsode.music.formats._sheet import Mark
from rhapsode.music.tune import Key, Metre, Tempo

MOST = 1_000_000
"""Items of a voice after its repeats, at most."""


@dataclass
class Head:
    """A note. length in quarters; tied: to the next of its pitch."""

    pitch: int
    length: Fraction
    tied: bool = False


@dataclass
class Sound:
    """Notes that begin together; a rest if there are none. length: until the next, in quarters; may go backwards."""

    length: Fraction
    heads: list[Head] = field(default_factory=list)


@dataclass
class Bar:
    """closes, opens: how often what is before, and what is behind, is repeated; double: a double or final line."""

    closes: int = 0
    opens: int = 0
    double: bool = False


@dataclass
class Ending:
    numbers: frozenset[int]


Item = Sound | Bar | Ending | Mark


@dataclass
class _Section:
    """What is played several times. held: key, metre and tempo at its beginning; opened: whether a sign is there."""

    held: list[Mark]
    opened: bool = False
    common: list[Item] = field(default_factory=list)
    endings: list[tuple[frozenset[int], list[Item]]] = field(default_factory=list)
    closes: int = 0

    def played(self, before: list[Item]) -> None:
        """Adds to what was played before. Raises `ValueError` if that becomes too much."""
        times = max([self.closes + 1, *(max(numbers) for numbers, _ in self.endings)])
        # What changes on the way has to change back.
        changed = {type(item) for items in (self.common, *(items for _, items in self.endings)) for item in items}
        back = [mark for mark in self.held if type(mark) in changed]
        for time in range(1, times + 1):
            before += (back if time > 1 else []) + self.common
            before += next((items for numbers, items in self.endings if time in numbers), [])
            if len(before) > MOST:
                raise ValueError


def unfolded(items: list[Item], header: list[Mark]) -> list[Item]:
    """The items in the order they are played, without endings' numbers. Raises `ValueError` if they are too many.

    header: key, metre and tempo that hold from the beginning.
    What has no sign where it begins is repeated from the end of the repeat before, or from a double bar line.
    """
    found: list[Item] = []
    held = {type(mark): mark for mark in header}
    section = _Section(list(held.values()))
    before_ending = [False] * len(items)  # whether an ending follows, perhaps behind marks
    for at in range(len(items) - 1, 0, -1):
        before_ending[at - 1] = isinstance(items[at], Ending) or (isinstance(items[at], Mark) and before_ending[at])
    for at, item in enumerate(items):
        if isinstance(item, Ending):
            if section.endings and item.numbers & frozenset().union(*(each for each, _ in section.endings)):
                section.played(found)
                section = _Section(list(held.values()))
            section.endings.append((item.numbers, []))
            continue
        (section.endings[-1][1] if section.endings else section.common).append(item)
        if isinstance(item, Key | Metre | Tempo):
            held[type(item)] = item
        if not isinstance(item, Bar):
            continue
        section.closes = max(section.closes, item.closes)
        over = item.closes or (item.double and (section.endings or not section.opened))
        if item.opens or (over and not before_ending[at]):
            section.played(found)
            section = _Section(list(held.values()), opened=bool(item.opens))
    section.played(found)
    return found
