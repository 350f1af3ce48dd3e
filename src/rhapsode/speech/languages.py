"""What is known of languages beside what espeak-ng knows: `languages.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

SAME = {"no": "nb", "zh": "cmn", "iw": "he"}
"""Other names of languages in the file."""


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


@cache
def _file() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files("rhapsode.speech") / "languages.toml").read_text(encoding="utf-8"))
