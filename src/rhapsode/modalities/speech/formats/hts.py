"""HTS and HTK labels (`.lab`): a line is begin, end in units of 100 ns, label, and perhaps a score.

A full-context label `x^x-ao+th=er/A:...` stands for the phone between - and +. States, whose labels end in `[2]`, `[3]`
..., are merged into their phone.
"""

from __future__ import annotations

import re
from itertools import pairwise

from rhapsode.errors import UserError
from rhapsode.modalities.speech.formats._labels import Labels
from rhapsode.modalities.speech.formats._rows import Interval, phones
from rhapsode.modalities.speech.utterance import PAUSE, Timed

UNITS = 10_000_000
"""In a second."""
LINE = re.compile(r"\s*(\d{1,15})\s+(\d{1,15})\s+(\S+)")
STATE = re.compile(r"\[(\d{1,3})\]$")
CONTEXT = re.compile(r"-([^+]+)(\+|$)")


def recognises(text: str) -> bool:
    """Whether the first line that is not blank is a label with times. (Some call a transcript .lab, too.)"""
    return LINE.match(text.lstrip().split("\n", 1)[0]) is not None


def loads(text: str, name: str) -> Timed:
    """Phones and times. name: of the file, for messages. Raises `UserError`."""
    rows: list[Interval] = []
    last, states = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        match = LINE.match(line)
        if match is None:
            raise UserError(f"{where}: expected begin, end (in 100 ns) and a label, found {line.strip()[:60]!r}.")
        begin, end, label = int(match[1]) / UNITS, int(match[2]) / UNITS, match[3]
        state = STATE.search(label)
        place = int(state[1]) if state else 0
        label = STATE.sub("", label)
        row = Interval(begin, end, label, where)
        if rows and 0 < states < place and label == last:
            row = Interval(rows.pop().begin, end, label, where)
        rows.append(row)
        last, states = label, place
    if not rows:
        raise UserError(f"{name}: a label file without labels. Lines are begin, end (in 100 ns) and a label.")
    found, times = phones([Interval(row.begin, row.end, _symbol(row.label), row.where) for row in rows])
    return Timed(found, times=times)


def dumps(utterance: Timed) -> str:
    """Lines of begin, end and symbol, a phone each; a pause is `pau`."""
    ticks = [round(each * UNITS) for each in utterance.times.tolist()]
    symbols = ["pau" if each.symbol == PAUSE else each.symbol for each in utterance.phones]
    return "".join(f"{a} {b} {symbol}\n" for (a, b), symbol in zip(pairwise(ticks), symbols, strict=True))


def _symbol(label: str) -> str:
    match = CONTEXT.search(label)
    return match[1] if match and match[2] else label


LABELS = Labels(
    (".lab",),
    lambda content, name: [loads(content, name)],
    recognises,
    lambda utterance, audio: dumps(utterance),
    beside=True,
    rank=1,
)
