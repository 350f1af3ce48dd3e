import json
from pathlib import Path

import numpy as np
import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.speech import labels
from rhapsode.modalities.speech.audio import written
from rhapsode.modalities.speech.read import read, recognised
from rhapsode.modalities.speech.utterance import Sound, Timed

pytest.importorskip("soundfile")
LABELS = "0 1000000 sil\n1000000 2000000 AH1\n"
GRID = '"ooTextFile"\n"TextGrid"\n0\n1\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n1\n1\n0\n1\n"o"\n'


def record(path: Path, samples: int = 100) -> Path:
    written(Sound(np.zeros(samples), 8000), path)
    return path


def folder(path: Path, lines: str, ids: str = "a b", place: str = "wavs", suffix: str = ".wav") -> Path:
    for each in ids.split():
        record(path / place / f"{each}{suffix}")
    (path / "metadata.csv").write_text(lines, encoding="utf-8")
    return path / "metadata.csv"


@pytest.mark.parametrize("place", ["wavs", "wav", "."])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_metadata(tmp_path: Path, place: str, suffix: str) -> None:
    path = folder(tmp_path, "\ufeffa|Hi, 2 of you.\n\nb|Dr. B|Doctor B\r\n", place=place, suffix=suffix)
    found = list(read(path))
    said = [(each.name, each.text, each.phones) for each in found]
    assert said == [("a", "Hi, 2 of you.", ()), ("b", "Doctor B", ())]
    assert found[0].recorded and found[0].sound().rate == 8000
    recording = tmp_path / place / f"a{suffix}"
    assert recognised(path) and recognised(recording) and list(read(recording)) == []
    assert not recognised(record(tmp_path / place / f"other{suffix}"))


def test_metadata_with_paths_a_header_and_labels(tmp_path: Path) -> None:
    path = folder(tmp_path, "file_name|text\nwavs/a.wav|A\nsub/b|B|\n", "a sub/b")
    (tmp_path / "wavs" / "a.lab").write_text(LABELS)
    one, other = read(path)
    assert (one.name, one.text, [each.symbol for each in one.phones]) == ("a", "A", ["_", "AH"])
    assert isinstance(one, Timed) and one.times.tolist() == [0, 0.1, 0.2]
    assert (other.name, other.text, other.phones) == ("b", "B", ())
    assert recognised(tmp_path / "wavs" / "a.lab") and list(read(tmp_path / "wavs" / "a.lab")) == []


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a|A\nc\nb|B\nd\n", "data, line 2: expected id|text or id|text|text as it is spoken. 2 lines are like that"),
        ("a|A\nb|\n", "data, line 2: 'b' has no text"),
        ("a|A\n|B\n", "data, line 2: expected id|text"),
        ("a|A\nb\n", "data, line 2: 'b' has no text|expected"),
        ("a|A\na|B\n", "data, line 2: 'a' stands in line 1, too"),
        ("a|A|b|c\n", "data, line 1: expected id|text"),
        ("\n", "data: no recording is listed"),
    ],
)
def test_metadata_that_is_wrong(tmp_path: Path, lines: str, message: str) -> None:
    path = folder(tmp_path, lines)
    with pytest.raises(UserError, match=message.replace("id|text", r"id\|text")):
        list(read(path, "data"))


def test_recordings_that_are_missing(tmp_path: Path) -> None:
    path = folder(tmp_path, "id|text|speaker\na|A|ann\nsub/c.wav|C|bob\nd.e|D|bob\n")
    found = [(each.name, each.text, each.speaker, not each.recorded) for each in read(path)]
    assert found == [("a", "A", "ann", False), ("c", "C", "bob", True), ("d.e", "D", "bob", True)]
    (tmp_path / "utterances.jsonl").write_text('{"audio": "c.wav", "text": "C"}\n{"audio": "wavs/b.wav"}\n')
    assert [each.name for each in read(path)] == ["a", "d.e"]
    assert [not each.recorded for each in read(tmp_path / "utterances.jsonl")] == [True, False]


def test_other_encodings(tmp_path: Path) -> None:
    path = folder(tmp_path, "a|A\n")
    path.write_bytes("a|A\nb|Bäcker\n".encode("latin-1"))
    with pytest.raises(UserError, match="line 2: not UTF-8. Save the file as UTF-8"):
        list(read(path))
    assert recognised(path) and not recognised(tmp_path / "wavs" / "a.wav")
    path.write_bytes("a|Ä\n".encode("utf-16"))
    assert [each.text for each in read(path)] == ["Ä"]


