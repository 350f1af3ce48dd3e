import io
import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.io import savemat

from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.music import read as reading
from rhapsode.modalities.music import write
from rhapsode.modalities.music.formats import abc, impro_visor, midi, musicxml, own, rolls
from rhapsode.modalities.music.read import FORMATS, parts, read, recognised
from rhapsode.modalities.music.tune import Chord, Key, Metre, Part, Tempo, Tune, notes
from tests.modalities.music.tunes import read as read_with
from tests.modalities.music.tunes import sounding, tunes

ABC = "X:1\nT:One\nM:3/4\nL:1/4\nK:G\nGAB|\n\nX:2\nK:G\n?]\n"
TUNE = Tune(notes([(0, 480, 60, 80, 0), (480, 480, 64, 80, 0)]), 480, 960, metres=(Metre(0, 2, 4),), name="t")
SHEET = """(title Blue  Monk) (meter 3 4) (key -2) (tempo 90.0) (style (swing 0.67))
(part (type chords)) (section (style swing))
Bb7 | Eb7 F7 | / |
NC | Zz7
(part (type melody) (title ))
bb4 r8 eb+8/3 f+8/3 g+8/3 c-4. d8 g+2+4
c#++16 e4.. f
"""
JSON = {"train": [[[60, 55.0], [60, 57], [62, -1]], [[60, 55], [60], []]], "test": [[[-1, -1]]]}


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def mat(**tables):
    out = io.BytesIO()
    cells = {}
    for name, rolls_ in tables.items():
        cells[name] = np.empty((1, len(rolls_)), object)
        for at, each in enumerate(rolls_):
            cells[name][0, at] = each
    savemat(out, cells)
    return out.getvalue()


ROLL = np.zeros((4, 88), np.uint8)
ROLL[0:3, 0] = ROLL[0, 39] = ROLL[2:4, 39] = 1
FILES = {
    "a.mid": midi.dumps(TUNE),
    "a.abc": ABC,
    "a.ls": SHEET,
    "a.musicxml": musicxml.dumps(TUNE),
    "a.krn": "!!!OTL: One\n**text\t**kern\n*\t*M2/4\nla\t4c\n.\t4e\n*-\t*-\n",
    "a.json": json.dumps(JSON),
    "a.mat": mat(traindata=[ROLL], testdata=[ROLL, ROLL]),
    "a.tune.jsonl": own.dumps(TUNE) + "\n",
}
FILES["a.mxl"] = archive(
    {"META-INF/container.xml": '<c><rootfile full-path="b.xml"/></c>', "b.xml": musicxml.dumps(TUNE)}
)
FILES["a.zip"] = archive(FILES)


def at(folder, name, data):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize("name", FILES)
def test_every_kind_is_known_by_its_content(tmp_path, name):
    path = at(tmp_path, "file", FILES[name])
    assert recognised(path)
    if not name.endswith((".zip", ".mxl")):
        data = FILES[name] if isinstance(FILES[name], bytes) else FILES[name].encode()
        assert sum(each.recognises(data) for each in FORMATS.by_name.values()) == 1
    found = list(read(path, name="n"))
    assert found and all(each.name.startswith("n") for each in found if name != "a.tune.jsonl" and each.name != "t")


@pytest.mark.parametrize(
    "data", ["", "prose", "{}", "<svg/>", b"PK\3\4", b"\x89PNG", archive({"a.txt": "x"}), '{"a": [1]}']
)
def test_other_files_are_refused(tmp_path, data):
    path = at(tmp_path, "a.mid", data)
    assert not recognised(path)
    with pytest.raises(UserError, match="a.mid"):
        list(read(path))


def test_files_that_are_not_there(tmp_path):
    assert not recognised(tmp_path) and not recognised(tmp_path / "none")
    for call in (read, parts):
        with pytest.raises(UserError, match="cannot be read"):
            list(call(tmp_path / "none"))


