import io
import re
import zipfile

import pytest
from hypothesis import given, settings

from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.formats import musicxml
from rhapsode.modalities.music.formats._musicxml_chords import BUILT, KINDS, symbol
from rhapsode.modalities.music.formats._musicxml_write import _harmony
from rhapsode.modalities.music.line import melody
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo
from tests.modalities.music.tunes import marks, read, sounding, source, tunes

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
    assert (
        tune.metres == (Metre(0, 2, 4), Metre(5 * 480, 2, 4))
        and tune.keys == (Key(0, 0, 9),)
        and tune.tempos == (Tempo(0, 96.0),)
    )
    assert tune.chords == (Chord(480, "D7b9"), Chord(4 * 480, "D7b9")), "behind the silence before the pick-up"
    once = [(1, 2, 60, 0), (2, 1, 38, 1), (2, 0.5, 56, 0), (2, 1, 64, 0)]
    assert sounding(tune) == [*once, *((start + 3, *rest) for start, *rest in once)]
    assert tune.length == 7 * 480 and not refused.left_out


@pytest.mark.parametrize("ending", [*KINDS, *BUILT, "7b9#11", "7sus4b9", "9no3", "m7add11", "7b5", "augmaj7", "7#5"])
def test_chords_keep_their_tones(ending):
    for written in (f"Bb{ending}", f"C{ending}/E", f"F#{ending}"):
        from rhapsode.files.xml import parse

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
    other = packed({"METAINF/container.xml": CONTAINER.replace("s/a", "Ä"), "Ä.xml": score})
    assert other.count("Ä.xml".encode()) == 3
    unsaid = bytearray(other)
    at = other.find(b"PK\x01\x02", other.find(b"PK\x01\x02") + 1)
    unsaid[at + 9] &= ~8  # the flag of names in UTF-8
    unsaid[other.find(b"PK\x03\x04", 10) + 7] &= ~8
    for data in (other, bytes(unsaid)):
        assert is_mxl(data) and len(read(musicxml, data)[0]) == 1
    assert len(read(musicxml, packed({"META-INF/container.xml": CONTAINER, "b.xml": score}))[0]) == 1
    assert is_mxl(packed({"META-INF/container.xml": ""})) and not is_mxl(packed({}))


def is_mxl(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return musicxml.is_mxl(archive)


LETTERS = {60: "C", 62: "D", 64: "E", 65: "F"}
LEFT, RIGHT = '<barline location="left">{}</barline>', '<barline location="right">{}</barline>'
FORWARD, BACKWARD = (f'<repeat direction="{each}"/>' for each in ("forward", "backward"))


def turned(what):
    return f'<direction><direction-type><words>x</words></direction-type><sound {what}="yes"/></direction>'


def ending(numbers, how):
    return f'<ending number="{numbers}" type="{how}"/>'


@pytest.mark.parametrize(
    "measures, order",
    [
        (["C", "D" + RIGHT.format(BACKWARD), "E"], "CDCDE"),
        (["C", LEFT.format(FORWARD) + "D" + RIGHT.format(BACKWARD.replace("/>", ' times="3"/>')), "E"], "CDDDE"),
        (
            [
                "C",
                LEFT.format(ending("1, 2", "start")) + "D" + RIGHT.format(BACKWARD + ending("1, 2", "stop")),
                LEFT.format(ending("3", "start")) + "E" + RIGHT.format(ending("3", "discontinue")),
                "F",
            ],
            "CDCDCEF",
        ),
        (["C" + turned("fine"), "D", "E" + turned("dacapo")], "CDEC"),
        ([turned("segno") + "C", "D" + turned("tocoda"), "E" + turned("dalsegno"), turned("coda") + "F"], "CDECDF"),
        (["C", "D<direction><direction-type><words>D.C.</words></direction-type></direction>"], "CDCD"),
        (["C", f"D{turned('dacapo')}"], "CDCD"),
    ],
)
def test_repeats_are_written_out(measures, order):
    made = [each for each in measures]
    for letter in "CDEF":
        made = [re.sub(rf"(?<![\w\"]){letter}(?![\w.])", note(letter), each) for each in made]
    (tune,), refused = read(musicxml, SCORE.format("".join(map(measure, made)), ""))
    assert "".join(LETTERS[pitch] for pitch in tune.notes["pitch"]) == order and not refused.left_out


def test_endings_without_numbers_are_said():
    wrong = measure(LEFT.format(ending("x", "start")), note("D"), RIGHT.format(BACKWARD))
    (tune,), refused = read(musicxml, SCORE.format(measure(note("C")) + wrong, ""))
    assert tune.notes["pitch"].tolist() == [60, 62, 60, 62]
    assert refused.left_out == {"repeats and endings without numbers": 1}


def test_percussion_is_no_melody():
    unknown = "<note><unpitched/><duration>2</duration></note>"
    drum = unknown.replace("</note>", '<instrument id="D1"/></note>')
    (tune,), refused = read(musicxml, SCORE.format(measure(note("C"), unknown, note("D")), measure(drum * 3)))
    assert tune.parts == (Part("Horn", 60), Part("Drums", 0, True)) and melody(tune)["pitch"].tolist() == [60, 62]
    assert refused.left_out == {"percussion, of which is not said what it is": 1}
    mixed = SCORE.replace("<midi-channel>10</midi-channel>", "").format("", measure(drum, note("E"), unknown))
    (tune,), refused = read(musicxml, mixed)
    assert tune.parts == (Part("Horn", 60), Part("Drums"), Part("Drums", 0, True)) and not refused.left_out
    assert [each[2:] for each in sounding(tune)] == [(38, 2), (64, 1), (38, 2)]


@pytest.mark.parametrize(
    "beats, metre",
    [
        ("<beats>3+2+3+3</beats><beat-type>8</beat-type>", Metre(0, 11, 8)),
        ("<beats>3</beats><beat-type>4</beat-type><beats>3+2</beats><beat-type>8</beat-type>", Metre(0, 11, 8)),
    ],
)
def test_metres_that_are_sums(beats, metre):
    inside = measure(f"<attributes><time>{beats}</time></attributes>", note(duration=5), note())
    (tune,), _ = read(musicxml, SCORE.format(inside + inside, ""))
    assert tune.metres[0] == metre


def test_quarter_tones_and_ties():
    start, stop = '<tie type="start"/>', '<notations><tied type="stop"/></notations>'
    quarter = note("C").replace("<alter>0", "<alter>0.5")
    inside = measure(
        note("D", more=start), note("D"), note("E", more=start.replace("tie ", "tie ")), note("E", more=stop), quarter
    )
    (tune,), refused = read(musicxml, SCORE.format(inside + measure(note("F", more=start), note("G")), ""))
    assert [(pitch, length) for _, length, pitch, _ in sounding(tune)] == [(62, 4), (64, 4), (60, 2), (65, 2), (67, 2)]
    assert refused.left_out == {"alterations of less than a semitone": 1, "ties to no note of their pitch": 1}


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
