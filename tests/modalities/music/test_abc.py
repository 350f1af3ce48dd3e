from fractions import Fraction

import pytest
from hypothesis import given, settings

from rhapsode.modalities.music.formats import abc
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune, notes
from tests.modalities.music.tunes import marks, read, sounding, tunes

HEAD = "X:1\nT:Title\nM:4/4\nL:1/4\n"


def tune(body, key="C", head=HEAD):
    found, refused = read(abc, f"{head}K:{key}\n{body}\n")
    assert not refused.skipped, list(refused.lines())
    return found[0]


def played(body, key="C", head=HEAD):
    """Pitches with their lengths in quarters, one after the other."""
    found = sounding(tune(body, key, head))
    return [(pitch, str(length)) for _, length, pitch, _ in found]


def pitches(body, key="C", head=HEAD):
    return [pitch for pitch, _ in played(body, key, head)]


def lengths(body, head=HEAD):
    return " ".join(length for _, length in played(body, head=head))


@given(tunes())
@settings(deadline=None, max_examples=40)
def test_there_and_back(written):
    (back,), refused = read(abc, abc.dumps(written))
    assert sounding(back) == sounding(written), abc.dumps(written)
    assert marks(back) == marks(written) and back.tempos == written.tempos and back.title == "A tune"
    assert not refused.left_out and [each.program for each in back.parts] == [each.program for each in written.parts]


def test_two_notes_of_a_letter_are_held_over_a_bar_line():
    rows = [(0, 5, 60, 80, 0), (0, 7, 61, 80, 0), (7, 1, 60, 80, 0)]
    written = Tune(notes(rows), 1, 8, metres=(Metre(0, 4, 4),))
    (back,), _ = read(abc, abc.dumps(written))
    assert sounding(back) == sounding(written), abc.dumps(written)


def test_pitches_and_keys():
    assert pitches("C,CGBcbc'") == [48, 60, 67, 71, 72, 83, 84]
    assert pitches("^C_D=F^^G__A", "D") == [61, 61, 65, 69, 67]
    assert pitches("FfBE", "D") == [66, 78, 71, 64] and pitches("FBE", "Gm") == [65, 70, 63]
    assert pitches("FC", "Ddor") == [65, 60] and pitches("FC", "D mixolydian") == [66, 60]
    assert pitches("FGA", "D Phr ^f") == [66, 67, 69] and pitches("FCB", "D exp _b") == [65, 60, 70]
    assert pitches("FCG", "HP") == pitches("FCG", "Hp") == [66, 61, 67] and pitches("F", "none") == [65]
    assert tune("F", "F#m").keys == (Key(0, 3, 9),) and tune("F", "Bb Lydian").keys == (Key(0, -1, 5),)
    assert tune("F", "A Loc").keys[0].tonic == 9 and tune("F", "none").keys == ()


def test_accidentals_last_to_the_end_of_the_bar_and_over_ties():
    assert pitches("^FFf=F|F") == [66, 66, 78, 65, 65]
    assert pitches("^F2-F2-|F2F2") == [66, 65]
    assert pitches("%%propagate-accidentals octave\n^FFf") == [66, 66, 77]
    assert pitches("I:propagate-accidentals not\n^FF") == [66, 65]
    assert pitches("[^F2A2]F2|[F4A4]") == [66, 69, 66, 65, 69]


def test_lengths():
    assert lengths("CC2C/C//C3/2C/4C3/4C6/") == "1 2 1/2 1/4 3/2 1/4 3/4 3"
    assert lengths("C>D C<D C>>D C<<<D") == "3/2 1/2 1/2 3/2 7/4 1/4 1/8 15/8"
    assert lengths("(3CDE (2CD (3:2:2CD (5CDEFG C") == "2/3 2/3 2/3 3/2 3/2 2/3 2/3 2/5 2/5 2/5 2/5 2/5 1"
    assert lengths("(2CD", "X:1\nM:6/8\nL:1/8\n") == "3/4 3/4" and lengths("C", "X:1\nM:6/8\n") == "1/2"
    assert lengths("C", "X:1\nM:2/4\n") == "1/4" and lengths("C[L:1/8]C") == "1 1/2"
    assert tune("C z/ Z x D").notes["start"].tolist() == [0, int(6.5 * 480 + 480 - 480)]


