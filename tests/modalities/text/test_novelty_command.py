"""What is copied, from the command line."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from rhapsode.data.text_index import Gathered, TextIndex
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from tests.conftest import TEXT, MakeModel

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def model(tiny_model: MakeModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It has learnt some text, says its file, and writes something else."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    made = tiny_model("chars")
    config = made.config.model_copy(update={"facts": {"data_digest": "digest"}})
    Model(config, made.tensors).save(tmp_path / "m" / checkpoint.MODEL)
    gathered = Gathered(False)
    gathered.files, gathered.data = ["homer.txt"], ["digest"]
    gathered.add(TEXT.encode(), True, 0, 0)
    TextIndex.of(gathered, [TEXT[7:300].encode()]).save(tmp_path / "m" / checkpoint.INDEX)
    (tmp_path / "a.txt").write_text("By me.\nMany a brave soul did it send, and he went.")
    (tmp_path / "b.txt").write_text("zzz")
    return tmp_path / "m"


def run(capfdbinary: pytest.CaptureFixture[bytes], *words: object) -> tuple[int, str, str]:
    capfdbinary.readouterr()
    status = main([str(word) for word in words])
    out, error = capfdbinary.readouterr()
    return status, out.decode("utf-8", "surrogateescape"), error.decode()


def test_the_report(model: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    status, out, _ = run(capfdbinary, "novelty", model, "a.txt")
    lines = out.splitlines()
    assert status == 0 and lines[0] == "50 characters; case and white space count"
    assert lines[1:3] == [
        'longest span: "\\nMany a brave soul did it send"',
        "  in line 1; from homer.txt, line 3",
    ]
    assert "held-out text of equal length, 5 pieces" in lines[3] and lines[4].split()[0] == "here"
    assert lines[5].split()[-3:] == ["30", "50", "50"]
    _, out, _ = run(capfdbinary, "novelty", model, "a.txt", "b.txt", "--json")
    found = json.loads(out)
    assert found["chars"] == 53 and found["document"] == "a.txt"
    assert found["span"]["from"] == {"file": "homer.txt", "document": 0, "line": 3}
    assert found["in_spans"]["20"] == 30 / 53 and found["held_out"]["half"]["longest"] == 53
    assert "in 2 documents" in run(capfdbinary, "novelty", model, "a.txt", "b.txt")[1]
    assert "no character" in run(capfdbinary, "novelty", model, "b.txt")[1] or "z" in TEXT


def test_a_table_of_documents(model: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    _, out, _ = run(capfdbinary, "novelty", model, "a.txt", "b.txt", "--per-document")
    head, *rows = (line.split("\t") for line in out.splitlines())
    table = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
    assert list(table) == ["a.txt", "b.txt", "total"]
    assert (table["a.txt"]["longest"], table["a.txt"]["from"]) == ("30", "homer.txt, line 3")
    assert table["total"]["chars"] == "53" and float(table["a.txt"]["in_spans_20"]) == 0.6
    _, out, _ = run(capfdbinary, "novelty", model, "a.txt", "b.txt", "--document-separator", ". ", "--json")
    assert json.loads(out)["chars"] == 53


def test_texts_are_read_as_for_training(model: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    text = Path("a.txt").read_text()
    Path("wide.txt").write_bytes(text.encode("utf-16"))
    Path("a.html").write_text(f"<p>{text}</p>")
    plain = json.loads(run(capfdbinary, "novelty", model, "a.txt", "--json")[1])
    for options in (["wide.txt"], ["wide.txt", "--encoding", "utf-16"], ["a.html", "--as-text"]):
        status, out, error = run(capfdbinary, "novelty", model, *options, "--json")
        assert status == 0 and json.loads(out)["longest"] == plain["longest"]
        assert ("converted to UTF-8: wide.txt" in error) == (options == ["wide.txt"])  # it was found out
    assert json.loads(run(capfdbinary, "novelty", model, "wide.txt", "--encoding", "bytes", "--json")[1])["longest"] < 5


def test_colours(model: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    status, plain, error = run(capfdbinary, "novelty", model, "a.txt", "--color")
    assert status == 0 and "\x1b" not in plain and "no colours: stdout is no terminal" in error
    monkeypatch.setenv("FORCE_COLOR", "1")
    _, out, _ = run(capfdbinary, "novelty", model, "a.txt", "--color")
    assert ESCAPES.sub("", out) == plain and plain.startswith(Path("a.txt").read_text())
    shades = [int(shade) for shade in re.findall(r"\x1b\[30;48;2;255;(\d+);", out)]
    assert min(shades) < 200 and max(shades) == 255
    assert run(capfdbinary, "novelty", model, "a.txt", "--color", "--json")[0] == 2
    _, out, _ = run(capfdbinary, "generate", model, "Sing", "--novelty", "--seed", 1, "--length", 50, "--samples", 2)
    assert "--- sample 2 ---\n" in out and "\x1b[30;48" in out


def test_generate(model: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    def drawn(*more: object) -> tuple[Any, str]:
        status, out, error = run(capfdbinary, "generate", model, "--seed", 3, "--length", 80, *more)
        assert status == 0, error
        return out, error

    free, _ = drawn()
    told, error = drawn("--novelty")
    assert told.rstrip("\n") == free.rstrip("\n") and re.search(
        r"copied  longest span \d+ of \d+ characters, line \d+, from homer.txt, line \d+;", error
    )
    assert "\nsample 2: copied  " in "\n" + drawn("--novelty", "--samples", 2)[1]
    found = json.loads(drawn("--novelty", "--json", "--samples", 2)[0])["samples"]
    longest = found[0]["novelty"]["longest"]
    assert len(found) == 2 and longest > 1
    assert drawn("--max-copy", longest)[0] == free
    other, error = drawn("--max-copy", longest - 1)
    assert other != free and "thrown away" in error and "to end" not in error  # which only what must be valid needs
    Path("c.txt").write_bytes(other.encode("utf-8", "surrogateescape"))
    assert json.loads(run(capfdbinary, "novelty", model, "c.txt", "--json")[1])["longest"] == longest - 1


def test_mistakes(model: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    path = model / checkpoint.INDEX
    whole = path.read_bytes()
    for data, said in ((None, "is not beside it"), (b"", "not a usable"), (whole[:-1] + b"\xff", "checksum")):
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        for command in (
            ["novelty", model, "a.txt"],
            ["generate", model, "--max-copy", 9],
            ["generate", model, "--novelty"],
        ):
            status, out, error = run(capfdbinary, *command)
            assert (status, out) == (2, "") and said in error
        assert run(capfdbinary, "generate", model, "--length", 9)[0] == 0  # nothing else needs it
        path.write_bytes(whole)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert run(capfdbinary, "novelty", model, "-")[0] == 2
    assert run(capfdbinary, "novelty", model, "none.txt")[0] == 2


def test_inspect(model: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    found = json.loads(run(capfdbinary, "inspect", model / checkpoint.INDEX, "--json")[1])
    assert (found["kind"], found["bytes"], found["files"]) == ("training index", len(TEXT.encode()), ["homer.txt"])


def test_tunes(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    from tests.made import tune

    tune(tmp_path / "t.jsonl", 8)
    arguments = ["-o", tmp_path / "m", "--updates", 1, "--params", "20k", "-q"]
    assert run(capfdbinary, "train", tmp_path / "t.jsonl", *arguments)[0] == 0
    status, out, _ = run(capfdbinary, "novelty", tmp_path / "m", tmp_path / "t.jsonl", "--json")
    found = json.loads(out)
    assert status == 0 and len(found["tunes"]) == 8 and found["all"]["notes"][1] > 8
    status, again, _ = run(capfdbinary, "inspect", tmp_path / "t.jsonl", "--against", tmp_path / "m", "--json")
    assert json.loads(again)["tunes"] == found["tunes"]
    status, _, error = run(capfdbinary, "novelty", tmp_path / "m", tmp_path / "t.jsonl", "--color")
    assert status == 2 and "--color: for models of text" in error
