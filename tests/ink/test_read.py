import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.exchange import archive as archives
from rhapsode.exchange import source
from rhapsode.ink import read as module
from rhapsode.ink.drawing import Drawing, from_strokes
from rhapsode.ink.formats import own
from rhapsode.ink.read import SUFFIXES, parts, read, recognised

SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'
OMNIGLOT = "START\n1.5,-10.0,0\n2.5,-12.0,40\nBREAK\n3.0,-11.0,90\nBREAK\n"
UJI = """// a comment
WORD a trn_UJI_W01-01
  NUMSTROKES 1
  POINTS 2 # 500 800 490 780
// ASCII char: euro
WORD euro trn_UJI_W01-01
  NUMSTROKES 2
  POINTS 1 # 1 2
  POINTS 2 # 3 4 5 6
"""
UNIPEN = """.VERSION 1.0
.COORD X Y T P
.HIERARCHY TEXT WORD
.SEGMENT WORD 0 OK "to"
.SEGMENT WORD 2:0-2:1 OK "\\"be\\""
.PEN_DOWN
1 5 0 10
2 6 10 20
.PEN_UP
9 9 20 0
.PEN_DOWN
3 7 30 40
4 8 40 0
5 9 50 0
"""
INKML = """<ink xmlns="http://www.w3.org/2003/InkML">
<annotation type="truth">x+y</annotation>
<traceFormat><channel name="Y"/><channel name="X"/><channel name="F" max="100"/><channel name="T" units="s"/>
</traceFormat>
<trace>1 2 50 0, 3 4 100 0.5</trace><trace type="penUp">7 7 0 1</trace>
<trace> 5 6 0 2 </trace></ink>"""
IAM = """<?xml version="1.0"?><WhiteboardCaptureSession><WhiteboardDescription/><StrokeSet>
<Stroke start_time="1"><Point x="10" y="20" time="7.25"/><Point x="11" y="22" time="7.5"/></Stroke>
<Stroke><Point x="12" y="20" time="8.0"/></Stroke></StrokeSet></WhiteboardCaptureSession>"""
DRAWN = '{"word": "cat", "recognized": true, "drawing": [[[0, 1], [5, 6]], [[2], [3]]]}\n'
RAW = '{"word": "cat", "drawing": [[[0.5, 1], [5, 6], [100, 350]]]}\n'
BIGBANK = [
    {
        "metadata": {"author": "A", "asciiSequence": "hi", "pointCount": 5, "strokeCount": 2, "aspectRatio": 6},
        "points": [[0.1, 0.5, 1], [0.2, 0.6, 1], [0.2, 0.6, 0], [0.3, 0.4, 1], [0.3, 0.4, 0]],
    },
    {"metadata": {"author": "A", "asciiSequence": "j", "aspectRatio": 2}, "points": []},
]
OWN = '{"rhapsode": "ink/1", "text": "hi", "strokes": [[[0, 1], [2, 3]], [], [[4, 5]]]}\n'


