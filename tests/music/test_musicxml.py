import io
import zipfile

import pytest
from hypothesis import given, settings
from tunes import marks, read, sounding, source, tunes

from rhapsode.errors import UserError
from rhapsode.exchange.refusals import Refusals
from rhapsode.music import chords
from rhapsode.music.formats import musicxml
from rhapsode.music.formats._musicxml_chords import BUILT, KINDS, symbol
from rhapsode.music.formats._musicxml_write import _harmony
from rhapsode.music.tune import Chord, Key, Metre, Part, Tempo

SCORE = """<?xml version="1.0"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise><movement-title> A  song </movement-title>
<part-list><score-part id="P1"><part-name>Horn</part-name>
<midi-instrument id="I1"><midi-program>61</midi-program></midi-instrument></score-part>
<score-part id="P2"><part-name>Drums</part-name><midi-instrument id="D1"><midi-channel>10</midi-channel>
<midi-unpitched>39</midi-unpitched></midi-instrument></score-part></part-list>
<part id="P1">{}</part><part id="P2">{}</part></score-partwise>"""
FIRST = """<attributes><divisions>2</divisions><key><fifths>1</fifths><mode>minor</mode></key>
<time><beats>2</beats><beat-type>4</beat-type></time><transpose><chromatic>-7</chromatic></transpose></attributes>"""


def note(step="C", octave=4, duration=2, more="", before=""):
    pitch = f"<pitch><step>{step[0]}</step><alter>{len(step) - 1}</alter><octave>{octave}</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{duration}</duration>{more}</note>"


def measure(*inside):
    return f"<measure>{''.join(inside)}</measure>"


@given(tunes())
@settings(deadline=None, max_examples=40)
def test_there_and_back(written):
    (back,), refused = read(musicxml, musicxml.dumps(written))
    assert sounding(back) == sounding(written) and marks(back) == marks(written)
    assert back.tempos == written.tempos and back.parts == written.parts and back.title == written.title
    assert not refused.left_out


def test_a_score():
    tie, stop = '<tie type="start"/>', '<tie type="stop"/>'
    horn = [
        measure(
            FIRST,
            '<direction><sound tempo="96"/></direction><harmony><root><root-step>D</root-step></root>'
            "<kind>dominant</kind><degree><degree-value>9</degree-value><degree-alter>-1</degree-alter>"
            "<degree-type>add</degree-type></degree></harmony>",
            note("G", more=tie),
        ),
        measure(
            note("G", more=stop),
            note("B", before="<chord/>"),
            "<note><grace/><pitch><step>C</step><octave>4</octave></pitch></note><backup><duration>2</duration></backup>",
            note("D#", duration=1),
            "<forward><duration>1</duration></forward>",
            "<note><rest/><duration>2</duration></note>",
            '<barline><repeat direction="backward"/></barline>',
        ),
    ]
    drums = [
        measure("<attributes><divisions>4</divisions></attributes><note><rest/><duration>4</duration></note>"),
        measure('<note><unpitched/><duration>4</duration><instrument id="D1"/></note>'),
    ]
    (tune,), refused = read(musicxml, SCORE.format("".join(horn), "".join(drums)))
    assert tune.title == "A song" and tune.parts == (Part("Horn", 60), Part("Drums", 0, True))
    assert tune.metres == (Metre(0, 2, 4),) and tune.keys == (Key(0, 0, 9),) and tune.tempos == (Tempo(0, 96.0),)
    assert tune.chords == (Chord(480, "D7b9"),), "behind the silence before the pick-up"
    assert sounding(tune) == [(1, 2, 60, 0), (2, 1, 38, 1), (2, 0.5, 56, 0), (2, 1, 64, 0)]
    assert tune.length == 4 * 480 and refused.left_out == {"repeats, which are not played": 1}


@pytest.mark.parametrize("ending", [*KINDS, *BUILT, "7b9#11", "7sus4b9", "9no3", "m7add11", "7b5", "augmaj7", "7#5"])
def test_chords_keep_their_tones(ending):
    for written in (f"Bb{ending}", f"C{ending}/E", f"F#{ending}"):
        from rhapsode.exchange.xml import parse

        back = symbol(parse(source(_harmony(written))))
        assert chords.parse(back).tones == chords.parse(written).tones, back
        assert (
            back[: 1 + ("#" in written or "b" in written[:2])] == written[: 1 + ("#" in written or "b" in written[:2])]
        )


def packed(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


CONTAINER = '<container><rootfiles><rootfile full-path="s/a.xml"/></rootfiles></container>'


def test_packed_scores():
    score = SCORE.format(measure(note()), "")
    (tune,), _ = read(musicxml, packed({"META-INF/container.xml": CONTAINER, "s/a.xml": score}))
    assert len(tune) == 1 and tune.name == "x"
    with pytest.raises(UserError, match="names no score"):
        read(musicxml, packed({"META-INF/container.xml": CONTAINER}))
    assert musicxml.is_mxl(source(packed({"META-INF/container.xml": ""}))) and not musicxml.is_mxl(source(packed({})))


@pytest.mark.parametrize(
    "inside, words",
    [
        (note("H"), "'H' is no note"),
        (note(duration="x"), "duration: expected a number, found 'x'"),
        (note(duration="-2"), "lasts"),
        ("<attributes><time><beats>0</beats><beat-type>4</beat-type></time></attributes>", "no such metre"),
        (note(octave="high"), "expected a whole number, found 'high'"),
    ],
)
def test_what_is_wrong_is_named(inside, words):
    with pytest.raises(UserError, match=words):
        read(musicxml, SCORE.format(measure(inside), ""))


def test_other_files():
    with pytest.raises(UserError, match="score-timewise"):
        list(musicxml.read(source("<score-timewise/>"), Refusals()))
    assert read(musicxml, SCORE.format("", ""))[1].skipped == {"no notes": 1}
    bomb = '<!DOCTYPE a [<!ENTITY b "b">]><score-partwise>&b;</score-partwise>'
    assert musicxml.recognises(bomb.encode())
    with pytest.raises(UserError, match="entities"):
        read(musicxml, bomb)
