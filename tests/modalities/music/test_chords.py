import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.modalities.music import chords
from rhapsode.modalities.music.chords import parse, scale, transposed
from rhapsode.modalities.music.pitch import name, named, place, shifted, signature, spelled

TONES = {
    "C": {0, 4, 7},
    "C C- Cm Cmin Cmi": None,
    "Cmaj7 CM7 C^7 C^ CΔ Cj7 C(maj7)": {0, 4, 7, 11},
    "Cm C- Cmin Cminor": {0, 3, 7},
    "C7 Cdom7": {0, 4, 7, 10},
    "C6 Cmaj6": {0, 4, 7, 9},
    "C69 C6/9 CM69": {0, 4, 7, 9, 2},
    "C9": {0, 4, 7, 10, 2},
    "C13": {0, 4, 7, 10, 2, 9},
    "Cm7b5 Ch7 Ch Cø C-7b5 Cm7(b5)": {0, 3, 6, 10},
    "Cdim Co C° Cd": {0, 3, 6},
    "Cdim7 Co7 C°7": {0, 3, 6, 9},
    "C+ Caug Ca": {0, 4, 8},
    "C+7 C7+ C7#5 Caug7 C7+5": {0, 4, 8, 10},
    "Csus4 Csus": {0, 5, 7},
    "C7sus4 C7sus": {0, 5, 7, 10},
    "C7#9 C7+9 C7(#9)": {0, 4, 7, 10, 3},
    "C7b9 C7-9": {0, 4, 7, 10, 1},
    "C7b9#11 C7(b9,#11)": {0, 4, 7, 10, 1, 6},
    "C7alt Calt": {0, 4, 10, 1, 3, 6, 8},
    "CmMaj7 Cm(maj7) C-^7 CmM7": {0, 3, 7, 11},
    "Cadd9 C2 C(add9)": {0, 4, 7, 2},
    "Cmadd9": {0, 3, 7, 2},
    "C5 Cno3 C(omit3)": {0, 7},
    "C7sus4b9": {0, 5, 7, 10, 1},
    "C-5": {0, 4, 6},
    "C/E": {0, 4, 7},
    "C/D": {0, 2, 4, 7},
    "NC N.C.": set(),
}


@pytest.mark.parametrize("symbols, tones", [(key, tones) for key, tones in TONES.items() if tones is not None])
def test_spellings(symbols, tones):
    for symbol in symbols.split():
        assert parse(symbol).tones == tones, symbol


def test_roots_and_basses():
    assert (parse("F#m7").root, parse("Bb7").root, parse("C♭").root) == (6, 10, 11)
    assert parse("C/E").bass == 4 and parse("C").bass == 0 and parse("NC").root == parse("").bass == -1
    assert parse("D/f+").bass == 6 and parse("Gm/bb").bass == 10, "the spelling of the Nottingham database"
    assert parse("Cm7").symbol == "Cm7" and parse("C7b9").changes == ("b9",) and parse("C-7").kind == "m7"


@pytest.mark.parametrize("symbol", ["Cfoo", "C7q", "C7b8", "H7", "Cadd", "fine", "C/X", "Cmm", "Bad", "D.C."])
def test_what_is_no_chord_is_named(symbol):
    with pytest.raises(UserError, match=symbol.replace(".", r"\.")):
        parse(symbol)


@pytest.mark.parametrize(
    "symbol, semitones, sharps, spelled",
    [
        ("Am7/G", 3, -3, "Cm7/Bb"),
        ("C7(#9)", 1, 7, "C#7(#9)"),
        ("C7", 1, -5, "Db7"),
        ("NC", 3, -3, "NC"),
        ("Em", 6, -6, "Bbm"),  # in E flat minor
        ("Em", 6, 6, "A#m"),  # in D sharp minor
        ("Bb", 0, 0, "Bb"),
        ("A#", 0, 0, "Bb"),
        ("E/Ab", 0, 0, "E/G#"),
        ("Abdim7", 0, 0, "G#dim7"),
        ("Gbm7b5", 0, 0, "F#m7b5"),
        ("Bm7b5/F", 1, -3, "Cm7b5/Gb"),
        ("B", 0, -6, "Cb"),
        ("G", 0, 7, "G"),
        ("A/C#", 3, -3, "C/E"),
    ],
)
def test_transposing(symbol, semitones, sharps, spelled):
    assert transposed(symbol, semitones, sharps) == spelled


@given(st.sampled_from(sorted(chords.ENDINGS)), st.integers(0, 11), st.integers(-12, 12), st.integers(-7, 7))
@settings(deadline=None)
def test_transposing_moves_the_tones(ending, root, semitones, sharps):
    symbol = name(root, sharps < 0) + ending
    moved = parse(transposed(symbol, semitones, sharps))
    assert moved.tones == {(tone + semitones) % 12 for tone in parse(symbol).tones}
    assert parse(symbol).tones <= scale(parse(symbol))


def test_scales():
    def of(symbol):
        return sorted(scale(parse(symbol)))

    assert of("C") == of("Cmaj7") == [0, 2, 4, 5, 7, 9, 11] and of("G7") == of("C"), "of one key"
    assert of("Dm7") == of("C") and of("Bm7b5") == of("C") and of("Fmaj7#11") == of("C")
    assert of("C7alt") == [0, 1, 3, 4, 6, 8, 10] and len(of("C7b9")) == 8 and of("NC") == []
    assert of("Cm(maj7)") == [0, 2, 3, 5, 7, 9, 11]
    assert of("Cmaj7#9") == [0, 3, 4, 7, 11], "no scale has all its tones"
    assert 2 in of("C/D") and of("C/F#") == of("C"), "the bass has no say"


def test_names_of_pitches():
    assert signature(2) == {"F": 1, "C": 1, "G": 0, "D": 0, "A": 0, "E": 0, "B": 0}
    assert signature(-7)["F"] == -1 and signature(7)["B"] == 1 and sum(signature(-3).values()) == -3
    assert spelled(60, 0) == ("C", 0, 4) and spelled(61, 0) == ("C", 1, 4) and spelled(63, 0) == ("E", -1, 4)
    assert spelled(59, -7) == ("C", -1, 4) and spelled(60, 7) == ("B", 1, 3) and spelled(66, -5) == ("G", -1, 4)
    assert [shifted(7, 12), shifted(0, 1), shifted(0, 2), shifted(-3, 3)] == [7, -5, 2, 6]
    assert all(named(place(*named(at))) == named(at) for at in range(-15, 20))
