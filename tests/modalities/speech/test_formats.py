import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech.formats import hts, own, textgrid
from rhapsode.modalities.speech.utterance import Phone, Timed, Utterance, as_written

SAID = Timed(
    (
        *(Phone("_"), Phone("h", 0, 0, 0, 0), Phone("ə", 0, 0, 0, 0), Phone("l", 2, 1, 0, 0), Phone("oʊ", 2, 1, 0, 0)),
        *(Phone("_", 0, 1, 0, 0), Phone("juː", 1, 2, 1, 1), Phone("_", 0, 2, 1, 1)),
    ),
    times=np.array([0, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1 / 1.1, 1.0]),
    text="Hello, you",
    speaker="A",
)
LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 0.9
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 0.9
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.2
            text = ""
        intervals [2]:
            xmin = 0.2
            xmax = 0.5
            text = "say 2 ""x"" y"
        intervals [3]:
            xmin = 0.5
            xmax = 0.9
            text = "so"
    item [2]:
        class = "TextTier"
        name = "points"
        xmin = 0
        xmax = 0.9
        points: size = 1
        points [1]:
            number = 0.4
            mark = "here"
    item [3]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 0.9
        intervals: size = 5
        intervals [1]:
            xmin = 0
            xmax = 0.2
            text = "sil"
        intervals [2]:
            xmin = 0.2
            xmax = 0.3
            text = "S"
        intervals [3]:
            xmin = 0.3
            xmax = 0.5
            text = "EY1"
        intervals [4]:
            xmin = 0.5
            xmax = 0.6
            text = "S"
        intervals [5]:
            xmin = 0.6
            xmax = 0.9
            text = "OW2"
