"""Praat's TextGrid, long and short: both are the same numbers and texts in the same order, the long one with names."""

from __future__ import annotations

import re
from itertools import groupby, pairwise

from rhapsode.errors import UserError
from rhapsode.files.values import number
from rhapsode.modalities.speech.formats._labels import Labels
from rhapsode.modalities.speech.formats._rows import Interval, phones
from rhapsode.modalities.speech.syllables import nuclei
from rhapsode.modalities.speech.utterance import PAUSE, Timed

TOKEN = re.compile(r'"((?:[^"]++|"")*)"|(?<![\w\[.])(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?![\w\].])|<(exists|absent)>')
PHONES = ("phones", "phonemes", "segments", "phone", "phoneme", "segment")
WORDS = ("words", "word")
TEXTS = ("text", "sentence", "sentences", "transcript", "utterance")
MARKS = {1: "ˌ", 2: "ˈ"}


def recognises(text: str) -> bool:
    return "TextGrid" in text[:200] and "ooTextFile" in text[:200]


def loads(text: str, name: str) -> Timed:
    """Phones and times of the tier called phones, phonemes or segments, or the last one of intervals; words of the tier
    called words, if there is one; `text` of the one called text or sentence, or these words. Raises `UserError`."""
    tiers = _tiers(text, name)
    if not tiers:
        raise UserError(f"{name}: a TextGrid without a tier of intervals. Phones must be intervals.")
    named = {key.strip().lower(): rows for key, rows in tiers}
    rows = next((named[each] for each in PHONES if each in named), tiers[-1][1])
    words = next((named[each] for each in WORDS if each in named and named[each] is not rows), [])
    texts = next((named[each] for each in TEXTS if each in named and named[each] is not rows), words)
    found, times = phones(rows, words)
    if not found:
        raise UserError(f"{name}: the tier of phones has no intervals. Label it, or leave the file out.")
    return Timed(found, times=times, text=" ".join(filter(None, (each.label.strip() for each in texts))))


def dumps(utterance: Timed) -> str:
    """The long form, with tiers `phones` (with stress at a syllable's vowel), `words`, and `text` if there is one."""
    end = float(utterance.times[-1])
    tiers = [("phones", _phones(utterance)), ("words", utterance.words())]
    if utterance.text:
        tiers.append(("text", [(0.0, end, utterance.text)]))
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end!r}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for place, (title, rows) in enumerate(tiers, 1):
        lines += [f"    item [{place}]:", '        class = "IntervalTier"', f'        name = "{title}"']
        lines += ["        xmin = 0", f"        xmax = {end!r}", f"        intervals: size = {len(rows)}"]
        for count, (a, b, label) in enumerate(rows, 1):
            quoted = label.replace('"', '""')
            lines += [f"        intervals [{count}]:", f"            xmin = {a!r}", f"            xmax = {b!r}"]
            lines.append(f'            text = "{quoted}"')
    return "\n".join(lines) + "\n"


def _phones(utterance: Timed) -> list[tuple[float, float, str]]:
    labels = ["" if each.symbol == PAUSE else each.symbol for each in utterance.phones]
    for _, group in groupby(range(len(labels)), lambda at: utterance.phones[at].syllable):
        members = [at for at in group if labels[at]]
        if members and (mark := MARKS.get(utterance.phones[members[0]].stress)):
            at = members[next(iter(nuclei([labels[at] for at in members])), 0)]
            labels[at] = mark + labels[at]
    times = utterance.times.tolist()
    return [(a, b, label) for (a, b), label in zip(pairwise(times), labels, strict=True)]


class _Tokens:
    """The texts and numbers of a file, one after another."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name
        self._at, self._line = 0, 1

    def _next(self, wanted: str) -> tuple[re.Match[str], str]:
        match = TOKEN.search(self._text, self._at)
        begin, end = match.span() if match else (len(self._text), len(self._text))
        line = self._line + self._text.count("\n", self._at, begin)
        where = f"{self._name}, line {line}"
        if match is None:
            raise UserError(f"{where}: the file ends where {wanted} should be. If it was cut off, fetch it again.")
        self._at, self._line = end, line + match[0].count("\n")
        return match, where

    def word(self) -> str:
        match, where = self._next("a text")
        if match[1] is None:
            raise UserError(f"{where}: expected a text in quotes, found {match[0]!r}.")
        return match[1].replace('""', '"')

    def number(self) -> tuple[float, str]:
        match, where = self._next("a number")
        if match[2] is None:
            raise UserError(f"{where}: expected a number, found {match[0]!r}.")
        return number(match[2], where), where

    def flag(self) -> bool:
        match, where = self._next("<exists>")
        if match[3] is None:
            raise UserError(f"{where}: expected <exists>, found {match[0]!r}.")
        return match[3] == "exists"


def _tiers(text: str, name: str) -> list[tuple[str, list[Interval]]]:
    """(name, intervals) of each tier of intervals."""
    tokens = _Tokens(text, name)
    if (tokens.word(), tokens.word()) != ("ooTextFile", "TextGrid"):
        raise UserError(f"{name}: not a TextGrid in text form. Save it with Praat as a text file.")
    tokens.number(), tokens.number()
    found = []
    for _ in range(int(tokens.number()[0]) if tokens.flag() else 0):
        kind, title = tokens.word(), tokens.word()
        tokens.number(), tokens.number()
        rows = []
        for _ in range(int(tokens.number()[0])):
            begin, where = tokens.number()
            end = tokens.number()[0] if kind == "IntervalTier" else begin
            rows.append(Interval(begin, end, tokens.word().strip(), where))
        if kind == "IntervalTier":
            found.append((title, rows))
    return found


LABELS = Labels(
    (".textgrid",),
    lambda content, name: [loads(content, name)],
    dumps=lambda utterance, audio: dumps(utterance),
    beside=True,
    apart=True,
)
