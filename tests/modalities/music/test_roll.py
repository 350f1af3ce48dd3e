"""Piano rolls as pictures, and what they say about a tune."""

import io
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.music.facts import facts, grid, key_name
from rhapsode.modalities.music.roll import png, rolls, svg
from rhapsode.modalities.music.tune import Key, Metre, Part, Tune, notes
from tests.modalities.music.example_tunes import Q, blues, chorale, one

SVG = "{http://www.w3.org/2000/svg}"


def found(document: bytes, role: str) -> list[ElementTree.Element]:
    return [e for e in ElementTree.fromstring(document).iter() if (e.get("class") or "").split()[:1] == [role]]


def texts(document: bytes, role: str) -> list[str]:
    return [word.text or "" for word in found(document, role)]


def test_a_box_for_each_note() -> None:
    for tune in (one(), chorale(), blues()):
        document = svg(tune)
        assert len(found(document, "note")) == len(tune)
        assert not found(document, "more")
        root = ElementTree.fromstring(document)
        width = float(root.get("viewBox", "").split()[2])
        for box in found(document, "note"):
            assert float(box.get("x", "")) >= 40 and float(box.get("x", "")) + float(box.get("width", "")) < width


def test_places_and_colours() -> None:
    rows = [(0, Q, 60, 127, 0), (0, Q, 62, 1, 1), (Q, 2 * Q, 60, 64, 0)]
    low, high, later = found(svg(Tune(notes(rows), Q, 4 * Q, (Part("a"), Part("b")))), "note")
    assert low.get("x") == high.get("x") and float(later.get("x", "")) - float(low.get("x", "")) == 48
    assert float(low.get("y", "")) - float(high.get("y", "")) == 16, "two semitones"
    assert float(later.get("width", "")) == pytest.approx(2 * 48 - 0.8)
    assert low.get("color") != high.get("color") and low.get("color") == later.get("color")
    full = [float(box.get("fill-opacity", "")) for box in (low, later, high)]
    assert full == sorted(full, reverse=True) and full[0] == 1


def test_words() -> None:
    document = svg(blues())
    assert texts(document, "title") == ["Blues & test <12 bars>"]
    assert texts(document, "fact") == ["C mixolydian · 4/4 · ♩ = 116", "Melody", "Bass", "Drums"]
    assert texts(document, "chord") == [chord.symbol for chord in blues().chords]
    assert texts(document, "number") == [str(n) for n in range(1, 13)]
    assert {"C2", "C3", "C4", "C5"} == set(texts(document, "octave-name"))
    assert set(texts(document, "pitch")) == {"kick", "snare", "ride"}
    assert {"E4", "F4", "G4", "A4", "B4", "D5", "E5"} == set(texts(svg(one()), "pitch"))


def test_notes_go_on_in_the_next_row() -> None:
    tune = one(quarters=12)
    assert [len(found(svg(tune, bars=1), role)) for role in ("note", "more")] == [1, 2]
    assert [len(found(svg(tune, bars=2), role)) for role in ("note", "more")] == [1, 1]


def test_marked_notes_are_hollow_and_explained() -> None:
    tune = chorale()
    marks = tune.notes["start"] < 4 * Q
    boxes = found(svg(tune, marks=marks, marked="given"), "note")
    assert [box.get("stroke") is not None for box in boxes] == marks.tolist()
    assert texts(svg(tune, marks=marks, marked="given"), "fact")[-1] == "given"
    assert "marked" not in texts(svg(tune, marks=np.zeros(len(tune), bool)), "fact")
    with pytest.raises(UserError, match="1 marks for 108 notes"):
        svg(tune, marks=np.ones(1, bool))


def test_several_tunes_and_none() -> None:
    both = rolls([chorale(), one()])
    assert len(found(both, "note")) == len(chorale()) + 1
    assert len(found(rolls([one(), one()], marks=[None, np.ones(1, bool)]), "note")) == 2
    assert rolls([chorale(), one()], ".png").startswith(b"\x89PNG")
    with pytest.raises(UserError, match="no tune"):
        rolls([])
    with pytest.raises(UserError, match="kind of picture"):
        rolls([one()], ".gif")
    for odd in (Tune(notes([]), Q, 0), replace(one(), metres=(Metre(99 * Q, 3, 4),))):
        assert found(svg(odd), "edge")
    with pytest.raises(UserError, match="bars in a row"):
        svg(one(), bars=0)


def test_titles_may_hold_anything() -> None:
    tune = replace(one(), title="$x^2$ \x00 <i> 春の海")
    assert texts(svg(tune), "title") == ["$x^2$ \ufffd <i> 春の海"]
    assert png(tune, scale=1).startswith(b"\x89PNG")


def test_png_shows_the_same() -> None:
    from PIL import Image

    tune = one(quarters=4)
    made = png(tune, scale=1)
    picture = np.array(Image.open(io.BytesIO(made)).convert("RGB")).astype(int)
    root = ElementTree.fromstring(svg(tune))
    size = [float(value) for value in root.get("viewBox", "").split()[2:]]
    assert picture.shape[:2] == (round(size[1]), round(size[0]))
    box = found(svg(tune), "note")[0]
    x, y = float(box.get("x", "")) + 20, float(box.get("y", "")) + 3
    red, green, blue = picture[round(y), round(x)]
    assert blue > 150 and red < 90 and green < 170
    assert made == png(tune, scale=1) and svg(tune) == svg(tune)
    with pytest.raises(UserError, match="cannot be made"):
        png(tune, scale=100)


def test_facts() -> None:
    names = {
        (0, 0): "C major", (-1, 9): "D minor", (0, 2): "D dorian", (-2, 0): "B♭ major", (3, 9): "F♯ minor",
        (0, 5): "F lydian", (1, 7): "D mixolydian", (-7, 9): "A♭ minor", (0, 11): "B locrian", (0, 4): "E phrygian",
        (7, 0): "C♯ major", (-7, 5): "F♭ lydian",
    }  # fmt: skip
    assert {key: key_name(Key(0, *key)) for key in names} == names
    assert facts(one()) == []
    assert facts(chorale()) == ["C major", "4/4", "♩ = 84 at first"]


def test_grid_with_an_upbeat_and_a_change() -> None:
    tune = replace(one(quarters=12), metres=(Metre(Q, 3, 4), Metre(7 * Q, 6, 8)))
    bars, beats = grid(tune)
    assert bars.tolist() == [Q, 4 * Q, 7 * Q, 10 * Q]
    assert beats.tolist() == [*range(Q, 7 * Q, Q), *range(7 * Q, 12 * Q, Q // 2)]
