from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from rhapsode.data.characters import code_points, sizes_in_utf8
from rhapsode.data.codecs.text import SYMBOL_LIMIT
from rhapsode.errors import UserError
from rhapsode.modalities.text.codecs.chars import BLOCK, HALVES, Chars, utf8_cut


def test_layout() -> None:
    codec = Chars("ab")
    assert codec.steps.size == 2 + HALVES
    # é is C3 A9: high halves from 2, low ones from 18
    assert codec.encode("bé".encode()).tolist() == [1, 2 + 0xC, 18 + 0x3, 2 + 0xA, 18 + 0x9]
    assert codec.encode(b"\xff").tolist() == [2 + 15, 18 + 15]
    assert codec.widths.tolist() == [1, 1] + [0] * 16 + [1] * 16
    assert Chars("aé").widths[:2].tolist() == [1, 2]


def test_invalid_bytes_are_spelled_between_known_characters() -> None:
    codec = Chars("aж")
    a, zh, high, low = 0, 1, 2, 18
    spelled = [high + 0xD, low + 0x0]
    assert codec.encode(b"a\xd0a\xd0\xb6").tolist() == [a, *spelled, a, zh]


def test_min_count_and_order() -> None:
    data = "ззззaaaabbb".encode()
    assert Chars.fit([data]).characters == "aз"
    assert Chars.fit([data], min_count=3).characters == "abз"
    assert Chars.fit([data], min_count=5).characters == ""


def test_max_size_keeps_the_most_frequent() -> None:
    data = "ccbbaaaééé".encode()
    assert Chars.fit([data], min_count=1, max_size=3).characters == "abé"  # b and c are equal: the lower one
    assert Chars.fit([data], min_count=1, max_size=0).characters == ""


def test_bytes_that_are_not_utf8_are_never_known() -> None:
    assert Chars.fit([b"a\xff\x80" * 9 + b"\xed\xa0\x80" * 9]).characters == "a"


def test_fit_counts_as_python_does() -> None:
    data = ("The cat — кот — 猫 🐈\n" * 9000).encode()  # longer than a block, with characters across its end
    assert len(data) > 3 * BLOCK
    counts = Counter(data.decode())
    assert Chars.fit([data], min_count=9001).characters == "".join(sorted(c for c in counts if counts[c] >= 9001))


def test_a_stray_half_is_dropped() -> None:
    codec = Chars("ab")
    high, low = 2 + 0x4, 18 + 0x1
    assert codec.decode(np.array([high, low])) == b"A"
    assert codec.decode(np.array([high, 0])) == b"a"
    assert codec.decode(np.array([low, 0])) == b"a"
    assert codec.decode(np.array([high, high, low, low, 1])) == b"Ab"
    assert codec.decode(np.array([high])) == b""


@pytest.mark.parametrize("characters", ["", "a", "".join(map(chr, range(224))), "".join(map(chr, range(225)))])
def test_dtype_holds_all_symbols(characters: str) -> None:
    codec = Chars(characters)
    assert codec.encode(b"\xff\x41").max() <= codec.steps.size - 1
    assert codec.decode(codec.encode(b"\xff\x41\xc3\xa9")) == b"\xff\x41\xc3\xa9"
    assert codec.encode(b"a").dtype == (np.uint8 if len(characters) <= 224 else np.uint16)


def test_characters_above_the_last_known_are_spelled() -> None:
    codec = Chars("ab")
    for text in ("\x7f", "\x80", "\uffff", "\U0010ffff"):
        assert len(codec.encode(text.encode())) == 2 * len(text.encode())
    codec = Chars("\U0010ffff")
    assert codec.encode("\U0010ffff\U0010fffe".encode()).tolist()[0] == 0


def test_cut_holds_back_a_character_that_is_not_complete() -> None:
    for data, held in [
        (b"", 0),
        (b"a", 0),
        ("é".encode(), 0),
        (b"a\xc3", 1),
        (b"\xe2\x82", 2),
        (b"\xf0\x9f\x8e", 3),
        ("🎵".encode(), 0),
        (b"\xff", 0),
        (b"\x80\x80\x80\x80", 0),
        (b"\xc0", 0),  # can begin no character
        (b"\xed\xa0", 2),  # will be a surrogate, so not UTF-8; Python waits for all of it, which is safe too
        (b"\xed\xa0\x80", 0),
        (b"\xe0\x80", 0),  # would be too long a form
        (b"\xf4\x90", 0),  # would be above U+10FFFF
        (b"\xf5", 0),
    ]:
        assert utf8_cut(b"..." + data) == 3 + len(data) - held, data
        assert utf8_cut(data) == len(data) - held, data


def test_code_points_are_those_of_python() -> None:
    for data in (b"abc\x00", "aé猫🐈\x00".encode(), b"\xc3(\xf0\x9f\x8e\xe2\x82\xac\xed\xa0\x80\x00"):
        text = data.decode("utf-8", "surrogateescape")
        codes = code_points(data)
        assert codes.tolist() == [ord(c) for c in text]
        assert sizes_in_utf8(codes).tolist() == [len(c.encode("utf-8", "surrogateescape")) for c in text]


def test_labels() -> None:
    codec = Chars("\n a\u0301\u2028")
    assert [codec.label(i) for i in range(5)] == ["\\n", "␣", "a", "◌\u0301", "\\u2028"]
    assert codec.label(5 + 10) == "½A·"
    assert codec.label(5 + 16 + 10) == "½·A"


@pytest.mark.parametrize(
    ("characters", "message"),
    [("aa", "twice"), ("ba", "in order"), ("a\ud800", "surrogate"), ("\udc80", "surrogate"), (["a"], "string")],
)
def test_a_damaged_file(characters: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Chars.from_json({"characters": characters})


def test_a_file_with_too_many_characters() -> None:
    with pytest.raises(UserError, match="too many"):
        Chars.from_json({"characters": "a" * (SYMBOL_LIMIT - HALVES + 1)})


@pytest.mark.slow
@pytest.mark.parametrize("text", ["The quick brown fox, 1984.\n", "Съешь ещё этих мягких французских булок.\n"])
def test_speed(text: str) -> None:
    """At least 20 MB/s on one core, measured at 250 and more; the best of three, as the machine may be busy."""
    data = text.encode() * (8_000_000 // len(text.encode()))
    fit, encode = [], []
    for _ in range(3):
        start = time.perf_counter()
        codec = Chars.fit([data])
        middle = time.perf_counter()
        codec.encode(data)
        fit.append(middle - start)
        encode.append(time.perf_counter() - middle)
    assert len(data) / min(fit) > 20e6
    assert len(data) / min(encode) > 20e6
