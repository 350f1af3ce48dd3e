"""What kind of data sources hold: layouts as people have them, and what is said where nothing can be chosen."""

from __future__ import annotations

import bz2
import gzip
import json
import random
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.cli import main
from rhapsode.data.corpus import prepare
from rhapsode.data.recognition import BINARY, SNIFFED, TEXT, Survey, codec_for, counted, kind_of
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError
from rhapsode.modalities.music.formats import abc, musicxml
from rhapsode.modalities.speech import audio
from rhapsode.modalities.speech.utterance import Sound

APE = b"MAC \x96\x0f" + bytes(range(256)) * 20
M4A = b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0" + bytes(range(256)) * 20
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(range(256)) * 20
PDF = b"%PDF-1.4\n" + b"1 0 obj << /Length 9 >> stream\n" * 99
MIDI = bytes.fromhex("4d546864000000060000000100604d54726b0000001400903c4060803c0000903e4060803e0000ff2f00")
ABC = "X:1\nT:A tune\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|CDEF|GABc|CDEF|GABc|CDEF|GABc|]\n"
MUSICXML = musicxml.dumps(abc.loads(ABC))
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M 0 0 L 5 5 L 9 0"/></svg>'
SENTENCE = "The old sailor told the children stories of the sea each evening.\n"
CAT = {"word": "cat", "countrycode": "VE", "recognized": True, "drawing": [[[0, 5, 9], [0, 5, 0]], [[1, 2], [8, 9]]]}


