import pickle
from pathlib import Path

import numpy as np
import pytest

from rhapsode.modalities.ink.read import parts, read
from tests.modalities.ink.inkfiles import OWN, all_of, archive, npy, npz, objects, pickled, refused, strokes


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
