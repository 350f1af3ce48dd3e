import multiprocessing
import sys
import threading
import unicodedata

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech import espeak
from rhapsode.modalities.speech._espeak import PHONEME, Event, Said
from rhapsode.modalities.speech.espeak import phones, speak, voices
from rhapsode.modalities.speech.utterance import PAUSE, Utterance

pytest.importorskip("espeakng_loader")


def symbols(found: Utterance) -> str:
    return " ".join(each.symbol for each in found.phones)


def test_what_is_said() -> None:
    found = speak("Author of the danger trail, etc.")
    assert symbols(found) == "_ ɔː θ ɚ ɹ ʌ v ð ə d eɪ n dʒ ɚ t ɹ eɪ l _ ɛ t s ɛ t ɹ ə _"
    author = found.phones[1:5]
    assert [(each.stress, each.syllable, each.word) for each in author] == [(2, 0, 0), *[(0, 1, 0)] * 3]
    assert [each.phrase for each in found.phones] == [0] * 19 + [1] * 8
    assert found.phones[-1].word == 4  # author, of the, danger, trail, et cetera
    assert found.text == "Author of the danger trail, etc."


@pytest.mark.parametrize(
    "text", ["Author of the danger trail, Philip Steels, etc.", "oil", "a", "We ever see it, isn't it? 1984!"]
)
def test_times(text: str) -> None:
    found = speak(text)
    sound = found.sound()
    assert found.times[0] == 0 and found.times[-1] == sound.seconds and sound.rate == 22050
    assert (np.diff(found.times) > 0.004).all()
    assert len(found.times) == len(found) + 1
    for each, begin, end in zip(found.phones, found.times, found.times[1:], strict=False):
        part = sound.samples[round(begin * sound.rate) : round(end * sound.rate)]
        assert (np.abs(part).max() < 0.01) == (each.symbol == PAUSE), each
    pauses = [each.symbol == PAUSE for each in found.phones]
    assert pauses[0] and pauses[-1] and not any(a and b for a, b in zip(pauses, pauses[1:], strict=False))


def test_a_stop_begins_with_its_closure() -> None:
    found = speak("nineteen")
    at = symbols(found).split().index("t")
    begin = round(found.times[at] * 22050)
    closure = found.sound().samples[begin : begin + 400]
    assert np.abs(closure).max() < 0.001


def test_phones_are_those_spoken_each_time_and_with_other_voices_between() -> None:
    first = speak("Hello there, my world.")
    assert symbols(speak("Die Straße", "de")) == "_ d iː ʃ t ɾ ɑː s ə _"
    assert phones("Hello there, my world.") == first.phones == speak("Hello there, my world.", "en-us+f3").phones


def test_speed_and_pitch() -> None:
    slow, fast = speak("Hello there", speed=100), speak("Hello there", speed=300)
    assert slow.times[-1] > 1.5 * fast.times[-1]
    with pytest.raises(UserError, match="speed: 1000 is out of range. Allowed: 80 to 450"):
        speak("Hello", speed=1000)


def test_voices() -> None:
    names = voices()
    assert {"en-us", "en-gb", "de", "fr", "fr-fr"} <= set(names) and names == sorted(names)
    assert "fo" not in names  # the wheel has no dictionary of it
    with pytest.raises(UserError, match="'klingonn' is not known.*Near are piqd .klingon."):
        speak("Hello", "klingonn")
    with pytest.raises(UserError, match="variant of voice en-us: 'f33' is not known. Did you mean 'f3'"):
        speak("Hello", "en-us+f33")


@pytest.mark.parametrize("text", ["", "  \n", "... !?", "—"])
def test_nothing_to_say(text: str) -> None:
    with pytest.raises(UserError, match="nothing to say"):
        speak(text)


def test_letters_that_a_voice_would_spell() -> None:
    with pytest.raises(UserError, match="voice 'en-us' cannot read 'Привет' in 'Привет, you'"):
        speak("Привет, you")
    assert symbols(speak("да", "ru")) == "_ d ɑ _"
    assert len(phones("π is 3.14, naïve, ½")) > 20


def test_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "_engine", None)
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(UserError, match=r"pip install 'rhapsode\[speech\]'"):
        speak("Hello")


