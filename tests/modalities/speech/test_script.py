"""Phones, pauses and manner in texts; and SSML."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech import ssml
from rhapsode.modalities.speech.alphabets import ARPABET, IPA
from rhapsode.modalities.speech.inventory import Inventory
from rhapsode.modalities.speech.lexicon import MNEMONICS, Given, load, pronunciation
from rhapsode.modalities.speech.script import Break, Reciter, Script, Style, without_marks
from rhapsode.modalities.speech.sentences import sentences
from rhapsode.modalities.speech.utterance import Utterance

pytest.importorskip("espeakng_loader")

SYMBOLS = "_ h ə l oʊ ɛ ɪ i iː uː æ ɑː ʌ ɹ t d k ɡ s z ʃ dʒ f v ð m n b p w j ɜː eɪ aɪ ɔː ɔːɹ ɚ ɾ θ ɐ ʊ ŋ ɛɹ ɪɹ"
ENGLISH = Inventory(SYMBOLS.split())


def recited(text: str, script: Script | None = None, words: Mapping[str, Given] | None = None) -> list[Utterance]:
    reciter = Reciter("en-us", ENGLISH, script or Script(), words or {})
    return [found[0] for each in sentences(text) if (found := reciter.said(each))]


def symbols(text: str, words: Mapping[str, Given] | None = None) -> str:
    [found] = recited(text, words=words)
    return " ".join(each.symbol for each in found.phones)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Say [[h@l'oU]] now", "_ s eɪ h ə l oʊ n æ ʊ _"),
        ("the /ˈæl/ the /ˈhæl/", "_ ð ɪ æ l ð ə h æ l _"),  # `the` is as before a vowel
        ("(/hə.ˈləʊ/)", "_ h ə l ə ʊ _"),
        ("on/off", "_ ɔː n s l æ ʃ ɔː f _"),
        ("a [[ b", "_ ɐ _ b iː _"),
    ],
)
def test_phones_in_a_text(text: str, expected: str) -> None:
    assert symbols(text) == expected


def test_stress_and_words_of_phones_that_are_given() -> None:
    [found] = recited("Go /həˈloʊ/")
    hello = found.phones[3:7]
    assert [(each.symbol, each.stress) for each in hello] == [("h", 0), ("ə", 0), ("l", 2), ("oʊ", 2)]
    assert {each.word for each in hello} == {1} and found.text == "Go /həˈloʊ/"
    with pytest.raises(UserError, match="'%%%' are no phones that espeak-ng knows"):
        recited("[[%%%]] no")


def test_a_lexicon(tmp_path: Path) -> None:
    file = tmp_path / "words.tsv"
    file.write_text("# mine\nGIF\tdʒˈɪf\ntomato  T AH0 M AA1 T OW0\ntomato(2)  T AH0 M EY1 T OW0\nok\t[[oUk'eI]]\n")
    words = load(file)
    assert words["gif"] == Given("dʒˈɪf", IPA) and words["tomato"].alphabet == ARPABET
    assert words["ok"] == Given("oUk'eI", MNEMONICS)
    assert symbols("A gif, tomato-Gif ok", words) == "_ ɐ dʒ ɪ f _ t ə m ɑː t oʊ dʒ ɪ f oʊ k eɪ _"
    for line, message in (("no\n", "'no' is not a word, a tab and its phones"), ("a\t§§\n", "'§§' are no phones")):
        file.write_text(f"\n{line}")
        with pytest.raises(UserError, match=f"line 2: {message}"):
            load(file)
    with pytest.raises(UserError, match="no phones that are known"):
        pronunciation("[[a]] b]]", "here")


@pytest.mark.parametrize(
    "text",
    ["(gif)", '"gif"', "'gif'.", "#gif", "gif/no", "a@gif.com", "-gif-", "gif…", "*gif*", "gif's", "1gif", "gif"],
)
def test_a_word_of_the_lexicon_is_said_wherever_it_stands(text: str) -> None:
    words = {"gif": pronunciation("dʒˈɪf", "here")}
    assert ("dʒ ɪ f" in symbols(text, words)) == (text not in ("1gif", "gif's", "a@gif.com"))


def test_pauses_between_sentences() -> None:
    reciter = Reciter("en-us", ENGLISH, Script(), {}, pause=0.5)
    first, second = (reciter.said(each) for each in ("Go.", "Now."))
    assert first and second and first[0].delivery and second[0].delivery
    assert first[0].delivery.seconds[-1] + second[0].delivery.seconds[0] == 0.5


def read(text: str) -> tuple[list[Utterance], list[str]]:
    marked, script, told = ssml.loads(text)
    return recited(marked, script), told


def test_ssml() -> None:
    found, told = read(
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<speak version="1.1"><p>Go <break time="500ms"/> there. '
        '<prosody rate="slow" pitch="+12st">My <emphasis level="strong">sea</emphasis></prosody> now.</p>'
        '<s>See <say-as interpret-as="characters">ab</say-as> <sub alias="the tea">tt</sub></s>'
        '<phoneme alphabet="ipa" ph="həˈloʊ">bye</phoneme> <x>&amp; so</x><desc>no</desc></speak>'
    )
    assert [each.text for each in found] == ["Go  there.", "My sea now.", "See  A B  the tea", "& so"]
    first, second = (each.delivery for each in found[:2])
    assert first is not None and second is not None
    assert [each.symbol for each in found[0].phones] == ["_", "ɡ", "oʊ", "_", "ð", "ɛɹ", "_"]
    assert first.seconds[3] == 0.5 and second.seconds[-1] == ssml.PARAGRAPH
    assert [each.symbol for each in found[1].phones[1:5]] == ["m", "aɪ", "s", "iː"]
    assert second.speed[1:5] == pytest.approx([0.8, 0.8, 0.64, 0.64])
    assert second.pitch[1] == 2 and second.pitch[3] == pytest.approx(2 ** (14 / 12)) and second.pitch[-2] == 1
    assert [each.symbol for each in found[3].phones[1:5]] == ["h", "ə", "l", "oʊ"]
    assert told == ["<x> is not known: its text is read (1)."]


def test_a_manner_lasts_over_sentences_and_no_longer() -> None:
    found, told = read('<speak>Go. <prosody rate="200%" volume="loud">Go. Go.</prosody> Go.</speak>')
    assert [1.0 if each.delivery is None else each.delivery.speed[1] for each in found] == [1, 2, 2, 1]
    assert told == ["prosody volume is left out (1)."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<speak>Go", "SSML: the text: not well-formed XML"),
        ('<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>', "declares entities of its own"),
        ('<speak>\n<break time="5"/></speak>', "line 2: <break time='5'>: allowed are up to 60s"),
        ('<speak><break time="90s"/></speak>', "up to 60s"),
        ('<speak><prosody rate="900%">a</prosody></speak>', "allowed are rates from 20% to 500%"),
        ('<speak><prosody rate="quick">a</prosody></speak>', "rate='quick'"),
        ('<speak><phoneme ph="@@">x</phoneme></speak>', "'@@' are no phones that are known"),
        ("<speak>" + "<s>" * 500 + "</s>" * 500 + "</speak>", "200 deep"),
    ],
)
def test_ssml_that_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        ssml.loads(text)
    assert "\n" not in str(error.value)


def test_what_is_ssml() -> None:
    assert ssml.is_ssml('<?xml version="1.0"?>\n<!-- a -->\n<speak xml:lang="en">') and ssml.is_ssml("\n <speak>")
    assert not ssml.is_ssml("a <speak>") and not ssml.is_ssml("<b>hi</b>") and not ssml.is_ssml("")


def test_marks_are_few_and_removed() -> None:
    script = Script()
    text = f"a{script.mark(Break(1))}b{script.mark(Style(2))}{script.mark(Break(1))}"
    assert len(script.marks) == 2 and without_marks(text) == "ab"
    assert script.of(text[1]) == Break(1) and script.of("a") is None
