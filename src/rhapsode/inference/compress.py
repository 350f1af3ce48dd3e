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

Version 3 is that of files whose network learnt as it coded (see `rhapsode.inference.online`). In the place of the
arithmetic stands the number of the rules by which it learnt; the digest is 16 zeros if it began without a model.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rhapsode.arithmetic.coder import Decoder, Encoder
from rhapsode.errors import UserError
from rhapsode.inference import online, version1
from rhapsode.inference.loops import Loops, reader_of
from rhapsode.inference.reader import Reader
from rhapsode.inference.trained import Trained
from rhapsode.report import Report

MAGIC, VERSION, ONLINE = b"RHAP", 2, 3
"""What a file begins with; its version, and that of one whose network learnt."""
FIELDS = struct.Struct(">4sBB16sQQI")
FIELDS_1 = struct.Struct(">4sB16sQQI")
CHECK = struct.Struct(">I")
HEADER = FIELDS.size + CHECK.size
ARITHMETICS = "float32", "integers"
LEARNING = "learning"
"""The arithmetic of networks that learn."""

DENSEST = 1 << 16
"""The most steps for each byte of a code. Steps of high probability cost almost nothing, and zeros at the end of a code
are left out. So without this limit, a file of a few bytes could demand endless work."""
DENSEST_ONLINE = 1 << 12
"""The same where the network learns, which takes longer."""
NONE = bytes(16)
"""What stands for the digest where there is no model."""
REPORT_EVERY = 1024
"""Steps between reports."""
LEAST = 32
"""So many symbols are decoded at a time after a unit began of which only the text told."""


def compress(model: Trained | None, data: bytes, report: Report | None = None, *, online: bool = False) -> bytes:
    """Compress any data. The result has the size of its score, and `HEADER` bytes more.

    assert model.decompress(model.compress(data)) == data

    online: a copy of the network learns as it codes, and what unpacks the file learns the same. Then model may be None,
    for a network that knows nothing at first. Raises `UserError` for models that cannot learn so.
    """
    report = report or Report()
    if online or model is None:
        return _compress_online(model, data, report)
    symbols = _symbols_of(model, data)
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
    return _packed(VERSION, ARITHMETICS.index(model.config.arithmetic), _mark(model), len(symbols), data, code)


def decompress(model: Trained | None, blob: bytes, report: Report | None = None) -> bytes:
    """The data that `compress` compressed. Raises `UserError` if the file belongs to another model, is damaged, or is
    not a compressed file.

    model: None for files of a network that learnt, and began without a model.
    It never returns wrong data. Memory grows only with the output, whatever a forged header says.
    """
    report = report or Report()
    file = _unpack(model, blob)
    data = bytearray()
    if file.version == ONLINE:
        found = online.decoded(model, file.code, file.steps, report)
    else:
        assert model is not None  # `_unpack` says so
        found = _symbols(model, file, report)
    text = None if model is None else model.text_codec.decoder()
    for some in found:
        data += b"".join(map(text.feed, some)) if text else bytes(some)
        if len(data) > file.length:
            break
    report.stage("decompressing", 1.0)
    if len(data) != file.length or zlib.crc32(data) != file.crc:
        raise UserError(
            f"the file is whole and the model is the right one, but the text came out different: {_why(file)}"
        )
    return bytes(data)


def _symbols_of(model: Trained, data: bytes) -> np.ndarray:
    """What is coded of the data."""
    symbols = model.text_codec.encode(data)
    return symbols if model.end is None else np.append(symbols, symbols.dtype.type(model.end))


