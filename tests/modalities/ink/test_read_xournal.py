import gzip

from rhapsode.files import signature
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.ink.read import read
from tests.modalities.ink.inkfiles import XOURNAL, all_of, archive, one, put, refused, strokes


def test_pages_of_a_pen(tmp_path):
    for name, data in {"a.xopp": gzip.compress(XOURNAL.encode()), "a.xoj": XOURNAL}.items():
        first, second = all_of(tmp_path / name, data)
        assert strokes(first) == [[[10, 20], [11.5, 22], [12, 23]], [[13, 20], [14, 20]]] and first.text is None
        assert first.pressure is None, "a stroke of it has a damaged one"
        assert strokes(second) == [[[1, 2], [3, 4], [5, 6]]] and second.name == f"{name}#2"
        assert second.pressure.tolist() == [0.5, 0.25, 0.25]
    packed = archive({"META-INF/version": "current=1", "content.xml": XOURNAL})
    assert [len(each) for each in all_of(tmp_path / "b.xopp", packed)] == [5, 3]
    assert signature.of(tmp_path / "b.xopp") == signature.ZIP, "no document of an office"
    assert len(one(tmp_path / "c.xopp", "<xournal><page/></xournal>")) == 0


def test_what_is_wrong(tmp_path):
    path = tmp_path / "a.xoj"
    refused(path, XOURNAL.replace("12 23<", "12<"), "line 4", "pairs x y; there are 5 numbers")
    refused(path, XOURNAL.replace("12 23<", "12 nan<"), "line 4", "finite")
    refused(path, XOURNAL.replace("12 23<", "12 x<"), "line 4", "number")
    for width in ("", "1 2", "1 2 3 4 5", "1 1e9 1", "1 1e999 1", "x y z", "nan nan nan"):
        whole = XOURNAL.replace("1.41 0.5 0.25", width)
        pressure = all_of(path, whole)[1].pressure
        assert (pressure is None) == (width != "1 2 3 4 5"), width


def test_what_is_left_out_is_told(tmp_path):
    refused = Refusals()
    list(read(put(tmp_path / "a.xoj", XOURNAL.encode()), refused=refused))
    assert refused.left_out == {"strokes of other tools than a pen": 1, "typed words and images": 2}
    assert refused.places["strokes of other tools than a pen"][0].endswith("line 5")
