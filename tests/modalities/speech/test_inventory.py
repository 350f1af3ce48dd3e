"""Phones of other alphabets, and phones that a voice never heard."""

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech.agreed import agreed
from rhapsode.modalities.speech.alphabets import ARPABET, IPA, XSAMPA, alphabet, sounds
from rhapsode.modalities.speech.inventory import Inventory
from rhapsode.modalities.speech.likeness import distance, segments
from rhapsode.modalities.speech.utterance import PAUSE, Phone, Timed, Utterance

ARPABET_OF_CMU = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH _"
)
SAMPA_OF_GERMAN = "_ a a: aI aU OY E e: I i: O o: U u: Y y: 9 2: @ 6 p b t d k g f v s z S C x h m n N l R j ts pf tS"
IPA_OF_ENGLISH = "_ h ə l oʊ ɛ ɪ iː uː æ ɑː ʌ ɹ t d k ɡ s z ʃ f v θ m n ŋ b p w j ɜː eɪ aɪ"
ARPA, GERMAN, ENGLISH = map(str.split, (ARPABET_OF_CMU, SAMPA_OF_GERMAN, IPA_OF_ENGLISH))


@pytest.mark.parametrize(
    ("symbols", "expected"),
    [
        (ARPA, ARPABET),
        ([each.lower() for each in ARPA], ARPABET),
        (["HH", "AH0", "L", "OW1", "sil", "spn"], ARPABET),
        (GERMAN, XSAMPA),
        (ENGLISH, IPA),
        (["s", "t", "a"], IPA),  # of any
        (["p1", "p2", "x9"], ""),
        (["_"], ""),
    ],
)
def test_alphabets(symbols: list[str], expected: str) -> None:
    assert alphabet(symbols) == expected


def test_sounds() -> None:
    assert segments("t͡ʃʲ") == ("t", "ʃʲ") and segments("ɔ̃ː") == ("ɔ̃ː",) and segments("hm!") == ()
    assert sounds("AH0", ARPABET) == [("ʌ",), ("ə",), ("ɐ",)] and sounds("a", ARPABET) == []
    assert sounds("tS_h", XSAMPA) == [("t", "ʃʰ")] and sounds('"2:', XSAMPA) == [("øː",)]
    assert distance("i", "i") == 0 < distance("i", "iː") < distance("i", "ɪ") < distance("i", "u") < distance("i", "s")


@pytest.mark.parametrize(
    ("voice", "given", "expected", "same"),
    [
        (ARPA, "ə", "AH", True),
        (ARPA, "iː", "IY", True),
        (ARPA, "ɑːɹ", "AA R", True),
        (ARPA, "oʊ", "OW", True),
        (ARPA, "eː", "EY", False),
        (ARPA, "x", "HH", False),
        ([each.lower() for each in ARPA], "y", "iy", False),  # IPA's y, not ARPABET's
        (GERMAN, "ʃ", "S", True),
        (GERMAN, "ɔø", "O 2:", True),
        (GERMAN, "w", "v", False),
        (GERMAN, "θ", "f", False),
        (ENGLISH, "x", "h", False),
        (ENGLISH, "ʒ", "z", False),
        (ENGLISH, "əl", "ə l", True),
        (ENGLISH, "oʊ", "oʊ", True),
        ([*ENGLISH, "nʲ"], "nʲ", "nʲ", True),
        (ENGLISH, "#!", "", False),
    ],
)
def test_the_nearest(voice: list[str], given: str, expected: str, same: bool) -> None:
    assert Inventory(voice).respelled(given) == (tuple(expected.split()), same)


def test_an_utterance_keeps_its_times() -> None:
    phones = (Phone(PAUSE), Phone("k", word=0), Phone("ɑːɹ", 2, word=0), Phone("☃", word=0), Phone(PAUSE))
    given = Timed(phones, times=np.array([0, 0.1, 0.2, 0.4, 0.5, 0.6]), melody=np.full(5, 100.0))
    found, changed = Inventory(ARPA).said(given)
    assert [each.symbol for each in found.phones] == ["_", "K", "AA", "R", "_", "_"] and changed == {"☃": ()}
    assert isinstance(found, Timed)
    assert found.times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) and found.melody is not None
    assert len(found.melody) == 6 and found.phones[2].stress == 2
    same, changed = Inventory(ENGLISH).said(Utterance((Phone("t"), Phone("oʊ"))))
    assert same.phones == (Phone("t"), Phone("oʊ")) and not changed


def labelled(*symbols: str) -> Timed:
    return Timed(tuple(Phone(each, 2 * (each == "OW")) for each in symbols), times=np.arange(len(symbols) + 1.0))


def test_labels_beside_texts_are_read_as_ipa() -> None:
    arpa, text = labelled("_", "HH", "AH", "L", "OW", "_"), Utterance((), text="hello")
    assert agreed([arpa, arpa]) == ([arpa, arpa], [])
    [first, second], [note] = agreed([arpa, text])
    assert [each.symbol for each in first.phones] == ["_", "h", "ə", "l", "oʊ", "_"] and second is text
    assert note == "Labels of ARPABET are read as IPA."
    assert agreed([labelled("_", "h", "ə"), text])[1] == []
    unknown = labelled("_", "p1", "p2")
    assert "no alphabet that is known" in agreed([unknown])[1][0]
    with pytest.raises(UserError, match="1 of 2 recordings have no labels"):
        agreed([unknown, text])