def test_a_list_that_has_changed(tmp_path: Path) -> None:
    path = folder(tmp_path, "a|A\n")
    assert not recognised(tmp_path / "wavs" / "b.wav")
    path.write_text("a|A\nb|B\n")
    assert recognised(tmp_path / "wavs" / "b.wav")


def test_texts_and_labels_beside_recordings(tmp_path: Path) -> None:
    given = {"a.txt": "Text  of\na", "b.txt": "B", "b.TextGrid": GRID, "c.lab": LABELS, "d.lab": "Text of d"}
    for name, text in given.items():
        (tmp_path / name).write_text(text)
        record((tmp_path / name).with_suffix(".wav"))
    assert all(recognised(each) for each in tmp_path.iterdir())
    found = {
        name: [(each.text, [phone.symbol for phone in each.phones]) for each in read(tmp_path / name)] for name in given
    }
    assert found == {
        "a.txt": [("Text of a", [])],
        "b.txt": [("B", ["o"])],
        "b.TextGrid": [],  # b.txt gives it
        "c.lab": [("", ["_", "AH"])],
        "d.lab": [("Text of d", [])],
    }
    assert list(read(tmp_path / "a.wav")) == []


def test_files_that_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Notes")
    (tmp_path / "table.csv").write_text("1,2\n")
    (tmp_path / "other.jsonl").write_text('{"strokes": []}\n')
    record(tmp_path / "alone.wav")
    assert not any(recognised(each) for each in [*tmp_path.iterdir(), tmp_path, tmp_path / "missing.csv"])
    with pytest.raises(UserError, match="notes.txt: there is no recording of this name beside it. Known are"):
        list(read(tmp_path / "notes.txt"))
    with pytest.raises(UserError, match="missing.csv: cannot be read"):
        list(read(tmp_path / "missing.csv"))
    record(tmp_path / "empty.wav")
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(UserError, match="empty.wav: the text beside it is empty"):
        list(read(tmp_path / "empty.txt"))


def test_lines_of_json(tmp_path: Path) -> None:
    recording = record(tmp_path / "wavs" / "a.wav", 800)
    path = tmp_path / "utterances.jsonl"
    values = [{"audio": "wavs/a.wav", "text": "A", "speaker": "s"}, {"phones": [["o", 0.0, 0.5]]}]
    path.write_text("".join(json.dumps(each) + "\n" for each in values))
    one, other = read(path)
    assert (one.name, one.text, one.speaker, one.phones) == ("a", "A", "s", ()) and one.recorded
    assert one.sound().seconds == 0.1
    assert not other.recorded and other.name == f"{path}, line 2" and other.phones[0].symbol == "o"
    assert recognised(path) and recognised(recording)
    path.write_text('{"audio": "wavs/a.wav"}\n{"audio": \n')
    with pytest.raises(UserError, match="line 2: not JSON"):
        list(read(path))
    path.write_text("\n")
    with pytest.raises(UserError, match="empty"):
        list(read(path))


def test_a_column_of_speakers(tmp_path: Path) -> None:
    for header, lines in (
        ("id|text|speaker", "a|Hi.|ann\nb|Ho.|bob\n"),
        ("file|speaker_id|transcript", "a|ann|Hi.\nb|bob|Ho.\n"),
        ("audio_file|text|normalized_text|speaker", "a|1|Hi.|ann\nb|Ho.||bob\n"),
    ):
        path = folder(tmp_path, f"{header}\n{lines}")
        assert [(each.text, each.speaker) for each in read(path)] == [("Hi.", "ann"), ("Ho.", "bob")]
    path = folder(tmp_path, "id|text|speaker\na|Hi.|ann|x\n")
    with pytest.raises(UserError, match=r"line 2: expected id\|text\|speaker"):
        list(read(path))