def all_of(path, data, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return list(read(path, name=path.name, **options))


def one(path, data):
    (drawing,) = all_of(path, data)
    return drawing


def strokes(drawing):
    return [stroke.tolist() for stroke in drawing.strokes()]


def refused(path, data, *words, **options):
    with pytest.raises(UserError) as caught:
        all_of(path, data, **options)
    for word in (path.name, *words):
        assert word in str(caught.value)


def put(path, data):
    path.write_bytes(data)
    return path


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def npz(**arrays):
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def objects(*drawings):
    made = np.empty(len(drawings), object)
    for at, each in enumerate(drawings):
        made[at] = each
    return made


def npy(header, data):
    text = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


def pickled(data, shape=(1,)):
    return archive({"train.npy": npy(f"{{'descr': '|O', 'fortran_order': False, 'shape': {shape}, }}", data)})


FILES = {
    "own.jsonl": OWN,
    "a.npz": npz(train=objects(np.ones((2, 3), np.int16))),
    "iam.xml": IAM,
    "a.inkml": INKML,
    "a.svg": SVG.format('<path d="M0 0L1 1"/>'),
    "a.ndjson": DRAWN,
    "uji.txt": UJI,
    "a.unp": UNIPEN,
    "o.txt": OMNIGLOT,
    "b.json": json.dumps(BIGBANK),
}
FILES["a.zip"] = archive({name: data for name, data in FILES.items() if name != "a.npz"})
NOT_INK = {
    "prose.txt": "Sing, goddess, the anger.\nSTART\nWORD a word\n",
    "code.py": "import json\nWORD = 1\nprint('.PEN_DOWN')\n",
    "a.json": '{"drawing": 1, "strokes": [[[1, 2]]]}',
    "list.json": '[{"metadata": {"title": "x"}, "points": [1]}]',
    "a.xml": "<?xml version='1.0'?><!-- svg --><html><svg/></html>",
    "a.wav": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
    "a.mid": b"MThd\0\0\0\x06\0\1\0\1\0\x60MTrk",
    "weights.npz": npz(w=np.zeros((4, 5))),
    "text.zip": archive({"a.txt": "prose"}),
    "nothing": b"",
    "noise": bytes(range(256)) * 9,
    "dots.dat": ".\n.B\n.PEN\n",
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_drawings_are_recognised_and_read(tmp_path, name):
    found = all_of(tmp_path / name, FILES[name])
    assert recognised(tmp_path / name) and Path(name).suffix in SUFFIXES
    assert found and all(each.name.startswith(name) for each in found)
    for each in found:
        assert each.points.shape == (len(each), 2) and each.points.dtype == np.float64 and each.ends.dtype == bool


@pytest.mark.parametrize("name", NOT_INK)
def test_other_files_are_not(tmp_path, name):
    refused(tmp_path / name, NOT_INK[name])
    assert not recognised(tmp_path / name)


def test_what_is_not_there_is_not_recognised(tmp_path):
    assert not recognised(tmp_path / "no") and not recognised(tmp_path)
    for path in (tmp_path / "no", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            list(read(path))


@pytest.mark.parametrize("name", FILES)
def test_cut_and_damaged_files_end_in_a_drawing_or_a_message(tmp_path, name):
    data = FILES[name] if isinstance(FILES[name], bytes) else FILES[name].encode()
    rng = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(data[: rng.integers(1, len(data) + 1)])
        for at in rng.integers(0, len(damaged), rng.integers(0, 4)):
            damaged[at] = rng.choice([0, 34, 44, 48, 57, 60, 91, 255, rng.integers(256)])
        try:
            all_of(tmp_path / name, bytes(damaged))
        except UserError as error:
            assert name in str(error)


FLOATS = st.floats(-1e12, 1e12)


@st.composite
def drawings(draw):
    lengths = draw(st.lists(st.integers(1, 4), max_size=4))
    total = sum(lengths)

    def column(values):
        return np.array(draw(st.lists(values, min_size=total, max_size=total)), np.float64)

    ends = np.zeros(total, bool)
    ends[np.cumsum(lengths, dtype=int) - 1] = True
    return Drawing(
        np.stack([column(FLOATS), column(FLOATS)], axis=1),
        ends,
        draw(st.none() | st.text()),
        "",
        column(st.floats(0, 1)) if total and draw(st.booleans()) else None,
        column(FLOATS) if total and draw(st.booleans()) else None,
    )


@given(st.lists(drawings(), min_size=1, max_size=3))
def test_own_files_come_back_to_the_last_bit(tmp_path_factory, given_):
    path = tmp_path_factory.mktemp("own") / "a.jsonl"
    found = all_of(path, "".join(own.dumps(each) + "\n" for each in given_))
    for before, after in zip(given_, found, strict=True):
        assert before.text == after.text
        for field in ("points", "ends", "pressure", "seconds"):
            old, new = getattr(before, field), getattr(after, field)
            assert (old is None) == (new is None)
            assert old is None or old.tobytes() == new.tobytes()


def test_own_files_say_what_is_wrong(tmp_path):
    assert strokes(one(tmp_path / "a.jsonl", OWN)) == [[[0, 1], [2, 3]], [[4, 5]]]
    assert all_of(tmp_path / "a.jsonl", OWN + "\n" + OWN)[1].name == "a.jsonl#2"
    never_ended = Drawing(np.zeros((2, 2)), np.zeros(2, bool))
    assert one(tmp_path / "a.jsonl", own.dumps(never_ended)).ends.tolist() == [False, True]
    assert len(one(tmp_path / "a.jsonl", own.dumps(from_strokes([])))) == 0
    for line, words in {
        '{"text": "a"}': ("line 2", "'strokes'"),
        "{": ("line 2", "not JSON"),
        "[1]": ("line 2", "expected an object"),
        "[" * 100_000: ("line 2", "not JSON"),
        '{"rhapsode": "ink/2"}': ("line 2", "Update"),
        '{"strokes": [[[0, 1]]], "text": 3}': ("line 2", "'text'"),
        '{"strokes": 3}': ("line 2", "expected a list"),
        '{"strokes": [[[0, NaN]]]}': ("line 2", "stroke 1", "point 1", "finite"),
        '{"strokes": [[[0, 1], [0, -Infinity]]]}': ("point 2", "finite"),
        '{"strokes": [[[0, 1e300]]]}': ("point 1", "larger"),
        '{"strokes": [[[0, 1' + "0" * 400 + "]]]}": ("stroke 1", "points"),
        '{"strokes": [[[0, 1, 2]]]}': ("each of 2 numbers",),
        '{"strokes": [[["0", "1"]]]}': ("each of 2 numbers",),
        '{"strokes": [[[0, null]]]}': ("each of 2 numbers",),
        '{"strokes": [[[0, 1]]], "pressure": [[0, 1]]}': ("a number for each point",),
        '{"strokes": [[[0, 1]]], "pressure": [[2]]}': ("0 ... 1",),
        '{"strokes": [[[0, 1]]], "seconds": [["x"]]}': ("list of numbers",),
    }.items():
        refused(tmp_path / "a.jsonl", OWN + line, *words)


def test_lines_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("rhapsode.exchange.json.LINE", len(OWN) + 5)
    refused(tmp_path / "a.jsonl", OWN + " " * 200, "line 2", "longer")


def test_offsets_become_places_and_parts_are_chosen(tmp_path):
    path = tmp_path / "a.npz"
    first = np.array([[1, 2, 0], [3, 4, 1], [0, -1, 0]], np.int16)
    data = npz(
        test=objects(first),
        train=objects(first, np.float32(first), np.array([[5.0, 5.0, 0.0]])),
        valid=np.asfortranarray(first),
        other=np.zeros((2, 2)),
    )
    found = all_of(path, data)
    assert [each.name for each in found] == [
        f"a.npz/{part}" for part in ("train#1", "train#2", "train#3", "valid#1", "test#1")
    ]
    for each in (*found[:2], *found[3:]):
        assert strokes(each) == [[[1, 2], [4, 6]], [[4, 5]]] and each.ends.tolist() == [False, True, True]
    assert found[2].points.tolist() == [[5, 5]] and found[2].text is None
    assert parts(path) == ("train", "valid", "test")
    assert len(list(read(path, "valid"))) == 1
    refused(path, data, "'trein'", "Did you mean 'train'", part="trein")
    assert len(all_of(path, npz(x=np.ones((4, 2, 3))))) == 4 and parts(path) == ()
    refused(path, npz(x=np.ones((4, 2, 3))), "no parts", part="train")
    refused(tmp_path / "a.jsonl", OWN, "no parts", part="train")
    assert parts(tmp_path / "a.jsonl") == ()


def test_arrays_that_are_no_drawings(tmp_path):
    path = tmp_path / "a.npz"
    refused(path, npz(train=objects(np.ones((2, 4)))), "train#1", "[2, 4]")
    refused(path, npz(train=objects(np.ones(3))), "train#1", "[3]")
    refused(path, npz(train=np.ones((2, 2))), "[2, 2]")
    refused(path, npz(train=np.array([["a", "b", "c"]])), "found an array")
    refused(path, npz(train=objects(np.full((2, 3), np.nan))), "train#1", "finite")
    refused(path, npz(train=objects(np.full((2, 3), np.inf))), "train#1", "finite")
    refused(path, npz(train=objects([1, 2])), "pickle")
    refused(path, npz(train=objects(np.array([["a", "b", "c"]]))), "pickle")
    assert [len(each) for each in all_of(path, npz(train=objects(np.zeros((0, 3)))))] == [0]
    assert all_of(path, npz(train=np.empty(0, object))) == []


def test_a_pickle_of_python_2(tmp_path):
    raw = np.array([[1, -2, 0], [200, 4, 1]], "<i2").tobytes()
    inner = (
        b"h\x01h\x02K\x00\x85U\x01b\x87R(K\x01K\x02K\x03\x86h\x04U\x02i2K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
    )
    inner += b"J\xff\xff\xff\xffK\x00tb\x89U" + bytes([len(raw)]) + raw + b"tb"
    outer = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87R(K\x01K\x02\x85"
    )
    outer += b"cnumpy\ndtype\nq\x04U\x02O8K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]("
    data = pickled(outer + inner + inner + b"etb.", (2,))
    expected = [[[1, -2], [201, 2]]]
    assert [strokes(each) for each in all_of(tmp_path / "a.npz", data)] == [expected, expected]


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("went-off"),)


def bombs():
    for protocol in range(6):
        yield pickle.dumps(objects(Bomb()), protocol)
        yield pickle.dumps(Bomb(), protocol)
    whole = pickle.dumps(objects(np.ones((2, 3))), 4)
    yield whole.replace(b"_reconstruct", b"set_typeDict")
    yield whole[:-1]
    yield whole[: len(whole) // 2]
    yield b"."
    yield b"\x80\x02]r\xff\xff\xff\xff."  # a memo that would be huge
    yield b"\x80\x02" + b"(" * 10 + b"t" * 11 + b"."
    yield b"\x80\x04\x96" + (1 << 40).to_bytes(8, "little") + b"."
    yield b"cos\nsystem\n(S'touch went-off'\ntR."
    yield b"(S'touch went-off'\nios\nsystem\n."
    yield b"cnumpy\ndtype\ncnumpy\ndtype\n(NNNNNtb."


@pytest.mark.parametrize("data", list(bombs()))
def test_pickles_are_not_run(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path / "a.npz", pickled(data), "a.npz/train", "pickle")
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]


def test_headers_that_announce_what_is_not_there(tmp_path):
    path = tmp_path / "a.npz"
    for shape in ("(1000000000000, 3)", "(2, 3)", f"({1 << 62}, {1 << 62}, 3)"):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
        refused(path, archive({"train.npy": npy(header, b"\0" * 24)}), "24 bytes")
    refused(
        path,
        archive({"train.npy": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3)}", b"")}),
        "cannot be",
    )
    refused(path, archive({"train.npy": npy("{'descr': __import__('os')}", b"")}), "not an array")
    refused(path, archive({"train.npy": b"\x93NUMPY\x03\x00\0\0\0\0"}), "not an array")
    refused(path, archive({"train.npy": b""}), "not an array")
    good = pickle.dumps(objects(np.ones((2, 3))), 2)
    refused(path, pickled(good, (5,)), "announced size")


def test_iam_lines_find_their_text(tmp_path):
    path = tmp_path / "lineStrokes/a01/a01-000/a01-000u-02.xml"
    drawing = one(path, IAM)
    assert strokes(drawing) == [[[10, 20], [11, 22]], [[12, 20]]]
    assert drawing.text is None and drawing.seconds.tolist() == [0, 0.25, 0.75]
    words = tmp_path / "ascii/a01/a01-000/a01-000u.txt"
    words.parent.mkdir(parents=True)
    words.write_text("OCR:\n\nwrong\nwrong too\n\nCSR: \n\nThe first line\nthe second , with ‘quotes’\n")
    assert one(path, IAM).text == "the second , with ‘quotes’"
    assert one(path.with_stem("a01-000u-03"), IAM).text is None
    packed = archive({"d/lineStrokes/b-1.xml": IAM, "d/ascii/b.txt": "CSR:\na line\n"})
    assert [each.text for each in all_of(tmp_path / "a.zip", packed)] == ["a line"]
    refused(path, IAM.replace('x="12"', 'x="nan"'), "line 3", "finite")
    refused(path, IAM.replace('x="12"', 'x=""'), "line 3", "number")
    refused(path, IAM.replace('x="12"', ""), "line 3", "without x")
    assert one(path, IAM.replace(' time="8.0"', "")).seconds is None
    assert len(one(path, "<WhiteboardCaptureSession/>")) == 0


def test_inkml_channels(tmp_path):
    path = tmp_path / "a.inkml"
    drawing = one(path, INKML)
    assert drawing.text == "x+y" and strokes(drawing) == [[[2, 1], [4, 3]], [[6, 5]]]
    assert drawing.pressure.tolist() == [0.5, 1, 0] and drawing.seconds.tolist() == [0, 0.5, 2]
    refused(path, INKML.replace('name="X"', 'name="Z"'), "line 5", "no channels X and Y")
    refused(path, INKML.replace("3 4 100", "NaN 4 100"), "line 5", "not a point")
    refused(path, INKML.replace("3 4 100", "1e400 4 100"), "line 5", "finite")
    refused(path, INKML.replace(" 5 6 0 2 ", "5"), "line 6", "fewer")


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ("1 2, 3 4", [[1, 2], [3, 4]]),
        ("1125 18432, '23'43, \"7\"-8, 3-5, 7 -3, 6 2, 6 8, 3 6", None),
        ("10 0, '1'2, 1 2, !5 6", [[10, 0], [11, 2], [12, 4], [5, 10]]),
        ("10 0, * 1, * *", [[10, 0], [10, 1], [10, 1]]),
        ("10-1,1.5.5", [[10, -1], [1.5, 0.5]]),
        ("", []),
        ("5 6", [[5, 6]]),
    ],
)
def test_inkml_values(tmp_path, trace, expected):
    drawing = one(tmp_path / "a.inkml", f"<ink><trace>{trace}</trace></ink>")
    if expected is None:  # the example of the standard
        expected = [[1125, 18432], [1148, 18475], [1178, 18510], [1211, 18540]]
        expected += [[1251, 18567], [1297, 18596], [1349, 18633], [1404, 18676]]
    assert drawing.points.tolist() == expected and drawing.text is None