def _symbols_of(voice: str) -> str:
    return symbols(speak("Hallo", voice))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes(method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    here = [_symbols_of("de"), _symbols_of("en-us")]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map_async(_symbols_of, ["de", "en-us"]).get(60) == here


def test_threads() -> None:
    expected = {voice: _symbols_of(voice) for voice in ("de", "en-us", "fr")}
    found: list[tuple[str, str]] = []
    threads = [
        threading.Thread(target=lambda voice=voice: found.append((voice, _symbols_of(voice))))
        for voice in [*expected] * 4
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 12 and all(expected[voice] == said for voice, said in found)


@pytest.mark.parametrize(
    ("voice", "text", "expected"),
    [
        ("de", "Und New York.", "_ ʊ n t n j uː j ɔ ɾ k _"),  # (en) and (de) stand around `New`
        ("ru", "няня", "_ nʲ ɑ nʲ ʌ _"),  # n, ʲ
        ("fa", "سلام خوب", "_ s a l ɑ m x u b _"),  # with tones, 1
    ],
)
def test_marks_are_no_phones(voice: str, text: str, expected: str) -> None:
    assert symbols(speak(text, voice)) == expected


def test_marks_of_all_kinds() -> None:
    def told(*marks: str) -> list[str]:
        events = tuple(Event(PHONEME, at, each) for at, each in enumerate(marks))
        return [each.symbol for each, _ in espeak._marks(Said(np.zeros(9, np.int16), 22050, events))]

    assert told("(en-us-n", "t", "(de)", "", "ˈ", "1", "ˈuː") == ["t", "", "ˈuː"]
    assert told("s", "ʲ", "a", "ᵐ", "b", "ˈ", "ɑ", "̃", "?") == ["sʲ", "a", "ᵐb", "ɑ̃", "?"]


def test_every_voice_tells_phones_alone() -> None:
    voices = sorted(set(espeak._loaded().voices.values()))
    for voice in voices:
        said = espeak._loaded().say("Facebook, a", voice, 450, 50)
        for each in espeak._phones(said)[0]:
            assert each.symbol == PAUSE or (any(map(str.isalpha, each.symbol)) and "(" not in each.symbol), voice


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("de-DE", "de"),
        ("de_AT", "de"),
        ("deu", "de"),
        ("German", "de"),
        ("Deutsch", "de"),
        ("en_US", "en-us"),
        ("english", "en-us"),
        ("fr-CA", "fr"),
        ("français", "fr"),
        ("es-AR", "es-419"),
        ("en-us+f3", "en-us+f3"),
    ],
)
def test_other_names_of_languages(given: str, expected: str) -> None:
    assert espeak.named(given) == expected


@pytest.mark.parametrize(("given", "near"), [("deutsh", "Near are de .deutsch."), ("xx", "'xx' is not known")])
def test_unknown_languages(given: str, near: str) -> None:
    with pytest.raises(UserError, match=near):
        espeak.named(given)


@pytest.mark.parametrize(
    ("voice", "text", "said"),
    [
        ("de", "Am 3. Oktober kam Dr. Weiß.", "am dritte oktober kam doktor weiß."),
        ("de", "Bahnhofstr. 12, z. B. Nr. 5", "Bahnhofstraße zwölf, zum Beispiel Nummer fünf"),
        ("en-us", "The U.S. President paid Prof. Smith.", "The U S president paid professor Smith."),
        ("fr", "M. Blanc", "monsieur Blanc"),
        ("it", "L'ing. Neri", "L'ingegner Neri"),
    ],
)
def test_abbreviations_are_said_without_a_pause(voice: str, text: str, said: str) -> None:
    assert symbols(speak(text, voice)) == symbols(speak(said, voice))


@pytest.mark.parametrize(
    ("voice", "text", "same"),
    [
        ("de", unicodedata.normalize("NFD", "Müller hört Öl"), "Müller hört Öl"),
        ("ru", unicodedata.normalize("NFD", "ёж мой"), "ёж мой"),
        ("en-us", "Ｆｕｌｌ 𝓽𝓮𝔁𝓽", "Full text"),
        ("en-us", "10\u2009000", "10000"),
        ("de", "Donau\u00addampf", "Donaudampf"),
    ],
)
def test_characters_that_are_written_otherwise(voice: str, text: str, same: str) -> None:
    assert symbols(speak(text, voice)) == symbols(speak(same, voice))


def test_characters_of_which_nothing_is_said() -> None:
    assert espeak.silent("a ♪ b ♪ \ufffd; 5 € ☃ naïve\u200b", "en-us") == {"♪": 2, "\ufffd": 1}
