"""Folders of recordings as people have them: what is found in each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rhapsode.data.sources import open_sources
from rhapsode.errors import UserError
from rhapsode.files.refusals import Refusals
from rhapsode.modalities.speech.read import read, recognised
from rhapsode.modalities.speech.speakers import chosen, repeated, told, told_apart
from rhapsode.modalities.speech.utterance import Utterance

CLIPS = "client_id\tpath\tsentence\tup_votes\n"


def filled(folder: Path, recordings: str, texts: dict[str, str]) -> Path:
    """Files called like recordings, and files of texts."""
    for name in recordings.split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def collected(folder: Path, refused: Refusals | None = None) -> list[Utterance]:
    """As a training sees them."""
    sources = open_sources([folder], accepts=recognised)
    found = [replace(one, root=file.within) for file in sources.files for one in read(file.path, file.name, refused)]
    there = {path for path in folder.rglob("*") if path.is_file()}
    assert there == {file.path for file in sources.files}
    return [one for one, again in zip(told_apart(found), repeated(found), strict=True) if not again]


def shown(folder: Path) -> list[tuple[str, str, str]]:
    found = collected(folder)
    assert all(one.recorded for one in found)
    return sorted((one.name, one.text, one.speaker) for one in found)


HI_HO = [("a", "Hi, you.", ""), ("b", "Ho.", "")]
OF_TWO = [("a", "Hi, you.", "ann"), ("b", "Ho.", "bob")]


@pytest.mark.parametrize(
    ("recordings", "texts", "expected"),
    [
        (
            "84/1/84-1-0000.flac 84/1/84-1-0001.flac 90/2/90-2-0000.flac",
            {"84/1/84-1.trans.txt": "84-1-0000 HI YOU\n84-1-0001 HO\n", "90/2/90-2.trans.txt": "90-2-0000 NO\n"},
            [("84-1-0000", "HI YOU", "84"), ("84-1-0001", "HO", "84"), ("90-2-0000", "NO", "90")],
        ),
        (
            "84/1/84_1_00_00.wav 90/2/90_2_00_00.wav",
            {
                "84/1/84_1_00_00.normalized.txt": "Hi.",
                "84/1/84_1_00_00.original.txt": "HI.",
                "90/2/90_2_00_00.original.txt": "HO.",
            },
            [("84_1_00_00", "Hi.", "84"), ("90_2_00_00", "HO.", "90")],
        ),
        ("wav/a.wav wav/b.wav", {"etc/txt.done.data": '( a "Hi, you." )\n(b  "Ho.")\n'}, HI_HO),
        (
            "a.wav b.wav",
            {"txt.done.data": '( a "Hi, \\"you\\"." )\n( b "Ho." )\n'},
            [("a", 'Hi, "you".', ""), ("b", "Ho.", "")],
        ),
        ("wavs/a.wav wavs/b.wav", {"metadata.txt": "a|Hi, you.\nb|Ho.\n"}, HI_HO),
        ("wavs/a.wav wavs/b.wav", {"metadata.txt": "wavs/a.wav\tHi, you.\nwavs/b.wav\tHo.\n"}, HI_HO),
        ("wavs/a.wav wavs/b.wav", {"filelists/train.txt": "wavs/a.wav|Hi, you.\nwavs/b.wav|Ho.\n"}, HI_HO),
        ("clips/a.mp3 clips/b.mp3", {"train.tsv": CLIPS + "ann\ta.mp3\tHi, you.\t2\nbob\tb.mp3\tHo.\t0\n"}, OF_TWO),
        (
            "clips/a.mp3 clips/b.mp3",
            {
                "train.tsv": CLIPS + "ann\ta.mp3\tHi, you.\t2\n",
                "validated.tsv": CLIPS + "ann\ta.mp3\tHi, you.\t2\nbob\tb.mp3\tHo.\t0\n",
            },
            OF_TWO,
        ),
        ("wavs/a.wav wavs/b.wav", {"metadata.csv": "wavs\\a.wav|Hi, you.\n.\\wavs\\b.wav|Ho.\n"}, HI_HO),
        ("wavs/a.wav wavs/b.wav", {"metadata.csv": '"a"|"Hi, you."\n"b"|"Ho."\n'}, HI_HO),
        ("wavs/a.wav", {"metadata.csv": 'a|"Hi," he said, "you."\n'}, [("a", '"Hi," he said, "you."', "")]),
        ("wavs/a.wav wavs/b.wav", {"metadata.csv": "file;text\na.wav;Hi, you.\nb.wav;Ho.\n"}, HI_HO),
        ("wavs/A.WAV wavs/b.wav", {"metadata.csv": "a|Hi, you.\nB|Ho.\n"}, [("A", "Hi, you.", ""), ("b", "Ho.", "")]),
        ("wavs/a.wav wavs/b.wav", {"Metadata.CSV": "a|Hi, you.\nb|Ho.\n"}, HI_HO),
        ("A.WAV b.wav", {"a.txt": "Hi, you.", "B.TXT": "Ho."}, [("A", "Hi, you.", ""), ("b", "Ho.", "")]),
        ("wavs/one/a.wav wavs/one/b.wav", {"metadata.csv": "a|Hi, you.\nb|Ho.\n"}, HI_HO),
        ("ann/a.wav bob/b.wav", {"ann/a.txt": "Hi, you.", "bob/b.txt": "Ho."}, OF_TWO),
        ("ann/wavs/a.wav bob/wavs/b.wav", {"ann/metadata.csv": "a|Hi, you.\n", "bob/metadata.csv": "b|Ho.\n"}, OF_TWO),
        ("wav48/ann/a.wav wav48/bob/b.wav", {"txt/ann/a.txt": "Hi, you.", "txt/bob/b.txt": "Ho."}, OF_TWO),
        ("chapter_1/a.wav chapter_2/b.wav", {"chapter_1/a.txt": "Hi, you.", "chapter_2/b.txt": "Ho."}, HI_HO),
        ("01/a.wav 02/b.wav", {"01/a.txt": "Hi, you.", "02/b.txt": "Ho."}, HI_HO),
        ("ann/a.wav ann/b.wav", {"ann/a.txt": "Hi, you.", "ann/b.txt": "Ho."}, HI_HO),
    ],
)
def test_layouts(tmp_path: Path, recordings: str, texts: dict[str, str], expected: list[tuple[str, str, str]]) -> None:
    assert shown(filled(tmp_path / "given", recordings, texts)) == expected


@pytest.mark.parametrize("line", ["{0}|{1}|{2}", "{0}|{2}|{1}"])
def test_a_column_of_speakers_without_a_name(tmp_path: Path, line: str) -> None:
    """As VITS has them; not to be taken for texts as they are spoken."""
    names = "abcdef"
    lines = [line.format(each, "ab"[n % 2], f"What {each} says.") for n, each in enumerate(names)]
    filled(tmp_path, " ".join(f"wavs/{each}.wav" for each in names), {"metadata.csv": "\n".join(lines)})
    assert shown(tmp_path) == [(each, f"What {each} says.", "ab"[n % 2]) for n, each in enumerate(names)]


def test_a_name_that_could_be_several_recordings_is_not_guessed(tmp_path: Path) -> None:
    filled(tmp_path, "one/a.wav two/a.wav wavs/b.wav", {"metadata.csv": "b|B\na|A\n"})
    with pytest.raises(UserError, match=r"line 2: 'a' could be one/a.wav and two/a.wav. Write where it is"):
        list(read(tmp_path / "metadata.csv"))
    refused = Refusals()
    assert [one.name for one in read(tmp_path / "metadata.csv", None, refused)] == ["b"]
    assert list(refused.lines()) == [
        f"1 skipped: lines of a list that could mean several recordings ({tmp_path}/metadata.csv, line 2)."
    ]
    (tmp_path / "metadata.csv").write_text("one/a|A\ntwo\\a.wav|B\nthree/a|C\n")
    assert [(one.text, not one.recorded) for one in read(tmp_path / "metadata.csv")] == [
        ("A", False), ("B", False), ("C", True)
    ]  # fmt: skip


def test_lines_and_labels_that_are_wrong_are_left_out_and_told(tmp_path: Path) -> None:
    filled(tmp_path, "wavs/a.wav wavs/b.wav wavs/c.wav", {"metadata.csv": "a|A\nb\nc|\na|B\n", "wavs/c.lab": "x"})
    refused = Refusals()
    assert [one.text for one in read(tmp_path / "metadata.csv", None, refused)] == ["A"]
    assert refused.count == 3 and all("metadata.csv, line" in line for line in refused.lines())
    (tmp_path / "metadata.csv").write_text("a|A\nc|C\n")
    (tmp_path / "wavs" / "c.lab").write_text("5 1 a\n2 x b\n")
    refused = Refusals()
    assert [one.text for one in read(tmp_path / "metadata.csv", None, refused)] == ["A"]
    assert ["1 skipped: recordings of a list whose labels cannot be read" in line for line in refused.lines()] == [True]


def test_speakers_are_told_and_one_can_be_taken(tmp_path: Path) -> None:
    filled(tmp_path, "ann/a.wav bob/b.wav bob/c.wav", {"ann/a.txt": "A", "bob/b.txt": "B", "bob/c.txt": "C"})
    found = collected(tmp_path)
    assert told(found) == ["2 speakers: bob (2), ann (1). The voice has them all; for one alone: --speaker NAME."]
    assert [one.name for one, own in zip(found, chosen(found, "bob"), strict=True) if own] == ["b", "c"]
    with pytest.raises(UserError, match="speaker: 'bop' is not known. Did you mean 'bob'"):
        chosen(found, "bop")
    assert told(collected(tmp_path / "bob")) == []


def test_a_text_and_tables_beside_recordings_are_no_lists(tmp_path: Path) -> None:
    filled(tmp_path, "train.wav", {"train.txt": "What the train | says.", "test.csv": "a,b\n1,2\n"})
    (tmp_path / "test.csv").unlink()
    assert shown(tmp_path) == [("train", "What the train | says.", "")]
