"""The constraint of Python says what `compile` says of the whole text, line by line."""

from __future__ import annotations

import ast
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rhapsode
from rhapsode.data.constraint import Verdict
from rhapsode.modalities.text.constraints.python import Python

VALID, INCOMPLETE, IMPOSSIBLE = Verdict.VALID, Verdict.INCOMPLETE, Verdict.IMPOSSIBLE
SOURCES = sorted(Path(rhapsode.__file__).parent.glob("inference/*.py"))


def compiles(data: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "<text>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def verdict(data: bytes) -> Verdict:
    return Python().read(data)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", VALID),
        ("x = 1\n", VALID),
        ("x = 1", INCOMPLETE),
        ("# x", INCOMPLETE),
        ("x = = 1", INCOMPLETE),
        ("x = = 1\n", IMPOSSIBLE),
        ("x = (1,\n", INCOMPLETE),
        ("x = (1 2,\n", IMPOSSIBLE),
        ("x = (]\n", IMPOSSIBLE),
        ("x = 'abc\n", IMPOSSIBLE),
        ('x = """abc\n', INCOMPLETE),
        ('x """abc\n', IMPOSSIBLE),
        ('x = """ab\\x\n', IMPOSSIBLE),
        ('if """abc\n', INCOMPLETE),
        ('x = f"""{a\n', INCOMPLETE),
        ('x = f("""abc\nabc\n', INCOMPLETE),
        ("x = 1 + \\\n", INCOMPLETE),
        ("@decorated\n", INCOMPLETE),
        ("@decorated\n# c\n\ndef f():\n", INCOMPLETE),
        ("@decorated\nx = 1\n", IMPOSSIBLE),
        ("if x:\n", INCOMPLETE),
        ("if x:\n\n# c\n", INCOMPLETE),
        ("if x:\ny = 1\n", IMPOSSIBLE),
        ("if x: y\nelse: z\n", VALID),
        ("else:\n", IMPOSSIBLE),
        ("if x:\n    y\nelif z:\n    y\nelse:\n    u\nelse:\n", IMPOSSIBLE),
        ("try:\n    x\n", INCOMPLETE),
        ("try:\n    x\ny\n", IMPOSSIBLE),
        ("try:\n    x\nexcept:\n    y\nexcept E:\n", IMPOSSIBLE),
        ("try:\n    x\nexcept E:\n    y\nelse:\n    z\nfinally:\n    u\n", VALID),
        ("for x in y:\n    break\nelse:\n    pass\n", VALID),
        ("break\n", IMPOSSIBLE),
        ("return 1\n", IMPOSSIBLE),
        ("def f():\n    try:\n        return 1\n", INCOMPLETE),
        ("try:\n    return 1\n", IMPOSSIBLE),
        ("match x:\n", INCOMPLETE),
        ("match x:\n    case 1:\n", INCOMPLETE),
        ("match x:\n    case 1:\n        y\n    case _:\n        z\n", VALID),
        ("match x:\n    case _:\n        y\n    case 1:\n", IMPOSSIBLE),
        ("match = 1\nmatch[x:\n", INCOMPLETE),
        ("if x:\n    y\n  z\n", IMPOSSIBLE),
        ("if x:\n\ty\n        z\n", IMPOSSIBLE),
        ("if x:\n\ty\n\tz\n", VALID),
        ("  x\n", IMPOSSIBLE),
        ("x\0", IMPOSSIBLE),
        ("x = 1\r\ny = 2\r\n", VALID),
        ("if x:\r    y\rz = '''\r'''\r", VALID),
        ("\fx = 1\n", VALID),
        ('"""Doc."""\nfrom __future__ import annotations\nimport x\n', VALID),
        ("import x\nfrom __future__ import annotations\n", IMPOSSIBLE),
        ("x = 1\nglobal x\n", IMPOSSIBLE),
        ("global x\nx = 1\n", VALID),
        ("def f():\n    x = 1\n    y = 2\n    global x\n", IMPOSSIBLE),
        ("def f():\n    x = 1\n    def g():\n        nonlocal x\n", VALID),
        ("x = 1\ndef f(): pass\nglobal x\n", IMPOSSIBLE),
        ("def f():\n    def g():\n        nonlocal x, y\n    x = 1\n", INCOMPLETE),
        ("def f():\n    def g():\n        nonlocal x, y\n    x = y = 1\n", VALID),
        ("def f():\n    def g():\n        nonlocal x\nx = 1\n", IMPOSSIBLE),
        ("def f():\n    nonlocal x\n", IMPOSSIBLE),
        ("from __future__ import annotations\nasync def f():\n    x: await y\n", IMPOSSIBLE),
        ("async def f():\n    yield 1\n    x = 2\n    return 1\n", IMPOSSIBLE),
        ("async def f():\n    async for x in y:\n        await z\n", VALID),
        ("x = 1 is 1\ny = '\\d'\n", VALID),
        ("class A:\n    x: int\n\n    def f(self): ...\n\n    y = 1\n", VALID),
        ("lambda x:\n", IMPOSSIBLE),
        ("x = {\n  1: 2,\n}\n", VALID),
        ("print 'x'\n", IMPOSSIBLE),
        ("(" * 300 + "\n", IMPOSSIBLE),
        ("x = " + "-" * 100_000 + "1\n", IMPOSSIBLE),
    ],
)
def test_verdicts(text: str, wanted: Verdict) -> None:
    place = Python()
    assert place.read(text.encode()) is wanted
    assert bool(place.reason) == (wanted is IMPOSSIBLE)
    if wanted is VALID:
        assert compiles(text.encode()) and place.settled and place.closing() == b""
    one = Python()
    for byte in text.encode()[:2000]:
        one.read(bytes([byte]))
    if len(text) <= 2000:
        assert (one.verdict, one.reason, one.settled) == (place.verdict, place.reason, place.settled)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"x = '\xff'\n", IMPOSSIBLE),
        (b"# \xff\n", IMPOSSIBLE),
        (b"# coding: latin-1\nx = '\xff'\n", VALID),
        (b"#!/usr/bin/python\n# -*- coding: cp1252 -*-\nx = '\xfc'\n", VALID),
        (b"x = 1\n# coding: latin-1\n# \xff\n", IMPOSSIBLE),
        (b"# coding: utf-16\n", IMPOSSIBLE),
        (b"# coding: nonsense\n", IMPOSSIBLE),
        (b"\xef\xbb\xbfx = 1\n", VALID),
        (b"x = '\xc3\xa4'\n", VALID),
        (b"x\0\n", IMPOSSIBLE),
    ],
)
def test_encodings(data: bytes, wanted: Verdict) -> None:
    assert verdict(data) is wanted
    assert compiles(data) or wanted is not VALID  # in comments, `compile` lets other bytes pass; `python FILE` does not


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        ("x = (1, [2, {3", "}])\n"),
        ("x = 'abc", "'\n"),
        ('def f():\n    """A doc', '"""\n'),
        ("def f(x", "): pass\n"),
        ("def f(x):", "\n    pass\n"),
        ("def f(x):\n", "    pass\n"),
        ("class A:\n\tdef f(self):\n", "\t\tpass\n"),
        ("x = 1", ""),
        ("# it is", ""),
        ("x = 1 +", None),
        ("x = (1 +", None),
        ("import os\nfrom os import", None),
        ("@decorated\n", None),
        ("try:\n    x = [", "]\nfinally:\n    pass\n"),
        ("if x:\n    try:\n        if y:\n", "            pass\n    finally:\n        pass\n"),
        ("match x:\n", "    case _:\n        pass\n"),
        ("def f():\n  try:\n    def g():\n      nonlocal x, y\n", "  finally:\n      pass\n  x = None\n  y = None\n"),
        ("if x", ": pass\n"),
        ("else", None),
        ("x = = 1\n", None),
        ("x = f'{a", None),
    ],
)
def test_closing(text: str, closing: str | None) -> None:
    place = Python()
    place.read(text.encode())
    found = place.closing()
    assert found == (None if closing is None else closing.encode())
    if found is not None:
        assert compiles(text.encode() + found)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_each_line_of_real_source(path: Path) -> None:
    """Nothing that is a beginning of a valid text is refused; valid are just the beginnings that compile."""
    data, place = path.read_bytes(), Python()
    lines = data.splitlines(keepends=True)
    for n, line in enumerate(lines, start=1):
        found = place.read(line)
        assert found is not IMPOSSIBLE, (n, place.reason)
        if n % 9 == 0:
            assert (found is VALID) == compiles(b"".join(lines[:n])), n
    assert found is VALID


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_source(data: st.DataObject) -> None:
    lines = data.draw(st.sampled_from(SOURCES)).read_bytes().splitlines(keepends=True)
    begin = data.draw(st.integers(0, len(lines) - 1))
    part = lines[begin : begin + data.draw(st.integers(1, 40))]
    at = data.draw(st.integers(0, len(part) - 1))
    how = data.draw(st.sampled_from(["drop", "copy", "cut", "put"]))
    if how == "drop":
        del part[at]
    elif how == "copy":
        part.insert(at, data.draw(st.sampled_from(lines)))
    else:
        column = data.draw(st.integers(0, len(part[at])))
        new = data.draw(st.sampled_from(list(b"()[]{}:'\"\\ \t\r\n#=,\f"))) if how == "put" else None
        part[at] = part[at][:column] + (bytes([new]) if new else b"") + part[at][column + (new is None) :]
    text = b"".join(part)
    text += b"" if text.endswith(b"\n") else b"\n"
    assert (verdict(text) is VALID) == compiles(text)
    cut = text[: data.draw(st.integers(0, len(text)))]
    place = Python()
    place.read(cut)
    closing = place.closing()
    assert closing is None or compiles(cut + closing)


