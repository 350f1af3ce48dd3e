"""Long texts → sentences to be spoken one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from rhapsode.errors import UserError, choice
from rhapsode.modalities.speech import languages

LONGEST = 240
"""Characters of a sentence, some 15 seconds; longer ones are cut."""
WAYS = ("auto", "line")
"""How a text is cut: where the language ends its sentences, or at each line's end."""
HELD = 16
"""Times `LONGEST`: so much of a text without an end is waited for, before it is cut where it can be."""
BREAK = r"\n[^\S\n]*\n\s*|\n(?=[^\S\n]*(?:\d{1,3}[.)]|[-*•–—])[^\S\n])"
PRIVATE = "\U000f0000", "\U000ffffd"
"""The first and the last of characters that are no text: marks of `script`."""
MARKS = re.compile("[{}-{}]".format(*PRIVATE))
CLOSING = rf"(?:[\"'”’»“«)\]]|{MARKS.pattern}|\s»(?=\s|$))*"
WIDE = r"[。！？]+[”’」』）]*"
ENDS = re.compile(rf"(?P<break>{BREAK})|(?P<mark>(?<![.!?…])[.!?…؟۔।॥։።]++{CLOSING})(?=\s|$)|(?P<wide>{WIDE})")
GREEK = re.compile(ENDS.pattern.replace("[.!?", "[.!?;\u037e"))
"""An empty line, or one before an item of a list; marks before white space; and those of scripts without spaces."""
OPENING = "\"'“‘«»([„¿¡—–- \u00a0"
NEXT = re.compile(r"\s*(?:[-—–«»]\s+)*(\S{1,60})(\s|(?<=\S{60}))?")
"""The word after a mark, the first 60 characters of it; and whether it is whole."""
INITIAL = re.compile(r"[^\W\d_]\.")
CAPITAL = "X"
"""How another sentence may begin."""
BEFORE = 60
"""Characters before a mark that are looked at."""
BETWEEN = re.compile(r"[\s—–/]+")
"""What stands between words."""
CUTS = (re.compile(r"[;:—–；：]\s*"), re.compile(r"[,，、]\s*"), re.compile(r"\s+"))
"""Where a long sentence is cut, the best first."""


def sentences(text: str, longest: int = LONGEST, language: str = "en", by: str = "auto") -> list[str]:
    """The sentences of a text, in order, each of at most `longest` characters, without white space around.

    Joined, they are the text but for white space. A sentence ends with `.`, `!`, `?`, `…` or what other scripts have
    for them (and quotes, brackets) before white space, unless the next word begins small; with an empty line; and
    before a line that is an item of a list. Whether a point ends one is told by `ends`. A sentence that is too long is
    cut behind its last semicolon, colon or dash that is not in its first third; else behind a comma; else at a space;
    else anywhere. language: as espeak-ng calls it; by: one of `WAYS`. Raises `UserError`.
    """
    _check(longest, by)
    return list(_pieces(text.splitlines() if by == "line" else _cut(text, language, over=True), longest))


def stream(pieces: Iterable[str], longest: int = LONGEST, language: str = "en", by: str = "auto") -> Iterator[str]:
    """The same of a text that comes piece by piece: each sentence as soon as the word after it has come.

    A line may end one, too, whatever comes next: if it ends with a mark that ends a sentence before a capital. So
    nobody waits for what has not been written yet. However the text is cut into pieces, the sentences are the same. Of
    a text without ends, no more is held than some sentences may have.
    """
    _check(longest, by)
    rest = ""
    for line in _lines(pieces):
        rest += line
        *whole, rest = [rest, ""] if by == "line" and line[-1:] in "\r\n" else _cut(rest, language, over=False)
        yield from _pieces(whole, longest)
        if len(rest) > HELD * longest:
            *whole, rest = _pieces([rest], longest)
            yield from whole
    yield from _pieces(_cut(rest, language, over=True), longest)


def points(text: str, language: str = "en") -> Iterator[tuple[re.Match[str], bool]]:
    """Each mark that may end a sentence within a text, and whether it does."""
    begin = 0
    for mark in _marks(language).finditer(text):
        after = None if mark["wide"] else NEXT.match(text, mark.end())
        end = ends(text, begin, mark, after[1] if after else "", language)
        yield mark, end
        begin = mark.end() if end else begin


