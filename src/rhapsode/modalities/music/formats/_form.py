"""The form of written music: repeats, endings, D.C., D.S. and orders of parts, as the stretches that are played."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from fractions import Fraction

REPEATS = 16
"""Times that something is repeated, and numbers of endings, at most."""
JUMPS = 16
"""Of D.C. and D.S., at most."""
ORDER = 1000
"""Parts in an order, at most."""


@dataclass(frozen=True)
class BarLine:
    """A bar line. closes, opens: how often what is before, and what is behind, is repeated; double: it is a double or
    final one."""

    closes: int = 0
    opens: int = 0
    double: bool = False


@dataclass(frozen=True)
class Volta:
    """What is behind is played at these passes only."""

    numbers: frozenset[int]


class Turn(Enum):
    """A sign or a word. Those of the first row hold from the beginning of their bar, the others at its end."""

    SEGNO, CODA = auto(), auto()
    TO_CODA, FINE, DA_CAPO, DAL_SEGNO = auto(), auto(), auto(), auto()


@dataclass(frozen=True)
class Label:
    """A part begins, which the order of parts names."""

    name: str


Sign = BarLine | Volta | Turn | Label
Signs = Sequence[tuple[Fraction, Sign]]
"""With their times, as they are written: what stands at the end of a bar is before its line."""
Stretch = tuple[Fraction, Fraction]
"""From, and to where, in quarters."""

WORDS = (
    (re.compile(r"(?:d\.? ?c\b|da ?capo\b)", re.I), Turn.DA_CAPO),
    (re.compile(r"(?:d\.? ?s\b|dal ?segno\b)", re.I), Turn.DAL_SEGNO),
    (re.compile(r"(?:to|da|al) ?coda\b", re.I), Turn.TO_CODA),
    (re.compile(r"fine\W*\Z", re.I), Turn.FINE),
    (re.compile(r"segno\W*\Z", re.I), Turn.SEGNO),
    (re.compile(r"coda\W*\Z", re.I), Turn.CODA),
)


def turn(text: str) -> Turn | None:
    """What words above the notes say, such as `D.C. al Fine`."""
    return next((found for pattern, found in WORDS if pattern.match(text.strip())), None)


def numbers(text: str) -> frozenset[int]:
    """Of an ending: `1,3` or `1-3`. Raises `ValueError`."""
    found: set[int] = set()
    for each in re.split(r"[,.\s]+", text.strip(",.- ")):
        first, _, last = each.partition("-")
        found |= set(range(int(first), min(int(last or first), REPEATS) + 1))
    if not found or max(found) > REPEATS or min(found) < 1:
        raise ValueError
    return frozenset(found)


def played(signs: Signs, end: Fraction, order: Sequence[str] = ()) -> list[Stretch]:
    """What is played, one after the other, of music from 0 to `end`. Raises `ValueError` if it is too much.

    What has no sign where it begins is repeated from the end of the repeat before, or from a double bar line. D.C. and
    D.S. are followed when all repeats before them are over; then each repeat is played once, with its last ending, as
    far as Fine, To Coda, or the D.C. itself, and after that what stands behind the D.C., if anything does.
    order: names of labels. What is before the first label comes first; each part has its own repeats.
    """
    if not order:
        return _joined(_unfolded(signs, Fraction(0), end))
    parts = _parts(signs, end)
    first, *_ = parts.values()
    return _joined([*first, *(each for name in order for each in parts[name])])


def labels(signs: Signs) -> list[str]:
    """The names of the parts."""
    return [sign.name for _, sign in signs if isinstance(sign, Label)]


def _parts(signs: Signs, end: Fraction) -> dict[str, list[Stretch]]:
    """What is played of each part, by its name; the first is what stands before all labels. Of two of a name the first
    counts."""
    cuts = [(at, time, sign.name) for at, (time, sign) in enumerate(signs) if isinstance(sign, Label)]
    found: dict[str, list[Stretch]] = {}
    for (at, begin, name), (to, stop, _) in zip(
        [(-1, Fraction(0), "")] + cuts, [*cuts, (len(signs), end, "")], strict=True
    ):
        own = list(signs[at + 1 : to])
        before = signs[at - 1][1] if at > 0 else None
        if isinstance(before, BarLine) and before.opens:
            own.insert(0, (begin, BarLine(opens=before.opens)))
        found.setdefault(name, _unfolded(own, begin, stop))
    return found


@dataclass
class _Block:
    """What is played several times. opened: whether a sign is where it begins; endings: (passes, begin) each."""

    begin: Fraction
    opened: bool = False
    closes: int = 0
    endings: list[tuple[frozenset[int], Fraction]] = field(default_factory=list)
    end: Fraction = Fraction(0)

    @property
    def times(self) -> int:
        return max([self.closes + 1, *(max(passes) for passes, _ in self.endings)])

    def played(self, number: int) -> Iterator[Stretch]:
        """At a pass, from 1."""
        stops = [*(begin for _, begin in self.endings), self.end]
        yield self.begin, stops[0]
        for (passes, begin), stop in zip(self.endings, stops[1:], strict=True):
            if number in passes:
                yield begin, stop
                return


def _unfolded(signs: Signs, begin: Fraction, end: Fraction) -> list[Stretch]:
    signs = _gathered(signs)
    blocks = _blocks(signs, begin, end)
    rest = [each for block in blocks for number in range(1, block.times + 1) for each in block.played(number)]
    once = [each for block in blocks for each in block.played(block.times)]
    times = _turns(signs, begin, end)
    jumps = sorted({time: turn for turn in (Turn.DA_CAPO, Turn.DAL_SEGNO) for time in times[turn]}.items())
    if len(jumps) > JUMPS:
        raise ValueError
    found: list[Stretch] = []
    for time, jump in jumps:
        segnos = [each for each in times[Turn.SEGNO] if each < time]
        at = max((at for at, (start, stop) in enumerate(rest) if start < time <= stop), default=None)
        if at is None or (jump == Turn.DAL_SEGNO and not segnos):
            continue
        found += [*rest[:at], (rest[at][0], time)]
        rest = [(time, rest[at][1]), *rest[at + 1 :]]
        back = segnos[-1] if jump == Turn.DAL_SEGNO else begin
        leave = min((each for each in times[Turn.TO_CODA] if back < each < time), default=time)
        coda = min((each for each in times[Turn.CODA] if leave < each), default=None)
        fine = min((each for each in times[Turn.FINE] if back < each < time), default=time)
        again = [(max(start, back), stop) for start, stop in once if stop > back]
        if leave < fine and coda is not None:
            fine = leave
            rest = [(max(start, coda), stop) for start, stop in rest if stop > coda]
        at = next((at for at, (start, stop) in enumerate(again) if start < fine <= stop), len(again) - 1)
        found += [*again[:at], (again[at][0], min(again[at][1], fine))]
    return found + rest


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    """Without empty ones; what goes on without a jump is one."""
    found: list[Stretch] = []
    for begin, end in stretches:
        if begin == end:
            continue
        if found and found[-1][1] == begin:
            begin = found.pop()[0]
        found.append((begin, end))
    return found


def _gathered(signs: Signs) -> list[tuple[Fraction, Sign]]:
    """Bar lines that have nothing between them are one."""
    found: list[tuple[Fraction, Sign]] = []
    for time, sign in signs:
        if isinstance(sign, BarLine) and found:
            before, last = found[-1]
            if isinstance(last, BarLine) and before == time:
                closes, opens = max(last.closes, sign.closes), max(last.opens, sign.opens)
                sign = BarLine(min(closes, REPEATS), min(opens, REPEATS), last.double or sign.double)
                found.pop()
        found.append((time, sign))
    return found


def _blocks(signs: list[tuple[Fraction, Sign]], begin: Fraction, end: Fraction) -> list[_Block]:
    blocks = [_Block(begin)]

    def begin_anew(time: Fraction, opened: bool = False) -> None:
        blocks[-1].end = time
        blocks.append(_Block(time, opened))

    ahead: Fraction | None = None
    endings: list[bool] = []  # whether an ending follows at once
    for time, sign in reversed(signs):
        endings.append(ahead == time)
        if not isinstance(sign, Turn):
            ahead = time if isinstance(sign, Volta) else None
    for (time, sign), before_ending in zip(signs, reversed(endings), strict=True):
        block = blocks[-1]
        if isinstance(sign, Volta):
            if block.endings and sign.numbers & frozenset().union(*(each for each, _ in block.endings)):
                begin_anew(time)
            blocks[-1].endings.append((sign.numbers, time))
        elif isinstance(sign, BarLine):
            block.closes = max(block.closes, min(sign.closes, REPEATS))
            over = sign.closes or (sign.double and (block.endings or not block.opened))
            if sign.opens or (over and not before_ending):
                begin_anew(time, bool(sign.opens))
    blocks[-1].end = end
    return blocks


def _turns(signs: list[tuple[Fraction, Sign]], begin: Fraction, end: Fraction) -> dict[Turn, list[Fraction]]:
    """The times of each, moved to the bar line where it holds. Of several codas the first is where one leaves."""
    found: dict[Turn, list[Fraction]] = {each: [] for each in Turn}
    codas = sum(sign == Turn.CODA for _, sign in signs)
    leaves = any(sign == Turn.TO_CODA for _, sign in signs)
    lines = [begin]
    waiting: list[Turn] = []  # what holds at the end of this bar
    for time, sign in signs:
        if isinstance(sign, BarLine):
            lines.append(time)
            for each in waiting:
                found[each].append(time)
            waiting = []
        elif sign == Turn.CODA and codas > 1 and not leaves:
            leaves = True
            waiting.append(Turn.TO_CODA)
        elif isinstance(sign, Turn):
            if sign in (Turn.SEGNO, Turn.CODA):
                found[sign].append(time)
            else:
                waiting.append(sign)
    for each in waiting:
        found[each].append(end)
    lines.append(end)
    for sign in (Turn.SEGNO, Turn.CODA):
        found[sign] = [lines[bisect_right(lines, time) - 1] for time in found[sign]]
    return found
