"""JSON is what Python's own parser accepts, less what the standard forbids."""

from __future__ import annotations

import json
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.modalities.text.constraints import cases

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    values = draw(st.lists(VALUES, min_size=1, max_size=3))
    how = {"ensure_ascii": draw(st.booleans()), "indent": draw(st.sampled_from([None, 1]))}
    return draw(st.sampled_from([" ", "\n", "\r\n\t"])).join(json.dumps(value, **how) for value in values)


def refuse(_: str) -> NoReturn:
    raise ValueError


def judge(data: bytes) -> bool:
    """Python's parser, value by value."""
    decoder, found = json.JSONDecoder(parse_constant=refuse), 0
    try:
        text = data.decode()
        i, n = 0, len(text)
        while True:
            start = i
            while i < n and text[i] in " \t\n\r":
                i += 1
            if i == n:
                return found > 0
            if found and start == i:
                return False
            value, i = decoder.raw_decode(text, i)
            json.dumps(value, ensure_ascii=False).encode()  # not with half a surrogate pair
            found += 1
    except ValueError:
        return False


@settings(deadline=None, max_examples=40)
@given(texts())
def test_valid(text: str) -> None:
    cases.valid("json", text.encode(), judge)


@settings(deadline=None, max_examples=120)
@given(cases.mutations(texts(), '[]{}",:\\utd8ce0129.-+E \n\x01é'))
def test_mutated(data: bytes) -> None:
    cases.mutated("json", data, judge)


@settings(deadline=None, max_examples=40)
@given(cases.cuttings(texts().map(str.encode) | cases.mutations(texts(), '[]{}",:\\utd8c0129.-+E \né')))
def test_cut(text: tuple[bytes, list[int]]) -> None:
    cases.cut("json", *text)


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ('{"a": [1, {"b": "c', '"}]}'),
        ('{"a": tr', "ue}"),
        ('[1, {"b": 2}', "]"),
        ('{"a', None),
        ('{"a":', None),
        ("[1,", None),
        ('["\\', None),
        ('["\\u00', None),
        ('["\\ud83d', None),
        ("[1.", None),
        ("", None),
        ('{"a": 1}\n', ""),
    ],
)
def test_closing(text: str, closing: str | None) -> None:
    assert cases.read("json", text.encode()).closing() == (None if closing is None else closing.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1,\n "b" 2}', "line 2, column 6: '2' stands where a colon must"),
        ('["é\n"]', "line 1, column 4: the character U+000A must be written as an escape in a string"),
        ("[01]", "line 1, column 3: '1' stands where a comma or ] must"),
        ("[1}", "line 1, column 3: '}' stands where a comma or ] must"),
        ('["\\ud83dx', "line 1, column 9: the second half of a surrogate pair is missing"),
        ("[" * 1000, "line 1, column 201: more than 200 constructs would be open within one another"),
        ("1" * 5000, "line 1, column 4001: a number of more than 4000 digits"),
        ("nil", "line 1, column 2: 'i' stands where 'u' must"),
    ],
)
def test_impossible(text: str, reason: str) -> None:
    assert cases.read("json", text.encode()).reason == reason


def test_bytes_that_are_no_utf_8_are_impossible_at_once() -> None:
    assert cases.read("json", b'["a\xed\xa0').reason == "line 1, column 4: byte 237 is no UTF-8"


def test_places_to_come_back_to() -> None:
    text = b'{"a b": [1, "c d"]} 2'
    settled = [i for i in range(len(text) + 1) if cases.read("json", text[:i]).settled]
    assert [text[:i] for i in settled if i < 16][:4] == [b"", b"{", b'{"a ', b'{"a b": [']
    assert settled[-3:] == [19, 20, 21]
