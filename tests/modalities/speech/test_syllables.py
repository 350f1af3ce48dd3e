import pytest

from rhapsode.modalities.speech.syllables import numbered, syllables
from rhapsode.modalities.speech.utterance import PAUSE, Phone


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("h ə l oʊ", [0, 0, 1, 1]),
        ("ɛ k s t ɹ ə", [0, 0, 0, 0, 1, 1]),
        ("k eɪ ɑː s", [0, 0, 1, 1]),
        ("s t", [0, 0]),
        ("b ʌ t n̩", [0, 0, 1, 1]),
        ("B Y UW T IY", [0, 0, 0, 1, 1]),  # ARPABET's y is a glide
        ("v y", [0, 0]),
        ("h @ l 9 s 6", [0, 0, 1, 1, 2, 2]),  # X-SAMPA
        ("n ä k ũ ?ɑ", [0, 0, 1, 1, 2]),
        ("y b ɜ", [0, 1, 1]),  # IPA's is a vowel
        ("", []),
    ],
)
def test_syllables(word: str, expected: list[int]) -> None:
    assert syllables(word.split()) == expected


def test_numbers_and_stress() -> None:
    given = [
        *(Phone(PAUSE, word=7), Phone("h", word=7), Phone("ə", word=7), Phone("l", word=7), Phone("oʊ", 2, word=7)),
        *(Phone(PAUSE, word=7), Phone("j", word=9), Phone("uː", 1, word=9), Phone(PAUSE, word=9)),
    ]
    found = [(each.symbol, each.stress, each.syllable, each.word, each.phrase) for each in numbered(given)]
    assert found == [
        *(("_", 0, 0, 0, 0), ("h", 0, 0, 0, 0), ("ə", 0, 0, 0, 0), ("l", 2, 1, 0, 0), ("oʊ", 2, 1, 0, 0)),
        *(("_", 0, 1, 0, 0), ("j", 1, 2, 1, 1), ("uː", 1, 2, 1, 1), ("_", 0, 2, 1, 1)),
    ]
    assert numbered([]) == ()