def test_inkml_groups_contexts_and_continued_traces(tmp_path):
    text = """<i:ink xmlns:i="x"><i:definitions><i:traceFormat xml:id="f"><i:channel name="X" orientation="-ve"/>
    <i:channel name="Y"/></i:traceFormat><i:context xml:id="c" traceFormatRef="#f"/><i:context xml:id="d">
    <i:traceFormat>    <i:channel name="Y"/><i:channel name="X"/></i:traceFormat></i:context></i:definitions>
    <i:traceGroup><i:annotation type="truth">one</i:annotation>
    <i:trace contextRef="#c" continuation="begin">1 2</i:trace>
    <i:trace contextRef="#c" continuation="end">3 4</i:trace></i:traceGroup>
    <i:traceGroup><i:annotation type="truth">two</i:annotation>
    <i:trace contextRef="#d">1 2</i:trace></i:traceGroup></i:ink>"""
    first, second = all_of(tmp_path / "a.inkml", text)
    assert (first.text, second.text, second.name) == ("one", "two", "a.inkml#2")
    assert strokes(first) == [[[-1, 2], [-3, 4]]] and strokes(second) == [[[2, 1]]]


@pytest.mark.parametrize(
    ("d", "expected"),
    [
        ("M1 2 3 4L5 6", [[[1, 2], [3, 4], [5, 6]]]),
        ("m1,2 1 1 m1 0 l1 1", [[[1, 2], [2, 3]], [[3, 3], [4, 4]]]),
        ("M0 0H3V4h-1v-2z", [[[0, 0], [3, 0], [3, 4], [2, 4], [2, 2], [0, 0]]]),
        ("M0 0L1 0zL5 5", [[[0, 0], [1, 0], [0, 0]], [[0, 0], [5, 5]]]),
        ("M1-2.5.5 3e0", [[[1, -2.5], [0.5, 3]]]),
        ("M5 5", [[[5, 5]]]),
        ("M5 5z", [[[5, 5]]]),
        ("M.5.5h0", [[[0.5, 0.5], [0.5, 0.5]]]),
        ("", []),
        ("M0 0A0 0 0 0 1 3 4", [[[0, 0], [3, 4]]]),
    ],
)
def test_svg_lines(tmp_path, d, expected):
    assert strokes(one(tmp_path / "a.svg", SVG.format(f'<path d="{d}"/>'))) == expected


