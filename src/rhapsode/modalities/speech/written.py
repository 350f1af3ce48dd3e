"""What is written → what espeak-ng is to read.

espeak-ng takes each point before a capital for the end of a clause, makes a pause there, and spells abbreviations that
it does not know.
"""

from __future__ import annotations

import re
import unicodedata

from rhapsode.modalities.speech import languages
from rhapsode.modalities.speech.sentences import BEFORE, BETWEEN, MARKS, abbreviation, points

RUN = re.compile(r"(?:(?<![\w.])[^\W\d_]\.\s+)+[^\W\d_]$|\w[^\s'’—–/]*$")
"""A word before a point, or single letters with points."""
THIN = re.compile(r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))")
"""Spaces within a number."""
LOOKS = ("<wide>", "<font>")
"""How Unicode marks letters and digits that are others, drawn differently."""
BLANK = re.compile(r"\s*")


def composed(text: str) -> str:
    """The text in the characters that espeak-ng knows: letters in one piece with their accents, no wide or ornamental
    ones (Ｈ, 𝓗), and numbers without spaces in them."""
    text = THIN.sub("", unicodedata.normalize("NFC", text))
    return text if text.isascii() else "".join(map(_usual, text))


def _usual(character: str) -> str:
    other = character.isalnum() and unicodedata.decomposition(character).startswith(LOOKS)
    return unicodedata.normalize("NFKC", character) if other else character


def read(text: str, voice: str) -> str:
    """The text with abbreviations that are known written out, and without points that end no sentence but stand before
    a capital or a number: `Dr. Weiß, am 3. Mai` is `Doktor Weiß, am 3. mai`, whose `3.` is read as an ordinal."""
    return _flowing(_written_out(text, voice), voice)


def _written_out(text: str, voice: str) -> str:
    known = languages.of(voice)
    found: list[str] = []
    done = 0
    for mark, end in points(text, voice):
        if mark["mark"] is None or MARKS.sub("", mark["mark"]) != ".":
            continue
        first = max(done, mark.start() - BEFORE)
        before = RUN.search(text, first, mark.start())
        word = abbreviation(BETWEEN.split(text[first : mark.start()].strip()))
        said = None if end and known.before_numbers(word) else known.said(word)
        if said is not None and before is not None:
            found += [text[done : before.start()], said, "." * end]
            done = mark.end()
    return "".join(found) + text[done:]


def _flowing(text: str, voice: str) -> str:
    """Without pauses at points that end nothing."""
    found: list[str] = []
    done = 0
    for mark, end in points(text, voice):
        after = BLANK.match(text, mark.end())
        begin = after.end() if after else mark.end()
        if mark["mark"] is None or MARKS.sub("", mark["mark"]) != "." or end or text[begin : begin + 1].islower():
            continue
        if text[begin : begin + 1].isupper() and text[begin + 1 : begin + 2].islower():
            found += [text[done:begin], text[begin].lower()]
            done = begin + 1
        else:
            found.append(text[done : mark.start()])
            done = mark.end()
    return "".join(found) + text[done:]
