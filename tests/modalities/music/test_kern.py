from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.files.refusals import Unreadable
from rhapsode.modalities.music import read as reading
from rhapsode.modalities.music.formats import _kern_words as words
from rhapsode.modalities.music.formats import kern
from rhapsode.modalities.music.tune import Key, Metre, Part, Tempo
from tests.modalities.music.tunes import marks, read, sounding


def rows(*lines):
    """Lines of a file, their columns divided by spaces; a comma stands for a space within a column."""
    return "\n".join("\t".join(column.replace(",", " ") for column in line.split()) for line in lines) + "\n"


SONG = "!!!COM: Nobody\n!!!OTL@@EN:  A  song\n" + rows(
    "**kern **text **kern",
    "*Icello * *",
    '*I"Bass * *I"Voice',
    "*clefF4 * *clefG2",
    "*k[f#] * *k[f#]",
    "*e: * *e:",
    "*M3/4 * *M3/4",
    "*MM96 * *MM96.5",
    "4r Oh 4e",
    "=1 =1 =1",
    "2.E la [4g",
    ". . 8g]L",
    ". . 8aJ",
    ". la 4b;",
    "=2 =2 =2",
    "4E,4B . 12e",
    ". . 12f#",
    ". . 12gn",
    "4r . 4dd-",
    ". . 8qb",
    "4EE . 4b--",
    "=3 =3 =3",
    "*M2/4 * *M2/4",
    "2E . 2ee",
    "== == ==",
    "*- *- *-",
)


def test_a_song():
    (tune,), refused = read(kern, SONG)
    assert tune.title == "A song" and tune.parts == (Part("Voice", 0), Part("Bass", 42)), "the highest is the first"
    assert tune.metres == (Metre(0, 3, 4), Metre(9 * tune.ticks, 2, 4)) and tune.tempos == (Tempo(0, 96.5),)
    assert tune.keys == (Key(0, 1, 9),) and tune.length == 11 * tune.ticks
    third = Fraction(1, 3)
    bass = [(3, 3, 52, 1), (6, 1, 52, 1), (6, 1, 59, 1), (8, 1, 40, 1), (9, 2, 52, 1)]
    voice = [(2, 1, 64, 0), (3, 1.5, 67, 0), (4.5, 0.5, 69, 0), (5, 1, 71, 0)]
    voice += [(6 + each * third, third, pitch, 0) for each, pitch in enumerate((64, 66, 67))]
    voice += [(7, 1, 73, 0), (8, 1, 69, 0), (9, 2, 76, 0)]
    assert sorted(sounding(tune)) == sorted(bass + voice), "a pick-up is the end of a whole bar"
    assert not refused.left_out and not refused.skipped


def one(*lines):
    """What sounds in a piece of one spine at first, in 2/4."""
    (tune,), refused = read(kern, rows("**kern", "*M2/4", *lines))
    assert not refused.left_out
    return [each[:3] for each in sounding(tune)], tune


def test_columns_split_and_join():
    found, tune = one("4c", "*^", "4d 4f", "= =", "* *^", "2e 4g 4b", ". 4a .", "*v *v *v", "=", "2c", "==", "*-")
    assert found == [(0, 1, 60), (1, 1, 62), (1, 1, 65), (2, 2, 64), (2, 1, 67), (2, 1, 71), (3, 1, 69), (4, 2, 60)]
    assert tune.parts == (Part(),), "all columns of a spine are one part"


def test_a_split_below_a_note_that_goes_on():
    text = rows("**kern **kern", "2c 4e", "* *", "*^ *", ". 4d 4f", "*v *v *", "= =", "4c 4e", "*- *-")
    (tune,), _ = read(kern, text)
    assert sounding(tune) == [(0, 2, 60, 1), (0, 1, 64, 0), (1, 1, 62, 1), (1, 1, 65, 0), (2, 1, 60, 1), (2, 1, 64, 0)]


def test_spines_side_by_side_are_joined_each_for_itself():
    text = rows("**kern **kern", "*^ *^", "4c 4e 4g 4b", "*v *v *v *v", "4d 4a", "*- *-")
    (tune,), _ = read(kern, text)
    assert [(pitch, part) for _, _, pitch, part in sounding(tune)][-2:] == [(62, 1), (69, 0)]


def test_spines_cross_begin_and_end():
    text = rows(
        "**kern **text **kern",
        "4C la 4c",
        "*x *x *",
        "oh 4D 4d",
        "* *- *",
        "* *+",
        "* * **kern",
        "oh 4e 4g",
        "*- *- *-",
    )
    (tune,), _ = read(kern, text)
    assert sounding(tune) == [(0, 1, 48, 2), (0, 1, 60, 1), (1, 1, 50, 2), (1, 1, 62, 1), (2, 1, 64, 1), (2, 1, 67, 0)]