def test_svg_curves_are_near_the_true_ones(tmp_path):
    def points(d):
        return one(tmp_path / "a.svg", SVG.format(f'<path d="{d}"/>')).points

    for d in ("M10 0A10 10 0 1 1 0 -10", "m10 0a10 10 0 11-10-10", "M10 0A10,10,0,1,1,0,-10"):
        circle = points(d)
        assert np.abs(np.hypot(*circle.T) - 10).max() < 0.04 and 10 < len(circle) < 100
        assert circle[:, 1].max() > 9.9, "the long way round, clockwise, y being down"
    assert points("M10 0A10 10 0 0 0 0 -10")[:, 0].min() >= -1e-9
    assert np.allclose(points("M0 0A1 1 0 0 1 10 0")[:, 1].min(), -5, atol=0.05), "a radius that is too small grows"
    ellipse = points("M0 0A20 10 90 0 1 20 0")
    assert np.isclose(ellipse[-1], [20, 0]).all() and ellipse[:, 1].min() < -19
    cubic = points("M0 0C0 4 4 4 4 0S8 -4 8 0")
    t = np.linspace(0, 1, 2001)[:, None]
    true = np.concatenate([3 * t * (1 - t) ** 2 * [0, 4] + 3 * t**2 * (1 - t) * [4, 4] + t**3 * [4, 0]])
    true = np.concatenate([true, true * [1, -1] + [4, 0]])
    assert np.hypot(*(cubic[:, None] - true).transpose(2, 0, 1)).min(axis=1).max() < 0.01
    assert np.allclose(cubic, points("m0 0c0 4 4 4 4 0s4-4 4 0"))
    quadratic = points("M0 0Q2 4 4 0T8 0")
    assert np.allclose(quadratic, points("M0 0Q2 4 4 0Q6 -4 8 0")) and quadratic[:, 1].min() == pytest.approx(
        -2, abs=0.01
    )