def test_what_is_skipped_is_counted(tmp_path):
    refused = Refusals()
    assert len(list(read(at(tmp_path, "a.abc", ABC), name="a.abc", refused=refused))) == 1
    said = "left out, 1 times: bars with something that is not ABC, which are rests now (a.abc#2, line 10: ']')."
    assert list(refused.lines()) == ["1 skipped: no notes (a.abc#2).", said]
    with pytest.raises(UserError, match="b.abc: no tune can be read from it. 1 skipped: no notes"):
        list(read(at(tmp_path, "b.abc", "X:1\nK:G\nz4\n"), name="b.abc", refused=refused))
    assert refused.count == 2
    mixed = archive({"a.mid": midi.dumps(TUNE), "b.mid": midi.dumps(TUNE)[:30], "c.txt": "c", "d.abc": ABC})
    refused = Refusals()
    assert len(list(read(at(tmp_path, "a.zip", mixed), name="a.zip", refused=refused))) == 2
    assert refused.count == 2 and "a.zip/b.mid: a damaged MIDI file" in " ".join(refused.lines())
    with pytest.raises(UserError, match="a.zip/b.mid: a damaged MIDI file"):
        list(read(at(tmp_path, "a.zip", archive({"b.mid": midi.dumps(TUNE)[:30]}))))


def test_lead_sheets():
    (tune,), refused = read_with(impro_visor, SHEET)
    assert tune.title == "Blue Monk" and tune.metres == (Metre(0, 3, 4),) and tune.keys == (Key(0, -2),)
    assert tune.tempos == (Tempo(0, 90.0),)
    assert tune.chords == (Chord(0, "Bb7"), Chord(1440, "Eb7"), Chord(2160, "F7"), Chord(4320, ""))
    assert refused.left_out == {"chords that are not known": 1} and tune.length == 5 * 1440
    assert [(note[0], str(note[1]), note[2]) for note in sounding(tune)][1:5] == [
        (1.5, "1/3", 75),
        (pytest.approx(1.8333333), "1/3", 77),
        (pytest.approx(2.1666667), "1/3", 79),
        (2.5, "3/2", 48),
    ]
    assert [(str(length), pitch) for _, length, pitch, _ in sounding(tune)][5:] == [
        ("1/2", 62),
        ("3", 79),
        ("1/4", 85),
        ("7/4", 64),
        ("1/2", 65),
    ]


def test_lead_sheets_that_cannot_be_read():
    two = SHEET + "(part (type melody)) c4 what? d4"
    found, refused = read_with(impro_visor, two)
    assert [each.name for each in found] == ["x#1", "x#2"] and found[0].chords[0] == found[1].chords[0]
    assert refused.left_out["what is neither note nor chord"] == 1
    assert read_with(impro_visor, "(part (type chords)) C7 |")[1].skipped == {"no melody": 1}
    assert read_with(impro_visor, SHEET.replace("3 4", "0 4"))[1].count == 1
    for bad, words in ((SHEET + "(", "never closed"), (SHEET + ")", "without its"), ("(" * 60, "50 deep")):
        with pytest.raises(UserError, match=words):
            read_with(impro_visor, bad)


def test_rolls(tmp_path):
    path = at(tmp_path, "a.mat", FILES["a.mat"])
    assert parts(path) == ("train", "test") and len(list(read(path))) == 3
    (tune,) = read(path, "train", "a.mat")
    assert tune.notes.tolist() == [(0, 720, 21, 80, 0), (0, 240, 60, 80, 0), (480, 480, 60, 80, 0)]
    assert tune.length == 960 and tune.name == "a.mat, train #1"
    path = at(tmp_path, "a.json", FILES["a.json"])
    first, second = read(path, "train")
    assert first.notes.tolist() == [
        (0, 120, 55, 80, 1),
        (0, 240, 60, 80, 0),
        (120, 120, 57, 80, 1),
        (240, 120, 62, 80, 0),
    ]
    assert len(first.parts) == 2 and len(second.parts) == 1 and second.length == 360
    with pytest.raises(UserError, match="'valid' is not known"):
        list(read(path, "valid"))
    with pytest.raises(UserError, match="no parts"):
        list(read(at(tmp_path, "a.abc", ABC), "train"))


@pytest.mark.parametrize(
    "data, words",
    [
        (FILES["a.mat"][:150], "damaged MATLAB"),
        (mat(other=[ROLL]), "without traindata"),
        (mat(traindata=[np.zeros((2, 200))]), "frames × 88"),
        ('{"train": [[[60, "a"]]]}', "frame 1: expected pitches"),
        ('{"train": [[[60.5]]]}', "found 60.5"),
        ('{"train": [[[60], 1]]}', "frame 2: expected a list"),
        ('{"train": [[[60]', "not JSON"),
    ],
)
def test_damaged_rolls(data, words):
    with pytest.raises(UserError, match=words):
        read_with(rolls, data)


