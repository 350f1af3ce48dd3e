"""Compression: a text as an arithmetic code under the model's own predictions.

The file, integers big-endian:

    RHAP            magic
    1 byte          version of this format: 2
    1 byte          arithmetic of the network, see `ARITHMETICS`
    16 bytes        the beginning of the model's digest: only this model can unpack the file
    8 bytes         steps coded
    8 bytes         length of the original, in bytes
    4 bytes         CRC-32 of the original
    4 bytes         CRC-32 of the 42 bytes above and the code
    the rest        the code (see `rhapsode.arithmetic.coder`)

The second checksum tells damage before any work is done and before any number is believed. The first
tells, at the end, what only the whole can tell: that the network computed the same on both machines.

Version 1 has no byte for the arithmetic, which was float32, and another code (see `rhapsode.inference.version1`). Early
files have the beginning of the checksum of the model's file, instead of its digest.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.errors import UserError
from rhapsode.inference import version1
from rhapsode.inference.loops import Loops, reader_of
from rhapsode.inference.reader import Reader
from rhapsode.inference.trained import Trained
from rhapsode.report import Report

MAGIC, VERSION = b"RHAP", 2
FIELDS = struct.Struct(">4sBB16sQQI")
FIELDS_1 = struct.Struct(">4sB16sQQI")
CHECK = struct.Struct(">I")
HEADER = FIELDS.size + CHECK.size
ARITHMETICS = "float32", "integers"

DENSEST = 1 << 16
"""The most steps for each byte of a code. Steps of high probability cost almost nothing, and zeros at the end of a code
are left out. So without this limit, a file of a few bytes could demand endless work."""
REPORT_EVERY = 1024
"""Steps between reports."""


def compress(model: Trained, data: bytes, report: Report | None = None) -> bytes:
    """Compress any data. The result has the size of its score, and `HEADER` bytes more.

    assert model.decompress(model.compress(data)) == data
    """
    report = report or Report()
    symbols = model.text_codec.encode(data)
    if model.end is not None:
        symbols = np.append(symbols, symbols.dtype.type(model.end))
    reader, encoder = reader_of(model), Encoder()
    for at in range(0, len(symbols), REPORT_EVERY):
        report.stage("compressing", at / len(symbols))
        some = symbols[at : at + REPORT_EVERY]
        if isinstance(reader, Loops):
            reader.encode(some, encoder)
            continue
        for symbol in some:
            encoder.put(_predicted(model, reader), int(symbol))
            reader.read(symbol[None])
    report.stage("compressing", 1.0)
    code = encoder.finish().ljust(len(symbols) // DENSEST, b"\0")
    arithmetic = ARITHMETICS.index(model.config.arithmetic)
    fields = FIELDS.pack(MAGIC, VERSION, arithmetic, _mark(model), len(symbols), len(data), zlib.crc32(data))
    return fields + CHECK.pack(zlib.crc32(code, zlib.crc32(fields))) + code


def decompress(model: Trained, blob: bytes, report: Report | None = None) -> bytes:
    """The data that `compress` compressed. Raises `UserError` if the file belongs to another model, is damaged, or is
    not a compressed file.

    It never returns wrong data. Memory grows only with the output, whatever a forged header says.
    """
    report = report or Report()
    file = _unpack(model, blob)
    text, data = model.text_codec.decoder(), bytearray()
    for at, some in _symbols(model, file):
        report.stage("decompressing", at / file.steps)
        data += b"".join(map(text.feed, some))
        if len(data) > file.length:
            break
    report.stage("decompressing", 1.0)
    if len(data) != file.length or zlib.crc32(data) != file.crc:
        raise UserError(
            f"the file is whole and the model is the right one, but the text came out different: {_why(file)}"
        )
    return bytes(data)


def _predicted(model: Trained, reader: Reader) -> np.ndarray:
    """The frequencies of the next symbol, [V] uint32. Both compression and decompression use it, step by step."""
    return model.categorical.frequencies(reader.parameters[0])


def _symbols(model: Trained, file: File) -> Iterator[tuple[int, list[int]]]:
    """The symbols of a file, some at a time: how many came before, and these."""
    reader, decoder = reader_of(model), Decoder(file.code)
    first = version1.Decoder(file.code) if file.version == 1 else None
    for at in range(0, file.steps, REPORT_EVERY):
        count, found = min(REPORT_EVERY, file.steps - at), list[int]()
        if isinstance(reader, Loops) and not first and (some := reader.decode(count, decoder)):
            decoder, found = some[1], some[0].tolist()
        while len(found) < count:
            found.append(first.get(reader.parameters[0]) if first else decoder.get(_predicted(model, reader)))
            reader.read(np.array(found[-1:]))
        yield at, found


def _why(file: File) -> str:
    """Why the text can have come out different, and what to do."""
    if file.arithmetic == "integers":
        return (
            "no two machines compute this model otherwise, so the file is forged. Get it again from where it was made."
        )
    return (
        "this machine, or its version of ONNX Runtime, computes the network otherwise than the one that packed the "
        "file. Unpack it there."
    )


def _mark(model: Trained) -> bytes:
    return bytes.fromhex(model.digest)[:16]


class File(NamedTuple):
    """An undamaged compressed file. mark: the beginning of the model's digest. length, crc: of the original."""

    version: int
    arithmetic: str
    mark: bytes
    steps: int
    length: int
    crc: int
    code: bytes


