"""The file of recorded lines: no line is ever lost."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.ink.pad.lines import RecordedLines, parse
from rhapsode.modalities.ink.read import read, recognised
from tests.modalities.ink.pad.served import TEXTS, line, post, serving, texts


def test_lines_are_added_and_replaced(path: Path) -> None:
    file = RecordedLines(path)
    assert file.read() == {}
    assert file.save(parse(line("one"))) == 1
    assert file.save(parse(line("two"))) == 2
    assert file.save(parse(line("one", 9))) == 2
    assert recognised(path) and texts(path) == ["one", "two"]
    assert next(iter(read(path))).points[1].tolist() == [9, -2.25]
    assert list(path.parent.iterdir()) == [path]


def test_what_is_not_ours_stays(path: Path) -> None:
    """Drawings without text, fields that are not known, and lines that come from elsewhere in the meantime."""
    first = '{"rhapsode": "ink/1", "text": "old", "strokes": [[[0,0],[1,1]]], "writer": "é"}'
    path.write_text(f'{first}\n\n{{"strokes": [[[0,0],[1,1]]]}}\n', "utf-8")
    file = RecordedLines(path)
    assert file.save(parse(line("one"))) == 2
    with open(path, "a", encoding="utf-8") as other:
        other.write(line("theirs").decode() + "\n")
    assert file.save(parse(line("two"))) == 4
    assert texts(path) == ["old", None, "one", "theirs", "two"]
    assert path.read_text("utf-8").startswith(first)
    with open(path, "a", encoding="utf-8") as other:
        other.write(line("one", 3).decode() + "\n")
    file.save(parse(line("one", 8)))
    assert texts(path).count("one") == 2
    assert file.read()["one"]["strokes"][0][1][0] == 8


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("hand.txt", "", "must be called"),
        ("hand.jsonl", '{"text": "a corpus of texts"}\n', "holds no drawings"),
        ("hand.jsonl", '{"rhapsode": "ink/1", "strokes": [[[0, 0]]]}\n{"rhapsode": "ink/1", "str', "line 2: not JSON"),
        ("hand.jsonl", '{"rhapsode": "ink/2", "strokes": []}\n', "version"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        RecordedLines(tmp_path / name)
    assert (tmp_path / name).read_text() == content


def test_a_full_disk_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(path) as server:
        assert post(server, line(TEXTS[0]))[0] == 200
        before = path.read_bytes()

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            status, answer = post(server, line(TEXTS[1]))
        assert status == 507 and "No space left" in answer["error"]["message"]
        assert path.read_bytes() == before
        assert post(server, line(TEXTS[1])) == (200, {"saved": 2})


def test_many_at_once(path: Path) -> None:
    many = [f"line {n}" for n in range(12)]
    with serving(path, many) as server:
        threads = [threading.Thread(target=post, args=(server, line(text))) for text in many]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(filter(None, texts(path))) == sorted(many)