CLIPS = "client_id\tpath\tsentence_id\tsentence\tup_votes\n"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("metadata.csv", 'file,text\na.wav,"Hi, you."\n\n"b.wav","He said ""no"", Ann|Bob"\n'),
        ("metadata.csv", 'speaker, transcription, file_name\nann, "Hi, you.", a\n,"He said ""no"", Ann|Bob", b\n'),
        ("metadata.csv", 'a\tHi, you.\nb\t"He said ""no"", Ann|Bob"\r\n'),
        ("metadata.tsv", 'id\ttext\na\tHi, you.\nb\tHe said "no", Ann|Bob\n'),
        ("metadata.tsv", 'name\tsaid\na\tHi, you.\nb\tHe said "no", Ann|Bob\n'),
        ("validated.tsv", CLIPS + 'ann\ta.wav\t1\tHi, you.\t2\nbob\tb.wav\t2\t"He said ""no"", Ann|Bob"\t0\n'),
    ],
)
def test_lists_with_commas_and_tabs(tmp_path: Path, name: str, lines: str) -> None:
    folder(tmp_path, "", place="clips")
    (tmp_path / "metadata.csv").unlink()
    path = tmp_path / name
    path.write_text(lines)
    found = list(read(path))
    assert [(each.name, each.text) for each in found] == [("a", "Hi, you."), ("b", 'He said "no", Ann|Bob')]
    assert all(each.recorded for each in found)
    assert [each.speaker for each in found][:1] == (["ann"] if "ann" in lines else [""])
    assert recognised(path) and recognised(tmp_path / "clips" / "a.wav") and not recognised(record(tmp_path / "c.wav"))
    path.rename(tmp_path / f"other{path.suffix}")
    assert not recognised(tmp_path / f"other{path.suffix}")


def test_lists_that_are_not_clear(tmp_path: Path) -> None:
    from rhapsode.data.recognition import codec_for

    for lines, line in (("a,Hi.\nb,Ho.\n", 1), ("\nfile,said\na,Hi.\n", 2), ("a\tHi.\nb Ho.\n", 1), ("a\nb\n", 1)):
        path = folder(tmp_path, lines)
        assert not recognised(path) and not recognised(tmp_path / "wavs" / "a.wav")
        with pytest.raises(UserError, match=rf"line {line}: expected id\|text or .* the first line must name them"):
            list(read(path))
        for source in (path, tmp_path):
            with pytest.raises(UserError, match=r"metadata.csv is not a list .* Known are .* \(id\|text; commas"):
                codec_for([source])
    path = folder(tmp_path, 'file,text\na,"Hi.\n')
    with pytest.raises(UserError, match="line 2: not CSV: unexpected end of data"):
        list(read(path))
    path = folder(tmp_path, "file,text\na,Hi.,ann,x\nb\n")
    with pytest.raises(UserError, match=r"line 2: expected file,text. 2 lines are like that"):
        list(read(path))
    path.write_text(",\n")
    with pytest.raises(UserError, match="no recording is listed"):
        list(read(path))


def test_a_table_beside_recordings_with_texts_is_no_list(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("file,seconds\na.wav,0.1\n")
    record(tmp_path / "a.wav")
    (tmp_path / "a.txt").write_text("A")
    assert not recognised(tmp_path / "metadata.csv") and [each.text for each in read(tmp_path / "a.txt")] == ["A"]
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "metadata.csv").write_text("id,text\n1,A review.\n")  # without recordings
    from rhapsode.data.recognition import codec_for

    assert codec_for([tmp_path / "texts"]) == codec_for([tmp_path / "texts" / "metadata.csv"]) == "chars"


def test_what_stands_in_two_lists_is_given_once(tmp_path: Path) -> None:
    path = folder(tmp_path, "a|A\nb|B\n")
    (tmp_path / "utterances.jsonl").write_text('{"audio": "wavs/a.wav", "text": "better", "speaker": "ann"}\n')
    found = [(each.name, each.text) for file in sorted(tmp_path.iterdir()) if file.is_file() for each in read(file)]
    assert found == [("b", "B"), ("a", "better")] and recognised(path)


def test_labels_by_themselves(tmp_path: Path) -> None:
    record(tmp_path / "a.wav")
    for name, content in (("a.lab", LABELS), ("a.TextGrid", GRID), ("b.jsonl", '{"phones": [["o", 0, 1]]}\n')):
        (tmp_path / name).write_text(content)
    # Even if another file beside the recording goes before it.
    assert [phone.symbol for phone in labels.read(tmp_path / "a.lab")[0].phones] == ["_", "AH"]
    for name in ("a.TextGrid", "b.jsonl"):
        [one] = labels.read(tmp_path / name)
        assert one.phones[0].symbol == "o" and isinstance(one, Timed) and one.times.tolist() == [0, 1]
    with pytest.raises(UserError, match=r"none\.lab"):
        labels.read(tmp_path / "none.lab")