def test_ties_chords_and_overlays():
    assert played("C2-|C2-C2") == [(60, "6")] and played("C-D-D") == [(60, "1"), (62, "2")]
    assert played("[C-E-][CE]2 [C2E]/ [CE]-[CE]") == [
        (60, "3"),
        (64, "3"),
        (60, "1"),
        (64, "1/2"),
        (60, "2"),
        (64, "2"),
    ]
    found = tune("C4 & E2 | G4 |")
    assert sounding(found) == [(0, 4, 60, 0), (0, 2, 64, 0), (4, 4, 67, 0)]


@pytest.mark.parametrize(
    "body, order",
    [
        ("|:C|D:|E|", "CDCDE"),
        ("C|D:|E:|F", "CDCDEEF"),
        ("|:C|1D:|2E||F|", "CDCEF"),
        ("|:C|[1D:|[2E|]F|", "CDCEF"),
        ("|:C|1D:|2E:|F:|", "CDCEFF"),
        ("C::D::E:|", "CCDDEE"),
        ("C:||:D:|", "CCDD"),
        ("|:C|1,3 D:|2 E:|F|", "CDCECDF"),
        ("|:C|[1-2 D:|[3 E||", "CDCDCE"),
        ("|::C::|D", "CCCD"),
        ("C|D||E:|", "CDEE"),
        ("|:C||D:|", "CDCD"),
        ("|:C|1D:|E|", "CDCE"),
        ("[|:C|]", "C"),
        ("| :C|D: |E|", "CDCDE"),
        ("C|\n:D|E:|F", "CDEDEF"),
        ("|:C|D!fine!||E|F!D.C.!|]", "CDEFCD"),
        ('|:C|"Fine"D:|E|F "^D.C. al Fine"|]', "CDCDEFCD"),
        ('C|"Segno"D|E"Fine"|F"D.S."|]', "CDEFDE"),
        ("C|!segno!D|!tocoda!E|F!D.S.alcoda!||!coda!G|]", "CDEFDEG"),
        ("C|D|!coda!E|F!dacapo!|!coda!G|]", "CDEFCDEG"),
        ("C!fine!|D!D.C.!|E!D.C.!|", "CDCEC"),
        ("|:C|1D:|2E:|F!D.C.!|", "CDCEFCEF"),
        ("C|D!D.S.!|", "CD"),
        ("C|D!D.C.!|E", "CDCDE"),
    ],
)
def test_repeats_are_written_out(body, order):
    letters = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G"}
    assert "".join(letters[pitch] for pitch in pitches(body)) == order


@pytest.mark.parametrize(
    "order, played",
    [
        ("AABB", "CDCDEE"),
        ("A2.B2", "CDCDEE"),
        ("A(AB)3", "CDCDECDECDE"),
        ("BA", "ECD"),
        ("A", "CD"),
        ("B", "E"),
    ],
)
def test_parts_are_played_in_their_order(order, played):
    letters = {60: "C", 62: "D", 64: "E"}
    found = pitches("P:A\nC|D|\nP:B\nE|\n", head=f"{HEAD}P:{order}\n")
    assert "".join(letters[pitch] for pitch in found) == played


def test_parts_have_repeats_of_their_own_and_music_may_come_before_them():
    assert pitches("G|[P:A]C:|[P:B]|:D:|", head=f"{HEAD}P:ABA\n") == [67, 60, 60, 62, 62, 60, 60]
    assert pitches("V:1\nP:A\nC|\nP:B\nD|\nV:2\nE|F|", head=f"{HEAD}P:BA\n") == [62, 65, 60, 64]


@pytest.mark.parametrize("order, said", [("AC", "an order of parts"), ("A)", "fields of no"), ("(A", "fields of no")])
def test_an_order_that_cannot_be_followed_is_said(order, said):
    (found,), refused = read(abc, f"{HEAD}P:{order}\nK:C\nP:A\nC|\nP:B\nD|\n")
    assert found.notes["pitch"].tolist() == [60, 62] and said in " ".join(refused.lines())
    assert not read(abc, f"{HEAD}P:(((A)9999999)9999999)9999999\nK:C\nP:A\nC|\n")[1].skipped


