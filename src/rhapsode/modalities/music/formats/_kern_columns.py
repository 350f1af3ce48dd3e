"""Lines and columns of a Humdrum file: which spine each token belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import groupby

from rhapsode.files.refusals import Unreadable

TextLine = tuple[int, str]
"""Its number in the file, from 1, and its text."""


@dataclass(eq=False)
class Spine:
    """What a `**` begins, with all columns it is split into. kind: what stands behind `**`; part: of `*part2`."""

    kind: str = ""
    part: str = ""
    name: str = ""
    program: int = 0
    pitched: bool = True


@dataclass(eq=False)
class Column:
    """until: when what was written in it last has ended, in quarters."""

    spine: Spine = field(default_factory=Spine)
    until: Fraction = Fraction(0)

    @property
    def kern(self) -> bool:
        return self.spine.kind == "kern"


def pieces(text: str) -> Iterator[list[TextLine]]:
    """The lines of each piece with what stands above it; a file may have several, each ended by `*-`."""
    lines: list[TextLine] = []
    begun = False
    for number, line in enumerate(re.split("\r\n|\r|\n", text), 1):
        lines += [(number, line)] if line.strip() else []
        begun = begun or line.startswith("**")
        if begun and set(tokens(line)) == {"*-"}:
            yield lines
            lines, begun = [], False
    if begun:
        yield lines


def tokens(line: str) -> list[str]:
    """Several tabs in a row are one: so some programs align columns."""
    return re.split("\t+", line.strip("\t "))


def moved(columns: list[Column], line: Sequence[str], now: Fraction, place: str) -> list[Column]:
    """The columns below a line of interpretations. Raises `Unreadable`."""
    found: list[Column] = []
    # Columns are merged only with those of their spine: others side by side are merges of their own.
    for (token, _), group in groupby(zip(line, columns, strict=True), lambda each: (each[0], each[1].spine)):
        same = [column for _, column in group]
        if token == "*v":
            if len(same) == 1:
                raise Unreadable("spines that are joined with none", place)
            found.append(Column(same[0].spine, max(column.until for column in same)))
        elif token == "*^":
            found += [each for column in same for each in (column, replace(column, until=min(column.until, now)))]
        elif token == "*+":
            found += [each for column in same for each in (column, Column(until=now))]
        elif token != "*-":
            found += same
    crossed = [at for at, token in enumerate(line) if token == "*x"]
    if crossed:
        if len(crossed) != 2 or crossed[1] != crossed[0] + 1 or len(found) != len(line):
            raise Unreadable("spines that do not cross in pairs", place)
        first, second = crossed
        found[first], found[second] = found[second], found[first]
    return found
