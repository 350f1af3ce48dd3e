"""What is known of languages beside what espeak-ng knows: `languages.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from rhapsode.errors import UserError, choice

SAME = {"no": "nb", "zh": "cmn", "iw": "he"}
"""Other names of languages in the file."""
ALIKE = 10
"""How far an accent may be from the one asked for, as CLDR counts: `es-AR` is spoken as `es-419`."""
TAG = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|\d{3}))?")
"""A language, perhaps its script, perhaps a region."""


@dataclass(frozen=True)
class Language:
    """names, numbers: words whose point does not end a sentence, the second before a number; in `numbers`, `*str` is
    any word that ends so. starters: words that begin one and follow no abbreviation. ordinals: whether what follows
    `3.` may begin large, since that is how `third` is written. spoken: an abbreviation → how it is said. All words are
    in small letters, without their point."""

    names: frozenset[str]
    numbers: frozenset[str]
    starters: frozenset[str]
    ordinals: bool
    spoken: Mapping[str, str]

    def before_numbers(self, word: str) -> bool:
        return word in self.numbers or word in self.names or self._suffix(word) in self.numbers

    def said(self, word: str) -> str | None:
        """How an abbreviation is said, if that is known."""
        suffix = self._suffix(word)
        if word not in self.spoken and suffix in self.spoken:
            return word[: len(word) - len(suffix) + 1] + self.spoken[suffix]
        return self.spoken.get(word)

    def _suffix(self, word: str) -> str:
        return next((each for each in self.numbers if each[0] == "*" and word.endswith(each[1:])), "")


@cache
def of(voice: str) -> Language:
    """What is known of the language of an espeak-ng voice: of `pt-br`, what is known of `pt`. Of an unknown one, what
    holds in all."""
    every = _file()
    name = voice.partition("+")[0].partition("-")[0].lower()
    own = every.get(SAME.get(name, name), {})
    common = every["any"]
    names, numbers, starters = (
        frozenset(f"{common.get(key, '')} {own.get(key, '')}".split()) for key in ("names", "numbers", "starters")
    )
    return Language(names, numbers, starters, own.get("ordinals", False), own.get("spoken", {}))


@cache
def called() -> dict[str, str]:
    """What languages are called by those who speak them, in small letters → espeak-ng's name."""
    every = _file().items()
    return {name: own.get("voice", language) for language, own in every for name in own.get("called", "").split()}


def voice(name: str, voices: Collection[str], english: Mapping[str, str]) -> str:
    """Which of espeak-ng's voices speaks a language of this name, or with this tag of BCP 47. english: what they are
    called in English, in small letters. Raises `UserError`."""
    plain = name.strip().lower().replace("_", "-")
    if plain in voices:
        return plain
    found = called().get(plain, english.get(plain, ""))
    if found in voices:
        return found
    if best := _tagged(plain, voices):
        return best
    other = dict(english) | called()
    close = get_close_matches(plain, [*other, *voices], n=4)
    near = [f"{other[each]} ({each})" if each in other else each for each in close]
    raise choice("language", name, voices, f"Near are {', '.join(near)}." if near else "")


def _tagged(tag: str, voices: Iterable[str]) -> str | None:
    """The voice that is nearest to a tag of BCP 47, if one is near."""
    try:
        from langcodes import closest_supported_match, tag_is_valid
    except ImportError:
        raise UserError(
            f"language {tag!r}: langcodes, which finds languages by other names than espeak-ng's, is not installed. "
            "Install it: pip install 'rhapsode[speech]'"
        ) from None
    known = sorted(filter(tag_is_valid, voices), key=len)  # fr before fr-be
    for each in (tag, tag.partition("-")[0]) if TAG.fullmatch(tag) else ():
        if found := closest_supported_match(each, known, max_distance=ALIKE):
            return found
    return None


@cache
def _file() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files("rhapsode.modalities.speech") / "languages.toml").read_text(encoding="utf-8"))
