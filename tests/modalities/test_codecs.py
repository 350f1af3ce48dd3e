"""What every codec of text must do, whatever it was trained on and whatever it is given."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rhapsode import registry
from rhapsode.data.codecs.ending import Ending
from rhapsode.data.codecs.stored import codec_from_json, codec_to_json
from rhapsode.data.codecs.text import SYMBOL_LIMIT, TextCodec
from rhapsode.errors import UserError

PROSE = (
    "The quick brown fox jumps over the lazy dog; “don't”, he said, 12 times in 1984 — naïvely.\r\n\n"
    "Съешь ещё этих мягких французских булок, да выпей чаю.  然后他说：好的。 हिन्दी में लिखो 🎵\t\tx_1 += f(a[0])\n"
)
TRAINING = {
    "nothing": b"",
    "little": b"abracadabra\n",
    "prose": PROSE.encode() * 8 + b"\xff\xfe\x00" * 5,
}
NAMES = [name for name in registry.names("codec") if issubclass(registry.get("codec", name), TextCodec)]
LONGEST_HELD = 200
"""No codec may hold back more bytes than this, so that memory is bounded and nothing is quadratic."""


@pytest.fixture(scope="module", params=NAMES)
def kind(request: pytest.FixtureRequest) -> type[TextCodec]:
    if request.param == "bpe":
        pytest.importorskip("tokenizers")
    found: type[TextCodec] = registry.get("codec", request.param)
    return found


@cache
def fitted(kind: type[TextCodec], training: str) -> TextCodec:
    return kind.fit([TRAINING[training]])


@pytest.fixture(scope="module", params=[*TRAINING, "ends of documents"])
def codec(kind: type[TextCodec], request: pytest.FixtureRequest) -> TextCodec:
    if request.param in TRAINING:
        return fitted(kind, request.param)
    return Ending(fitted(kind, "prose"))


FRAGMENTS = [
    b"\r\n",
    b"\n\n",
    b"\x00",
    b"\xef\xbb\xbf",  # a byte order mark
    "e\u0301".encode(),  # a combining mark
    b"\xed\xa0\x80",  # a surrogate, which is not UTF-8
    b"\xed\xb2\x80",  # the surrogate that Python would use for the byte 0x80
    b"\xc0\x80",  # too long a form of NUL
    b"\xf4\x90\x80\x80",  # above U+10FFFF
    b"\xf0\x9f",  # cut off
    b"\xe2\x82",
    b"\x80",
    b"\xff",
    b" ",
    b"\t",
    b"   the",
    b"the quick",
    "ещё".encode(),
    "🎵".encode(),
    "好的。".encode(),
    b"a" * 70,
    b" " * 70,
    b"-" * 70,
    "ж".encode() * 70,
    b"\xff" * 70,
]
anything = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=80).map(str.encode),
    st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=3), max_size=12).map(b"".join),
)
few = settings(max_examples=60, deadline=None, derandomize=True)


def same(a: np.ndarray, b: np.ndarray) -> None:
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(data) + 1) for place in places)
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


@few
@given(data=anything)
@example(data=b"")
@example(data=bytes(range(256)) * 2)
@example(data=b"".join(FRAGMENTS))
def test_nothing_is_lost(codec: TextCodec, data: bytes) -> None:
    symbols = codec.encode(data)
    assert codec.decode(symbols) == data
    assert symbols.ndim == 1
    assert symbols.dtype == codec.steps.dtype
    assert symbols.flags.writeable
    assert (symbols < codec.steps.size).all()
    assert codec.widths[symbols].sum() == len(data)
    decoder = codec.decoder()
    for symbol in symbols.tolist():
        piece = decoder.feed(symbol)
        assert len(piece) == codec.widths[symbol]


@few
@given(data=anything, places=st.lists(st.integers(0, 10**6), max_size=12))
def test_chunks_make_no_difference(codec: TextCodec, data: bytes, places: list[int]) -> None:
    whole = codec.encode(data)
    for chunks in (pieces(data, places), [data[i : i + 1] for i in range(len(data))]):
        parts = list(codec.encode_chunks(chunks))
        assert all(len(part) for part in parts)
        same(np.concatenate([whole[:0], *parts]), whole)


@few
@given(data=anything, more=anything)
def test_a_cut_is_safe(codec: TextCodec, data: bytes, more: bytes) -> None:
    n = codec.cut(data)
    assert len(data) - LONGEST_HELD <= n <= len(data)
    same(codec.encode(data + more), np.concatenate([codec.encode(data[:n]), codec.encode(data[n:] + more)]))


def test_a_cut_is_never_far(codec: TextCodec) -> None:
    for fragment in FRAGMENTS:
        data = fragment * (20_000 // len(fragment))
        for end in range(len(data) - 5, len(data)):
            assert end - LONGEST_HELD <= codec.cut(data[:end]) <= end


def test_large_data_is_encoded_as_in_small_chunks(codec: TextCodec) -> None:
    """`encode` works in blocks; where they end must not show."""
    for fragment in ("a", "ж", "好", "-", " ", " ab", "x\u0301", "好 "):
        data = b"." + fragment.encode() * (300_000 // len(fragment.encode()))
        small = codec.encode_chunks(data[i : i + 1777] for i in range(0, len(data), 1777))
        same(codec.encode(data), np.concatenate(list(small)))


@few
@given(data=anything)
def test_any_symbols_decode(codec: TextCodec, data: bytes) -> None:
    symbols = np.frombuffer(data, np.uint8).astype(np.int64) * 7919 % codec.steps.size
    decoder = codec.decoder()
    assert b"".join(map(decoder.feed, symbols.tolist())) == codec.decode(symbols)


def test_json_and_back(codec: TextCodec) -> None:
    again = codec_from_json(json.loads(json.dumps(codec_to_json(codec))))
    assert isinstance(again, TextCodec) and again.end == codec.end
    assert again.to_json() == codec.to_json()
    assert again.steps == codec.steps
    data = b"".join(FRAGMENTS) + PROSE.encode()
    same(again.encode(data), codec.encode(data))
    same(again.widths, codec.widths)
    assert again.decode(codec.encode(data)) == data


def damage(good: dict[str, Any]) -> list[Any]:
    """What no `to_json` makes: the whole replaced, a field more or less or renamed or replaced."""
    bad: list[Any] = [None, 1, "x", [], [good], {**good, "extra": 1}, {**good, 1: 1}]
    for key, value in good.items():
        without = {k: v for k, v in good.items() if k != key}
        bad += [without, {**without, key.upper(): value}]
        others: list[Any] = [None, 3, True, 1.5, {}, {"0": 1}, "aa", "ba", "\ud800", [1], [None], [[]], ["b", "a"]]
        others += [["aa", "aa"], ["ab", "aa"], [["1", "2"]], [[1, 2, 3]], [[-1, 0]], [[0, 999]], [[True, 1]]]
        others += [[[1, 2.0]], [[1, 2], [1, 2]]]
        bad += [{**good, key: other} for other in others]
        if value:
            bad += [{**good, key: value + value[:1]}, {**good, key: value[-1:] * 2}]
    return bad


def test_a_damaged_file_is_an_error_that_says_so(kind: type[TextCodec]) -> None:
    good = fitted(kind, "prose").to_json()
    for wrong in (False, None, 1, "true"):
        with pytest.raises(UserError, match=f"codec {kind.name}: .*damaged"):
            codec_from_json({"name": kind.name, **good, "end": wrong})
    for bad in damage(good):
        if kind.name == "words" and isinstance(bad, dict) and bad.get("words") == ["ab", "aa"]:
            continue  # any order may be that of frequency
        with pytest.raises(UserError, match=f"codec {kind.name}: .*damaged"):
            kind.from_json(copy.deepcopy(bad))


def test_fit_is_deterministic_however_the_data_comes(kind: type[TextCodec]) -> None:
    data = TRAINING["prose"] * 3
    whole = kind.fit([data]).to_json()
    assert kind.fit([data]).to_json() == whole
    assert kind.fit(data[i : i + 1] for i in range(len(data))).to_json() == whole
    assert kind.fit(pieces(data, [1000, 1, 77, 5003, 78])).to_json() == whole


def test_options_have_limits_and_defaults(kind: type[TextCodec]) -> None:
    assert kind.options.keys() == kind.limits.keys()
    kind.fit([b"ab"], **kind.options)
    for key, default in kind.options.items():
        low, high = kind.limits[key]
        assert low <= default <= high
        for bad in (low - 1, high + 1, "8", 1.5, None, True):
            with pytest.raises(UserError, match=f"codec {kind.name}: {key} is .* {low} to {high}"):
                kind.fit([b"ab"], **{key: bad})
    with pytest.raises(UserError) as error:
        kind.fit([b"ab"], nonsense=1)
    assert "'nonsense'" in str(error.value)
    assert all(key in str(error.value) for key in kind.options)


def test_what_there_is_to_know_about_it(codec: TextCodec) -> None:
    assert codec.summary and "\n" not in codec.summary
    assert 0 < codec.steps.size <= SYMBOL_LIMIT
    assert codec.widths.shape == (codec.steps.size,)
    assert codec.widths.dtype == np.int64
    assert (codec.widths >= 0).all()
    for symbol in range(codec.steps.size):
        label = codec.label(symbol)
        assert 0 < len(label) <= 200
        assert label.isprintable() and not label.isspace()


def test_a_copy_works_too(codec: TextCodec) -> None:
    same(copy.deepcopy(codec).encode(PROSE.encode()), codec.encode(PROSE.encode()))