def test_warnings_of_the_text_are_not_ours(recwarn: pytest.WarningsRecorder) -> None:
    """In these tests, warnings are errors."""
    assert verdict(b"x = 1 is 1\ny = '\\d'\nassert (x, 1)\n") is VALID
    assert not recwarn.list


def test_the_cost_of_a_line_does_not_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "".join(f"    def f{n}(self, x):\n        if x:\n            return [x, {n}]\n\n" for n in range(600))
    text = f"class A:\n{body}".encode()
    begun, place = time.process_time(), Python()
    assert place.read(text) is VALID
    assert time.process_time() - begun < 5  # half a second; it would be minutes if all were compiled at each line
    assert len(place._chain) < 6
    assert ast.parse(text)


@pytest.mark.parametrize(
    ("before", "line", "sound"),
    [
        ("", "x = foo[1), bar\n", "x = foo[1"),
        ("", "x = 'abc\n", "x = 'abc"),
        ("", "if x\n", "if x"),
        ("def f():\n", "    return x y + 1\n", "    return x "),
        ("foo(a,\n", "   b c)\n", "   b "),
        ('x = """abc\n', 'de""" y\n', 'de""" '),
        ("", "x = 1 + + # a\n", "x = 1 + + "),
        ("def f():\n    x = 1\n", "            y", "    "),
        ("class A:\n    def f():\n        x = 1\n", "      y", "    "),
        ("def f():\n", "x", ""),
        ("", "ä = 'ä' ä\n", "ä = 'ä' "),
    ],
)
def test_what_is_at_fault(before: str, line: str, sound: str) -> None:
    for step in (1, 3, 1000):
        one, data = Python(), (before + line).encode()
        for at in range(0, len(data), step):
            one.read(data[at : at + step])
        assert one.verdict is Verdict.IMPOSSIBLE and one.reason
        assert data[: len(data) - one.fault] == (before + sound).encode()


def test_what_only_the_whole_tells_is_not_at_fault() -> None:
    for text in ("return 1\n", "except X:\n", "x y\0"):
        one = Python()
        assert one.read(text.encode()) is Verdict.IMPOSSIBLE and one.fault in (0, 2)


def test_a_line_is_refused_early() -> None:
    for text in ("    x", "the value of a thing ", "def f():\n  x\n   y", "x = 1 if yes and no z w "):
        assert Python().read(text.encode()) is Verdict.IMPOSSIBLE, text
    for text in (
        "    # x",
        "x = [\n    a,\n  b",
        "the = 'value of a thing ",
        "if x:\n        y\n        ",
        "x = 1  # the value of a thing ",
    ):
        assert Python().read(text.encode()) is not Verdict.IMPOSSIBLE, text
