"""The training index of texts, compared with the definition of a span."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rhapsode.data import text_index
from rhapsode.data.finder import SourceFile
from rhapsode.data.text_index import Gathered, Place, TextIndex, names
from rhapsode.errors import UserError


def index(documents: Sequence[bytes], held: Sequence[bytes] = (), lines: bool = False) -> TextIndex:
    gathered = Gathered(lines)
    gathered.files, gathered.data = [f"{n}.txt" for n in range(len(documents))], ["digest"]
    for number, document in enumerate(documents):
        middle = len(document) // 2
        gathered.add(document[:middle], False, number, 0)
        gathered.add(document[middle:], True, number, 0)
    return TextIndex.of(gathered, held)


def lengths(documents: Sequence[bytes], data: bytes) -> list[int]:
    """How many characters from each on stand in one of the documents."""
    text, known = data.decode("utf-8", "surrogateescape"), [d.decode("utf-8", "surrogateescape") for d in documents]
    found = []
    for n in range(len(text)):
        size = 0
        while n + size < len(text) and any(text[n : n + size + 1] in each for each in known):
            size += 1
        found.append(size)
    return found


@pytest.mark.parametrize("cap", [4, 9, 512])
@pytest.mark.parametrize("letters", ["ab", "aé中\n"])
def test_spans(cap: int, letters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_index, "CAP", cap)
    rng = random.Random(cap)

    def some(most: int) -> bytes:
        return "".join(rng.choice(letters) for _ in range(rng.randrange(most))).encode()

    for _ in range(60):
        documents, data = [some(40) for _ in range(rng.randrange(1, 4))], some(60) + b"\xff" * rng.randrange(2)
        known = index(documents, documents[:1])
        found, wanted = known.matches(data), lengths(documents, data)
        assert cap < 512 or found.lengths.tolist() == wanted
        assert found.chars == max(wanted, default=0)
        if found.chars:
            text = data.decode("utf-8", "surrogateescape")[found.start : found.start + found.chars]
            stands = text.encode("utf-8", "surrogateescape")
            assert known.known(stands) and known.arrays["text"].tobytes()[found.place :].startswith(stands)
            place = known.where(found.place)
            document = documents[int(place.file.removesuffix(".txt"))]
            assert any(
                line.startswith(stands.split(b"\n")[0]) or stands.split(b"\n")[0] in line
                for line in [document.split(b"\n")[place.line - 1]]
            )
        TextIndex.restored(known.info, known.arrays, "a file")


def test_the_longest_of_long_spans() -> None:
    rng = random.Random(1)
    first, second = (bytes(rng.choice(b"abcdefgh \n") for _ in range(n)) for n in (30_000, 20_000))
    known = index([first + second, second[:5000]])
    for data, start, chars in (
        (first, 0, 30_000),
        (first[5000:9000] + b"!" + second[:7000], 4001, 7000),
        (second[100:9000] + first[:8000], 0, 8900),
        (b"?" + first[:700] + b"?" + first[1:701] + b"?", 1, 700),
    ):
        found = known.matches(data)
        assert (found.start, found.chars) == (start, chars)
    characters = "äöü" * 200  # of fewer characters than bytes
    known = index([characters.encode() + b"x" * 500])
    assert known.matches(characters.encode() + b"-" + b"x" * 480).chars == 600


def test_spans_end_with_documents_and_lines() -> None:
    known = index([b"first one", b"second one"])
    assert known.matches(b"onesecond").chars == 6 and known.info["separator"] == 255
    assert not known.known(b"one\xffsecond")
    binary = index([bytes(range(256)), b"ab"])  # all bytes are taken: one of them ends spans, too
    assert binary.matches(bytes(range(10, 90))).chars == 80
    assert binary.matches(bytes(range(256))[-1:] + b"ab").chars == 2
    lines = index([b"Anna\nBert\n", b"Cora"], lines=True)
    assert lines.matches(b"Anna\nBert\nCora").chars == 4
    assert lines.where(lines.matches(b"Cora").place) == Place("1.txt", 0, 1)
    assert index([b"Anna\nBert"]).matches(b"Anna\nBert").chars == 9


def test_places() -> None:
    gathered = Gathered(False)
    gathered.files = ["a.txt", "b.jsonl"]
    for data, ends, file, number in (
        (b"one\ntwo\nth", False, 0, 0),
        (b"ree\n", True, 0, 0),
        (b"four", True, 1, 1),
        (b"", True, 1, 2),
        (b"five\nsix", True, 1, 3),
    ):
        gathered.add(data, ends, file, number)
    known = TextIndex.of(gathered)

    def where(data: bytes) -> str:
        return str(known.where(known.suffixes.find(data)))

    assert [where(each) for each in (b"one", b"three", b"four", b"five", b"six")] == [
        "a.txt, line 1", "a.txt, line 3", "b.jsonl#1, line 1", "b.jsonl#3, line 1", "b.jsonl#3, line 2",
    ]  # fmt: skip


def test_places_where_lines_are_left_out() -> None:
    gathered = Gathered(True)
    gathered.files = ["a"]
    gathered.add(b"1\n2\n4\n", False, 0, 0, [1, 2, 4])
    gathered.add(b"5\n7\n", False, 0, 0, [5, 7])
    gathered.add(b"", False, 0, 0)
    gathered.add(b"9", True, 0, 0, [9])
    known = TextIndex.of(gathered)
    for line in (1, 2, 4, 5, 7, 9):
        assert known.where(known.suffixes.find(b"%d" % line)).line == line


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("now", [False, True])
def test_after_another_one(before: bool, now: bool) -> None:
    """The text of a model that is tuned comes first."""
    other = index([b"one\ntwo\n\nthree", b"four\nfive"], lines=before)
    gathered = Gathered(now)
    gathered.after(other)
    gathered.files.append("new.txt")
    gathered.data.append("new")
    gathered.add(b"six\nseven", True, 2, 0)
    known = TextIndex.of(gathered)
    TextIndex.restored(known.info, known.arrays, "a file")
    assert known.info["data"] == ["digest", "new"]
    places = {b"one": (0, 1), b"two": (0, 2), b"three": (0, 4), b"four": (1, 1), b"five": (1, 2), b"seven": (2, 2)}
    for data, (file, line) in places.items():
        assert known.where(known.suffixes.find(data)) == Place(known.info["files"][file], 0, line), data
    assert known.matches(b"one\ntwo").chars == (3 if before or now else 7)
    assert known.matches(b"six\nseven").chars == (5 if now else 9)
    assert known.matches(b"threefour").chars == 5


def test_much_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_index, "HELD", 160)
    held = [b"a" * 700, "é".encode() * 400, b"a" * 300]
    found = index([b"aaa"], held).arrays["held"]
    assert 120 <= len(found) <= 160 and found.max() == 3 and (found == 0).any()


def test_kept_and_read_again(tmp_path: Path) -> None:
    known, path = index([b"first one\n", "zwölf".encode()], [b"one more"]), tmp_path / "index.safetensors"
    known.save(path)
    again = TextIndex.load(path)
    assert again.info == known.info and again.matches(b"a first").chars == 5
    assert all((again.arrays[name] == each).all() for name, each in known.arrays.items())
    whole = path.read_bytes()
    for data in (b"", whole[:-4], whole[:-1] + bytes([whole[-1] ^ 1]), whole[:9], whole + b"\0"):
        path.write_bytes(data)
        with pytest.raises(UserError, match="index.safetensors"):
            TextIndex.load(path)
    bad = {
        "text": known.arrays["text"][:-1],
        "order": known.arrays["order"] + np.int32(1),
        "starts": known.arrays["starts"][::-1].copy(),
        "file": known.arrays["file"] + np.int32(9),
        "number": known.arrays["number"] - np.int32(1),
        "line": known.arrays["line"] - np.int32(1),
        "held": known.arrays["held"] - np.int16(1000),
    }
    for name, value in bad.items():
        for wrong in (value, value.astype(np.float32), value[None]):
            with pytest.raises(UserError, match="a.file: it does not hold the text"):
                TextIndex.restored(known.info, known.arrays | {name: wrong}, "a.file")
    for key, wrong in {"files": [1], "separator": 256, "lines": 1, "index": "notes", "data": None}.items():  # type: ignore[assignment]
        with pytest.raises(UserError, match="does not hold"):
            TextIndex.restored({**known.info, key: wrong}, known.arrays, "a.file")


def test_nothing_at_all(tmp_path: Path) -> None:
    for documents in ([], [b""], [b"", b""]):
        known = index(documents, [b"abc"])
        assert known.matches(b"abc").chars == 0 and not known.known(b"a") and len(known) == 0
        known.save(tmp_path / "i")
        assert TextIndex.load(tmp_path / "i").matches(b"").chars == 0


def test_names_without_folders() -> None:
    def file(path: str, name: str, within: str | None = None) -> SourceFile:
        return SourceFile(Path(path), name, "", 1, 1, within=None if within is None else Path(within))

    found = names([
        file("/home/me/a.txt", "/home/me/a.txt"),
        file("/home/me/book/1/a.txt", "/home/me/book/1/a.txt", "/home/me/book"),
        file("/tmp/x", "standard input"),
        file("/tmp/y", "data:ptb/train"),
        file("/tmp/\udcff", "/tmp/\udcff"),
    ])  # fmt: skip
    assert found == ["a.txt", "1/a.txt", "standard input", "data:ptb/train", "\ufffd"]


@pytest.mark.parametrize(("cap", "least"), [(4, 1), (512, 1), (512, 3), (512, 6)])
def test_all_spans_that_no_other_one_covers(cap: int, least: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against each pair of places, with spans that are longer than the cap, too."""
    documents = ["die Quelle: äöü abcabcabc xyz.".encode(), b"another one, with abcabd and xyz"]
    text, known = "Quelle: äöü abc, another abcabcab xyz. und xyz", index(documents)
    monkeypatch.setattr(text_index, "CAP", cap)
    inside = [one.decode() for one in documents]
    every = {
        (begin, end)
        for begin in range(len(text))
        for end in range(begin + least, len(text) + 1)
        if any(text[begin:end] in one for one in inside)
    }
    covered = {(a, b) for a, b in every if any(c <= a and b <= d and (a, b) != (c, d) for c, d in every)}
    found = known.spans(text.encode(), least)
    assert [(one.start, one.start + one.chars) for one in found] == sorted(every - covered)
    for one in found:
        span = text[one.start : one.start + one.chars].encode()
        assert known.arrays["text"][one.place : one.place + len(span)].tobytes() == span


def test_what_stands_around_a_span() -> None:
    known = index(["die Quelle: äöü abcabcabc xyz.".encode(), b"another one, with abcabd and xyz"])
    [one] = known.spans("Quelle: äöü abc".encode(), 12)
    assert known.around(one.place, one.chars, 4) == ("die ", "abca")
    assert known.around(one.place, one.chars, 99) == ("die ", "abcabc xyz.")
    [one] = known.spans(b" with abcabd", 8)
    assert known.around(one.place, one.chars, 99) == ("another one,", " and xyz")
    [one] = known.spans("lle: ä".encode(), 5)
    assert known.around(one.place, one.chars, 2) == ("ue", "öü")
