"""The arithmetic never changes: digests of its tables, choices, random numbers and codes."""

from __future__ import annotations

import json

import numpy as np

from rhapsode.arithmetic import tables
from rhapsode.arithmetic.coder import Decoder
from tests.arithmetic import golden


def test_nothing_has_changed() -> None:
    assert golden.text(golden.made()) == golden.FILE.read_text()


def test_known_codes_are_read() -> None:
    for one in json.loads(golden.FILE.read_text())["known"]:
        decoder = Decoder(bytes.fromhex(one["code"]))
        assert [decoder.get(np.array(f)) for f in one["frequencies"]] == one["symbols"]


def test_tables_are_near_what_they_stand_for() -> None:
    z = (np.arange(8192) - 4096) / 512
    assert np.abs(tables.sigmoid() / 32768 - 1 / (1 + np.exp(-z))).max() < 2**-15
    assert np.abs(tables.tanh() / 32768 - np.tanh(z)).max() < 2**-15
    nats = -np.log(tables.frequencies()[:8192] / tables.CERTAIN) * 1024
    assert np.abs(nats - np.arange(8192)).max() < 0.01
    assert tables.frequencies()[-1] == 1
    assert not tables.sigmoid().flags.writeable
