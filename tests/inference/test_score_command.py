"""Scores from the command line: sources, tables, colours, mistakes."""

from __future__ import annotations

import gzip
import io
import json
import math
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from rhapsode.console.paint import no_colours
from rhapsode.data.catalogue import Dataset, Download
from rhapsode.inference.dynamic import Rms
from rhapsode.inference.model import Model
from rhapsode.inference.score import score
from tests.conftest import TEXT, MakeModel
from tests.data.corpora import cut
from tests.inference.test_score_many import DOCUMENTS, scores


class Run:
    """Runs a command in this process; keeps its status and output."""

    def __init__(self, capture: pytest.CaptureFixture[bytes], patch: pytest.MonkeyPatch) -> None:
        self._capture, self._patch = capture, patch

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Run:
        self._capture.readouterr()
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self.status = main([str(each) for each in arguments])
        out, error = self._capture.readouterr()
        self.out, self.error = out, error.decode()
        return self

    @property
    def json(self) -> Any:
        assert self.status == 0, self.error
        return json.loads(self.out)

    @property
    def table(self) -> dict[str, dict[str, str]]:
        """Name of the row → name of the column → cell."""
        assert self.status == 0, self.error
        head, *rows = (line.split("\t") for line in self.out.decode().splitlines())
        return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return Run(capfdbinary, monkeypatch)


@pytest.fixture
def model(tiny_model: MakeModel) -> str:
    path = tiny_model(reset="document").path
    assert path is not None
    return str(path)


