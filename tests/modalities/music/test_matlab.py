"""Piano rolls out of MATLAB's files, without MATLAB's own readers."""

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from rhapsode.errors import UserError
from rhapsode.files.archive import FREE
from rhapsode.modalities.music.formats import rolls
from rhapsode.modalities.music.formats._matlab import Damaged, cells
from tests.modalities.music.tunes import read as read_with

RNG = np.random.default_rng(0)
TYPES = ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "bool"]


def written(tables, compressed=False, **more):
    cell = np.empty((1, len(tables)), object)
    for at, each in enumerate(tables):
        cell[0, at] = each
    out = io.BytesIO()
    savemat(out, {"traindata": cell, **more}, do_compression=compressed)
    return out.getvalue()


def element(kind, data, order="<"):
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def array(kind, shape, name, *parts, order="<"):
    head = element(6, struct.pack(f"{order}II", kind, 0), order)
    head += element(5, struct.pack(f"{order}{len(shape)}i", *shape), order) + element(1, name, order)
    return element(14, head + b"".join(parts), order)


def file(*elements, order="<"):
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}HH", 0x0100, 0x4D49)
    return head + b"".join(elements)


@pytest.mark.parametrize("compressed", [False, True])
def test_read_as_scipy_does(compressed):
    tables = [(RNG.random((frames, 88)) < 0.1).astype(kind) for frames, kind in enumerate(TYPES)]
    tables += [np.array([[0.5, -1, np.nan]]), np.array([[300, -300]]), np.array([[1e300], [7]])]
    data = written(tables, compressed, other=np.arange(5), text="abc", more={"a": 1})
    found = cells(data, ("traindata", "testdata"))
    wanted = np.ravel(loadmat(io.BytesIO(data))["traindata"])
    assert list(found) == ["traindata"] and len(found["traindata"]) == len(wanted) == len(tables)
    for one, other in zip(found["traindata"], wanted, strict=True):
        assert one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def test_either_order_of_bytes():
    for order in "<>":
        cell = array(6, (1, 2), b"", element(9, struct.pack(f"{order}2d", 1.0, 256.0), order), order=order)
        (table,) = cells(file(array(1, (1, 1), b"traindata", cell, order=order), order=order), ("traindata",))[
            "traindata"
        ]
        assert table.tolist() == [[1.0, 256.0]]


def test_no_byte_of_a_file_brings_it_down():
    """Each byte in turn takes three other values: what comes out is a roll or an error that names the file."""
    roll = np.eye(4, 88, dtype=np.uint8)
    data = written([roll, roll])
    outcomes = set()
    for place in range(len(data)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[place] ^= change
            try:
                tunes, _ = read_with(rolls, bytes(damaged))
                outcomes.add("read" if tunes else "silent")
            except UserError as error:
                assert str(error).startswith("x:") or str(error).startswith("x, train")
                outcomes.add("refused")
    assert {"read", "refused"} <= outcomes


MATRIX = array(6, (1, 1), b"", element(9, struct.pack("<d", 1.0)))


@pytest.mark.parametrize(
    "data, words",
    [
        (file(array(1, (1, 2), b"traindata", MATRIX)), "as many cells"),
        (file(array(1, (1 << 30, 1 << 30), b"traindata", MATRIX)), "as many cells"),
        (file(array(6, (1, 1), b"traindata", element(9, bytes(8)))), "as many cells"),
        (file(array(1, (1, 1), b"traindata", element(9, bytes(8)))), "where a cell should be"),
        (file(array(1, (1, 1), b"traindata", array(4, (1, 1), b"", element(4, b"ab")))), "real numbers"),
        (file(array(1, (1, 1), b"traindata", array(6, (1 << 30, 2), b"", element(9, bytes(8))))), "does not have 8"),
        (file(array(1, (1, 1), b"traindata", array(6, (1,) * 9, b"", element(9, bytes(8))))), "class or shape"),
        (file(array(1, (-1, 1), b"traindata", MATRIX)), "valid shape"),
        (file(array(0x0801, (1, 1), b"traindata", MATRIX)), "complex"),
        (file(element(9, bytes(8))), "where an array should be"),
        (file(element(14, bytes(8))), "without class"),
        (file(struct.pack("<II", 14, 1 << 31)), "where 0 are left"),
        (file(struct.pack("<II", 5 << 16 | 14, 0)), "where 4 have room"),
        (file(b"1234"), "within the tag"),
        (file(element(15, b"no zlib")), "compressed array is damaged"),
        (file(element(15, zlib.compress(MATRIX)[:-9])), "compressed array"),
        (file(element(15, zlib.compress(bytes(FREE + 1)))), "times as large"),
        (file()[:126], "cut short"),
    ],
)
def test_what_is_refused(data, words):
    with pytest.raises(Damaged, match=words):
        cells(data, ("traindata",))
    with pytest.raises(UserError, match="x: a damaged MATLAB file"):
        read_with(rolls, data)
