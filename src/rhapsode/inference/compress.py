"""Compression: a text as an arithmetic code under the model's own predictions.

The file, integers big-endian:

    RHAP            magic
    1 byte          version of this format
    16 bytes        the beginning of the model's digest: only this model can unpack the file (in early files, the
                    beginning of the checksum of the model's file)
    8 bytes         steps coded
    8 bytes         length of the original, in bytes
    4 bytes         CRC-32 of the original
    4 bytes         CRC-32 of the 41 bytes above and the code
    the rest        the code (see `rhapsode.inference.entropy_coder`)

The second checksum tells damage before any work is done and before any number is believed. The first
tells, at the end, what only the whole can tell: that the network computed the same on both machines.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np

from rhapsode.errors import UserError
from rhapsode.inference.entropy_coder import Decoder, Encoder
from rhapsode.inference.reader import Reader
from rhapsode.inference.trained import Trained
from rhapsode.report import Report

MAGIC, VERSION = b"RHAP", 1
FIELDS = struct.Struct(">4sB16sQQI")
CHECK = struct.Struct(">I")
HEADER = FIELDS.size + CHECK.size

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
    reader, encoder = Reader(model), Encoder()
    for step in range(len(symbols)):
        if step % REPORT_EVERY == 0:
            report.stage("compressing", step / len(symbols))
        encoder.put(_predicted(model, reader), int(symbols[step]))
        reader.read(symbols[step : step + 1])
    report.stage("compressing", 1.0)
    code = encoder.finish().ljust(len(symbols) // DENSEST, b"\0")
    fields = FIELDS.pack(MAGIC, VERSION, _mark(model), len(symbols), len(data), zlib.crc32(data))
    return fields + CHECK.pack(zlib.crc32(code, zlib.crc32(fields))) + code


def decompress(model: Trained, blob: bytes, report: Report | None = None) -> bytes:
    """The data that `compress` compressed. Raises `UserError` if the file belongs to another model, is damaged, or is
    not a compressed file.

    It never returns wrong data. Memory grows only with the output, whatever a forged header says.
    """
    report = report or Report()
    steps, length, crc, code = _unpack(model, blob)
    reader, decoder, text = Reader(model), Decoder(code), model.text_codec.decoder()
    data = bytearray()
    for step in range(steps):
        if step % REPORT_EVERY == 0:
            report.stage("decompressing", step / steps)
        symbol = decoder.get(_predicted(model, reader))
        data += text.feed(symbol)
        if len(data) > length:
            break
        reader.read(np.array([symbol]))
    report.stage("decompressing", 1.0)
    if len(data) != length or zlib.crc32(data) != crc:
        raise UserError(
            "the file is whole and the model is the right one, but the text came out different: this machine, or its "
            "version of ONNX Runtime, computes the network otherwise than the one that packed the file. "
            "Unpack it there."
        )
    return bytes(data)


def _predicted(model: Trained, reader: Reader) -> np.ndarray:
    """The distribution of the next symbol, [V] float64. Both compression and decompression use it, step by step."""
    probabilities: np.ndarray = np.exp(model.categorical.log_probs(reader.parameters[0]))
    return probabilities


def _mark(model: Trained) -> bytes:
    return bytes.fromhex(model.digest)[:16]


def about(blob: bytes) -> dict[str, Any]:
    """Information about a compressed file of any model. Raises `UserError` if it is damaged or not a compressed
    file."""
    mark, steps, length, _, _ = _opened(blob)
    return {"model": mark.hex(), "steps": steps, "bytes": len(blob), "original_bytes": length}


def _unpack(model: Trained, blob: bytes) -> tuple[int, int, int, bytes]:
    """The steps, the length and CRC-32 of the original, and the code of an undamaged file of this model."""
    mark, steps, length, crc, code = _opened(blob)
    if mark not in (_mark(model), bytes.fromhex(model.checksum)[:16]):
        raise UserError(
            f"the file was compressed with another model: its digest begins with {mark.hex()[:12]}, that of the model "
            f"given with {model.digest[:12]}. Unpack it with the very model that packed it."
        )
    return steps, length, crc, code


def _opened(blob: bytes) -> tuple[bytes, int, int, int, bytes]:
    """The beginning of the model's digest, the steps, the length and CRC-32 of the original, and the code of an
    undamaged file."""
    if not blob.startswith(MAGIC):
        raise UserError(f"this is not a file that rhapsode compressed: it does not begin with {MAGIC.decode()}.")
    if len(blob) < HEADER:
        raise UserError(f"the compressed file is damaged: cut short after {len(blob)} bytes, its header has {HEADER}.")
    _, version, mark, steps, length, crc = FIELDS.unpack_from(blob)
    if version != VERSION:
        raise UserError(
            f"the compressed file has version {version}; this Rhapsode reads version {VERSION}. It was made by a "
            "newer Rhapsode, or it is damaged."
        )
    code = blob[HEADER:]
    if (zlib.crc32(code, zlib.crc32(blob[: FIELDS.size])),) != CHECK.unpack_from(blob, FIELDS.size):
        raise UserError("the compressed file is damaged: it does not match its checksum. Restore it from a copy.")
    if steps // DENSEST > len(code):
        raise UserError(
            f"the compressed file is forged: its code of {len(code):,} bytes claims {steps:,} steps, and no code has "
            f"more than {DENSEST:,} a byte. Get it again from where it was made."
        )
    return mark, steps, length, crc, code
