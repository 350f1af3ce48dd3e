from __future__ import annotations

import time

import numpy as np
import pytest

from rhapsode.data.codecs.text import SYMBOL_LIMIT
from rhapsode.errors import UserError
from rhapsode.modalities.text.codecs._tokens import tally
from rhapsode.modalities.text.codecs.words import LONGEST, Words, split


def test_tokens() -> None:
    assert split(b"The cat, 12 cats.") == ["The", " cat", ",", " 12", " cats", "."]
    assert split(b"  a\r\n\n\tb") == ["  ", "a", "\r", "\n", "\n", "\t", "b"]
    assert split(b"x_1 = f(a)") == ["x_1", " =", " f", "(", "a", ")"]
    assert split("हिन्दी e\u0301a".encode()) == ["हिन्दी", " e\u0301a"]
    assert split(b"a \xffb") == ["a", " \udcff", "b"]


def test_tokens_are_never_long() -> None:
    assert split(b" " + b"a" * 70) == [" " + "a" * 32, "a" * 32, "a" * 6]
    assert split(b" " * 33 + b"a") == [" " * 32, " a"]
    assert max(map(len, split((" " + "ж" * 500 + "\t" * 500 + "1" * 500).encode()))) == LONGEST + 1


def test_layout() -> None:
    codec = Words([" cat", "The"], " act")  # words 0-1, characters 2-5, high halves 6-21, low halves 22-37
    assert codec.steps.size == 2 + 4 + 32
    assert codec.encode(b"The cat").tolist() == [1, 0]
    assert codec.encode(b" act").tolist() == [2, 3, 4, 5]
    assert codec.encode(b"The b").tolist() == [1, 2, 6 + 0x6, 22 + 0x2]
    assert codec.encode(b"\xff").tolist() == [6 + 15, 22 + 15]
    assert codec.widths[:6].tolist() == [4, 3, 1, 1, 1, 1]
    assert codec.label(0) == "␣cat"
    assert codec.label(6 + 11) == "½B·"


def test_a_newline_is_always_a_token() -> None:
    """Units of the reset policies begin after newlines, so a step must end there."""
    codec = Words.fit([b"\n\nthe\n\n \nthe \n" * 50])
    assert all("\n" not in word for word in codec.words)
    assert all(b"\n" not in codec.decode(np.array([s])) or codec.widths[s] == 1 for s in range(codec.steps.size))


def test_min_count_and_max_size() -> None:
    data = b"aa bb aa bb aa cc aa bb cc dd"  # the first word has no space before it
    assert Words.fit([data], min_count=3).words == (" aa", " bb")
    assert Words.fit([data], min_count=1).words == (" aa", " bb", " cc", " dd", "aa")
    assert Words.fit([data], min_count=1, max_size=3).words == (" aa", " bb", " cc")
    assert Words.fit([data], min_count=1, max_size=0).words == ()
    assert Words.fit([data], min_count=3).to_json()["characters"] == " abc"


def test_bytes_that_are_not_utf8_are_never_words() -> None:
    assert Words.fit([b" \xff" * 50]).words == ()


def test_memory_for_counting_is_bounded() -> None:
    counted = tally([[str(i), "often", "again"] for i in range(1000)], limit=50)
    assert len(counted) <= 50
    assert counted["often"] == counted["again"] == 1000


def test_a_cut_in_a_long_run_costs_little() -> None:
    """One byte at a time, a run without a certain place must not be read again and again."""
    codec = Words([], "a")
    run = b"a" * 100_000
    start = time.perf_counter()
    parts = list(codec.encode_chunks(run[i : i + 1] for i in range(len(run))))
    assert time.perf_counter() - start < 10  # about 0.5 s; hours if all were read again each time
    assert sum(map(len, parts)) == len(run)
    assert max(map(len, parts)) <= LONGEST + 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"words": "ab", "characters": ""}, "list of strings"),
        ({"words": ["ab", 1], "characters": ""}, "list of strings"),
        ({"words": ["a"], "characters": ""}, "cannot be a word"),
        ({"words": ["a" * 34], "characters": ""}, "cannot be a word"),
        ({"words": [" \udcff"], "characters": ""}, "cannot be a word"),
        ({"words": ["aa", "bb", "aa"], "characters": ""}, "twice"),
        ({"words": ["aa"] * SYMBOL_LIMIT, "characters": ""}, "too many"),
        ({"words": ["aa"], "characters": "ba"}, "codec words.*in order"),
    ],
)
def test_a_damaged_file(data: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Words.from_json(data)


@pytest.mark.slow
def test_speed() -> None:
    """At least 3 MB/s, measured at 15 and more on source code."""
    data = b"".join(b"The quick brown fox %d jumps over; the lazy dog %x.\n" % (i, i * 7919) for i in range(60_000))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        Words.fit([data]).encode(data)
        seconds.append(time.perf_counter() - start)
    assert len(data) / min(seconds) > 3e6