def test_svg_shapes_transforms_and_texts(tmp_path):
    path = tmp_path / "a.svg"

    def found(inner):
        return strokes(one(path, SVG.format(inner)))

    assert found('<polyline points="1,2 3,4"/><polygon points="0 0 1 0 1 1"/><line x1="1" y2="2"/>') == [
        [[1, 2], [3, 4]],
        [[0, 0], [1, 0], [1, 1], [0, 0]],
        [[1, 0], [0, 2]],
    ]
    assert found('<defs><path d="M9 9"/></defs><path d="M1 1" display="none"/><rect/>') == []
    for transforms, expected in {
        "translate(3)": [4, 2],
        "translate(3, 4) scale(2)": [5, 8],
        "scale(2 3)": [2, 6],
        "matrix(1 2 3 4 5 6)": [12, 16],
        "rotate(90)": [-2, 1],
        "rotate(90 1 1)": [0, 1],
        "skewX(45)": [3, 2],
        "skewY(45)": [1, 3],
    }.items():
        (((x, y),),) = found(f'<g transform="{transforms}"><path d="M1 2"/></g>')
        assert [x, y] == pytest.approx(expected), transforms
    assert found('<g transform="translate(1 0)"><path transform="scale(2)" d="M1 2"/></g>') == [[[3, 4]]]
    assert one(path, SVG.format("<title>hi</title><desc>made by hand</desc>")).text == "hi"
    assert one(path, SVG.format("<title>hi…</title><desc>hi there</desc>")).text == "hi there"
    assert one(path, SVG.format("<title>Handwriting</title>")).text is None
    assert one(path, SVG.replace("<svg", '<svg aria-label="hi"').format("")).text == "hi"
    groups = all_of(path, SVG.format('<g data-text="a"><path d="M1 1"/></g><g data-text="b"><path d="M2 2"/></g>'))
    assert [(each.text, each.name) for each in groups] == [("a", "a.svg#1"), ("b", "a.svg#2")]


