"""Masks say of every symbol what reading it would say, and bad languages end in one message."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.data.codecs.ending import Ending
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.errors import UserError
from tests.conftest import TEXT

pytest.importorskip("llguidance")

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "hue": {"enum": ["red", "grün", "不"]},
        "tags": {"type": "array", "items": {"type": ["integer", "boolean", "null"]}, "maxItems": 4},
    },
    "required": ["name", "hue"],
    "additionalProperties": False,
}
LISP = r"""
start: item
item: NAME | STRING | "(" (item (" " item)*)? ")"
NAME: /[a-zäé]{1,5}/
STRING: /"[^"\n]{0,6}"/
"""
CODECS = ["chars", "bytes", "words", "bpe", "chars+end", "words+end", "bpe+end"]


def constraint(name: str, argument: str) -> Constraint:
    made = registry.get("constraint", name)(argument)
    assert isinstance(made, Constraint)
    return made


def fitted(codec: str, text: str = TEXT) -> TextCodec:
    name, _, ending = codec.partition("+")
    if name == "bpe":
        pytest.importorskip("tokenizers")
    options = {"min_count": 1} if name in ("chars", "words") else {}
    made: TextCodec = registry.get("codec", name).fit([text.encode()], **options)
    return Ending(made) if ending else made


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Name of a constraint → an argument of it."""
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "lisp.lark").write_text(LISP)
    return {
        "regex": r"(Sing|sinG| 不見|ä🎭)+, [^aeiou\n]{1,20}\.?",
        "schema": str(tmp_path / "schema.json"),
        "grammar": str(tmp_path / "lisp.lark"),
    }


def fits(name: str, text: str) -> bool:
    """What the library says, by another way."""
    if name == "regex":
        return re.fullmatch(r"(Sing|sinG| 不見|ä🎭)+, [^aeiou\n]{1,20}\.?", text) is not None
    if name == "schema":
        value = json.loads(text)
        assert isinstance(value, dict) and set(value) <= set(SCHEMA["properties"])  # type: ignore[call-overload]
        assert len(value["name"]) <= 12 and value["hue"] in ("red", "grün", "不")
        return all(each is None or isinstance(each, int) for each in value.get("tags", []))
    rest = re.sub(r'"[^"\n]{0,6}"', "a", text)
    while (fewer := re.sub(r"\(([a-zäé]{1,5}( [a-zäé]{1,5})*)?\)", "a", rest)) != rest:
        rest = fewer
    return re.fullmatch("[a-zäé]{1,5}", rest) is not None


def allowed(place: Constraint, codec: TextCodec, high: int | None) -> np.ndarray:
    """The mask, or that of the low halves."""
    mask, first = place.mask(), codec.first_half
    assert mask is not None
    if high is not None and first is not None:
        mask = np.zeros(codec.steps.size, bool)
        for low in range(16):
            mask[first + 16 + low] = place.copy().read(bytes([high << 4 | low])) is not Verdict.IMPOSSIBLE
    return mask


@pytest.mark.parametrize("codec_name", CODECS)
@pytest.mark.parametrize("name", ["regex", "schema", "grammar"])
def test_a_walk_along_masks_ends_in_a_valid_text(name: str, codec_name: str, files: dict[str, str]) -> None:
    codec, rng = fitted(codec_name), random.Random(0)
    first, pieces = codec.first_half, codec.pieces
    ended = 0
    for _ in range(12):
        place, decoder, data, high = constraint(name, files[name]).bound(codec), codec.decoder(), b"", None
        for n in range(400):
            mask = allowed(place, codec, high)
            if n % 29 == 0 and high is None:
                for symbol in range(codec.steps.size):  # the same as reading it, symbol by symbol
                    if symbol == codec.end:
                        assert mask[symbol] == (place.verdict is Verdict.VALID)
                    elif pieces[symbol]:
                        assert mask[symbol] == (place.copy().read(pieces[symbol]) is not Verdict.IMPOSSIBLE), symbol
                    elif first is not None and symbol < first + 16:
                        bytes_of_half = (bytes([(symbol - first) << 4 | low]) for low in range(16))
                        assert mask[symbol] == any(
                            place.copy().read(byte) is not Verdict.IMPOSSIBLE for byte in bytes_of_half
                        )
                    else:
                        assert not mask[symbol]
            if not mask.any():
                break
            # One of each sort, so that also spelled characters come, and long texts end.
            choices = np.flatnonzero(mask).tolist()
            ends = [symbol for symbol in choices if symbol == codec.end or pieces[symbol] in (b'"', b")", b".", b",")]
            symbol = rng.choice(ends if ends and n > 40 else choices)
            if symbol == codec.end or (codec.end is None and n > 60 and place.verdict is Verdict.VALID):
                break
            high = symbol - first if first is not None and first <= symbol < first + 16 else None
            new = decoder.feed(symbol)
            data += new
            assert place.read(new) is not Verdict.IMPOSSIBLE
        if place.verdict is Verdict.VALID:
            ended += 1
            assert fits(name, data.decode())
        else:  # whatever is open can be closed
            end = place.closing()
            if end is not None:
                assert place.read(end) is Verdict.VALID and fits(name, (data + end).decode())
    assert ended > 3


