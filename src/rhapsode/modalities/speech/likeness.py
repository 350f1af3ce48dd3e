"""How like two sounds of the International Phonetic Alphabet are, by how they are made."""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np

PLACES = {
    "bilabial": "pbmʙɸβ", "labiodental": "ɱfvʋ", "dental": "θð", "alveolar": "tdnrɾszɬɮɹlɺɫ", "postalveolar": "ʃʒ",
    "retroflex": "ʈɖɳɽʂʐɻɭ", "alveolopalatal": "ɕʑ", "palatal": "cɟɲçʝʎ", "velar": "kɡgŋxɣʟʍ", "uvular": "qɢɴʀχʁ",
    "pharyngeal": "ħʕʜʢ", "glottal": "ʔhɦ",
}  # fmt: skip
"""From the lips to the throat."""
SONORITY = {
    "ptdʈɖcɟkɡgqɢʔb": 0.0, "ɸβfvθðszʃʒʂʐɕʑçʝxɣχʁħʕʜʢhɦɬɮʍ": 0.35, "mɱnɳɲŋɴ": 0.6, "ɾɽɺ": 0.6, "lɭʎʟɫ": 0.7,
    "ʙrʀ": 0.74, "ɹɻʋ": 0.8,
}  # fmt: skip
"""Stops, fricatives, nasals, taps, laterals, trills, approximants."""
VOICELESS = "ptʈckqʔɸfθsʃʂɕçxχħhɬʜʍ"
SIBILANT = "szʃʒʂʐɕʑ"
LATERAL = "lɭʎʟɫɺɬɮ"
RHOTIC = "rɾɽʀɹɻʁɺɚɝ"
ROUND = "yʏøœɶuʊoɔɒʉɵɞwɥʍʷ"
VOWELS = {
    "i": (0, 0), "y": (0, 0.25), "ɨ": (0, 0.5), "ʉ": (0, 0.5), "ɯ": (0, 1), "u": (0, 1), "ɪ": (0.15, 0.15),
    "ʏ": (0.15, 0.3), "ʊ": (0.15, 0.85), "ᵻ": (0.15, 0.4), "e": (0.33, 0), "ø": (0.33, 0.3), "ɘ": (0.33, 0.5),
    "ɵ": (0.33, 0.5), "ɤ": (0.33, 1), "o": (0.33, 1), "ə": (0.5, 0.5), "ɚ": (0.5, 0.5), "ɛ": (0.66, 0.05),
    "ε": (0.66, 0.05), "œ": (0.66, 0.3), "ɜ": (0.66, 0.5), "ɝ": (0.66, 0.5), "ɞ": (0.66, 0.5), "ʌ": (0.66, 0.8),
    "ɔ": (0.66, 1), "æ": (0.85, 0.05), "ɐ": (0.8, 0.5), "a": (1, 0.3), "ɶ": (1, 0.3), "ɑ": (1, 0.9), "ɒ": (1, 1),
}  # fmt: skip
"""How low, and how far back: rounded ones in front sound further back."""
GLIDES = {"j": 0.64, "ɥ": 0.64, "ɰ": 0.73, "w": 0.1}
"""From the lips to the throat, as the others."""
WEIGHTS = np.array([3.0, 2.0, 2.4, 0.8, 1.0, 1.0, 2.5, 0.5, 1.6, 1.2, 0.5, 0.15, 0.25, 0.25, 0.25, 0.15])
"""Of vowel, sonority, place, voice, nasal, lateral, rhotic, sibilant, low, back, round, long, palatal, aspirated,
glottal, syllabic."""
MARKS = {"ː": (11, 1.0), "ˑ": (11, 0.5), "ʲ": (12, 1.0), "ʰ": (13, 1.0), "\u0303": (4, 1.0), "ʼ": (14, 1.0)}
MARKS |= {"ˤ": (14, 1.0), "\u0329": (15, 1.0), "\u0325": (3, 0.0), "\u030a": (3, 0.0), "ʷ": (10, 1.0), "˞": (6, 1.0)}
"""Which number what follows a letter changes, and to what; other marks change nothing."""
TIES = "\u0361\u035c"


def segments(symbol: str) -> tuple[str, ...]:
    """Letters, each with its marks: `t͡ʃʲ` is `t`, `ʃʲ`; of what is no IPA, none."""
    found: list[str] = []
    for each in unicodedata.normalize("NFD", symbol).replace("c\u0327", "ç"):
        if each in TIES:
            continue
        if each in VOWELS or each in GLIDES or any(each in letters for letters in PLACES.values()):
            found.append(each)
        elif found and unicodedata.category(each) in ("Lm", "Mn", "Sk"):
            found[-1] += each
        elif unicodedata.category(each) not in ("Lm", "Mn", "Sk"):
            return ()
    return tuple(found)


@cache
def features(segment: str) -> np.ndarray:
    """[16] float64, of one of `segments`."""
    letter, marks = segment[0], segment[1:]
    vowel = letter in VOWELS
    low, back = VOWELS.get(letter, (0.4, 0.5))
    place = next((n / (len(PLACES) - 1) for n, letters in enumerate(PLACES.values()) if letter in letters), 0.5)
    place = GLIDES.get(letter, place)
    sonority = 1.0 if vowel else next((each for letters, each in SONORITY.items() if letter in letters), 0.9)
    found = [vowel, sonority, place, letter not in VOICELESS, letter in "mɱnɳɲŋɴ", letter in LATERAL, letter in RHOTIC]
    row = np.array([*found, letter in SIBILANT, low, back, letter in ROUND, *[0.0] * 5], float)
    for mark in marks:
        if mark in MARKS:
            at, value = MARKS[mark]
            row[at] = value
    return row


def is_vowel(segment: str) -> bool:
    return segment[0] in VOWELS


def distance(one: str, other: str) -> float:
    """Of two of `segments`: 0 for the same; some 0.2 for a vowel and its long one; 3 and more for vowel and stop."""
    return float(WEIGHTS @ np.abs(features(one) - features(other)))
