"""What is to be said beside words: phones that are given, pauses, how fast and how high.

In a text that is cut into sentences, each of these is one character of a private use area of Unicode, a mark, so that
no cut can separate it from its words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rhapsode.errors import UserError
from rhapsode.modalities.speech import espeak, lexicon
from rhapsode.modalities.speech.alphabets import IPA
from rhapsode.modalities.speech.inventory import Changed, Inventory
from rhapsode.modalities.speech.lexicon import MNEMONICS, Given
from rhapsode.modalities.speech.sentences import MARKS, PRIVATE
from rhapsode.modalities.speech.syllables import nuclei, numbered
from rhapsode.modalities.speech.utterance import PAUSE, Delivery, Phone, Utterance
from rhapsode.modalities.speech.written import composed, read

FIRST, LAST = map(ord, PRIVATE)
INLINE = re.compile(r"\[\[([^\[\]\n]{1,200})\]\]|(?<![^\s(\"'“‘„«])/([^/\n]{1,200})/(?![^\s.,;:!?…)\"'”’»])")
"""Phones in a text: [[h@l'oU]] or /həˈləʊ/."""
PLAIN = re.compile(r"[a-z ]*")
"""Between slashes, no phones but a path, or an `or`."""
NOT_KNOWN = (
    "the voice's phones ({}) are of no alphabet that is known (IPA, ARPABET, X-SAMPA), so it cannot say others. Give "
    "it labels with its own: --phones FILE."
)
EDGE = 0.1
"""Seconds of silence that end an utterance, where the time between two is given."""


@dataclass(frozen=True)
class Style:
    """speed: 2 is twice as fast; pitch: 2 is an octave higher."""

    speed: float = 1.0
    pitch: float = 1.0


@dataclass(frozen=True)
class Break:
    seconds: float


Mark = Style | Break | Given


@dataclass
class Script:
    """Marks of a text. A mark's number is its place in the list."""

    marks: list[Mark] = field(default_factory=list)
    _numbers: dict[Mark, int] = field(default_factory=dict)

    def mark(self, mark: Mark) -> str:
        """The character that stands for it. Raises `UserError` if there are too many."""
        number = self._numbers.setdefault(mark, len(self.marks))
        if number == len(self.marks):
            if FIRST + number > LAST:
                raise UserError(f"the text has more than {number:,} different pauses and pronunciations. Cut it.")
            self.marks.append(mark)
        return chr(FIRST + number)

    def of(self, character: str) -> Mark | None:
        """What a character stands for, if it is a mark."""
        number = ord(character) - FIRST
        return self.marks[number] if 0 <= number < len(self.marks) else None


def without_marks(text: str) -> str:
    """The text as a person reads it."""
    return MARKS.sub("", text)


class Reciter:
    """Sentences with marks → utterances of phones that a voice knows."""

    def __init__(
        self,
        voice: str,
        inventory: Inventory,
        script: Script,
        words: Mapping[str, Given],
        pause: float | None = None,
    ) -> None:
        """voice: espeak-ng's; words: how these, in small letters, are said; pause: seconds between sentences."""
        self._voice, self._inventory, self._script, self._words, self._pause = voice, inventory, script, words, pause
        self._style = Style()
        self._waiting: float | None = None
        self._begun = False

    def said(self, sentence: str) -> tuple[Utterance, Changed] | None:
        """The utterance of a sentence, None of one without words; and what is said with other phones than was meant.
        Raises `UserError`."""
        written, sentence = sentence, self._marked(composed(sentence))
        spoken = any(each.isalnum() for each in sentence) or any(self._given(each) for each in sentence)
        if not spoken:
            for each in filter(None, map(self._script.of, sentence)):
                if isinstance(each, Style):
                    self._style = each
                elif isinstance(each, Break):
                    self._waiting = (self._waiting or 0.0) + each.seconds
            return None
        shown = without_marks(written).strip()
        if any(map(str.isalnum, shown)):
            espeak.check(self._voice, shown)
        return self._utterance(read(sentence, self._voice), shown)

    def _given(self, character: str) -> bool:
        return isinstance(self._script.of(character), Given)

    def _marked(self, sentence: str) -> str:
        """With marks for phones that stand in it, and for words of the lexicon."""

        def inline(found: re.Match[str]) -> str:
            mnemonics, ipa = found.groups()
            if mnemonics is not None:
                return self._script.mark(Given(mnemonics.strip(), MNEMONICS))
            if PLAIN.fullmatch(ipa) or not lexicon.is_ipa(ipa):
                return found[0]
            return self._script.mark(Given(ipa.strip(), IPA))

        def word(found: re.Match[str]) -> str:
            whole = found[0]
            if (given := self._words.get(whole.lower())) is not None:
                return self._script.mark(given)
            return "-".join(map(part, whole.split("-"))) if "-" in whole else whole

        def part(word: str) -> str:
            given = self._words.get(word.lower())
            return word if given is None else self._script.mark(given)

        sentence = INLINE.sub(inline, sentence)
        sentence = lexicon.WORD.sub(word, sentence) if self._words else sentence
        return sentence.replace("[[", "[ [")  # is no phone, then

    def _utterance(self, text: str, shown: str) -> tuple[Utterance, Changed]:
        pieces: list[str] = []
        at = 0
        styles: list[tuple[int, Style]] = [(0, self._style)]
        breaks: list[tuple[int, float]] = []
        givens: list[tuple[int, int, Given]] = []
        for before, each, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
            mark = self._script.of(each)
            # espeak-ng would not say the phones behind a hyphen.
            joint = each in "-–" and (self._given(before) or self._given(after))
            piece = "" if mark else " " if joint else each
            if isinstance(mark, Style):
                styles.append((at, mark))
            elif isinstance(mark, Break):
                breaks.append((at, mark.seconds))
            elif isinstance(mark, Given):
                piece = mark.standing
                givens.append((at, at + len(piece), mark))
            pieces.append(piece)
            at += len(piece)
        self._style = styles[-1][1]
        phones, places = espeak.spelled("".join(pieces), self._voice)
        rows, changed = self._rows(phones, places, styles, givens)
        for at, seconds in breaks:
            _pause(rows, at, seconds)
        if self._waiting is not None:
            rows[0] = replace(rows[0], seconds=self._waiting)
        if self._pause is not None:
            edge = min(EDGE, self._pause / 2)
            rows[-1] = replace(rows[-1], seconds=_longer(rows[-1].seconds, edge))
            if self._begun:
                rows[0] = replace(rows[0], seconds=_longer(rows[0].seconds, self._pause - edge))
        self._waiting, self._begun = None, True
        columns = np.array([[row.style.speed, row.style.pitch, row.seconds] for row in rows]).T
        delivery = Delivery(*columns)
        spoken = numbered([row.phone for row in rows])
        return Utterance(spoken, text=shown, delivery=delivery if delivery.anything else None), changed

    def _rows(
        self,
        phones: Sequence[Phone],
        places: Sequence[int],
        styles: Sequence[tuple[int, Style]],
        givens: Sequence[tuple[int, int, Given]],
    ) -> tuple[list[_ScriptPhone], Changed]:
        """The phones that the voice knows for those that espeak-ng tells, and for those that are given."""
        rows: list[_ScriptPhone] = []
        changed: Changed = {}
        said = set[int]()
        for phone, place in zip(phones, places, strict=True):
            style = [each for at, each in styles if at <= place][-1]
            if phone.symbol == PAUSE:
                if not rows or rows[-1].phone.symbol != PAUSE:
                    rows.append(_ScriptPhone(phone, place, style))
                continue
            inside = next((n for n, (begin, end, _) in enumerate(givens) if begin <= place < end), None)
            if inside is None or not (parts := givens[inside][2].parts):
                rows += _known([(phone, *self._inventory.respelled(phone.symbol))], place, style, changed)
            elif inside not in said:
                rows += self._given_rows(parts, phone, place, style, changed)
            said.add(-1 if inside is None else inside)
        for n, (begin, _, given) in enumerate(givens):
            if n in said:
                continue
            if not given.parts:
                raise UserError(f"{given.phones!r} are no phones that espeak-ng knows.")
            # It says no word of some that stand between signs.
            at = min(_index(rows, begin), len(rows) - 1)
            before = rows[at - 1]
            rows[at:at] = self._given_rows(given.parts, Phone("", word=-1 - n), before.place, before.style, changed)
        if all(row.phone.symbol == PAUSE for row in rows):
            raise UserError(NOT_KNOWN.format(" ".join(sorted(self._inventory.symbols))[:80]))
        return rows, changed

    def _given_rows(
        self, parts: Sequence[tuple[int, str]], phone: Phone, place: int, style: Style, changed: Changed
    ) -> list[_ScriptPhone]:
        """Of `Given.parts`, in the word of a phone."""
        meant = [(replace(phone, symbol=ipa, stress=stress), *self._inventory.spelled(ipa)) for stress, ipa in parts]
        return _known(meant, place, style, changed)


@dataclass(frozen=True)
class _ScriptPhone:
    """A phone; where its word begins in what espeak-ng read; how it is to be said, and how long, nan for as usual."""

    phone: Phone
    place: int
    style: Style
    seconds: float = float("nan")


def _known(
    meant: Sequence[tuple[Phone, tuple[str, ...], bool]], place: int, style: Style, changed: Changed
) -> list[_ScriptPhone]:
    """Of phones that are meant, with the voice's symbols for each and whether they are the same sounds; `changed` gets
    those that are not."""
    rows: list[_ScriptPhone] = []
    for each, symbols, same in meant:
        if not same:
            changed[each.symbol] = symbols
        nucleus = next(iter(nuclei(symbols)), 0)
        for n, symbol in enumerate(symbols):
            stress = each.stress if n == nucleus else 0
            rows.append(_ScriptPhone(replace(each, symbol=symbol, stress=stress), place, style))
    return rows


def _index(rows: Sequence[_ScriptPhone], at: int) -> int:
    """Where the first word is that begins at a place or after it."""
    return next((n for n, row in enumerate(rows) if row.phone.symbol != PAUSE and row.place >= at), len(rows))


def _pause(rows: list[_ScriptPhone], at: int, seconds: float) -> None:
    """Makes one of so many seconds before the word at a place."""
    index = _index(rows, at)
    before = rows[index - 1]
    if before.phone.symbol == PAUSE:
        rows[index - 1] = replace(before, seconds=_longer(before.seconds, seconds))
    else:
        rows.insert(index, replace(before, phone=replace(before.phone, symbol=PAUSE, stress=0), seconds=seconds))


def _longer(one: float, other: float) -> float:
    return other if one != one else max(one, other)
