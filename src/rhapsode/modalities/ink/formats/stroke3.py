"""stroke-3, the files of sketch-rnn (`.npz`): each drawing an array of offsets.

A drawing is [N, 3] integers or floats: dx, dy (down), and whether the pen is lifted after that point. The file has the
arrays `train`, `valid` and `test`, each an object array of drawings, as numpy pickles it (which is read without being
unpickled), or a plain array, [N, 3] for one drawing or [drawings, N, 3]. A file with none of these names may have any.
"""

from __future__ import annotations

import math
import tokenize
import warnings
from collections.abc import Iterator
from typing import IO
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from rhapsode.errors import UserError
from rhapsode.files.archive import opened
from rhapsode.files.formats import Format
from rhapsode.files.refusals import Refusals
from rhapsode.files.source import WHOLE, Source
from rhapsode.modalities.ink.drawing import Drawing
from rhapsode.modalities.ink.formats._checks import finite
from rhapsode.modalities.ink.formats._pickled import Refused, arrays

PARTS = ("train", "valid", "test")
EXPECTED = "expected dx, dy and whether the pen is lifted, [points, 3], for each drawing"


def fits(archive: ZipFile) -> bool:
    """Whether an archive is an `.npz` of drawings, from the headers of its arrays."""
    chosen = _members(archive)
    try:
        return bool(chosen) and all(_fits(*_header(archive, info)) for info in chosen.values())
    except UserError:
        return False


def is_npz(archive: ZipFile) -> bool:
    names = archive.namelist()
    return bool(names) and all(name.endswith(".npy") for name in names)


def parts(source: Source) -> tuple[str, ...]:
    """Which of `PARTS` there are, in that order. Raises `UserError`."""
    with opened(source) as archive:
        return _parts(archive)


def _parts(archive: ZipFile) -> tuple[str, ...]:
    return tuple(part for part in PARTS if f"{part}.npy" in archive.namelist())


def read(source: Source, refused: Refusals, part: str | None = None) -> Iterator[Drawing]:
    """The drawings of one part, or of all. Raises `UserError`."""
    with opened(source) as archive:
        for each, info in _members(archive).items():
            if part is None or part == each:
                where = f"{source.name}/{each}"
                for number, array in enumerate(_arrays(archive, info, where), 1):
                    yield _drawing(array, f"{where}#{number}")


def _members(archive: ZipFile) -> dict[str, ZipInfo]:
    found = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    return {part: found[part] for part in _parts(archive) or sorted(found)}


def _header(archive: ZipFile, info: ZipInfo) -> tuple[tuple[int, ...], np.dtype]:
    with archive.open(info) as file:
        shape, _, dtype = _read_header(file, info.filename)
    return shape, dtype


def _read_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """(shape, whether in Fortran's order, dtype). Raises `UserError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a header from Python 2 is nothing to worry about
            version = npy.read_magic(file)
            if version == (1, 0):
                shape, fortran, dtype = npy.read_array_header_1_0(file)
            elif version == (2, 0):
                shape, fortran, dtype = npy.read_array_header_2_0(file)
            else:
                raise ValueError(f"version {version}")
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise UserError(f"{where}: not an array of numpy ({error}). Save it again with numpy.savez.") from None
    if min(shape, default=0) < 0 or (shape[:1] > (0,) and 0 in shape[1:]):
        raise UserError(f"{where}: an array of shape {shape} cannot be. Save it again with numpy.savez.")
    return shape, fortran, dtype


def _fits(shape: tuple[int, ...], dtype: np.dtype) -> bool:
    if dtype.kind == "O":
        return len(shape) == 1
    return dtype.kind in "iuf" and len(shape) in (2, 3) and shape[-1] == 3


def _arrays(archive: ZipFile, info: ZipInfo, where: str) -> Iterator[np.ndarray]:
    """The drawings of an array, each [N, 3] if it is right."""
    if info.file_size > WHOLE:
        raise UserError(f"{where}: larger than {WHOLE >> 20} MiB. Cut it into several files.")
    with archive.open(info) as file:
        shape, fortran, dtype = _read_header(file, where)
        if not _fits(shape, dtype):
            raise UserError(f"{where}: {EXPECTED}, found an array {list(shape)} of {dtype}.")
        data = file.read()
    if dtype.kind == "O":
        try:
            yield from arrays(data, shape[0])
        except Refused as error:
            raise UserError(
                f"{where}: it holds a pickle that is not read: {error}. Arrays of numbers are; save the drawings with "
                "numpy.savez, as an object array of arrays."
            ) from None
        return
    if math.prod(shape) * dtype.itemsize != len(data):
        raise UserError(f"{where}: an array {list(shape)} of {dtype} does not have {len(data)} bytes. Make it again.")
    whole = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    yield from whole if whole.ndim == 3 else [whole]


def _drawing(array: np.ndarray, name: str) -> Drawing:
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "iuf":
        raise UserError(f"{name}: {EXPECTED}, found an array {list(array.shape)} of {array.dtype}.")
    offsets = finite(array.astype(np.float64), name)
    ends = offsets[:, 2] != 0
    ends[-1:] = True
    return Drawing(finite(np.cumsum(offsets[:, :2], axis=0), name), ends, None, name)


FORMAT = Format("stroke-3 .npz", packed=is_npz, fits=fits, read=read, parts=parts)
