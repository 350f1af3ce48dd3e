from __future__ import annotations

from rhapsode.modalities.text.codecs.bytes import Bytes


def test_symbols_are_the_bytes() -> None:
    assert Bytes().encode(b"\x00a\xff").tolist() == [0, 97, 255]
    assert Bytes().steps.size == 256


def test_labels() -> None:
    assert [Bytes().label(b) for b in b"a \n\x00\xff"] == ["a", "␣", "\\n", "\\x00", "\\xff"]