@pytest.mark.parametrize(
    ("inner", "word"),
    [
        ('<path d="L1 2"/>', "begin with M"),
        ('<path d="M1"/>', "takes 2 numbers"),
        ('<path d="M1 2 x"/>', "numbers"),
        ('<path d="M1 2z 3"/>', "not a command"),
        ('<path d="M1 2A1 1 0 2 0 3 3"/>', "takes 7 numbers"),
        ('<path d="M1 1e999"/>', "finite"),
        ('<polyline points="1 2 3"/>', "pairs"),
        ('<polyline points="1 nan"/>', "finite"),
        ('<line x1="10%"/>', "number"),
        ('<g transform="spin(3)"/>', "not known"),
        ('<g transform="scale(1 2 3)"/>', "does not take 3"),
        ('<g transform="scale(1e9) scale(1e9)"/>', "larger"),
        ("<g>" * 300, "deep"),
        ("<g>", "not well-formed"),
    ],
)
def test_svg_says_what_is_wrong(tmp_path, inner, word):
    refused(tmp_path / "a.svg", SVG.format(inner), word)


@pytest.mark.parametrize("root", ["svg", "ink", "WhiteboardCaptureSession"])
def test_entities_are_refused(tmp_path, root):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><{root}><title>&l9;</title></{root}>'
    refused(tmp_path / "a.xml", f'<?xml version="1.0"?>{text}', "entities")
    file = f'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><{root}>&f;</{root}>'
    refused(tmp_path / "b.xml", file, "entities")
    outside = f'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://localhost/x.dtd"><{root}/>'
    assert len(one(tmp_path / "c.xml", outside)) == 0, "a mere name of a document type is harmless"


def test_quick_draw(tmp_path):
    path = tmp_path / "a.ndjson"
    first, second = all_of(path, DRAWN + RAW)
    assert strokes(first) == [[[0, 5], [1, 6]], [[2, 3]]] and first.text is None and first.seconds is None
    assert strokes(second) == [[[0.5, 5], [1, 6]]] and second.seconds.tolist() == [0, 0.25]
    assert second.name == "a.ndjson#2"
    assert len(one(path, '{"word": "x", "drawing": []}')) == 0
    refused(path, DRAWN + '{"word": "x", "drawing": [[[0, 1], [1]]]}', "line 2", "stroke 1", "one length")
    refused(path, DRAWN + '{"word": "x", "drawing": [[0, 1]]}', "line 2", "stroke 1", "list of numbers")
    refused(path, DRAWN + '{"word": "x", "drawing": [[[NaN], [1]]]}', "line 2", "stroke 1", "finite")
    refused(path, DRAWN + '{"word": "x"}', "line 2", "'drawing'")