@given(tunes(step=7))
@settings(deadline=None, max_examples=30)
def test_own_files_lose_nothing(tune):
    (back,), _ = read_with(own, own.dumps(tune))
    assert np.array_equal(back.notes, tune.notes) and back.notes.dtype == tune.notes.dtype
    names = [each for each in Tune.__dataclass_fields__ if each != "notes"]
    assert [getattr(back, each) for each in names] == [getattr(tune, each) for each in names]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"rhapsode": "tune/9"}, "reads 'tune/1'"),
        ({"notes": [[0, 1, 60, 80]]}, "note 1: expected"),
        ({"notes": [[0, 0, 60, 80, 0]]}, "note 1: expected whole numbers of 1"),
        ({"notes": [[0, 1, 60, 80, 1]]}, "a part that is not there"),
        ({"notes": [[0, 961, 60, 80, 0]]}, "ends after"),
        ({"notes": [[0, 9, 60, 80, 0], [5, 9, 60, 80, 0]]}, "sound at once"),
        ({"ticks": 0}, "ticks: expected"),
        ({"keys": [[0, 8, 0]]}, "keys 1: expected"),
        ({"keys": [[0, 0, 3]]}, "a mode is one of"),
        ({"tempos": [[0, 0]]}, "quarter notes a minute"),
        ({"parts": [["", 0, 1]]}, "true or false"),
        ({"chords": [[0]]}, "expected 2 values"),
        ({"title": 3}, "expected text"),
        ({"length": None}, "length: expected"),
    ],
)
def test_damaged_lines(change, words):
    with pytest.raises(UserError, match=f"x, line 1.*{words}"):
        read_with(own, json.dumps(json.loads(own.dumps(TUNE)) | change))
    with pytest.raises(UserError, match="no field 'notes'"):
        read_with(own, '{"rhapsode": "tune/1", "ticks": 1, "length": 1}')


ONLY_WRITTEN = (".wav", ".svg", ".png", ".html")
READ_AGAIN = sorted(set(write.SUFFIXES) - set(ONLY_WRITTEN))


@pytest.mark.parametrize("suffix", ONLY_WRITTEN)
def test_writing_to_be_heard_and_seen(tmp_path, suffix):
    write.save(TUNE, tmp_path / f"a{suffix}")
    data = (tmp_path / f"a{suffix}").read_bytes()
    assert data.startswith({".wav": b"RIFF", ".svg": b"<", ".png": b"\x89PNG", ".html": b"<!"}[suffix])


@pytest.mark.parametrize("suffix", READ_AGAIN)
def test_writing(tmp_path, suffix):
    path = tmp_path / "new" / f"a{suffix.upper()}"
    write.save(TUNE, path)
    (back,) = read(path)
    assert sounding(back) == sounding(TUNE)
    with pytest.raises(UserError, match="kind of file: '.foo'"):
        write.save(TUNE, tmp_path / "a.foo")
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_abc_writes_what_is_no_chord_without_harm():
    assert '"A\'x"' in abc.dumps(Tune(TUNE.notes, 480, 960, chords=(Chord(0, 'A"x'),)))


@pytest.mark.parametrize("name", FILES)
def test_damage_never_ends_in_a_failure_of_ours(tmp_path, name):
    rng = np.random.default_rng(0)
    whole = FILES[name] if isinstance(FILES[name], bytes) else FILES[name].encode()
    for trial in range(40):
        data = bytearray(whole[: rng.integers(len(whole))] if trial % 2 else whole)
        for place in rng.integers(len(data) or 1, size=trial // 8 if data else 0):
            data[place] = rng.integers(256)
        path = at(tmp_path, name, bytes(data))
        recognised(path)
        try:
            list(read(path))
        except UserError as error:
            assert str(path) in str(error)


def test_pitches_that_no_instrument_has_are_not_read(tmp_path, monkeypatch):
    """No reader gives them; a format that somebody adds may forget to check."""
    high = Tune(notes([(0, 480, 131, 80, 0)]), 480, 480, parts=(Part("a"),), name="high")
    monkeypatch.setattr(reading, "FORMATS", SimpleNamespace(read=lambda *_: iter([high])))
    with pytest.raises(UserError, match="not from 0 to 127"):
        list(read(tmp_path / "high.txt"))
