"""Texts in the characters that a model has seen."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Set
from typing import NamedTuple

from rhapsode.errors import UserError, choice

UNKNOWN = ("refuse", "nearest", "skip")
"""What may be done about characters that a model has never seen."""
TOLD = 100
"""Characters that are told one by one."""
PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u2032`\u00b4", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        "\u2044": "/",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "Æ": "AE",
        "Œ": "OE",
        "Ø": "O",
        "Ł": "L",
    }
)
"""Characters that Unicode does not take apart, in plainer ones."""


class Spelled(NamedTuple):
    """A text in the characters that a model has seen. replaced, left_out: which others there were, and how often."""

    text: str
    replaced: Counter[tuple[str, str]]
    left_out: Counter[str]

    @property
    def told(self) -> str:
        """What is to be said of it, each character once; empty if nothing was changed."""
        changes = [f"{old!r} is written {new!r}{_times(n)}" for (old, new), n in self.replaced.most_common()]
        changes += [f"{old!r} is left out{_times(n)}" for old, n in self.left_out.most_common()]
        if not changes:
            return ""
        more = f"; and {len(changes) - TOLD:,} others" if len(changes) > TOLD else ""
        return f"the model has never seen some characters: {'; '.join(changes[:TOLD])}{more}"


def _times(count: int) -> str:
    return " once" if count == 1 else f" {count:,} times"


def _nearest(character: str, known: Set[str]) -> str:
    """Without accents and typography, perhaps of several characters, in those that are known."""
    found = unicodedata.normalize("NFKD", character.translate(PLAIN)).translate(PLAIN)
    return "".join(c if c in known else c.swapcase() if c.swapcase() in known else "" for c in found)


def spelled(text: str, alphabet: str, unknown: str = "refuse") -> Spelled:
    """The text in the characters of an alphabet.

    unknown: what is done about others. `nearest` writes é as e, curly quotes straight, and a capital small if only that
    is known; it leaves out what has no such neighbour. `skip` leaves out all others. `refuse` changes nothing.
    White space stays as it is, but that beside a word of which nothing is left.

    Raises `UserError` for other names, and if nothing at all is left.
    """
    if unknown not in UNKNOWN:
        raise choice("unknown", unknown, UNKNOWN)
    replaced, left_out = Counter[tuple[str, str]](), Counter[str]()
    if unknown == "refuse":
        return Spelled(text, replaced, left_out)
    known, out = {*alphabet}, list[str]()
    gone = False  # whether the last word is
    for run in re.findall(r"\s+|\S+", text):
        if run.isspace():
            # One of the blanks around a word that is gone is enough.
            run = re.sub(r"^[^\S\n\f]+", "", run) if gone and (not out or out[-1].isspace()) else run
            out += [run] * bool(run)
            continue
        word = []
        for character in run:
            found = character
            if character not in known:
                found = _nearest(character, known) if unknown == "nearest" else ""
                if found:
                    replaced[character, found] += 1
                else:
                    left_out[character] += 1
            word.append(found)
        gone = not any(word)
        out += ["".join(word)] * (not gone)
    if left_out and not any(map(str.strip, out)):
        raise UserError(f"nothing of the text is left to write. The model knows: {alphabet!r}.")
    return Spelled("".join(out), replaced, left_out)