def test_quick_draw_as_one_value(tmp_path):
    """A list, on one line or many; or objects, each over several lines."""
    values = [json.loads(line) for line in (DRAWN, RAW)]
    spread = "\n".join(json.dumps(value, indent=2) for value in values)
    for text in (json.dumps(values), "\ufeff" + json.dumps(values, indent=1), spread):
        first, second = all_of(tmp_path / "a.json", text)
        assert strokes(first) == [[[0, 5], [1, 6]], [[2, 3]]] and strokes(second) == [[[0.5, 5], [1, 6]]]
        assert second.name == "a.json#2"
    refused(tmp_path / "b.json", json.dumps(values)[:-20], "element 2", "not JSON")
    refused(tmp_path / "b.json", json.dumps([*values, 3]), "element 3", "an object")
    refused(tmp_path / "b.json", spread[:-9], "element 2", "not JSON")


def test_packed_files(tmp_path, monkeypatch):
    for number, packed in enumerate((gzip.compress, bz2.compress, lzma.compress)):
        path = tmp_path / f"{number}.ndjson"
        assert [len(each) for each in all_of(path, packed(DRAWN.encode() * 3))] == [3] * 3
        refused(path, packed(DRAWN.encode())[:-9], "damaged")
    monkeypatch.setattr(source, "FREE", 100)
    path = tmp_path / "bomb.ndjson"
    path.write_bytes(gzip.compress(DRAWN.encode() * 30000))
    with pytest.raises(UserError, match=r"bomb.ndjson: more than 200 times its size comes out of it"):
        list(read(path))
    assert not recognised(put(tmp_path / "cut.json", gzip.compress(DRAWN.encode())[:20]))


def test_numbers_in_json(tmp_path):
    strange = {"drawings": [[[1, -2.5e3], [3, 4]]] * 20}
    for value in (strange, [{"x": 1, "y": 2}] * 20, [[0.5, 1, 0]] * 20):
        for indent in (None, 1):
            path = put(tmp_path / "a.json", json.dumps(value, indent=indent).encode())
            assert module.unfamiliar(path) and not recognised(path)
    for value in ({"text": "Once upon a time", "pages": [1, 2, 3]}, ["a", 1, "b", 2] * 9, {"years": {"born": 1900}}):
        assert not module.unfamiliar(put(tmp_path / "a.json", json.dumps(value).encode()))
    assert not module.unfamiliar(put(tmp_path / "a.csv", b"1,2\n3,4\n" * 9))
    assert not module.unfamiliar(tmp_path / "none")


def test_uji(tmp_path):
    path = tmp_path / "uji.txt"
    first, second = all_of(path, UJI)
    assert (first.text, second.text) == ("a", "€") and strokes(first) == [[[500, 800], [490, 780]]]
    assert strokes(second) == [[[1, 2]], [[3, 4], [5, 6]]] and second.name == "uji.txt#2"
    refused(path, UJI.replace("POINTS 1 # 1 2", "POINTS 2 # 1 2"), "line 8", "2 points are announced, 1")
    refused(path, UJI.replace("NUMSTROKES 2", "NUMSTROKES 3"), "line 6", "3 strokes are announced, 2")
    refused(path, UJI.replace("# 1 2", "# 1 inf"), "line 8", "finite")
    refused(path, UJI + "rubbish\n", "line 10", "expected WORD")


def test_unipen(tmp_path):
    path = tmp_path / "a.unp"
    first, second = all_of(path, UNIPEN)
    assert (first.text, second.text) == ("to", '"be"')
    assert strokes(first) == [[[1, -5], [2, -6]]] and strokes(second) == [[[3, -7], [4, -8]]]
    assert first.seconds.tolist() == [0, 0.01] and first.pressure.tolist() == [0.5, 1]
    plain = UNIPEN.replace(".SEGMENT", ".COMMENT")
    assert one(path, plain).text is None and len(one(path, plain)) == 5
    follows = '.PEN_DOWN\n1 2\n.SEGMENT CHARACTER ? ? "a"\n.PEN_DOWN\n3 4\n.PEN_UP\n'
    follows += '.SEGMENT CHARACTER ? ? "b"\n.PEN_DOWN\n5 6\n'
    assert [(each.text, strokes(each)) for each in all_of(path, follows)] == [("a", [[[3, -4]]]), ("b", [[[5, -6]]])]
    refused(path, UNIPEN.replace("2 6 10 20", "2 6 10"), "line 6", "4 for each point")
    refused(path, UNIPEN.replace("2 6 10 20", "2 inf 10 9"), "line 6", "finite")
    refused(path, UNIPEN.replace("X Y T P", "X T P"), "line 2", ".COORD")
    refused(path, ".VERSION 1.0\n.COORD X Y\n.INCLUDE far.dat\n", ".INCLUDE")