def about(blob: bytes) -> dict[str, Any]:
    """Information about a compressed file of any model. Raises `UserError` if it is damaged or not a compressed
    file."""
    file = _opened(blob)
    return {
        "model": file.mark.hex(),
        "arithmetic": file.arithmetic,
        "steps": file.steps,
        "bytes": len(blob),
        "original_bytes": file.length,
    }


def _unpack(model: Trained, blob: bytes) -> File:
    """A file of this model. Raises `UserError` for others."""
    file = _opened(blob)
    if file.mark not in (_mark(model), bytes.fromhex(model.checksum)[:16]):
        raise UserError(
            f"the file was compressed with another model: its digest begins with {file.mark.hex()[:12]}, that of the "
            f"model given with {model.digest[:12]}. Unpack it with the very model that packed it."
        )
    return file


def _opened(blob: bytes) -> File:
    if not blob.startswith(MAGIC):
        raise UserError(f"this is not a file that rhapsode compressed: it does not begin with {MAGIC.decode()}.")
    version = blob[len(MAGIC)] if len(blob) > len(MAGIC) else VERSION
    fields = FIELDS_1 if version == 1 else FIELDS
    header = fields.size + CHECK.size
    if len(blob) < header:
        raise UserError(f"the compressed file is damaged: cut short after {len(blob)} bytes, its header has {header}.")
    if version not in (1, VERSION):
        raise UserError(
            f"the compressed file has version {version}; this Rhapsode reads versions 1 to {VERSION}. It was made by a "
            "newer Rhapsode, or it is damaged."
        )
    code = blob[header:]
    if (zlib.crc32(code, zlib.crc32(blob[: fields.size])),) != CHECK.unpack_from(blob, fields.size):
        raise UserError("the compressed file is damaged: it does not match its checksum. Restore it from a copy.")
    _, _, *kind, mark, steps, length, crc = fields.unpack_from(blob)
    if steps // DENSEST > len(code):
        raise UserError(
            f"the compressed file is forged: its code of {len(code):,} bytes claims {steps:,} steps, and no code has "
            f"more than {DENSEST:,} a byte. Get it again from where it was made."
        )
    number = kind[0] if kind else 0
    if number >= len(ARITHMETICS):
        raise UserError(f"the compressed file names arithmetic {number}, which this Rhapsode does not know.")
    return File(version, ARITHMETICS[number], mark, steps, length, crc, code)
