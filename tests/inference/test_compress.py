"""Compression loses nothing, costs what the score says, and never returns wrong data."""

from __future__ import annotations

import math
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.inference import compress as packing
from rhapsode.inference.compress import FIELDS, HEADER, compress, decompress
from rhapsode.inference.model import Model
from rhapsode.inference.score import score
from rhapsode.report import Report
from tests.conftest import TEXT, MakeModel

CODECS = ["chars", "bytes", "words", "bpe", "chars+end", "bpe+end"]
DATA = TEXT.encode()


@settings(max_examples=80, deadline=None)
@given(data=st.binary(max_size=80) | st.text(max_size=40).map(str.encode), codec=st.sampled_from(CODECS))
@example(data=b"", codec="chars")
@example(data=b"\n\n\r\n\0\xef\xbb\xbf\xed\xa0\x80", codec="chars")
def test_round_trip(tiny_model: MakeModel, data: bytes, codec: str) -> None:
    model = tiny_model(codec=codec, reset="line")
    assert decompress(model, compress(model, data)) == data


@pytest.mark.parametrize(
    ("framing", "length"), [("stream", 0), ("one-to-one", 0), ("many-to-one", 4), ("one-to-many", 3)]
)
@pytest.mark.parametrize("reset", ["never", "line", "every:7"])
def test_round_trip_for_every_framing(tiny_model: MakeModel, framing: str, length: int, reset: str) -> None:
    model = tiny_model(framing=framing, length=length, reset=reset)
    assert decompress(model, compress(model, DATA[:500])) == DATA[:500]


@pytest.mark.parametrize("sharpness", [0.0, 3.0, 30.0])
@pytest.mark.parametrize("whole", [False, True])
def test_size_is_the_score(tiny_model: MakeModel, whole: bool, sharpness: float) -> None:
    model = tiny_model(sharpness=sharpness)
    model = model.quantised() if whole else model
    data = DATA * 4
    promised = score(model, data).nats / math.log(2) / 8
    size = len(compress(model, data)) - HEADER
    assert promised * 0.999 - 1 <= size <= promised * 1.001 + 1
    assert HEADER == 46


def test_size_is_the_score_where_all_is_foreseen(tiny_model: MakeModel) -> None:
    """p = 0.9999 at each step: an entropy coder's own overhead would show here."""
    model = tiny_model(codec="bytes")
    bias = np.zeros(256, np.float32)
    bias[ord("a")] = math.log(255 * 9999)
    zero = {name: np.zeros_like(value) for name, value in model.weights.items()}
    model = Model(model.config, {**zero, "output.bias": bias})
    data = b"a" * 10_000
    promised = score(model, data).nats / math.log(2) / 8
    assert promised == pytest.approx(10_000 * -math.log2(0.9999) / 8, rel=1e-2)
    packed = compress(model, data)
    assert len(packed) - HEADER <= promised * 1.001 + 1
    assert decompress(model, packed) == data


@pytest.fixture(scope="module")
def packed(tiny_model: MakeModel) -> tuple[Model, bytes, bytes]:
    model, data = tiny_model(reset="line"), DATA[:60]
    return model, data, compress(model, data)


def test_every_flipped_bit_is_found(packed: tuple[Model, bytes, bytes]) -> None:
    model, _, blob = packed
    for bit in range(len(blob) * 8):
        bad = bytearray(blob)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(UserError, match="damaged|not a file"):
            decompress(model, bytes(bad))


def test_every_cut_is_found(packed: tuple[Model, bytes, bytes]) -> None:
    model, _, blob = packed
    for n in range(len(blob)):
        with pytest.raises(UserError, match="damaged|not a file"):
            decompress(model, blob[:n])


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damage_never_gives_wrong_data(packed: tuple[Model, bytes, bytes], data: st.DataObject) -> None:
    model, original, blob = packed
    a, b = sorted((data.draw(st.integers(0, len(blob))), data.draw(st.integers(0, len(blob)))))
    bad = blob[:a] + data.draw(st.binary(max_size=8)) + blob[b:]
    if bad == blob:
        assert decompress(model, bad) == original
    else:
        with pytest.raises(UserError):
            decompress(model, bad)


