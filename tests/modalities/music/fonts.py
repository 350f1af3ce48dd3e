"""A SoundFont made by rule: one preset, a sine."""

from __future__ import annotations

import struct

import numpy as np

RATE, ROOT = 22050, 69


def soundfont(bank: int = 0) -> bytes:
    """A sine of 441 Hz, whose period is 50 samples, looped; its key is A4."""
    wave = np.rint(20000 * np.sin(2 * np.pi * np.arange(1000) / 50)).astype("<i2").tobytes() + bytes(2 * 46)

    def named(text: str) -> bytes:
        return text.encode().ljust(20, b"\0")

    generators = [(54, 1), (53, 0)]  # looped; which sample, which must come last
    records = {
        b"phdr": named("Sine") + struct.pack("<HHHIII", 0, bank, 0, 0, 0, 0)
        + named("EOP") + struct.pack("<HHHIII", 0, 0, 1, 0, 0, 0),
        b"pbag": struct.pack("<4H", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<4H", 41, 0, 0, 0),  # instrument 0
        b"inst": named("Sine") + struct.pack("<H", 0) + named("EOI") + struct.pack("<H", 1),
        b"ibag": struct.pack("<4H", 0, 0, len(generators), 0),
        b"imod": bytes(10),
        b"igen": b"".join(struct.pack("<HH", *each) for each in [*generators, (0, 0)]),
        b"shdr": named("Sine") + struct.pack("<5IBbHH", 0, 1000, 100, 900, RATE, ROOT, 0, 0, 1)
        + named("EOS") + struct.pack("<5IBbHH", 0, 0, 0, 0, 0, 0, 0, 0, 0),
    }  # fmt: skip
    info = b"INFO" + _chunk(b"ifil", struct.pack("<HH", 2, 1)) + _chunk(b"isng", b"EMU8000\0")
    info += _chunk(b"INAM", b"Sine\0\0")
    samples = b"sdta" + _chunk(b"smpl", wave)
    hydra = b"pdta" + b"".join(_chunk(name, data) for name, data in records.items())
    return _chunk(b"RIFF", b"sfbk" + _chunk(b"LIST", info) + _chunk(b"LIST", samples) + _chunk(b"LIST", hydra))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data
