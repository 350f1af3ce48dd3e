from __future__ import annotations

import sys

import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.text.codecs.bpe import LONGEST, PIECE, Bpe


def test_merges_are_done_in_their_order() -> None:
    a, b, c = b"abc"
    codec = Bpe([(a, b), (256, c), (b, c)])  # ab, abc, bc
    assert codec.steps.size == 256 + 3
    assert codec.encode(b"abc").tolist() == [257]
    assert codec.encode(b"bc").tolist() == [258]
    assert codec.encode(b"aabcbc").tolist() == [a, 257, 258]
    assert codec.encode(b"ab c").tolist() == [256, 32, c]
    assert codec.widths[256:].tolist() == [2, 3, 2]
    assert codec.label(257) == "abc"
    assert codec.label(0xFF) == "\\xff"
    assert Bpe([(b, c), (a, b)]).encode(b"abc").tolist() == [a, 256]


def test_equal_neighbours_are_merged_from_the_left() -> None:
    assert Bpe([(97, 97)]).encode(b"aaaaa").tolist() == [256, 256, 97]


def test_two_merges_with_one_result_are_one_symbol() -> None:
    a = 97
    codec = Bpe([(a, a), (256, a), (a, 256)])
    assert codec.steps.size == 258
    assert codec.encode(b"aaa").tolist() == [257]


def test_pieces() -> None:
    assert PIECE.findall(b"The cat, 12345  x\n\n\ty") == [
        *(b"The", b" cat", b",", b" 123", b"45", b"  ", b"x", b"\n", b"\n", b"\t", b"y")
    ]
    for run in (b"a", b"\xff", b"-", b" ", b"\t", b"7", b"\0", b"\n"):
        found = PIECE.findall(b" " + run * 500)
        assert b"".join(found) == b" " + run * 500
        assert max(map(len, found)) <= LONGEST + 1


def test_fit_finds_frequent_strings() -> None:
    pytest.importorskip("tokenizers")
    data = "the cat and the café, the end\n".encode() * 50
    codec = Bpe.fit([data], size=300)
    assert codec.steps.size <= 300
    assert len(codec.encode(b" the")) == 1
    assert len(codec.encode(data)) < len(data) / 3
    assert Bpe.fit([data], size=256).merges == ()
    assert Bpe.fit([data], size=260).merges == codec.merges[:4]
    assert Bpe.fit([data], min_count=10**9).merges == ()


def test_a_model_is_usable_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    codec = Bpe.from_json({"merges": [[97, 98]]})
    assert codec.decode(codec.encode(b"abba")) == b"abba"
    with pytest.raises(UserError, match=r"pip install rhapsode\[bpe\]"):
        Bpe.fit([b"ab"])


@pytest.mark.parametrize(
    ("merges", "message"),
    [
        ({}, "list"),
        ([[1]], "pair"),
        ([[1, True]], "pair"),
        ([[1, 256]], "not there yet"),
        ([[-1, 5]], "not there yet"),
        ([[1, 2], [1, 2]], "twice"),
        ([[97, 97], *([i, i] for i in range(256, 400))], "more than 49 bytes"),  # 2, 4, 8, ... without end
    ],
)
def test_a_damaged_file(merges: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Bpe.from_json({"merges": merges})
