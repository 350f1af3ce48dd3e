"""How words are said that espeak-ng says otherwise: a file of them, and phones that someone wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rhapsode.errors import UserError
from rhapsode.modalities.speech._text import contents
from rhapsode.modalities.speech.alphabets import IPA, alphabet, as_ipa, sounds
from rhapsode.modalities.speech.likeness import is_vowel, segments

MNEMONICS = "espeak"
"""espeak-ng's own names of phones."""
STRESS = {"ˈ": 2, "'": 2, "ˌ": 1}
PARTS = re.compile(r"([ˈ'ˌ])")
IGNORED = re.compile(r"[.\s|‿‖↗↘\u0361\u035c]")
"""What stands in IPA for no sound: syllables' ends, words, feet, melody; and ties."""
WORD = re.compile(r"[^\W_]+(?:['’\-.][^\W_]+)*")


@dataclass(frozen=True)
class Given:
    """phones: as someone wrote them, of an alphabet or `MNEMONICS`; several symbols of other alphabets than IPA have
    spaces between."""

    phones: str
    alphabet: str

    @property
    def parts(self) -> list[tuple[int, str]]:
        """What is stressed how, and its sounds as IPA. None of mnemonics."""
        if self.alphabet == MNEMONICS:
            return []
        if self.alphabet == IPA:
            cut = PARTS.split(IGNORED.sub("", self.phones))
            return [(STRESS.get(mark, 0), part) for mark, part in zip(["", *cut[1::2]], cut[::2], strict=True) if part]
        stresses = [(_stress(symbol), symbol.lstrip("\"%'")) for symbol in self.phones.split()]
        return [(stress, as_ipa(symbol, self.alphabet, stress > 0)) for stress, symbol in stresses]

    @property
    def standing(self) -> str:
        """What espeak-ng is to read: the mnemonics; or what begins as these phones do, in whose place they are put."""
        if self.alphabet == MNEMONICS:
            return f" [[{self.phones}]] "
        first = segments("".join(part for _, part in self.parts))[:1]
        return " [['aka]] " if first and is_vowel(first[0]) else " [[t'aka]] "


def _stress(symbol: str) -> int:
    """Of ARPABET's digit, or X-SAMPA's mark."""
    return {"1": 2, '"': 2, "2": 1, "%": 1}.get(symbol[-1:] if symbol[-1:] in "12" else symbol[:1], 0)


def is_ipa(text: str) -> bool:
    return bool(segments(PARTS.sub("", IGNORED.sub("", text))))


def pronunciation(phones: str, where: str, of: str = "") -> Given:
    """Phones as someone wrote them: [[mnemonics]], IPA, perhaps in slashes, or symbols of another alphabet with spaces
    between. of: the alphabet, if it is known. Raises `UserError`."""
    plain = phones.strip()
    if plain.startswith("[[") and plain.endswith("]]"):
        of, plain = MNEMONICS, plain[2:-2].strip()
    plain = plain.strip("/").strip() if not of else plain
    symbols = [each.lstrip("ˈˌ'\"%") for each in plain.split()]
    of = of or (IPA if is_ipa(plain) else alphabet(symbols))
    known = of == MNEMONICS or (is_ipa(plain) if of == IPA else of and all(sounds(each, of) for each in symbols))
    if not plain or not known or "]]" in plain:
        raise UserError(
            f"{where}: {phones.strip()[:60]!r} are no phones that are known. Write IPA (həˈləʊ), ARPABET or X-SAMPA "
            "with spaces between (HH AH0 L OW1), or espeak-ng's in brackets ([[h@l'oU]])."
        )
    return Given(plain, of)


def load(path: Path) -> dict[str, Given]:
    """Words, in small letters, → how they are said: of a file with a word and its phones in each line, a tab or two
    spaces between, as CMUdict has them; lines that begin with `#` or `;` are no words. Raises `UserError`."""
    found: dict[str, Given] = {}
    for number, line in enumerate(contents(path, str(path)).splitlines(), 1):
        if not line.strip() or line.startswith(("#", ";")):
            continue
        where = f"{path}, line {number}"
        word, _, phones = line.partition("\t") if "\t" in line else line.partition("  ")
        word = re.sub(r"\(\d+\)$", "", word.strip()).lower()
        if not WORD.fullmatch(word) or not phones.strip():
            raise UserError(f"{where}: {line.strip()[:60]!r} is not a word, a tab and its phones.")
        found.setdefault(word, pronunciation(phones, where))  # CMUdict's word(2) is the less usual way
    return found