def test_unipen_columns_hold_from_their_coord_on(tmp_path):
    later = UNIPEN.replace(".PEN_UP\n9 9 20 0\n", ".COORD Y X\n")
    later = later.replace("3 7 30 40\n4 8 40 0\n5 9 50 0", "7 3 8 4 9 5")
    first, second = all_of(tmp_path / "a.unp", later.replace("WORD 2:0-2:1", "WORD 1:0-1:1"))
    assert strokes(first) == [[[1, -5], [2, -6]]] and first.seconds.tolist() == [0, 0.01]
    assert strokes(second) == [[[3, -7], [4, -8]]] and second.seconds is None and second.pressure is None
    whole = all_of(tmp_path / "b.unp", later.replace(".SEGMENT", ".COMMENT"))
    assert [len(each.points) for each in whole] == [5] and whole[0].seconds is None


def test_omniglot(tmp_path):
    drawing = one(tmp_path / "o.txt", OMNIGLOT)
    assert strokes(drawing) == [[[1.5, 10], [2.5, 12]], [[3, 11]]] and drawing.text is None
    assert drawing.seconds.tolist() == [0, 0.04, 0.09]
    refused(tmp_path / "o.txt", OMNIGLOT + "1,2\n", "line 7", "x,y,t")
    refused(tmp_path / "o.txt", OMNIGLOT + "1,nan,2\n", "line 7", "finite")


def test_cursive_words(tmp_path):
    path = tmp_path / "b.json"
    first, second = all_of(path, json.dumps(BIGBANK))
    assert first.text == "hi" and np.allclose(first.points, [[0.6, 0.5], [1.2, 0.6], [1.8, 0.4]])
    assert first.ends.tolist() == [False, True, True], (
        "the point that repeats the last says only that the pen is lifted"
    )
    assert len(second) == 0 and second.name == "b.json#2"
    text = json.dumps(BIGBANK)
    refused(path, text[:-2], "element 2", "not JSON")
    refused(path, text.replace('"aspectRatio": 2', '"aspectRatio": 0'), "element 2", "aspectRatio")
    refused(path, text.replace('"j"', "7"), "element 2", "asciiSequence")
    refused(path, text.replace("0.1", "NaN"), "element 1", "finite")
    refused(path, text.replace('"points": []', '"points": [[1, 2]]'), "element 2", "each of 3 numbers")


def test_archives_are_read_in_order_without_what_systems_leave(tmp_path):
    files = {
        "b/2.txt": OMNIGLOT,
        "a.jsonl": OWN,
        "__MACOSX/x.jsonl": OWN,
        ".hidden.jsonl": OWN,
        "note.txt": "prose",
        "b/": "",
    }
    path = tmp_path / "a.zip"
    found = all_of(path, archive(files))
    assert [each.name for each in found] == ["a.zip/a.jsonl#1", "a.zip/b/2.txt"]
    refused(path, archive({"a.jsonl": OWN + "{"}), "a.zip/a.jsonl, line 2")
    refused(path, archive({"a.jsonl": OWN * 9})[:60], "damaged")
    data = bytearray(archive({"a.jsonl": OWN * 9}))
    data[45:60] = bytes(15)
    refused(path, bytes(data), "damaged")
    assert not recognised(path)
    refused(path, archive({}), "none of its 0 files")


def test_archives_do_not_explode(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE", 100_000)
    refused(tmp_path / "a.zip", archive({"a.jsonl": OWN + " " * 1_000_000}), "announce")
    locked = archive({"a.jsonl": OWN})
    with zipfile.ZipFile(io.BytesIO(locked)) as made:
        directory = made.start_dir
    locked = locked[: directory + 8] + b"\x01" + locked[directory + 9 :]
    refused(tmp_path / "b.zip", locked, "encrypted")


def test_what_is_held_whole_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "WHOLE", 100)
    refused(tmp_path / "o.txt", OMNIGLOT * 10, "larger than")


def test_reading_is_lazy(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(OWN + "{")
    assert next(read(path)).text == "hi"
    assert next(read(path, name="shown")).name == "shown#1"


def test_every_format_is_tried():
    folder = Path(module.__file__).parent / "formats"
    names = {path.stem for path in folder.glob("[a-z]*.py")}
    assert names == {each.__name__.rpartition(".")[2] for each in module.FORMATS} | {"stroke3"}


def test_archives_with_a_member_without_a_name(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        written.writestr("a.svg", SVG.format('<path d="M0 0L1 1"/>'))
        written.writestr(zipfile.ZipInfo(""), b"")
    assert len(all_of(tmp_path / "a.zip", out.getvalue())) == 1
