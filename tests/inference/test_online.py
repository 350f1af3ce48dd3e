"""Compression that learns: nothing is lost, whatever it begins with, and no damaged or foreign file is unpacked."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhapsode.errors import UserError
from rhapsode.inference import compress as packing
from rhapsode.inference import online
from rhapsode.inference.compress import CHECK, FIELDS, HEADER, about, compress, decompress
from rhapsode.inference.model import Model
from rhapsode.inference.score import score
from rhapsode.report import Report
from tests.conftest import TEXT, MakeModel

DATA = TEXT.encode()[:400]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh network of which even numpy computes many steps a second."""
    monkeypatch.setattr(online, "LAYERS", 2)
    monkeypatch.setattr(online, "UNITS", 20)


def packed_online(model: Model | None, data: bytes) -> bytes:
    return compress(model, data, online=True)


@settings(max_examples=30, deadline=None)
@given(data=st.binary(max_size=80))
@example(data=b"")
@example(data=b"a")
@example(data=bytes(range(256)))
@example(data=b"\0" * 300)
def test_a_fresh_network(data: bytes) -> None:
    packed = packed_online(None, data)
    assert decompress(None, packed) == data
    assert packed == compress(None, data) and len(packed) < HEADER + 1.1 * len(data) + 2


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"layers": 3, "skip": True},
        {"layers": 2, "residual": True},
        {"embedding": 0},
        {"tied": True, "embedding": 12},
        {"codec": "bytes", "width": 20},
        {"codec": "chars+end", "reset": "document"},
        {"reset": "line", "layers": 2},
        {"framing": "whole", "reset": "line"},
        {"arithmetic": "integers"},
    ],
    ids=str,
)
def test_models_of_all_forms(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch, form: dict[str, Any]) -> None:
    model = tiny_model(**form)
    packed = model.compress(DATA, online=True)
    assert model.decompress(packed) == DATA
    # It is the model's network that learns: without steps, the size is the score.
    monkeypatch.setattr(online, "TRAINED", replace(online.TRAINED, rate=0.0, least=0.0))
    fixed = len(packed_online(model, DATA)) - HEADER
    assert fixed == pytest.approx(score(model, DATA).nats / math.log(2) / 8, rel=0.02 if model.whole else 1e-3, abs=2)
    assert len(packed) - HEADER != fixed


def test_learning_pays() -> None:
    text = b"Of arms and the man I sing. " * 120
    assert len(packed_online(None, text)) < 0.4 * len(text)
    assert len(packed_online(None, text)) > len(packed_online(None, text[:28])) - HEADER


def test_a_model_learns_another_text(tiny_model: MakeModel) -> None:
    model, text = tiny_model(sharpness=1.0), b"Of arms and the man I sing. " * 60
    assert len(packed_online(model, text)) < 0.97 * len(compress(model, text))


def test_weights_that_are_kept_beside_integers_do_not_matter(tiny_model: MakeModel) -> None:
    model = tiny_model()
    kept, plain = model.quantised(keep=True), model.quantised()
    assert kept.digest == plain.digest
    assert decompress(plain, packed_online(kept, DATA)) == DATA


def test_many_equal_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "DENSEST_ONLINE", 16)
    packed = packed_online(None, bytes(3000))
    assert len(packed) >= HEADER + 3000 // 16
    assert decompress(None, packed) == bytes(3000)


REFUSED = [
    ({"codec": "words"}, "codec words"),
    ({"cell": "rnn"}, "rnn cells"),
    ({"framing": "many-to-one", "length": 4}, "framing many-to-one"),
    ({"framing": "one-to-one"}, "framing one-to-one"),
    ({"reset": "every:7"}, "reset policy every:7"),
    ({"reset": "paragraph"}, "reset policy paragraph"),
]


@pytest.mark.parametrize(("form", "why"), REFUSED, ids=str)
def test_models_that_cannot_learn_so(tiny_model: MakeModel, form: dict[str, Any], why: str) -> None:
    with pytest.raises(UserError, match=f"{why} does not learn as it codes. Allowed: .*fresh network"):
        packed_online(tiny_model(**form), DATA)