def corpus(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A corpus data:greek of the documents, whose test part is the last of them; no network."""
    folder.mkdir()
    data = "".join(DOCUMENTS).encode()
    (folder / "greek.txt").write_bytes(data)
    first, second = (len("".join(DOCUMENTS[:n]).encode()) for n in (2, 3))
    download = Download("greek.txt", "http://127.0.0.1:1/greek.txt", None, len(data))
    known = Dataset("greek", "about", "licence", "as it comes", (download,), cut("greek.txt", first, second))
    monkeypatch.setattr("rhapsode.data.datasets.catalogue", lambda: (known,))
    monkeypatch.setenv("RHAPSODE_DATA", str(folder))


def test_score_takes_the_sources_that_train_takes(
    run: Run, model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    corpus(monkeypatch, tmp_path / "corpora")
    data = [text.encode() for text in DOCUMENTS]
    Path("folder").mkdir()
    for number, each in enumerate(data):
        Path(f"folder/{number}.txt").write_bytes(each)
    Path("folder/.hidden").write_bytes(b"hidden")
    Path("folder/noise.bin").write_bytes(b"\0\1")
    Path("all.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in DOCUMENTS))
    Path("all.txt.gz").write_bytes(gzip.compress(b"\n%%\n".join(data)))
    nats = math.fsum(one.nats for one in scores(Model.load(model)))
    for arguments in (
        ["folder"],
        ["folder/*.txt"],
        [f"folder/{number}.txt" for number in range(4)],
        ["all.jsonl", "--field", "text"],
        ["all.txt.gz", "--document-separator", r"\n%%\n"],
    ):
        found = run("score", model, *arguments, "--json").json
        assert found["nats"] == pytest.approx(nats, rel=1e-12) and found["documents"] == 4
        assert (found["chars"], found["words"]) == (sum(map(len, DOCUMENTS)), 9 + 3)
        assert ("Files left out: 1 hidden (.hidden), 1 looks binary (noise.bin)." in run.error) == (
            arguments == ["folder"]
        )
        assert ("4 documents in 1 file." in run.error) == (len(found["files"]) == 1)
    packed = run("score", model, "-", "--document-separator", r"\n%%\n", "--json", stdin=b"\n%%\n".join(data)).json
    assert packed["nats"] == found["nats"] and packed["files"][0]["file"] == "standard input"
    last = run("score", model, "data:greek/test", "--json").json
    assert last["bytes"] == len(data[-1]) and last["files"][0]["file"] == "data:greek/test"
    assert last["nats"] == pytest.approx(score(Model.load(model), data[-1]).nats, rel=1e-12)
    assert run("score", model, "folder").out.count(b"bits per char ---") == 4
    missed = run("score", model, "all.txt.gz", "--document-separator", "nowhere").error
    assert "warning: the document separator 'nowhere' stands between no two documents: 1 document in 1 file" in missed


def test_tables(run: Run, model: str) -> None:
    Path("a.txt").write_bytes(b"Sing, goddess,\n\nof Zeus")
    Path("b.txt").write_bytes("the ß\x1b\n".encode())
    loaded = Model.load(model)
    documents = run("score", model, "a.txt", "b.txt", "--per-document").table
    assert list(documents) == ["a.txt", "b.txt", "total"]
    one = score(loaded, b"Sing, goddess,\n\nof Zeus")
    expected = (one.chars, 4, one.nats, one.bits_per_char, math.exp(one.nats / 4))
    assert [float(cell) for cell in documents["a.txt"].values()] == pytest.approx(expected, rel=1e-4)
    assert list(documents["a.txt"]) == ["chars", "words", "nats", "bits_per_char", "perplexity_per_word"]
    lines = run("score", model, "a.txt", "b.txt", "--per-line").table
    assert list(lines) == ["a.txt:1", "a.txt:2", "a.txt:3", "b.txt:1", "total"]
    assert lines["a.txt:2"]["perplexity_per_word"] == "-" and lines["total"] == documents["total"]
    whole = run("score", model, "a.txt", "b.txt", "--json", "--per-line", "--per-document", "--per-step").json
    assert [each["name"] for each in whole["per_document"]] == ["a.txt", "b.txt"]
    assert [(each["name"], each["line"]) for each in whole["per_line"]][2:] == [("a.txt", 3), ("b.txt", 1)]
    assert whole["per_line"][1]["perplexity_per_word"] is None
    for file in whole["files"]:
        assert math.fsum(step["nats"] for step in file["per_step"]) == pytest.approx(file["nats"])
    assert whole["nats"] == pytest.approx(math.fsum(each["nats"] for each in whole["per_line"]))
    plain = dict(line.split() for line in run("score", model, "a.txt").out.decode().splitlines())
    assert float(plain["perplexity_per_word"]) == pytest.approx(one.perplexity_per_word, rel=1e-4)
    steps = run("score", model, "a.txt", "b.txt", "--per-step").out.decode()
    assert steps.startswith("--- a.txt ---\n") and "\tS\n" in steps and "--- b.txt ---\n" in steps


def test_the_end_is_scored_unless_it_is_to_be_ignored(run: Run, tiny_model: MakeModel) -> None:
    model = tiny_model(codec="chars+end", reset="document")
    Path("a.txt").write_text("of Zeus")
    for options, end in (([], True), (["--ignore-end"], False)):
        found = run("score", model.path, "a.txt", "--json", *options).json
        assert found["nats"] == pytest.approx(score(model, "of Zeus", end=end).nats, rel=1e-12)
        assert found["steps"] == 7 + end and found["ignore_end"] == (not end)


def test_given(run: Run, model: str) -> None:
    Path("ends.txt").write_text("brave|countless|wrong")
    rows = run("score", model, "ends.txt", "--document-separator", "|", "--given", r"Many a\n ", "--per-document").table
    for number, text in enumerate(("brave", "countless", "wrong")):
        nats = score(Model.load(model), text, prompt=r"Many a\n ").nats
        assert float(rows[f"ends.txt#{number + 1}"]["nats"]) == pytest.approx(nats, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["empty.txt"], "nothing to read in empty.txt: 1 empty"),
        (["-"], "nothing to read in -: 1 empty"),
        (["empty.gz"], "nothing to read in empty.gz"),
        (["void.jsonl", "--field", "text"], "there is no text in the field 'text' of any line"),
        (["some.txt", "--field", "text"], "not JSON"),
        (["some.txt", "--document-separator", r"\d"], r"--document-separator: \d is no escape"),
        (["some.txt", "--document-separator", ""], "the document separator is empty"),
        (["data:nothing/test"], "data set: 'nothing' is not known"),
        (["some.txt", "--per-line", "--per-step"], "--per-step and --per-line: only one of them"),
        (["some.txt", "--color", "--per-document"], "--per-document and --color: only one of them"),
        (["some.txt", "--per-line", "--per-line", "--cold", "1", "--cold", "2"], "--cold was given 2 times"),
    ],
)
def test_mistakes(run: Run, model: str, arguments: list[str], message: str) -> None:
    Path("empty.txt").touch()
    Path("empty.gz").write_bytes(gzip.compress(b""))
    Path("void.jsonl").write_text('{"text": ""}\n')
    Path("some.txt").write_text("some")
    assert run("score", model, *arguments).status == 2
    assert message in run.error and run.out == b""


def test_training_text_is_read_as_what_is_scored(run: Run, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By which the rates of RMS dynamic evaluation are chosen."""
    Path("a.jsonl").write_text("".join(json.dumps({"id": n, "text": TEXT[:90]}) + "\n" for n in range(3)))
    seen: list[bytes] = []
    true = Rms.of
    monkeypatch.setattr(Rms, "of", lambda model, text, report: seen.append(text) or true(model, text, report))
    assert run("score", model, "a.jsonl", "--field", "text", "--dynamic-rms", "a.jsonl").status == 0, run.error
    assert seen == [3 * TEXT[:90].encode()]


def test_colours(run: Run, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = "the\nß\xff\x1b".encode()
    Path("a.txt").write_bytes(data + b"\xff")
    plain = run("score", model, "a.txt", "--color").out
    assert b"\x1b[" not in plain and plain.startswith(data + b"\xff\n") and "no colours: stdout is no" in run.error
    monkeypatch.setenv("FORCE_COLOR", "1")
    painted = run("score", model, "a.txt", "--color").out
    assert b"\x1b[30;48;2;255;" in painted and "ß".encode() in painted and b"\x1b\x1b" not in painted
    assert "no colours" not in run.error
    text = painted.decode().split("nats_per_step")[0]
    for code in {part.split("m")[0] for part in text.split("\x1b")[1:]}:
        text = text.replace(f"\x1b{code}m", "")
    assert text == "the\nßÿ\ufffd\ufffd\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert run("score", model, "a.txt", "--color").out == plain and "NO_COLOR is set" in run.error


@pytest.mark.parametrize(
    ("variables", "terminal", "painted"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": ""}, False, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
    ids=str,
)
def test_who_wants_colours(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], terminal: bool, painted: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert (no_colours() == "") == painted


def test_compress_takes_one_source(run: Run, model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    corpus(monkeypatch, tmp_path / "corpora")
    assert run("compress", model, "data:greek/test", "-o", "a.rhap").status == 0
    assert run("decompress", model, "a.rhap", "-o", "-").out == DOCUMENTS[-1].encode()
    Path("a.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    assert run("compress", model, "a.txt.gz", "-o", "b.rhap").status == 2
    assert f"gzip -dc a.txt.gz | rhapsode compress {model} - -o b.rhap" in run.error and not Path("b.rhap").exists()
    assert run("compress", model, "-", "-o", "b.rhap", stdin=Path("a.txt.gz").read_bytes()).status == 0
    assert run("decompress", model, "b.rhap", "-o", "-").out == Path("a.txt.gz").read_bytes()
    assert run("compress", model, "corpora", "-o", "c.rhap").status == 2 and "is a folder" in run.error
    for name in ("a.txt", "b.txt"):
        Path(name).write_text(TEXT)
    assert run("compress", model, "?.txt", "-o", "c.rhap").status == 2 and "these are 2 files" in run.error


def test_a_prompt_comes_from_any_one_source(
    run: Run, model: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    corpus(monkeypatch, tmp_path / "corpora")
    end = DOCUMENTS[-1].encode()
    Path("p.txt.gz").write_bytes(gzip.compress(end))
    how = ["--seed", "1", "--length", "9"]
    expected = run("generate", model, end.decode(), *how).out
    assert len(expected) > len(end)
    for source in ("p.txt.gz", "data:greek/test"):
        assert run("generate", model, "--prompt-file", source, *how).out == expected
    assert run("generate", model, "-", *how, stdin=end).out == expected
    assert run("generate", model, "-", *how, stdin=b"").status == 0
    assert run("generate", model, "--prompt-file", "corpora").status == 2 and "is a folder" in run.error


def test_data_get_cuts_a_part(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    corpus(monkeypatch, tmp_path / "corpora")
    last, first = DOCUMENTS[-1].encode(), "".join(DOCUMENTS[:2]).encode()
    assert run("data", "get", "greek/test").out == last
    assert run("data", "get", "data:greek/train", "-o", "t.txt").status == 0
    assert run.out == b"" and Path("t.txt").read_bytes() == first and "as it comes" in run.error
    written = run("data", "get", "greek/test", "-o", "u.txt", "--json").json
    assert written == {"name": "greek", "part": "test", "path": "u.txt", "bytes": len(last)}
    assert run("data", "get", "greek").out == f"{tmp_path / 'corpora' / 'greek.txt'}\n".encode()
    for arguments, message in (
        (["greek/tset"], "Did you mean 'test'"),
        (["greek/"], "is not known"),
        (["greek", "-o", "x"], "name it, e.g. greek/valid"),
        (["greek/test", "--json"], "add -o FILE"),
        (["greek/test", "-o", "corpora"], "is a folder"),
    ):
        assert run("data", "get", *arguments).status == 2 and message in run.error and run.out == b""


def test_records_are_scored_from_the_sources_that_train_takes(run: Run, tiny_model: MakeModel, pens: Path) -> None:
    from zipfile import ZipFile

    model = tiny_model(codec="strokes", attention="window").path
    Path("folder").mkdir()
    Path("folder/letter.txt").write_text("a letter")
    Path("folder/pens.jsonl").write_bytes(pens.read_bytes())
    with ZipFile("pens.zip", "w") as archive:
        archive.write(pens, "pens.jsonl")
    one = run("score", model, pens, "--json").json
    assert one["records"] == 120 and "each" not in one
    for source in ("folder", "pens.zip", "folder/*.jsonl"):
        assert run("score", model, source, "--json").json["nats"] == pytest.approx(one["nats"], rel=1e-12)
    assert (
        run("score", model, "folder").status == 0
        and "Files left out: 1 of another kind (folder/letter.txt)." in run.error
    )
    assert len(run("score", model, pens, "--json", "--per-document").json["each"]) == 120
    assert len(run("score", model, pens, "--per-document").out.splitlines()) > 120
    Path("none.jsonl").touch()
    assert run("score", model, "none.jsonl").status == 2 and "1 empty" in run.error
    for option in (
        ["--per-line"],
        ["--per-step"],
        ["--color"],
        ["--given", "a"],
        ["--field", "a"],
        ["--cold", "2"],
        ["--cache"],
    ):
        assert run("score", model, pens, *option).status == 2
        assert f"{option[0]}: for models of text" in run.error and "(--per-document says it of each" in run.error


def test_memory_does_not_grow_with_the_documents(tiny_model: MakeModel, run: Run) -> None:
    path = tiny_model(codec="bytes", width=4, embedding=2, reset="document").path

    def peak(n: int) -> int:
        Path("a.txt").write_bytes(b"".join(bytes([k % 251]) * 1000 + b"\n\n" for k in range(n)))
        tracemalloc.start()
        assert run("score", path, "a.txt", "--document-separator", r"\n\n", "--per-line").status == 0
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2)
    assert peak(40) < peak(10) + 1e6  # 30,000 steps would be more