@given(blob=st.binary(max_size=100))
def test_what_is_no_such_file(packed: tuple[Model, bytes, bytes], blob: bytes) -> None:
    with pytest.raises(UserError):
        decompress(packed[0], blob)


def forge(blob: bytes, **changes: int) -> bytes:
    """A file with other numbers in its header and a checksum that agrees."""
    magic, version, arithmetic, mark, steps, length, crc = FIELDS.unpack_from(blob)
    values = {"arithmetic": arithmetic, "steps": steps, "length": length, "crc": crc, **changes}
    fields = FIELDS.pack(magic, version, values["arithmetic"], mark, *list(values.values())[1:])
    return fields + struct.pack(">I", zlib.crc32(blob[HEADER:], zlib.crc32(fields))) + blob[HEADER:]


@pytest.mark.parametrize(
    "changes", [{"steps": 2**20}, {"length": 3}, {"steps": 5}, {"crc": 1}, {"length": 2**63}], ids=str
)
def test_forged_numbers(packed: tuple[Model, bytes, bytes], changes: dict[str, int]) -> None:
    model, original, blob = packed
    assert decompress(model, forge(blob)) == original
    with pytest.raises(UserError, match="came out different"):
        decompress(model, forge(blob, **changes))


def test_forged_work(packed: tuple[Model, bytes, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    model, _, blob = packed
    monkeypatch.setattr(packing, "_predicted", lambda model, reader: pytest.fail("work was done"))
    with pytest.raises(UserError, match="claims 1,152,921,504,606,846,976 steps"):
        decompress(model, forge(blob, steps=2**60, length=2**60))


def test_a_code_of_zeros(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first symbol again and again: its code is empty, and the file must be as long as its steps call for."""
    monkeypatch.setattr(packing, "DENSEST", 4)
    model, data = tiny_model(codec="bytes"), bytes(1000)
    blob = compress(model, data)
    assert len(blob) == HEADER + 250
    assert decompress(model, blob) == data


def test_a_newer_version(packed: tuple[Model, bytes, bytes]) -> None:
    model, _, blob = packed
    with pytest.raises(UserError, match="has version 4; this Rhapsode reads versions 1 to 3"):
        decompress(model, blob[:4] + b"\4" + blob[5:])
    with pytest.raises(UserError, match="names arithmetic 7"):
        decompress(model, forge(blob, arithmetic=7))


def test_another_model(tiny_model: MakeModel, packed: tuple[Model, bytes, bytes]) -> None:
    model, _, blob = packed
    other = tiny_model(seed=1)
    with pytest.raises(UserError) as error:
        decompress(other, blob)
    assert other.digest[:12] in str(error.value) and model.digest[:12] in str(error.value)


def test_files_of_before_models_had_a_digest(packed: tuple[Model, bytes, bytes], tiny_model: MakeModel) -> None:
    """They name the checksum of the model's file, and open with that file."""
    model, data, blob = packed
    fields = blob[:6] + bytes.fromhex(model.checksum)[:16] + blob[22 : packing.FIELDS.size]
    code = blob[HEADER:]
    early = fields + packing.CHECK.pack(zlib.crc32(code, zlib.crc32(fields))) + code
    assert early != blob and decompress(model, early) == data
    with pytest.raises(UserError, match="another model"):
        decompress(Model(model.config, model.weights), early)


def test_a_machine_that_computes_otherwise(packed: tuple[Model, bytes, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    model, _, blob = packed
    predicted = packing._predicted
    monkeypatch.setattr(packing, "_predicted", lambda model, reader: predicted(model, reader)[::-1])
    with pytest.raises(UserError, match="computes the network otherwise"):
        decompress(model, blob)
    with pytest.raises(UserError, match="no two machines compute this model otherwise"):
        decompress(model, forge(blob, arithmetic=1))


def test_random_bytes_and_progress(tiny_model: MakeModel) -> None:
    heard: list[tuple[str, float | None]] = []

    class Listening(Report):
        def stage(self, what: str, fraction: float | None = None) -> None:
            heard.append((what, fraction))

    model, data = tiny_model(codec="bytes"), os.urandom(3000)
    assert decompress(model, compress(model, data, Listening()), Listening()) == data
    for what in ("compressing", "decompressing"):
        fractions = [f for w, f in heard if w == what]
        assert fractions == [0.0, 1024 / 3000, 2048 / 3000, 1.0]
