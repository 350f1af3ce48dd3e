"""Scores engraved by Verovio, where it is installed."""

import sys
from contextlib import suppress
from xml.etree import ElementTree

import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.music.notation import engrave

SCORE = b"""<?xml version="1.0" encoding="UTF-8"?>
<score-partwise version="4.0">
<part-list><score-part id="P1"><part-name>Voice</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>1</divisions><key><fifths>-1</fifths></key><time><beats>2</beats><beat-type>4</beat-type></time>
<clef><sign>G</sign><line>2</line></clef></attributes>
<harmony><root><root-step>F</root-step></root><kind>major</kind></harmony>
<note><pitch><step>F</step><octave>4</octave></pitch><duration>1</duration><type>quarter</type></note>
<note><pitch><step>A</step><octave>4</octave></pitch><duration>1</duration><type>quarter</type></note>
</measure></part></score-partwise>
"""


def test_a_score_becomes_a_picture() -> None:
    pytest.importorskip("verovio", reason="pip install 'rhapsode[score]'")
    made = engrave(SCORE)
    root = ElementTree.fromstring(made)
    classes = [element.get("class") for element in root.iter()]
    assert classes.count("note") == 2 and root.tag.endswith("svg")
    assert made == engrave(SCORE)
    for wrong, why in ((b"<score", "not MusicXML"), (b"\xff\xfe", "not MusicXML"), (b"<a/>", "here it is a")):
        with pytest.raises(UserError, match=why):
            engrave(wrong)
    with pytest.raises(UserError, match="200 to 10000"):
        engrave(SCORE, width=1)


def test_without_verovio_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "verovio", None)
    with pytest.raises(UserError, match="pip install verovio"):
        engrave(SCORE)


def test_what_ends_verovio_ends_its_own_process() -> None:
    """Verovio 6.4 divides by a metre's unit of zero, which on most machines ends a process at once."""
    pytest.importorskip("verovio", reason="pip install 'rhapsode[score]'")
    with suppress(UserError):
        engrave(SCORE.replace(b"<beat-type>4", b"<beat-type>0"))
    assert b'class="note"' in engrave(SCORE)
