"""Long texts → sentences to be spoken one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rhapsode.errors import UserError

LONGEST = 240
"""Characters of a sentence, some 15 seconds; longer ones are cut."""
BEFORE_NAMES = "adm capt col dr gen gov hon lt maj messrs mme mr mrs ms mt prof rep rev sen sgt st vs e.g i.e"
BEFORE_NUMBERS = "ch fig no nr p pp vol"
"""Words whose point does not end a sentence; the second only if a digit follows."""
ENDS = re.compile(r"""[.!?…]+["'”’»)\]]*(?=\s|$)|[。！？]+[”’」』）]*""")
OPENING = "\"'“‘«([„¿¡"
CUTS = (re.compile(r"[;:—–；：]\s*"), re.compile(r"[,，、]\s*"), re.compile(r"\s+"))
"""Where a long sentence is cut, the best first."""


def sentences(text: str, longest: int = LONGEST) -> list[str]:
    """The sentences of a text, in order, each of at most `longest` characters, without white space around.

    Joined, they are the text but for white space. A sentence ends with `.`, `!`, `?` or `…` (and quotes, brackets)
    before white space, unless the next word begins small, or with an empty line. Points of titles (Mr.), of initials
    (J. S.) and of a number in front (1. First) do not end one; those of other abbreviations (etc., U.S.) only before a
    capital. A sentence that is too long is cut behind its last semicolon, colon or dash that is not in its first third;
    else behind a comma; else at a space; else anywhere. Raises `UserError` unless `longest` is at least 1.
    """
    if longest < 1:
        raise UserError(f"longest: {longest} is not allowed. A sentence has at least 1 character.")
    found = [each for part in re.split(r"\n\s*\n", text) for each in _sentences(part)]
    return [piece for each in found for piece in _pieces(each, longest)]


def _sentences(text: str) -> Iterator[str]:
    begin = 0
    for match in ENDS.finditer(text):
        if _ends(text[begin : match.end()], match.group(), text[match.end() :].lstrip()[:8]):
            yield from filter(None, [text[begin : match.end()].strip()])
            begin = match.end()
    yield from filter(None, [text[begin:].strip()])


def _ends(sentence: str, mark: str, after: str) -> bool:
    """Whether a sentence ends with its last characters `mark`, given what comes after white space."""
    if after.lstrip(OPENING)[:1].islower():
        return False
    if mark != ".":
        return True
    words = sentence.split()
    word = words[-1].lstrip(OPENING).removesuffix(".")
    initial = len(word) == 1 and word.isupper() and word != "I"
    numeral = word.isdigit() and len(words) == 1
    if after[:1].isdigit() and word.lower() in BEFORE_NUMBERS.split():
        return False
    return not (initial or numeral or word.lower() in BEFORE_NAMES.split())


def _pieces(sentence: str, longest: int) -> Iterator[str]:
    while len(sentence) > longest:
        cut = longest
        for pattern in CUTS:
            places = [match.end() for match in pattern.finditer(sentence, 0, longest + 1) if match.start() < longest]
            if places and places[-1] >= longest / 3:
                cut = min(places[-1], longest + 1)
                break
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    yield sentence