def ends(text: str, begin: int, mark: re.Match[str], after: str, language: str) -> bool:
    """Whether the sentence of `text` that begins at `begin` ends with `mark`, given the word after it.

    A point does not end one behind a title (Mr.), behind `No.` before a number, behind an initial (J. S.), a number in
    front (1. First), or an ordinal number where the language writes them so (3. Oktober). One of `U.S.` does only
    before a word that begins sentences (The, He); others of abbreviations (etc.) before a capital.
    """
    after = MARKS.sub("", after).lstrip(OPENING)
    if mark["break"] is not None or mark["wide"] is not None or not after:
        return True
    if after[0].islower():
        return False
    if MARKS.sub("", mark["mark"]) != ".":
        return True
    known = languages.of(language)
    words = BETWEEN.split(text[max(begin, mark.start() - BEFORE) : mark.start()].strip())
    word = abbreviation(words)
    starts = not INITIAL.match(after) and after.strip(".,;:!?…\"'”’»)").lower() in known.starters
    if word.isdigit():
        first = text[begin : mark.start()].strip() == words[-1] if mark.start() - begin < BEFORE else False
        return not (len(word) <= 3 and (first or (known.ordinals and not starts)))
    if word in known.names or (after[0].isdigit() and known.before_numbers(word)):
        return False
    if len(word) == 1:
        return starts or words[-1] == "I"
    if "." in word and known.starters and words[-1].isupper():
        return starts
    return True


def abbreviation(words: list[str]) -> str:
    """The last word, whose point was cut off, in small letters; with letters before it: of `z.`, `B` it is `z.b`."""
    if not words:
        return ""
    found = re.split("['’]", words[-1].lstrip(OPENING))[-1].lower()  # l'ing.
    if "-" in found and len(found.rpartition("-")[2]) == 1:  # J.-C.
        return found if "." in found else found[-1]
    for each in reversed(words[:-1]):
        each = each.lstrip(OPENING).lower()
        if not (len(each) == 2 and each[0].isalpha() and each[1] == ".") or len(found.rpartition(".")[2]) != 1:
            break
        found = each + found
    return found


def _check(longest: int, by: str) -> None:
    if longest < 1:
        raise UserError(f"longest: {longest} is not allowed. A sentence has at least 1 character.")
    if by not in WAYS:
        raise choice("sentences", by, WAYS)


def _marks(language: str) -> re.Pattern[str]:
    return GREEK if language.partition("-")[0] in ("el", "grc") else ENDS


def _cut(text: str, language: str, over: bool) -> list[str]:
    """Sentences; and what is left, of which more may come unless it is `over`."""
    found: list[str] = []
    begin = 0
    for mark in _marks(language).finditer(text):
        after = None if mark["wide"] else NEXT.match(text, mark.end())
        word = after[1] if after else ""
        known = mark["break"] or (mark.end() < len(text) if mark["wide"] else after and after[2] is not None)
        if not over and not known:
            if after or "\n" not in text[mark.end() :]:
                break
            word = CAPITAL
        if ends(text, begin, mark, word, language):
            found.append(text[begin : mark.end()])
            begin = mark.end()
    return [*found, text[begin:]]


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Pieces of which none goes on after the end of a line."""
    for piece in pieces:
        yield from piece.splitlines(keepends=True)


def _pieces(sentences: Iterable[str], longest: int) -> Iterator[str]:
    return chain.from_iterable(_short(each.strip(), longest) for each in sentences)


def _short(sentence: str, longest: int) -> Iterator[str]:
    begin, end = 0, len(sentence)
    while end - begin > longest:
        cut = begin + longest
        for pattern in CUTS:
            places = [match for match in pattern.finditer(sentence, begin, cut + 1) if match.start() < cut]
            if places and places[-1].end() - begin >= longest / 3:
                cut = min(places[-1].end(), cut + 1)
                break
        yield sentence[begin:cut].strip()
        begin = cut
        while begin < end and sentence[begin].isspace():
            begin += 1
    if begin < end:
        yield sentence[begin:]