def _compress_online(model: Trained | None, data: bytes, report: Report) -> bytes:
    symbols = np.frombuffer(data, np.uint8) if model is None else _symbols_of(model, data)
    code = online.encoded(model, symbols, report).ljust(len(symbols) // DENSEST_ONLINE, b"\0")
    report.stage("compressing and learning", 1.0)
    return _packed(ONLINE, online.RULES, NONE if model is None else _mark(model), len(symbols), data, code)


def _packed(version: int, kind: int, mark: bytes, steps: int, data: bytes, code: bytes) -> bytes:
    """The file. kind: the arithmetic, or the rules of learning."""
    fields = FIELDS.pack(MAGIC, version, kind, mark, steps, len(data), zlib.crc32(data))
    return fields + CHECK.pack(zlib.crc32(code, zlib.crc32(fields))) + code


def _predicted(model: Trained, reader: Reader) -> np.ndarray:
    """The frequencies of the next symbol, [V] uint32. Both compression and decompression use it, step by step."""
    return model.categorical.frequencies(reader.parameters[0])


def _symbols(model: Trained, file: File, report: Report) -> Iterator[list[int]]:
    """The symbols of a file, some at a time."""
    reader, decoder = reader_of(model), Decoder(file.code)
    first = version1.Decoder(file.code) if file.version == 1 else None
    size = REPORT_EVERY
    for at in range(0, file.steps, REPORT_EVERY):
        report.stage("decompressing", at / file.steps)
        count, found = min(REPORT_EVERY, file.steps - at), list[int]()
        while len(found) < count:
            if isinstance(reader, Loops) and not first:
                wanted = min(size, count - len(found))
                some, decoder = reader.decode(wanted, decoder)
                found += some.tolist()
                size = min(2 * size, REPORT_EVERY) if len(some) == wanted else LEAST
                if len(some) == wanted:
                    continue
            found.append(first.get(reader.parameters[0]) if first else decoder.get(_predicted(model, reader)))
            reader.read(np.array(found[-1:]))
        yield found


def _why(file: File) -> str:
    """Why the text can have come out different, and what to do."""
    if file.arithmetic != "float32":
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
    """An undamaged compressed file. arithmetic: its name; of a network that learnt, `LEARNING`. mark: the beginning of
    the model's digest, or `NONE`. length, crc: of the original."""

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
        "model": "none: a fresh network learnt as it coded" if file.mark == NONE else file.mark.hex(),
        "arithmetic": file.arithmetic,
        "online": file.version == ONLINE,
        "steps": file.steps,
        "bytes": len(blob),
        "original_bytes": file.length,
    }


def _unpack(model: Trained | None, blob: bytes) -> File:
    """A file of this model. Raises `UserError` for others."""
    file = _opened(blob)
    needs = f"a model whose digest begins with {file.mark.hex()[:12]}"
    if model is None and file.mark != NONE:
        raise UserError(f"the file was compressed with {needs}. Give it: rhapsode decompress MODEL FILE -o FILE")
    if model is not None and file.mark == NONE:
        raise UserError("the file was compressed without a model. Unpack it without: rhapsode decompress FILE -o FILE")
    if model is not None and file.mark not in (_mark(model), bytes.fromhex(model.checksum)[:16]):
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
    if version not in (1, VERSION, ONLINE):
        raise UserError(
            f"the compressed file has version {version}; this Rhapsode reads versions 1 to {ONLINE}. It was made by a "
            "newer Rhapsode, or it is damaged."
        )
    code = blob[header:]
    if (zlib.crc32(code, zlib.crc32(blob[: fields.size])),) != CHECK.unpack_from(blob, fields.size):
        raise UserError("the compressed file is damaged: it does not match its checksum. Restore it from a copy.")
    _, _, *kind, mark, steps, length, crc = fields.unpack_from(blob)
    densest = DENSEST_ONLINE if version == ONLINE else DENSEST
    if steps // densest > len(code):
        raise UserError(
            f"the compressed file is forged: its code of {len(code):,} bytes claims {steps:,} steps, and no code has "
            f"more than {densest:,} a byte. Get it again from where it was made."
        )
    number = kind[0] if kind else 0
    if version == ONLINE:
        if number != online.RULES:
            raise UserError(
                f"the network of the compressed file learnt by rules {number}; this Rhapsode knows rules "
                f"{online.RULES}. It was made by a newer Rhapsode: unpack it there."
            )
        return File(version, LEARNING, mark, steps, length, crc, code)
    if number >= len(ARITHMETICS):
        raise UserError(f"the compressed file names arithmetic {number}, which this Rhapsode does not know.")
    return File(version, ARITHMETICS[number], mark, steps, length, crc, code)
