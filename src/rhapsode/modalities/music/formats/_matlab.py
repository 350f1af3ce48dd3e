"""MATLAB's files of level 5 (`.mat`): cell arrays of matrices of numbers, which is what piano rolls need of them.

A file is a header of 128 bytes and then elements, each a tag (type, bytes) and what it holds; some are compressed. An
array holds its class, shape, name and numbers as elements, a cell array its cells. Every length is compared with the
bytes that are there before it is used. Characters, structures, sparse and complex numbers are none of a roll.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from rhapsode.files.source import FREE, RATIO

MAGIC = b"MATLAB 5.0 MAT-file"
HEADER = 128
COMPRESSED, MATRIX, INT8, INT32, UINT32 = 15, 14, 1, 5, 6
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""numpy's names of the types that numbers are stored in."""
CELL, NUMBERS = 1, range(6, 16)
"""Classes of arrays: of cells, and of real numbers from double to uint64."""
COMPLEX = 0x0800
DIMENSIONS = 8


class Damaged(Exception):
    """The file is damaged, or has what a roll does not need."""


@dataclass(frozen=True)
class _Element:
    kind: int
    data: memoryview


@dataclass(frozen=True)
class _MatlabArray:
    kind: int
    shape: tuple[int, ...]
    name: str
    parts: Iterator[_Element]


def cells(data: bytes, names: tuple[str, ...]) -> dict[str, list[np.ndarray]]:
    """The matrices in the cell arrays of these names, each in MATLAB's order, of those that are there.

    What is compressed may become `RATIO` times as large as the file, or `FREE` bytes. Raises `Damaged`.
    """
    order = {b"IM": "<", b"MI": ">"}.get(data[HEADER - 2 : HEADER])
    if not data.startswith(MAGIC) or order is None:
        raise Damaged("its header is cut short")
    room = max(RATIO * len(data), FREE)
    found: dict[str, list[np.ndarray]] = {}
    for element in _elements(memoryview(data)[HEADER:], order):
        if element.kind == COMPRESSED:
            plain = _inflated(element.data, room)
            room -= len(plain)
            element = next(_elements(memoryview(plain), order), element)
        if element.kind != MATRIX:
            raise Damaged(f"an element of type {element.kind} stands where an array should be")
        array = _array(element, order)
        if array.name in names:
            found[array.name] = [_numbers(each, order) for each in array.parts] if array.kind == CELL else []
            if array.kind != CELL or len(found[array.name]) != math.prod(array.shape):
                raise Damaged(f"{array.name} is not an array of as many cells as it says")
    return found


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    """Those that lie one after another in some bytes, each filled up to a multiple of 8. Raises `Damaged`."""
    at = 0
    while at < len(data):
        if len(data) - at < 8:
            raise Damaged("it ends within the tag of an element")
        kind, size = struct.unpack_from(f"{order}II", data, at)
        begin = at + 8
        if kind >> 16:  # up to 4 bytes stand in the tag itself
            kind, size, begin = kind & 0xFFFF, kind >> 16, at + 4
            at += 8
            if size > 4:
                raise Damaged(f"an element of {size} bytes stands where 4 have room")
        else:
            at = begin + size
            if at > len(data):
                raise Damaged(f"an element of {size} bytes stands where {len(data) - begin} are left")
            at += 0 if kind == COMPRESSED else -size % 8
        yield _Element(kind, data[begin : begin + size])


def _inflated(data: memoryview, room: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, room + 1)
    except zlib.error as error:
        raise Damaged(f"a compressed array is damaged: {error}") from None
    if len(plain) > room:
        raise Damaged(f"compressed arrays become more than {RATIO} times as large as the file")
    if not stream.eof:
        raise Damaged("a compressed array is cut short")
    return plain


def _array(element: _Element, order: str) -> _MatlabArray:
    """Raises `Damaged` unless it has a class, a shape of at most `DIMENSIONS`, and a name."""
    parts = _elements(element.data, order)
    about = list(islice(parts, 3))
    if [part.kind for part in about] != [UINT32, INT32, INT8]:
        raise Damaged("an array without class, shape or name")
    flags, lengths, name = (bytes(part.data) for part in about)
    if len(flags) != 8 or len(lengths) % 4 or len(lengths) > 4 * DIMENSIONS:
        raise Damaged("an array without a valid class or shape")
    shape = struct.unpack(f"{order}{len(lengths) // 4}i", lengths)
    (kind,) = struct.unpack_from(f"{order}I", flags)
    if min(shape, default=-1) < 0 or kind & COMPLEX:
        raise Damaged("an array of complex numbers, or without a valid shape")
    return _MatlabArray(kind & 0xFF, shape, name.decode("latin-1"), parts)


def _numbers(element: _Element, order: str) -> np.ndarray:
    """The matrix in a cell. Raises `Damaged`."""
    if element.kind != MATRIX:
        raise Damaged(f"an element of type {element.kind} stands where a cell should be")
    array = _array(element, order)
    values = next(array.parts, element)
    if array.kind not in NUMBERS or values.kind not in STORED or next(array.parts, None):
        raise Damaged("a cell is not a matrix of real numbers")
    dtype = np.dtype(order + STORED[values.kind])
    if math.prod(array.shape) * dtype.itemsize != len(values.data):
        raise Damaged(f"a matrix of shape {array.shape} does not have {len(values.data)} bytes")
    return np.frombuffer(values.data, dtype).reshape(array.shape, order="F")