"""
SHORT = (
    '"ooTextFile"\n"TextGrid"\n0\n0.3\n<exists>\n2\n"IntervalTier"\n"first"\n0\n0.3\n1\n0\n0.3\n"x"\n'
    '"IntervalTier"\n"last"\n0\n0.3\n3\n0\n0.1\n""\n0.1\n0.2\n"a"\n0.2\n0.3\n"sp"\n'
)


def rows(found: Utterance) -> list[tuple[str, int, int, int]]:
    return [(each.symbol, each.stress, each.syllable, each.word) for each in found.phones]


def same(one: Utterance, other: Utterance) -> None:
    assert isinstance(one, Timed) and isinstance(other, Timed) and one.phones == other.phones
    np.testing.assert_array_equal(one.times, other.times)


def test_textgrid_long() -> None:
    assert textgrid.recognises(LONG)
    found = textgrid.loads(LONG, "a.TextGrid")
    assert rows(found) == [("_", 0, 0, 0), ("S", 2, 0, 0), ("EY", 2, 0, 0), ("S", 1, 1, 1), ("OW", 1, 1, 1)]
    np.testing.assert_allclose(found.times, [0, 0.2, 0.3, 0.5, 0.6, 0.9])
    assert found.text == 'say 2 "x" y so'


def test_textgrid_short_and_the_last_tier() -> None:
    assert textgrid.recognises(SHORT)
    found = textgrid.loads(SHORT, "a.TextGrid")
    assert [each.symbol for each in found.phones] == ["_", "a", "_"]
    np.testing.assert_allclose(found.times, [0, 0.1, 0.2, 0.3])


def test_textgrid_written_and_read() -> None:
    found = textgrid.loads(textgrid.dumps(SAID), "a")
    assert found.phones == SAID.phones and found.text == SAID.text
    np.testing.assert_array_equal(found.times, SAID.times)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LONG[:-120], "the file ends where"),
        (LONG.replace("xmax = 0.3", 'xmax = "x"'), "line 48: expected a number, found '\"x\"'"),
        (
            LONG.replace("xmin = 0.3", "xmin = 0.25"),
            "line 51: begins at 0.25 s, before the end of the phone before it, 0.3",
        ),
        (LONG.replace("size = 5", "size = 1e999"), "line 41: '1e999' is not a finite number"),
        (SHORT.replace("<exists>", "<absent>"), "without a tier of intervals"),
    ],
)
def test_textgrids_that_are_wrong(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        textgrid.loads(text, "a.TextGrid")


def test_labels() -> None:
    text = "0 1000000 pau\n1000000 1500000 hh\n1500000 3000000 AY1\n4000000 5000000 sil\n"
    assert hts.recognises(text) and not hts.recognises("the text of a recording")
    found = hts.loads(text, "a.lab")
    assert rows(found) == [("_", 0, 0, 0), ("hh", 2, 0, 0), ("AY", 2, 0, 0), ("_", 0, 0, 0)]
    np.testing.assert_allclose(found.times, [0, 0.1, 0.15, 0.3, 0.5])


def test_labels_with_context_and_states() -> None:
    label = "x^{}-{}+{}=r@1_2/A:0_0_0/B:1-1-2@1-1[{}]"
    lines = []
    for number, state in enumerate((2, 3, 4, 5, 6, 2, 3, 4, 5, 6)):
        lines.append(f"{number * 100000} {(number + 1) * 100000} {label.format('sil', 'ao', 'ao', state)}")
    found = hts.loads("\n".join(lines), "a.lab")
    assert [each.symbol for each in found.phones] == ["ao", "ao"]
    np.testing.assert_allclose(found.times, [0, 0.05, 0.1])
    assert [each.syllable for each in found.phones] == [0, 1]


def test_labels_written_and_read() -> None:
    found = hts.loads(hts.dumps(SAID), "a")
    assert [each.symbol for each in found.phones] == [each.symbol for each in SAID.phones]
    np.testing.assert_allclose(found.times, SAID.times, atol=6e-8)
    assert [each.word for each in found.phones] == [0, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 10 a\nb c d\n", "a.lab, line 2: expected begin, end"),
        ("0 1000 a\n1000 1000 b\n", "line 2: lasts from 0.0001 to 0.0001 s"),
        ("9" * 5000 + " 0 a\n", "line 1: expected begin, end"),
        ("\n", "without labels"),
    ],
)
def test_labels_that_are_wrong(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        hts.loads(text, "a.lab")


def test_own_written_and_read(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    line = own.dumps(SAID, "a.wav")
    assert "\n" not in line and own.recognises(line)
    found = own.loads(json.loads(line), "here", tmp_path)
    same(found, SAID)
    assert (found.text, found.speaker, found.name) == ("Hello, you", "A", "a") and found.recorded
    assert isinstance(found, Timed) and found.melody is None
    sung = replace(SAID, melody=np.linspace(100, 200, len(SAID)))
    again = own.timed_of(json.loads(own.dumps(sung, "a.wav")), "here")
    np.testing.assert_allclose(again.melody, sung.melody, atol=0.01)
    without = own.loads(json.loads(own.dumps(Utterance(SAID.phones))), "here", tmp_path)
    assert without.phones == SAID.phones and not isinstance(without, Timed) and not without.recorded


def test_own_with_little_in_it(tmp_path: Path) -> None:
    phones = [["h", 0, 0.1, {"stress": 1}], ["aɪ", 0.1, 0.2, {"stress": 2}], ["_", 0.2, 0.3], ["m", 0.3, 0.4]]
    found = own.loads({"phones": phones}, "here", tmp_path)
    assert rows(found) == [("h", 2, 0, 0), ("aɪ", 2, 0, 0), ("_", 0, 0, 0), ("m", 0, 1, 1)]
    assert own.recognises('{"audio": "a.wav"}') and not own.recognises('{"strokes": []}') and not own.recognises("[1]")
    assert own.recognises('{"audio": "a.wav", "phones": [["h", 0')  # the beginning of a line


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"text": "x"}, "there is neither 'audio' nor 'phones'. Fields: 'text'"),
        ({"audio": 1}, "'audio' must be text, found 1"),
        ({"phones": "x"}, "expected a list"),
        ({"phones": [["h", 0.0]]}, "phone 1: must be like"),
        ({"phones": [["h", 0, 1], ["h", 2, 3]]}, "without gaps"),
        ({"phones": [["h", 0, 1], ["h", None, None]]}, "times must be given for all"),
        ({"phones": [["h", 0, None]]}, "times must be seconds from 0, found None"),
        ({"phones": [["h", 0, 1], ["h", 0.5, 2]]}, "phone 2: begins at 0.5 s, before"),
        ({"phones": [["h", 0, 1, {"stress": -1}]]}, "'stress' must be a whole number"),
        ({"phones": [["h", 0, 1, {"word": 0}], ["h", 1, 2]]}, "for all phones or for none"),
        ({"phones": [["h", 0, 1, {"f0": 100}], ["h", 1, 2, {}]]}, "f0 must be given for all phones, with times"),
        ({"phones": [["h", None, None, {"f0": 100}]]}, "f0 must be given for all phones, with times"),
        ({"phones": [["h", 0, 1, {"f0": 0}]]}, "f0 must be Hz from 20 to 2000, of unvoiced phones, too; found 0"),
    ],
)
def test_own_that_is_wrong(tmp_path: Path, value: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        own.loads(value, "here", tmp_path)


def test_words_are_as_the_text_has_them() -> None:
    """Also where some are said as one, as espeak-ng says `of the`; if it cannot be told, none are."""
    said = [4, 4, 5, 4, 3, 2, 4, 4]
    found = as_written("Author of the danger trail — and of other books.", said)
    assert found == ["Author", "of the", "danger", "trail", "and", "of", "other", "books."]
    assert as_written("rock & roll", [3, 3, 3]) == ["rock", "&", "roll"]
    assert as_written("rock — roll", [3, 3]) == ["rock", "roll"]
    assert as_written("in 1984 he", [2, 6, 4, 3, 2]) == [] == as_written("in 1984 he", [2, 6]) == as_written("a", [])
    long = ("Author of the danger trail and of other books " * 100).strip()
    assert " ".join(as_written(long, said * 100)) == long