def test_the_file_says_what_it_is(tiny_model: MakeModel) -> None:
    model = tiny_model()
    fresh, learnt = packed_online(None, DATA), packed_online(model, DATA)
    assert about(fresh)["online"] and "none" in about(fresh)["model"] and about(fresh)["arithmetic"] == "learning"
    assert about(learnt)["online"] and model.digest.startswith(about(learnt)["model"])
    assert not about(compress(model, DATA))["online"]
    assert fresh[4] == learnt[4] == 3  # which earlier versions refuse


def test_another_model_or_none(tiny_model: MakeModel) -> None:
    model, other = tiny_model(), tiny_model(seed=1)
    fresh, learnt, fixed = packed_online(None, DATA), packed_online(model, DATA), compress(model, DATA)
    for packed in (learnt, fixed):
        with pytest.raises(UserError, match=f"with a model whose digest begins with {model.digest[:12]}. Give it"):
            decompress(None, packed)
        with pytest.raises(UserError, match="with another model"):
            decompress(other, packed)
    with pytest.raises(UserError, match="without a model. Unpack it without"):
        decompress(model, fresh)


def test_damage_is_found(tiny_model: MakeModel) -> None:
    for model in (None, tiny_model()):
        packed = packed_online(model, DATA[:60])
        for bit in range(0, len(packed) * 8, 5):
            bad = bytearray(packed)
            bad[bit // 8] ^= 1 << bit % 8
            with pytest.raises(UserError, match="damaged|not a file"):
                decompress(model, bytes(bad))
        for n in range(len(packed)):
            with pytest.raises(UserError, match="damaged|not a file"):
                decompress(model, packed[:n])


def forged(packed: bytes, **changes: int) -> bytes:
    magic, version, rules, mark, steps, length, crc = FIELDS.unpack_from(packed)
    values = {"rules": rules, "steps": steps, "length": length, "crc": crc, **changes}
    fields = FIELDS.pack(magic, version, values.pop("rules"), mark, *values.values())
    return fields + struct.pack(CHECK.format, zlib.crc32(packed[HEADER:], zlib.crc32(fields))) + packed[HEADER:]


def test_forged_files(tiny_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    for model in (None, tiny_model()):
        packed = packed_online(model, DATA[:60])
        assert decompress(model, forged(packed)) == DATA[:60]
        for changes in ({"crc": 1}, {"length": 3}, {"steps": 5}, {"steps": 900}):
            with pytest.raises(UserError, match="came out different: no two machines"):
                decompress(model, forged(packed, **changes))
        with pytest.raises(UserError, match="learnt by rules 9; this Rhapsode knows rules 1"):
            decompress(model, forged(packed, rules=9))
        with monkeypatch.context() as patch:
            patch.setattr(online, "decoded", lambda *given: pytest.fail("work was done"))
            with pytest.raises(UserError, match="claims 1,152,921,504,606,846,976 steps"):
                decompress(model, forged(packed, steps=2**60, length=2**60))


def test_progress() -> None:
    class Told(Report):
        stages: list[tuple[str, float | None]] = []

        def stage(self, what: str, fraction: float | None = None) -> None:
            self.stages.append((what, fraction))

    data = bytes(np.arange(600) % 7)
    decompress(None, compress(None, data, Told()), Told())
    assert ("compressing and learning", 256 / 600) in Told.stages
    assert ("decompressing and learning", 512 / 600) in Told.stages and Told.stages[-1][1] == 1


def test_the_rules_never_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of these rules must always be unpacked: another network, or other rates, are other rules."""
    monkeypatch.undo()
    packed = packed_online(None, DATA[:200])
    assert hashlib.sha256(packed).hexdigest() == "44d134c96deb88689f6179b99ec7e6cb43613f67baba7469610539565e3c4e7e"
