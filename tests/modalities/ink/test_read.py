import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.files import archive as archives
from rhapsode.files import source
from rhapsode.modalities.ink import read as module
from rhapsode.modalities.ink.read import read, recognised
from tests.modalities.ink.inkfiles import (
    DRAWN,
    FILES,
    OMNIGLOT,
    OWN,
    SVG,
    all_of,
    archive,
    npz,
    one,
    put,
    refused,
)

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
    assert recognised(tmp_path / name)
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


@pytest.mark.parametrize("root", ["svg", "ink", "WhiteboardCaptureSession"])
def test_entities_are_refused(tmp_path, root):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    text = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><{root}><title>&l9;</title></{root}>'
    refused(tmp_path / "a.xml", f'<?xml version="1.0"?>{text}', "entities")
    file = f'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]><{root}>&f;</{root}>'
    refused(tmp_path / "b.xml", file, "entities")
    outside = f'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://localhost/x.dtd"><{root}/>'
    assert len(one(tmp_path / "c.xml", outside)) == 0, "a mere name of a document type is harmless"


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


def test_packed_members_of_archives(tmp_path, monkeypatch):
    packed = {f"{name}.ndjson": pack(DRAWN.encode() * 3) for name, pack in (("a", gzip.compress), ("b", lzma.compress))}
    found = all_of(tmp_path / "a.zip", archive(packed))
    assert [len(each) for each in found] == [3] * 6 and found[0].name == "a.zip/a.ndjson#1"
    monkeypatch.setattr(archives, "INSIDE", 100)
    refused(tmp_path / "b.zip", archive({"a.ndjson": gzip.compress(DRAWN.encode() * 30000)}), "200 times its size")


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
    assert {path.stem for path in folder.glob("[a-z]*.py")} == {*module.FORMATS.by_name}
    assert next(iter(module.FORMATS.by_name)) == "own"


def test_archives_with_a_member_without_a_name(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        written.writestr("a.svg", SVG.format('<path d="M0 0L1 1"/>'))
        written.writestr(zipfile.ZipInfo(""), b"")
    assert len(all_of(tmp_path / "a.zip", out.getvalue())) == 1