def test_spines_of_one_part_are_one():
    text = rows("**kern **kern **kern", "*part2 *part2 *part1", '* *I"Piano *Iflt', "4C 4c 4cc", "*- *- *-")
    (tune,), _ = read(kern, text)
    assert tune.parts == (Part("", 73), Part("Piano"))
    assert sounding(tune) == [(0, 1, 48, 1), (0, 1, 60, 1), (0, 1, 72, 0)]


@pytest.mark.parametrize(
    "lines, order",
    [
        ("4c = 4d =:|! 4e", "cdcde"),
        ("4c =!|: 4d =:|!|: 4e =:|! 4f", "cddeef"),
        ("*>[A,B,A] *>A 4c = 4d *>B 4e =:|! 4f", "cdefcd"),
        ("*>[A,A1,A,A2] *>A 4c *>A1 4d *>A2 4e", "cdce"),
        ("*>norep[B] *>A 4c =:|! *>B 4d", "ccd"),
        ("*>A 4c *>B 4d", "cd"),
    ],
)
def test_repeats_are_written_out(lines, order):
    (tune,), refused = read(kern, "\n".join(("**kern", *lines.split(), "*-")))
    letters = {60: "c", 62: "d", 64: "e", 65: "f"}
    assert "".join(letters[pitch] for pitch in tune.notes["pitch"]) == order and not refused.left_out


def test_sections_that_are_missing_are_said():
    (tune,), refused = read(kern, "**kern\n*>[A,C]\n*>A\n4c\n*>B\n4d\n*-\n")
    assert len(tune) == 2 and refused.left_out == {"an order of parts, of which some are not there": 1}


def test_ties():
    found, _ = one("2[c,2[e", "=", "2_c,2e]", "=", "4c],4e", "4e]", "==", "*-")
    assert found == [(0, 5, 60), (0, 4, 64), (4, 1, 64), (5, 1, 64)], "what no note comes before begins anew"
    found, _ = one("*^", "2[c 2[c", "= =", "2c] 4c]", ". 4d", "== ==", "*- *-")
    assert found == [(0, 4, 60), (3, 1, 62)], "two voices in unison are one"
    found = read(kern, rows("**kern", "[4c", "4c", "[4d", "4e", "*-"))
    assert [each[:3] for each in sounding(found[0][0])] == [(0, 2, 60), (2, 1, 62), (3, 1, 64)]
    assert found[1].left_out == {"ties to no note of their pitch": 1}


@pytest.mark.parametrize(
    "word, quarters",
    [
        ("4", 1),
        ("8.", "3/4"),
        ("2..", "7/2"),
        ("12", "1/3"),
        ("3%2", "8/3"),
        ("0", 8),
        ("00", 16),
        ("0.", 12),
        ("1", 4),
    ],
)
def test_durations(word, quarters):
    assert words.duration(f"({word}cc#L", "here") == Fraction(quarters)


@pytest.mark.parametrize("word", ["4096c", "3%0c", "00000c", "4.....c"])
def test_durations_that_no_note_has(word):
    with pytest.raises(Unreadable, match="no note has"):
        words.duration(word, "here")


@pytest.mark.parametrize(
    "word, pitch", [("4c", 60), ("4bb-", 82), ("4ccc##", 86), ("4B", 59), ("4CC", 36), ("4an", 69), ("[4E--_", 50)]
)
def test_pitches(word, pitch):
    assert words.pitch(word) == pitch


@pytest.mark.parametrize(
    "tokens, key",
    [
        (["*k[b-e-]"], (-2, 0)),
        (["*k[]", "*a:"], (0, 9)),
        (["*d:", "*k[]"], (0, 2)),
        (["*k[b-]", "*d:dor"], (-1, 9)),
        (["*E-:"], (-3, 0)),
        (["*f#:"], (3, 9)),
        (["*d:dor"], (0, 2)),
        (["*k[]", "*F#:"], (6, 0)),
    ],
)
def test_keys(tokens, key):
    _, tune = one(*tokens, "2c", "*-")
    assert [(each.sharps, each.mode) for each in tune.keys] == [key]


def test_a_key_that_changes():
    _, tune = one("*k[f#]", "*e:", "2c", "=", "*G:", "2c", "=", "*k[]", "2c", "==", "*-")
    assert marks(tune)[1] == [(0, 1, 9), (2, 1, 0), (4, 0, 0)]


