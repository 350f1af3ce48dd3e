"""Compression: a text as an arithmetic code under the model's own predictions.

The file, integers big-endian:

    RHAP            magic
    1 byte          version of this format
    16 bytes        the beginning of the model's digest: only this model can unpack the file
    8 bytes         steps coded
    8 bytes         length of the original, in bytes
    4 bytes         CRC-32 of the original
    4 bytes         CRC-32 of the 41 bytes above and the code
    the rest        the code (see `rhapsode.arithmetic`)

The second checksum tells damage before any work is done and before any number is believed. The first
tells, at the end, what only the whole can tell: that the network computed the same on both machines.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from rhapsode.arithmetic import Decoder, Encoder
from rhapsode.errors import UserError
from rhapsode.model import Model
from rhapsode.report import Report

MAGIC, VERSION = b"RHAP", 1
FIELDS = struct.Struct(">4sB16sQQI")
CHECK = struct.Struct(">I")
HEADER = FIELDS.size + CHECK.size

REPORT_EVERY = 1024
"""Steps between reports."""


def compress(model: Model, data: bytes, report: Report | None = None) -> bytes:
    """`data` packed: about as many bytes as its score has nats, divided by 8 log 2, and 45 more."""
    report = report or Report()
    symbols = model.codec.encode(data).tolist()
    encoder = Encoder()
    for step, (symbol, probs) in enumerate(zip(symbols, _predictions(model, iter(symbols)), strict=False)):
        if step % REPORT_EVERY == 0:
            report.stage("compressing", step / len(symbols))
        encoder.put(probs, symbol)
    report.stage("compressing", 1.0)
    code = encoder.finish()
    fields = FIELDS.pack(MAGIC, VERSION, _mark(model), len(symbols), len(data), zlib.crc32(data))
    return fields + CHECK.pack(zlib.crc32(code, zlib.crc32(fields))) + code
