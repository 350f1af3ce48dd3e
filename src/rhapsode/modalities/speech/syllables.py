"""Which phones are one syllable: a plain rule for phones of IPA and of ARPABET."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from rhapsode.modalities.speech.utterance import PAUSE, Phone

VOWELS = frozenset("aeiouyɑɐɒæɔəɘɚɛεɜɝɞɤɨɪɯɵøœɶʉʊʌʏᵻ@{}&1236789")
"""What the symbol of a vowel begins with, without accents; ARPABET's capitals count as small letters, and signs and
digits are X-SAMPA's."""
BEFORE = "?ʔ"
"""What may stand before one in the same symbol."""
SYLLABIC = "\u0329"
"""IPA's mark of a consonant that is a syllable's nucleus."""


def nuclei(symbols: Sequence[str]) -> list[int]:
    """Where vowels, diphthongs and syllabic consonants are. A y before one of them is ARPABET's, and none."""
    found: list[int] = []
    for at in reversed(range(len(symbols))):
        glide = symbols[at].lower() == "y" and found[-1:] == [at + 1]
        letter = unicodedata.normalize("NFD", symbols[at]).lstrip(BEFORE)[:1].lower()
        if not glide and (letter in VOWELS or SYLLABIC in symbols[at]):
            found.append(at)
    return found[::-1]


def syllables(symbols: Sequence[str]) -> list[int]:
    """The number, from 0, of each phone's syllable in one word, given the word's symbols.

    Every nucleus has a syllable. Of the consonants between two nuclei the last one goes with the second, the others
    with the first; those before the first nucleus and after the last go with these. A word without nucleus is one
    syllable.
    """
    begins = {b - (b - a > 1) for a, b in pairwise(nuclei(symbols))}
    found, count = [], 0
    for at in range(len(symbols)):
        count += at in begins
        found.append(count)
    return found


def numbered(phones: Sequence[Phone]) -> tuple[Phone, ...]:
    """The same with words, syllables and phrases counted from 0, and each syllable's highest stress for all its phones.

    phones: a word is a run of one `word`; a phrase is what stands between pauses. A pause gets stress 0 and the numbers
    of the phone before it; one at the beginning gets 0.
    """
    spoken = [each for each in phones if each.symbol != PAUSE]
    found: list[Phone] = []
    count = 0
    for word, (_, group) in enumerate(groupby(spoken, key=lambda each: each.word)):
        members = list(group)
        places = syllables([each.symbol for each in members])
        stress = [0] * (places[-1] + 1)
        for place, each in zip(places, members, strict=True):
            stress[place] = max(stress[place], each.stress)
        for place, each in zip(places, members, strict=True):
            found.append(replace(each, word=word, syllable=count + place, stress=stress[place]))
        count += places[-1] + 1
    return _paused(phones, found)


def _paused(phones: Sequence[Phone], spoken: Sequence[Phone]) -> tuple[Phone, ...]:
    """The phones with their pauses; spoken: those that are none, numbered but for the phrase."""
    rest = iter(spoken)
    found: list[Phone] = []
    phrase, begun = 0, False
    for each in phones:
        last = found[-1] if found else Phone(PAUSE)
        if each.symbol == PAUSE:
            found.append(replace(last, symbol=PAUSE, stress=0))
        else:
            phrase += last.symbol == PAUSE and begun
            begun = True
            found.append(replace(next(rest), phrase=phrase))
    return tuple(found)
