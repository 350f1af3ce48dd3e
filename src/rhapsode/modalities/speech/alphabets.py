"""What files call phones: IPA, ARPABET (CMUdict, TIMIT, HTS and the Montreal Forced Aligner) and X-SAMPA."""

from __future__ import annotations

import re
from collections.abc import Collection

from rhapsode.modalities.speech.likeness import is_vowel, segments
from rhapsode.modalities.speech.utterance import PAUSE

IPA, ARPABET, XSAMPA = "IPA", "ARPABET", "X-SAMPA"
ARPA = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ ə ɐ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "b": "b",
    "ch": "tʃ", "d": "d ɾ", "dh": "ð", "dx": "ɾ", "eh": "ɛ", "el": "l̩", "em": "m̩", "en": "n̩", "eng": "ŋ̩",
    "er": "ɚ ɜ ɝ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "hv": "ɦ", "h": "h", "ih": "ɪ ᵻ", "ix": "ɨ", "iy": "i",
    "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "nx": "ɾ̃", "ow": "oʊ əʊ", "oy": "ɔɪ", "p": "p",
    "q": "ʔ", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t ʔ", "th": "θ", "uh": "ʊ", "uw": "u", "ux": "ʉ", "v": "v",
    "w": "w", "wh": "ʍ", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip
"""One symbol may be several sounds."""
SAMPA = {
    "J": "ɲ", "N": "ŋ", "F": "ɱ", "n`": "ɳ", "t`": "ʈ", "d`": "ɖ", "B": "β", "T": "θ", "D": "ð", "S": "ʃ", "Z": "ʒ",
    "s`": "ʂ", "z`": "ʐ", "C": "ç", "j\\": "ʝ", "G": "ɣ", "X": "χ", "R": "ʁ", "X\\": "ħ", "?\\": "ʕ", "h\\": "ɦ",
    "K": "ɬ", "P": "ʋ", "v\\": "ʋ", "r\\": "ɹ", "r\\`": "ɻ", "M\\": "ɰ", "l`": "ɭ", "L": "ʎ", "B\\": "ʙ", "R\\": "ʀ",
    "4": "ɾ", "r`": "ɽ", "W": "ʍ", "H": "ɥ", "s\\": "ɕ", "z\\": "ʑ", "l\\": "ɺ", "?": "ʔ", "5": "ɫ", "1": "ɨ",
    "}": "ʉ", "M": "ɯ", "I": "ɪ", "Y": "ʏ", "U": "ʊ", "2": "ø", "@\\": "ɘ", "8": "ɵ", "7": "ɤ", "@": "ə", "E": "ɛ",
    "9": "œ", "3": "ɜ", "3\\": "ɞ", "V": "ʌ", "O": "ɔ", "{": "æ", "6": "ɐ", "&": "ɶ", "A": "ɑ", "Q": "ɒ", "@`": "ɚ",
    "3`": "ɝ", ":": "ː", ":\\": "ˑ", "~": "\u0303", "_~": "\u0303", "'": "ʲ", "_j": "ʲ", "_h": "ʰ", "_w": "ʷ",
    "=": "\u0329", "_=": "\u0329", "_0": "\u0325", "_d": "\u032a", "_^": "\u032f", "_>": "ʼ",
}  # fmt: skip
"""What is not as in IPA."""
SAMPA_TOKEN = re.compile("|".join(map(re.escape, sorted(SAMPA, key=len, reverse=True))) + "|[a-z]")
NO_SPEECH = frozenset([PAUSE, "spn", "nsn", "lau", "brth", "noise", "ns"])
"""What aligners call noises of people."""
MOST = 0.8
"""Of symbols, as many must be an alphabet's."""


def as_ipa(symbol: str, alphabet: str, stressed: bool = True) -> str:
    """A symbol as IPA, "" for one that is none of this alphabet. stressed: ARPABET's AH is ə where it is not."""
    every = ["".join(each) for each in sounds(symbol, alphabet)]
    return "ə" if alphabet == ARPABET and not stressed and "ə" in every else "".join(every[:1])


ESPEAK = {".": "", "-": "", "#": "", "^": "", '"': "", "`": "", "?": "ʔ", ":": "ː", "_h": "ʰ"}
ESPEAK_TOKEN = re.compile("|".join(map(re.escape, ESPEAK)))
"""What espeak-ng leaves of its own names of phones where it has no IPA for them."""


def alphabet(symbols: Collection[str]) -> str:
    """Which alphabet these symbols are of, together; "" for none that is known."""
    plain = [each for each in symbols if each.lower() not in NO_SPEECH]
    if not plain:
        return ""

    def share(of: str) -> float:
        return sum(bool(sounds(each, of)) for each in plain) / len(plain)

    # Single letters may be of any alphabet.
    if share(ARPABET) >= MOST and any(len(each.rstrip("012")) > 1 for each in plain):
        return ARPABET
    if share(IPA) < 1 and share(XSAMPA) >= MOST:
        return XSAMPA
    return IPA if share(IPA) >= MOST else ""


def sounds(symbol: str, alphabet: str) -> list[tuple[str, ...]]:
    """What a symbol may stand for, each as `likeness.segments`, the likeliest first; none if it is none of this
    alphabet."""
    if alphabet == ARPABET:
        return [segments(each) for each in ARPA.get(symbol.lower().rstrip("012"), "").split()]
    if alphabet == XSAMPA:
        plain = symbol.lstrip("\"'%")
        letters = SAMPA_TOKEN.findall(plain)
        found = segments("".join(SAMPA.get(each, each) for each in letters))
        whole = "".join(letters) == plain and len({is_vowel(each) for each in found}) == 1
        return [found] if whole else []
    found = segments(ESPEAK_TOKEN.sub(lambda token: ESPEAK[token[0]], symbol))
    return [found] if found else []
