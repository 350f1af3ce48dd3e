"""One damaged file among good ones is counted, named and left out, in every modality; alone, it is refused."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rhapsode.data.corpus import Corpus, prepare
from rhapsode.data.resets import ResetPolicy
from rhapsode.data.sources import open_sources
from rhapsode.errors import UserError
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.music.blues import corpus as blues
from rhapsode.modalities.music.formats import midi
from rhapsode.modalities.speech import audio
from rhapsode.modalities.speech import read as speech
from rhapsode.modalities.speech.utterance import Sound
from tests.conftest import written

ABC = "X:1\nT:a\nM:4/4\nL:1/8\nK:C\n" + "cdef gabc'|" * 6 + "\n"
RESTS = "<note><rest/><duration>4</duration></note>"
SCORE = f"<score-partwise><part-list/><part><measure>{RESTS}</measure></part></score-partwise>"
TEXT = b"".join(b"%d is a line of text\n" % i for i in range(100))
TUNE = midi.dumps(next(iter(blues(1, 0))))


def drawn(text: str, seed: int) -> bytes:
    return "".join(f"{dumps(drawing)}\n" for drawing in written([text] * 3, seed)).encode()


GOOD: dict[str, Callable[[int], dict[str, bytes]]] = {
    "texts": lambda n: {f"{n}.txt": TEXT + b"%d" % n},
    "tunes": lambda n: {f"{n}.abc": ABC.replace("cdef", "cdef"[n % 4] * 4).encode()},
    "drawings": lambda n: {f"{n}.jsonl": drawn(f"word {n}", n)},
}
DAMAGED: dict[str, dict[str, tuple[bytes, str]]] = {
    "texts": {"bad.txt.gz": (gzip.compress(TEXT)[:-9], "bad.txt.gz: a damaged .gz file")},
    "tunes": {
        "bad.mid": (TUNE[: len(TUNE) // 2], "bad.mid: a damaged MIDI file"),
        "rests.musicxml": (SCORE.encode(), "rests.musicxml: no tune can be read from it"),
        "rests.abc": (b"X:1\nK:C\nz8|z8|\n", "rests.abc: no tune can be read from it"),
    },
    "drawings": {
        "bad.jsonl": (drawn("word", 1)[:-40], "bad.jsonl, line 3"),
        "bad.inkml": (b'<ink xmlns="http://www.w3.org/2003/InkML"><trace>1 2', "bad.inkml: not well-formed XML"),
    },
}


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))


def folder(kind: str, damaged: dict[str, tuple[bytes, str]], name: str = "data") -> str:
    Path(name).mkdir()
    good = {name: data for n in range(30) for name, data in GOOD[kind](n).items()}
    for file, data in {**good, **{file: data for file, (data, _) in damaged.items()}}.items():
        Path(name, file).write_bytes(data)
    return name


def made(source: str) -> Corpus:
    return prepare([source], reset=ResetPolicy.parse("document"))


@pytest.mark.parametrize("kind", GOOD)
def test_damaged_files_of_a_folder_are_named_and_left_out(kind: str) -> None:
    damaged = DAMAGED[kind]
    whole, mixed = made(folder(kind, {}, "whole")), made(folder(kind, damaged))
    assert whole.documents <= mixed.documents <= whole.documents + 2  # what stands before the damage is read
    for again in (mixed, made("data")):  # from the cache, too
        (told,) = again.warnings
        assert told.startswith(f"{len(damaged)} of {30 + len(damaged)} files cannot be read, and are left out")
        for _, message in damaged.values():
            assert message in told


@pytest.mark.parametrize("kind", GOOD)
def test_a_damaged_file_alone_is_refused(kind: str) -> None:
    for file, (data, message) in DAMAGED[kind].items():
        Path(file).write_bytes(data)
        with pytest.raises(UserError, match=message.replace(".", r"\.")):
            made(file)


@pytest.mark.parametrize("kind", ["tunes", "drawings"])
def test_damaged_members_of_an_archive_are_named_and_left_out(kind: str) -> None:
    whole, _ = folder(kind, {}), folder(kind, DAMAGED[kind], "mixed")
    with zipfile.ZipFile("mixed.zip", "w") as archive:
        for file in Path("mixed").iterdir():
            archive.write(file, file.name)
    data = Path("mixed.zip").read_bytes()
    name = sorted(DAMAGED[kind])[-1].encode()
    at = data.index(name) + len(name)
    Path("mixed.zip").write_bytes(data[: at + 4] + b"#" + data[at + 5 :])  # and one whose sum does not fit
    found = made("mixed.zip")
    assert found.documents == made(whole).documents
    (told,) = (note for note in found.notes if "a file that cannot be read" in note)
    assert told.startswith("In files: 2 skipped: a file that cannot be read (mixed.zip/")  # and rests in ABC: no notes
    assert "Bad CRC-32" in told


def test_damage_of_what_is_to_validate_on_is_told_each_time() -> None:
    good, mixed = folder("tunes", {}, "good"), folder("tunes", DAMAGED["tunes"], "mixed")
    for _ in range(2):  # made, and from the cache
        (told,) = prepare([good], reset=ResetPolicy.parse("document"), valid=[mixed]).warnings
        assert told.startswith("3 of 33 files cannot be read")


def test_files_that_are_all_damaged_are_refused_together() -> None:
    Path("data").mkdir()
    for name in ("a", "b"):
        Path("data", f"{name}.mid").write_bytes(TUNE[: len(TUNE) // 2])
    with pytest.raises(UserError, match=r"none of the 2 files can be read to its end: data/a\.mid: .*; data/b\.mid: "):
        made("data")
    for name in ("a", "b"):
        Path("data", f"{name}.gz").write_bytes(b"\x1f\x8b" + bytes(9))
        Path("data", f"{name}.mid").unlink()
    with pytest.raises(UserError, match=r"no usable file: 2 that cannot be read \(data/a\.gz: a damaged \.gz file"):
        made("data")


def test_what_stands_before_the_damage_is_read_and_ends_there() -> None:
    Path("data").mkdir()
    text = 1000 * TEXT  # read in several pieces
    Path("data/a.gz").write_bytes(gzip.compress(text, 1)[:-9])
    Path("data/b.jsonl").write_bytes(b'{"text": "b"}\n{"text": "c"}\nno JSON\n{"text": "d"}\n')
    Path("data/c.txt").write_bytes(b"end")
    texts = open_sources(["data/a.gz", "data/c.txt"])
    begun, last = ([piece for piece in document] for document in texts)
    assert text.startswith(b"".join(begun)) and len(b"".join(begun)) > 1000 and last == [b"end"]
    assert list(texts.damaged) == ["data/a.gz"]
    with pytest.raises(UserError, match="none of the 2 files"):
        list(open_sources(["data/b.jsonl", "data/c.txt"], field="text"))
    Path("data/c.jsonl").write_bytes(b'{"text": "e"}')
    lines = open_sources(["data/b.jsonl", "data/c.jsonl"], field="text")
    assert [b"".join(document) for document in lines] == [b"b", b"c", b"e"]
    assert (
        "1 of 2 files cannot be read, and are left out from the damaged place on: data/b.jsonl, line 3: not JSON"
        in (lines.damage[0])
    )
    Path("data/c.jsonl").unlink()
    with pytest.raises(UserError, match="there is no such file, or no longer"):  # it is not damaged: something is wrong
        list(lines)


def test_a_file_that_is_of_no_kind_wanted_is_named() -> None:
    folder("tunes", {"bad.mid": (b"no MIDI at all", "")})
    assert "Files left out: 1 of another kind (data/bad.mid)." in made("data").notes


def test_a_recording_whose_text_is_nothing_is_named_and_left_out() -> None:
    Path("data").mkdir()
    for n in range(3):
        audio.written(Sound(np.zeros(800, np.float32), 16000), Path(f"data/{n}.wav"))
        Path(f"data/{n}.txt").write_text("a text" if n else " \n")
    sources = open_sources(["data"], accepts=speech.recognised)
    found = list(sources.each(lambda file: speech.read(file.path, file.name)))
    assert [one.name for one in found] == ["1", "2"]
    assert "data/0.wav: the text beside it is empty" in sources.damage[0]