def test_metres_that_are_sums_and_breves():
    lines = ["*M3+2/8", "8%5c", "=", "*M2/4+3/8", "8%7c", "=", "*M1/0", "0c", "=", "*MX/4", "*M?", "4c", "*-"]
    (tune,), refused = read(kern, rows("**kern", *lines))
    assert [(each.beats, each.unit) for each in tune.metres] == [(5, 8), (7, 8), (2, 1)]
    assert refused.left_out == {"metres that no bar has": 2}


def test_several_pieces():
    good = rows("**kern", "*M4/4", "4c", "*-")
    found, refused = read(
        kern, "!!!OTL: One\n" + good + "!! between\n" + rows("**kern", "z", "*-") + good + "!!!END: x"
    )
    assert [each.name for each in found] == ["x#1", "x#3"] and [each.title for each in found] == ["One", ""]
    assert refused.skipped == {"notes without a duration": 1}
    assert refused.places == {"notes without a duration": ["x, line 8: 'z'"]}


@pytest.mark.parametrize(
    "lines, reason, place",
    [
        (["4c 4e", "4c"], "lines with more or fewer columns than the spines above", "x, line 3: 1 instead of 2"),
        (["2c 4e", "4d 4f"], "notes that begin before those above them end", "x, line 3: '4d'"),
        (["2c 4e", "= ="], "spines that do not reach a bar line together", "x, line 3: 1 of a quarter note is missing"),
        (["c 4e"], "notes without a duration", "x, line 2: 'c'"),
        (["*v *"], "spines that are joined with none", "x, line 2"),
        (["*x *"], "spines that do not cross in pairs", "x, line 2"),
        (["4r 4r"], "no notes", "x"),
        (["4c 4" + "c" * 9], "pitches beyond MIDI's 0 … 127", "x"),
    ],
)
def test_what_is_wrong_is_named_and_counted(lines, reason, place):
    found, refused = read(kern, rows("**kern **kern", *lines, "*- *-"))
    assert not found and refused.skipped == {reason: 1}
    assert refused.places[reason][0].startswith(place)


@pytest.mark.parametrize(
    "lines, what",
    [
        (["*MM[Allegro]", "4c", "*-"], "tempos that are no numbers"),
        (["*k[f#b-]", "4c", "*-"], "key signatures that no major key has"),
        (["4c", "4Rg", "*-"], "percussion, of which kern does not say what it is"),
        (["4c", "*clefX", "4g", "*-"], "percussion, of which kern does not say what it is"),
        (["4c", "4z", "*-"], "what is neither note nor rest, and a rest now"),
        (["4c"], "the end, without which a piece is perhaps cut off"),
    ],
)
def test_what_is_left_out_is_counted(lines, what):
    (tune,), refused = read(kern, rows("**kern", *lines))
    assert [pitch for _, _, pitch, _ in sounding(tune)] == [60] and refused.left_out == {what: 1}


def test_a_grace_note_takes_no_time_from_those_that_go_on():
    text = rows("**kern **kern", "1C 4c", ". 8qg", ". 8qf,a", ". 4d", ". 2e", "= =", "4C 4c", "*- *-")
    (tune,), _ = read(kern, text)
    assert [each[:3] for each in sounding(tune)][2:4] == [(1, 1, 62), (2, 2, 64)] and len(tune) == 6


def test_only_the_first_of_a_chord_may_say_how_long():
    assert one("4c,e,g", "4d", "*-")[0] == [(0, 1, 60), (0, 1, 64), (0, 1, 67), (1, 1, 62)]


def test_known_by_its_content():
    for text in (SONG, "\ufeff!! x\r\n\r\n**kern\r\n", "**dynam\t**kern\n", "!\n**kern"):
        assert kern.recognises(text.encode())
    for text in ("", "**text\n", "kern\n**kern", "**kernel\n", "!" * 60000, "**a\t" * 20000, "X:1\nK:C\n**kern\n"):
        assert not kern.recognises(text.encode())


def test_a_file_without_tunes_is_refused(tmp_path):
    path = tmp_path / "a.krn"
    path.write_text(rows("**kern", "4z", "*-"))
    with pytest.raises(UserError, match=r"a\.krn: no tune can be read from it. 1 skipped: no notes .* is neither"):
        list(reading.read(path))


TOKENS = ("*^", "*v", "*x", "*+", "*-", "*", "**kern", "4c", "8[e", "2r", ".", "=", "qg", "3%2d]", "!x")


@given(st.lists(st.lists(st.sampled_from(TOKENS), max_size=4)))
@settings(deadline=None, max_examples=60)
def test_anything_is_read_or_refused(lines):
    found, refused = read(kern, rows("**kern **kern", *(" ".join(line) for line in lines)))
    assert len(found) + refused.count >= 1