def put(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def wav() -> bytes:
    return audio.encoded(Sound(np.sin(np.arange(1600) / 5) / 2, 16000))


def fill(folder: Path, content: dict[str, bytes | str], count: int = 20) -> Path:
    """Files of names such as `wav/{}.wav`."""
    for name, data in content.items():
        for number in range(count):
            put(folder / name.format(number), data)
    return folder


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        ({"{}.txt": SENTENCE}, "chars"),
        ({"{}.txt.gz": gzip.compress(SENTENCE.encode())}, "chars"),
        ({"{}.txt": ABC}, "melody"),  # a file is what its content says
        ({"{}.mid": MIDI, "README": "Tunes.", "LICENCE.txt": "Free.", ".DS_Store": b"\0\0\0\1Bud1"}, "melody"),
        ({"{}.musicxml": MUSICXML, "{}.txt": SENTENCE}, "melody"),  # the lyrics of each
        ({"{}.abc.gz": gzip.compress(ABC.encode())}, "melody"),
        ({"{}.svgz": gzip.compress(SVG.encode())}, "strokes"),
        ({"{}.wav": wav(), "{}.txt": SENTENCE}, "speech"),
        ({"{}.WAV": wav(), "{}.TXT": SENTENCE}, "speech"),
        ({"{}.m4a": M4A, "{}.txt": SENTENCE}, "speech"),
        ({"{}.aac": bytes(99), "{}.txt": SENTENCE}, "speech"),  # nothing but its name tells
        ({"wav/{}.wav": wav(), "txt/{}.txt": SENTENCE}, "speech"),
        ({"wav48/ann/{}.wav": wav(), "TXT/ann/{}.txt": SENTENCE}, "speech"),
        ({"{}.wav": wav(), "transcripts/{}.txt": SENTENCE}, "speech"),
        ({"{}.json": json.dumps([CAT, CAT])}, "strokes"),
        ({"{}.json": json.dumps([CAT, CAT], indent=1)}, "strokes"),
        ({"{}.json": json.dumps(CAT, indent=2)}, "strokes"),
        ({"{}.ndjson": (json.dumps(CAT) + "\n") * 2}, "strokes"),
        ({"{}.json": json.dumps({"title": "A story", "text": SENTENCE * 3, "years": [1, 2, 3]})}, "chars"),
        ({"{}.csv": "name|age\nann|3\n"}, "chars"),
        ({"{}.md": SENTENCE, "a{}.md": SENTENCE, "img/{}.jpg": JPEG}, "chars"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,
)
def test_what_is_read(tmp_path: Path, content: dict[str, bytes | str], codec: str) -> None:
    assert codec_for([fill(tmp_path, content)]) == codec


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"{}.ape": APE, "{}.txt": SENTENCE},
            r"Monkey's Audio is not read\. Convert it: ffmpeg -i (\S+)/0\.ape \1/0\.wav\. "
            r"Seen: 20 recordings \(Monkey's Audio\), 20 texts "
            r"of the same names\. To train on the 20 texts alone, give --codec chars or name them: '?\1/\*\*/\*\.txt",
        ),
        ({"{}.ape": APE, "all.txt": SENTENCE}, r"Seen: 20 recordings \(Monkey's Audio\), 1 text\."),
        ({"ape/{}.ape": APE, "text/{}.txt": SENTENCE, "{}.md": SENTENCE}, r"20 texts of the same names"),
        ({"wav/{}.wav": M4A, "txt/{}.txt": SENTENCE}, r"M4A is not read"),
        ({"{}.dat": wav(), "{}.txt": SENTENCE}, r"recordings \(WAV\) must be called so, with one of \.wav "),
        ({"{}.flac": b"fLaC" + bytes(99), "a.trans.txt": SENTENCE}, r"recordings without texts\. Give recordings with"),
        ({"{}.jpg": JPEG, "{}.txt": SENTENCE}, r"JPEG is not read\. .* 20 pictures \(JPEG\), 20 texts of the"),
        ({"{}.ps": "%!PS-Adobe-3.0", "a.txt": SENTENCE}, r"ps2ascii .* Seen: 20 documents \(PostScript\), 1 text\."),
        ({"{}.mei": '<?xml version="1.0"?>\n<mei xmlns="x"/>'}, r"MEI is not read"),
        ({"{}.mei.gz": gzip.compress(b"<?xml version='1.0'?><mei/>")}, r"MEI is not read"),
        ({"{}.tar.gz": gzip.compress(bytes(257) + b"ustar" + bytes(99))}, r"tar is not read"),
        ({"{}.json": json.dumps({"strokes": [[[1, 2], [8, 9]]] * 9})}, r"numbers in JSON, .* Known are Rhapsode's own"),
        ({"{}.json": json.dumps([{"x": 1.5, "y": 2}] * 99)}, r"To take all that is text as text, give --codec chars"),
        (
            {"t{}.abc": ABC, "s{}.txt": SENTENCE},
            r"several kinds, .* 20 texts alone, name them: .*\.txt'?\. To take all that is text as text, give --codec "
            r"chars\. To train on the 20 files of tunes alone, give --codec melody or name them: .*\*\.abc'?\.$",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_is_refused(tmp_path: Path, content: dict[str, bytes | str], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        codec_for([fill(tmp_path, content)])
    assert str(caught.value).startswith(f"{tmp_path}: ")


def test_archives_are_told_by_what_is_in_them(tmp_path: Path) -> None:
    def packed(name: str, members: dict[str, bytes | str]) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return tmp_path / name

    tunes = {f"a/{n}.txt": SENTENCE for n in range(90)} | {f"b/{n}.mid": MIDI for n in range(90)}
    assert codec_for([packed("tunes.zip", tunes)]) == "melody"
    container = {"META-INF/container.xml": "<container/>"}  # packed MusicXML has one, but is not the only one
    for name, members, what in (
        (
            "talks.zip",
            {"a.ape": APE, "a.txt": SENTENCE},
            r"Unpack it, .* python -m zipfile -e \S+talks.zip \S+talks\.",
        ),
        ("a.xlsx", {"[Content_Types].xml": "<x/>", "xl/workbook.xml": "<x/>"}, "Office is not read"),
        ("a.mscz", {**container, "a.mscx": "<museScore/>"}, "MuseScore is not read. Save it as MusicXML"),
    ):
        path = packed(name, members)
        assert not registry.get("codec", "melody").recognises(path)
        with pytest.raises(UserError, match=what):
            codec_for([path])


@pytest.mark.parametrize(
    "content",
    [
        {"{}.pdf": PDF, "a.txt": SENTENCE},
        {"{}.rtf": r"{\rtf1\ansi " + SENTENCE + "}"},
        {"{}.txt": SENTENCE.encode("utf-16")},
        {"{}.txt": SENTENCE.encode("utf-16-be")},
        {"{}.txt": SENTENCE.encode("utf-32")},
    ],
    ids=lambda content: next(iter(content)),
)
def test_documents_and_texts_of_other_encodings_are_text(tmp_path: Path, content: dict[str, bytes | str]) -> None:
    assert codec_for([fill(tmp_path, content)]) == "chars"


def test_a_list_of_sources_is_one_collection(tmp_path: Path) -> None:
    fill(tmp_path, {"{}.ape": APE})
    book = put(tmp_path / "book.txt", SENTENCE * 99)
    with pytest.raises(UserError, match=r"^\S+/0.ape and 1 more: Monkey's Audio is not read"):
        codec_for([tmp_path / "0.ape", book])
    assert codec_for([book]) == codec_for([tmp_path / "*.txt"]) == "chars"
    with pytest.raises(UserError, match="20 recordings"):
        codec_for([str(tmp_path / "*.ape")])
    assert codec_for(["-", "data:ptb", tmp_path / "none"]) == "chars"  # told when they are read


def test_of_many_files_some_of_each_suffix_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many are counted, and those that go together are found among all."""
    fill(tmp_path, {"a/{}.txt": SENTENCE, "b/{}.ape": APE, "c{}.txt": SENTENCE}, 300)
    looked_at = []

    def looked(path: Path) -> object:
        looked_at.append(path)
        return kind_of(path)

    monkeypatch.setattr("rhapsode.data.recognition.kind_of", looked)
    survey = Survey([tmp_path])
    assert survey.counts == {"recordings (Monkey's Audio)": 300, "texts of the same names": 300, "texts": 300}
    assert 3 * SNIFFED / 2 <= len(looked_at) <= 3 * SNIFFED
    size = sum(share.bytes for share in survey.kinds.values())
    assert size == pytest.approx(300 * (len(APE) + 2 * len(SENTENCE)))


def test_one_source_alone(tmp_path: Path) -> None:
    path = put(tmp_path / "a.bin", bytes(range(256)))
    survey = Survey(path)
    assert survey.codec() == "chars" and survey.counts == {"binary file of no known kind": 1}
    assert survey.warnings(registry.get("codec", "chars")) == [
        f"{path}: 1 binary file of no known kind, read as text all the same."
    ]
    assert survey.warnings(registry.get("codec", "strokes")) == []
    assert Survey([]).warnings(registry.get("codec", "chars")) == []


def test_clutter_does_not_count_unless_there_is_nothing_else(tmp_path: Path) -> None:
    fill(tmp_path, {"README.md": SENTENCE, "Thumbs.db": bytes(9), ".git/config": "x", "LICENSE": SENTENCE}, 1)
    assert counted(Survey([tmp_path]).kinds) == "2 texts, 1 binary file of no known kind"
    put(tmp_path / "a.abc", ABC)
    survey = Survey([tmp_path])
    assert survey.counts == {"file of tunes": 1} and survey.left_aside == 3


@pytest.mark.parametrize(
    ("content", "codec", "warning"),
    [
        ({"{}.bin": random.Random(1).randbytes(999), "a.txt": "Hm."}, "chars", r"only 1 of 21 files, less than 1 % of"),
        ({"{}.ape": APE, "{}.txt": SENTENCE}, "chars", r"codec chars reads only 20 of 40 .*, 1 % .* Left out: 20 r"),
        ({"a{}.txt": SENTENCE, "b{}.txt": SENTENCE, "{}.jpg": JPEG}, "chars", r"40 of 60 files, 3 % of the bytes"),
        ({"{}.abc": ABC, "{}.txt": SENTENCE}, "melody", r"codec melody reads only 20 of 40 files, .* 20 texts of the"),
        ({"{}.abc": ABC, "{}.txt": SENTENCE}, "abc", r"codec abc reads only 20 of 40 files"),
        ({"{}.abc": ABC, "{}.txt": SENTENCE}, "chars", ""),  # all of it is text
        ({"{}.abc": ABC, "README": SENTENCE, "{}.empty": ""}, "melody", ""),
        ({"{}.wav": wav(), "{}.txt": SENTENCE}, "speech", ""),
        ({"{}.wav": wav(), "0.txt": SENTENCE}, "speech", r"reads only 2 of 21 files, .* 19 recordings without texts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_warnings(tmp_path: Path, content: dict[str, bytes | str], codec: str, warning: str) -> None:
    found = Survey([fill(tmp_path, content)]).warnings(registry.get("codec", codec))
    if warning:
        assert len(found) == 1 and re.search(warning, found[0]), found
    else:
        assert found == []


def test_a_corpus_warns_and_training_does_so_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = fill(tmp_path / "talks", {"{}.ape": APE, "{}.txt": SENTENCE * 9})
    with pytest.raises(UserError, match="Monkey's Audio is not read"):
        prepare([folder], reset=ResetPolicy.parse("document"), cache=tmp_path / "cache")
    data = prepare([folder], codec="chars", reset=ResetPolicy.parse("document"), cache=tmp_path / "cache")
    assert len(data.warnings) == 1 and "20 of 40 files" in data.warnings[0]
    again = prepare([folder], codec="chars", reset=ResetPolicy.parse("document"), cache=tmp_path / "cache")
    assert again.warnings == data.warnings
    model = str(tmp_path / "model")
    small = ["--updates", "1", "--width", "8", "--embedding", "4", "--layers", "1", "--device", "cpu"]
    assert main(["train", str(folder), "-o", model, *small]) == 2
    assert not Path(model).exists()
    capsys.readouterr()
    assert main(["train", str(folder), "-o", model, "--codec", "chars", *small]) == 0
    lines = capsys.readouterr().err.splitlines()
    told = [n for n, line in enumerate(lines) if "reads only 20 of 40 files" in line]
    trained = next(n for n, line in enumerate(lines) if line.startswith("trained after"))
    assert len(told) == 2 and told[0] < trained < told[1]


def test_files_are_what_they_hold(tmp_path: Path) -> None:
    assert kind_of(put(tmp_path / "a.wav", SENTENCE)).what == "recording{s} without texts"  # its name tells, so far
    assert kind_of(put(tmp_path / "a.mid", SENTENCE)) == TEXT
    assert kind_of(put(tmp_path / "a.bin", bytes(range(256)))) == BINARY
    assert kind_of(put(tmp_path / "a.txt.bz2", bz2.compress(SENTENCE.encode()))) == TEXT
    assert kind_of(put(tmp_path / "a.latin1", "Grüße aus Köln".encode("latin-1"))) == TEXT
    for text in (
        "RIFF is a form.",
        "ID3 tags",
        "BM",
        "riff raff, riff raff",
        "MThe",
        "GIF89",
        "PAR1 it",
        "{\\rt",
    ):
        assert kind_of(put(tmp_path / "b", text)) == TEXT, text