def test_how_bytes_are_cut_makes_no_difference(files: dict[str, str]) -> None:
    texts = {"regex": " 不見ä🎭, xyz\x07.", "schema": '{"name": "é\\u00e9🎭", "hue": "不"}', "grammar": '((a "é") ä)'}
    for name, text in texts.items():
        for data in (text.encode(), text.encode()[:-1], text.encode() + b"\n", b"\n" + text.encode()):
            whole, parts = constraint(name, files[name]), constraint(name, files[name])
            whole.read(data)
            before = constraint(name, files[name])
            for byte in data:
                verdict = parts.read(bytes([byte]))
                twin = before.copy()
                assert twin.read(bytes([byte])) is verdict
                if verdict is Verdict.IMPOSSIBLE:
                    break
                before = twin
            assert whole.verdict is parts.verdict is (Verdict.VALID if data == text.encode() else whole.verdict)
            assert before.verdict is not Verdict.IMPOSSIBLE  # a copy has read nothing of what its twin has
            if data[:1] == b"\n" or data[-1:] == b"\n":
                assert whole.verdict is Verdict.IMPOSSIBLE and whole.reason == parts.reason != ""


@pytest.mark.parametrize(
    ("pattern", "text", "reason"),
    [
        (r"[0-9]{3}-[a-f]{2}", b"123x", "line 1, character 4: 'x' cannot stand here. Wanted: '-'."),
        (r"ab\n[cf]", b"ab\nx", "line 2, character 1: 'x' cannot stand here. Wanted: 'c', 'f'."),
        (r"é{2}[a-c]", "éé日".encode(), "line 1, character 3: '日' cannot stand here. Wanted: 'a' to 'c'."),
        (r"ab", b"abc", "line 1, character 3: 'c' cannot stand here. Wanted: the end."),
        (r"(?s).*", b"a\xff", "line 1, character 2: byte 0xff cannot stand here."),
        (r"é", b"\xc3x", "line 1, character 2: 'x' cannot stand here. Wanted: other characters."),
    ],
)
def test_a_refused_text_says_where_and_what_was_wanted(pattern: str, text: bytes, reason: str) -> None:
    place = constraint("regex", pattern)
    assert place.reason == ""
    assert place.read(text) is Verdict.IMPOSSIBLE and reason in place.reason
    assert place.read(b"more") is Verdict.IMPOSSIBLE and place.closing() is None and not place.settled


@pytest.mark.parametrize(
    ("name", "text", "end"),
    [
        ("regex", "", "Sing, "),
        ("schema", "", '{"name":"","hue":"'),
        ("schema", '{"name": "bo', '","hue":"'),
        ("schema", '{"name": "b\\u00', '00","hue":"'),
        ("schema", '{"name": "b", "hue": "red", "tags": [tr', "ue]}"),
        ("schema", '{"name": "b", "hue": "red"', "}"),
        ("grammar", '((a "x', '"))'),
        ("grammar", "(" * 30 + "a", ")" * 30),
    ],
)
def test_closing_ends_what_is_open(name: str, text: str, end: str, files: dict[str, str]) -> None:
    place = constraint(name, files[name])
    place.read(text.encode())
    found = place.closing()
    assert found is not None and found.decode().startswith(end[:3]) and len(found) <= len(end) + 8
    assert place.verdict is Verdict.INCOMPLETE  # the search left it alone
    assert place.read(found) is Verdict.VALID and place.closing() == b""


def test_a_closing_that_cannot_be_found_is_none() -> None:
    place = constraint("regex", r"(.|\n)*END")
    place.read(b"the ")
    assert place.closing() is None