def test_what_changes_on_the_way_changes_back():
    found = tune("|:C|[K:D][M:3/4][Q:1/4=90]F3:|G3|", head=HEAD + "Q:1/4=60\n")
    assert [(each.tick // 480, each.sharps) for each in found.keys] == [(0, 0), (4, 2), (7, 0), (8, 2)]
    assert [each.quarters for each in found.tempos] == [60, 90, 60, 90]
    assert [(each.beats, each.tick // 480) for each in found.metres] == [(4, 0), (3, 4), (4, 7), (3, 8)]


def test_ties_into_several_endings():
    assert played("|:C2D2-|1D4:|2D2C2|") == [(60, "2"), (62, "6"), (60, "2"), (62, "4"), (60, "2")]
    found, refused = read(abc, HEAD + "K:C\n|:C-:|D-E-|")
    assert refused.left_out == {"ties to no note of their pitch": 2} and not refused.skipped
    assert "x#1, at quarter note 1" in " ".join(refused.lines())


def test_ornaments_and_words_are_left_out():
    assert pitches('!trill!C .D ~E {gab}F {/g}G "^soft"(AB) uC vD Te +fermata+f y2 "_x"c `d $') == [
        *(60, 62, 64, 65, 67, 69, 71, 60, 62, 76, 77, 72, 74)
    ]
    assert pitches("C % comment D\n%%text D\nw: la la\n%%begintext\nC D |\n%%endtext\nE\\\nF\nP:A\nN:note\n") == [
        60,
        64,
        65,
    ]
    found, refused = read(abc, HEAD + 'K:C\n"Finale"C "Am"D\n')
    assert [each.symbol for each in found[0].chords] == ["Am"] and refused.left_out.total() == 1


def test_marks():
    found = tune(
        '"Am"C2[M:3/4][K:G]"G(Em)"F|[Q:1/4=90]"N.C."C3|"(D7)"C', head="X:1\nM:2/4\nQ:3/8=40\nL:1/4\nT:A  b\nT:c\n"
    )
    assert found.metres[0] == Metre(0, 2, 4) and found.title == "A  b"
    assert found.keys == (Key(0, 0), Key(960, 1)) and found.notes["pitch"].tolist()[1] == 66
    assert [each.quarters for each in found.tempos] == [60.0, 90.0]
    assert [each.symbol for each in found.chords] == ["Am", "G", "", "D7"]
    assert tune("C", head="X:1\nL:1/8\nQ:120\n").tempos == (Tempo(0, 60.0),)
    assert tune("C", head='X:1\nM:C|\nQ:"Fast"\n').metres == (Metre(0, 2, 2),) and tune("C").tempos == ()


def test_pickups_fill_their_bar_and_bars_begin_anew():
    found = tune("C|CCCC|CCC:|")
    assert found.notes["start"][0] == 3 * 480 and found.metres == (Metre(0, 4, 4),) and len(found) == 16
    assert tune('"G"D|"C"CCCC|').chords == (Chord(1440, "G"), Chord(1920, "C"))
    late = tune("M:2/4\nC|CC|C:|")
    assert late.notes["start"][0] == 480 and late.metres == (Metre(0, 2, 4),), "a field behind K is of the header too"
    odd = tune("CCCC|CCC|CCCC|CCCC|")
    assert odd.metres == (Metre(0, 4, 4), Metre(7 * 480, 4, 4)) and odd.notes["start"][0] == 0
    assert tune("CC|]").notes["start"][0] == 0, "a lone bar"


def test_voices():
    found = tune(
        "V:1\nC2 D2|\n[V:2] C,4|\nV:1\n%%MIDI program 40\nE4|\nV:2\nD,4|\n",
        head=HEAD + 'V:1 name="Top"\nV:2 clef=bass\nV:3\n',
    )
    assert found.parts == (Part("Top", 40), Part())
    assert sounding(found) == [(0, 4, 48, 1), (0, 2, 60, 0), (2, 2, 62, 0), (4, 4, 50, 1), (4, 4, 64, 0)]


def test_many_tunes_and_those_that_cannot_be_read():
    text = (
        "%abc-2.1\nM:3/4\nL:1/4\n\nX:1\nK:C\nC2\n\nfree text\n\nX:2\nK:C\nC?%!\nX:3\nK:Q\n\nX:4\nK:C\nC2;]\n\nX:5\nC\n"
    )
    text += "\nX:6\nK:C\nz\n\nX:7\nL:1/0\nK:C\nC\n\nX:8\nK:C\nC/0\n\nX:9\nT:x\n\nX:10\nK:C\r\nc\r\n\r\nd|e\n"
    found, refused = read(abc, text)
    assert [each.name for each in found] == ["x#1", "x#2", "x#7", "x#10"] and found[0].metres == (Metre(0, 3, 4),)
    assert sounding(found[0]) == [(0, 2, 60, 0)]
    assert refused.skipped == {"no notes": 4, "no field K": 2}
    assert refused.left_out == {
        "bars with something that is not ABC, which are rests now": 2,
        "lines before the field K that are no fields": 1,
        "fields of no meaning": 2,
        "lines behind an empty line, which ends a tune": 1,
    }
    assert "x#4, line 19: ']'" in " ".join(refused.lines()) and "x#7, line 29: 'L:1/0'" in " ".join(refused.lines())
    assert abc.recognises(text.encode()) and not abc.recognises(b"X: marks the spot\nK: nothing\n")
    assert abc.recognises(b"%abc\n") and not abc.recognises(b"prose | with bars")


@pytest.mark.parametrize("wrong", ["C ] D", "C/0 D", "(0CDE", "[CE", "C'5'D", "2C"])
def test_a_bar_that_cannot_be_read_is_a_rest(wrong):
    (found,), refused = read(abc, f'{HEAD}K:C\nCDEF|"C"C2 E2|\n"G"{wrong} E F|{"G4|A4|"}\n')
    assert [int(start) for start, *_ in sounding(found)] == [0, 1, 2, 3, 4, 6, 12, 16], list(refused.lines())
    assert [each.symbol for each in found.chords] == ["C", "G"]
    assert refused.left_out == {"bars with something that is not ABC, which are rests now": 1} and not refused.skipped
    assert "x#1, line 7: " in " ".join(refused.lines())


def test_slurs_before_tuplets_and_bowing():
    assert lengths("((3CDE) ((3uCDE) (C(3DEF)") == "2/3 " * 6 + "1 2/3 2/3 2/3"


def test_quarter_tones_are_the_nearest_semitone():
    (found,), refused = read(abc, HEAD + "K:C\n^/C _/D ^3/2C _3/4D E/|")
    assert found.notes["pitch"].tolist() == [60, 62, 61, 61, 64]
    assert refused.left_out == {"alterations of less than a semitone": 4}


def test_tunes_without_their_number():
    text = "T:One\nM:4/4\nK:D\nF4|\n\nX:2\nM:4/4\nK:C\nF4|\n"
    found, refused = read(abc, text)
    assert [each.notes["pitch"].tolist() for each in found] == [[66], [65]] and found[0].title == "One"
    assert refused.left_out == {"the field X, with which a tune begins": 1} and abc.recognises(text.encode())
    for other in ("T: a\nK: b | c\n", "Dear K:\n| M:\n", "M: male\n\nK: known\na|b\n", "M:4/4\nK:C\nno bars\n"):
        assert not abc.recognises(other.encode())


def test_fields_that_look_like_repeats_and_keys_of_many_sharps():
    assert pitches("C|", head="X:1\nN::first setting\nL:1/4\n") == [60]
    assert pitches("FC", "G#") == [67, 61] and tune("F", "G#").keys == (Key(0, -4),)
    assert tune("C8|", head="X:1\nM:2+3/4 + 2/8\nL:1/8\n").metres == (Metre(0, 12, 8),)


def test_no_file_makes_it_run_forever():
    for body in ("|:" + "C:" * 40, "[1-99 C", "C" * 3 + "::::::" * 5, "(9:9:9999C", "(((((", "C" + "/" * 30, ">C"):
        found, refused = read(abc, f"{HEAD}K:C\n{body}\n")
        assert len(found) + refused.count == 1


EIGHTHS = HEAD.replace("L:1/4", "L:1/8")


def rewritten(body):
    """The music lines of a tune that is read and written again."""
    return abc.dumps(tune(body, head=EIGHTHS)).partition("K:")[2].partition("\n")[2].strip()


@pytest.mark.parametrize(
    "body, written",
    [
        ("(3CDE (3C2D2E2 F2|", "(3C2D2E2 (3C4D4E4 F4|]"),
        ("C4/3D2/3 E6|", "(3:2:2C4D2 E12|]"),
        ("(5:4:5CDEFG A4|", "(5:4:5C2D2E2F2G2 A8|]"),
        ("C10/3D2/3 E4|", "C4- (3:2:2C4D2 E8|]"),  # cut at the beat
        ("C7/6D5/6 E6|", "(3C7/D2-D/ E12|]"),  # no sign lasts 5/4
        ("C2/15D28/15 E6|", "(15:8:2C/D7 E12|]"),
        ("C/17D33/17 E6|", "C2/17D66/17 E12|]"),  # there are no such tuplets
        ("C2|D4/3[M:3/4]E14/3|", "C2|(3:2:1D2|\nM:3/4\n(3:2:1E7|]"),
    ],
)
def test_lengths_that_no_sign_has_are_tuplets(body, written):
    assert rewritten(body) == written
    whole = abc.dumps(tune(body, head=EIGHTHS))
    assert sounding(read(abc, whole)[0][0]) == sounding(tune(body, head=EIGHTHS))


def test_what_readers_take_differently_is_not_written():
    assert rewritten("^C2C2=C2C2|[^C-E-]4[^CE]4|") == "^C2 ^C2 =C2 C2|[^C8E8]|]", "accidentals last a bar, or do not"
    assert rewritten('"N.C."C4"G"D4|') == '"^N.C."C4 "G"D4|]', "an annotation is no chord"
    found = abc.dumps(tune("V:1\nC4|D4|\nV:2\n%%MIDI program 3\nE4|F4|")).partition("K:C\n")[2]
    assert found == "V:1\nC8|D8|]\nV:2\n%%MIDI program 3\nE8|F8|]\n", "voices one below the other"


def test_what_changes_stands_on_a_line_of_its_own():
    text = rewritten('C8|D4[K:G]"G"F4|[K:D][M:3/4][Q:1/4=90]F6|C6|F6|[K:C]F6|')
    assert text == 'C8|D4 \nK:G\n"G"F4|\nK:D\nM:3/4\nQ:1/4=90\nF6|C6|\nF6|\nK:C\nF6|]', "and none is empty"
    again = tune(text, head=EIGHTHS)
    assert [(each.tick // 480, each.sharps) for each in again.keys] == [(0, 0), (6, 1), (8, 2), (17, 0)]


def test_it_is_readable():
    text = abc.dumps(tune('D|"G"GABc d2 (3efg|"D7"f4- f3 ^e|[G4B4]|', "G", "X:1\nT:Title\nM:4/4\nL:1/8\n"))
    assert text == 'X:1\nT:Title\nM:4/4\nL:1/8\nK:G\nD|"G"GA Bc d2 (3efg|"D7"f7=f|[G4B4]|]\n'
    assert Fraction(1, 2) in [length for _, length, _, _ in sounding(read(abc, text)[0][0])]


def test_voices_sound_in_other_octaves() -> None:
    for octave, low in ((0, 48), (-1, 36), (1, 60)):
        found = tune("V:1\nC4|\nV:2\nC,4|\n", head=f"{HEAD}V:1\nV:2 clef=bass octave={octave}\n")
        assert sorted(found.notes["pitch"].tolist()) == sorted([60, low])


@pytest.mark.parametrize(("key", "sharps", "mode"), [("gm", -2, 9), ("bb", -2, 0), ("d dor", 0, 2), ("e minor", 1, 9)])
def test_keys_in_small_letters(key: str, sharps: int, mode: int) -> None:
    (found,), refused = read(abc, f"{HEAD}K:{key}\nC4|\n")
    assert found.keys == (Key(0, sharps, mode),) and not list(refused.lines())


def test_keys_of_no_meaning_are_said() -> None:
    (found,), refused = read(abc, f"{HEAD}K:H\nF4|[K:Zoo]F4|\n")
    assert found.notes["pitch"].tolist() == [65, 65] and refused.left_out == {"fields of no meaning": 2}
    for key in ("none", "", "^f", "exp ^f", "clef=bass", "bass"):
        assert not list(read(abc, f"{HEAD}K:{key}\nC4|\n")[1].lines()), key