def test_places_inside_of_a_character_are_not_settled() -> None:
    place = constraint("regex", "(é|🎭)*x?")
    for byte, settled in zip("é🎭x".encode(), [False, True, False, False, False, True, True], strict=True):
        place.read(bytes([byte]))
        assert place.settled is settled


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("regex", "[a", "unclosed character class"),
        ("regex", "(?=a)b", "look-around"),
        ("regex", r"(a)\1", "backreferences are not supported"),
        ("regex", r"\bx", "lookarounds not supported"),
        ("regex", "a\udc80", "is not UTF-8"),
        ("regex", "", "regex:PATTERN"),
        ("schema", "{bad", "not JSON"),
        ("schema", "[1]", "expected a JSON schema"),
        ("schema", "[" * 100_000, "too deep"),
        ("schema", '{"$ref": "https://example.com/x"}', "https://example.com/x"),
        ("schema", '{"$ref": "file:///etc/hostname"}', "file:///etc/hostname"),
        ("schema", '{"type": "array", "uniqueItems": true}', "uniqueItems"),
        ("schema", '{"type": "integer", "minimum": 5, "maximum": 3}', "minimum (5) is greater"),
        ("schema", '{"type": "string", "pattern": "(?=a)b"}', "look-around"),
        ("schema", '{"minimum": 1e400}', "not JSON compliant"),
        ("grammar", "start: a b", 'line 1, column 8: unknown name: "a"'),
        ("grammar", "foo: /a/", "no start rule"),
        ("grammar", "start: A\nA: /[a/", 'line 2, column 4: invalid regex "[a": unclosed character class'),
        ("grammar", "start: <[65]> <|eos|>", "cannot be used"),
        ("grammar", "", "no start rule"),
        ("grammar", "#" * (1 << 20 | 1), "larger than 1 MiB"),
    ],
)
def test_a_bad_language_is_one_message(name: str, given: str, wanted: str, tmp_path: Path) -> None:
    argument = given
    if name != "regex":
        (tmp_path / "file").write_text(given)
        argument = str(tmp_path / "file")
    with pytest.raises(UserError) as error:
        constraint(name, argument)
    assert wanted in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 800


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("schema", "grammar"):
        with pytest.raises(UserError, match="no such file"):
            constraint(name, str(tmp_path / "none"))
        with pytest.raises(UserError, match="directory"):
            constraint(name, str(tmp_path))
        with pytest.raises(UserError, match="byte 0 is not UTF-8"):
            constraint(name, str(tmp_path / "binary"))
        with pytest.raises(UserError, match=f"{name}:FILE"):
            constraint(name, "")


@pytest.mark.parametrize("grammar", ['start: "q" x\nx: x "a"', 'start: "q" A\nA: /a/ & /b/'])
def test_an_empty_mask_is_an_error_that_names_the_place(grammar: str, tmp_path: Path) -> None:
    (tmp_path / "g.lark").write_text(grammar)
    place = constraint("grammar", str(tmp_path / "g.lark")).bound(fitted("chars"))
    place.read(b"q")
    assert place.closing() is None
    with pytest.raises(UserError, match=r"grammar: line 1, character 2: nothing can follow.*g\.lark"):
        place.mask()


def test_what_llguidance_gives_up_on_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    rules = " | ".join(f'"{n}" s s s' for n in range(3000))
    (tmp_path / "g.lark").write_text(f'start: "b" s\ns: {rules} | "x"')
    place = constraint("grammar", str(tmp_path / "g.lark"))
    with pytest.raises(UserError, match=r"grammar: line 1, character \d+: llguidance gave up on .*2000"):
        place.read(b"b")
        place.read(b"1")


def test_a_complete_text_leaves_no_symbol_but_the_end() -> None:
    for codec in (fitted("chars"), fitted("chars+end")):
        place = constraint("regex", "Sing").bound(codec)
        place.read(b"Sing")
        mask = place.mask()
        assert mask is not None and np.flatnonzero(mask).tolist() == ([] if codec.end is None else [codec.end])


def test_it_is_bound_before_it_reads() -> None:
    place = constraint("regex", "a*")
    place.read(b"a")
    with pytest.raises(ValueError, match="before"):
        place.bound(fitted("chars"))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(UserError, match=r"llguidance.*pip install 'rhapsode\[valid\]'"):
        constraint("regex", "a")


def test_pieces_that_occur_twice_and_marks_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    codec: Any = fitted("bytes", "")
    pieces = [*codec.pieces, b"ab", b"ab", b"\xffab", b"a\xff", b"b"]
    monkeypatch.setattr(type(codec), "pieces", property(lambda self: pieces))
    place = constraint("regex", r"(?s).*").bound(codec)
    mask = place.mask()
    assert mask is not None and mask[256:].tolist() == [True, True, False, False, True] and not mask[255]
