"""The training index beside a model of text: when it is written, of what, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rhapsode.cli import train as command
from rhapsode.data import text_index
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.training import indexing
from rhapsode.training.run import train
from tests.made import names
from tests.training.small import SMALL

PROSE = "".join(f"Chapter {n}\nIt was the {n}th of times, and {n * n} winds did blow.\n" for n in range(60))


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "book.txt"
    path.write_text(PROSE)
    return path


def trained(source: Path | list[Path], folder: Path, **options: object) -> Model:
    sources = source if isinstance(source, list) else [source]
    train(sources, folder, **{**SMALL, "updates": 2, **options})  # type: ignore[arg-type]
    return Model.load(folder)


def test_written_with_the_model(text: Path, tmp_path: Path) -> None:
    model = trained(text, tmp_path / "m")
    cut = int(0.9 * len(PROSE))
    assert model.index.arrays["text"].tobytes()[:-8].decode() == PROSE[:cut]
    assert len(model.index.arrays["held"]) == len(PROSE) - cut
    span = model.novelty("?" + PROSE[500:600] + "?").longest
    assert span and (span.chars, span.place.line) == (100, PROSE[:500].count("\n") + 1)
    assert "the training text" in (tmp_path / "m" / "log.txt").read_text()


def test_said_otherwise(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m" / checkpoint.INDEX
    trained(text, tmp_path / "m", index=False)
    assert not path.exists()
    train([], tmp_path / "m", resume=True, updates=1)  # which keeps to it
    assert not path.exists()
    train([], tmp_path / "m", resume=True, updates=1, index=True)
    assert path.exists()
    monkeypatch.setattr(text_index, "SIZE", 1000)
    trained(text, tmp_path / "m", overwrite=True)
    assert not path.exists()
    assert "--index keeps one" in (tmp_path / "m" / "log.txt").read_text()
    trained(text, tmp_path / "m", overwrite=True, index=True)
    assert path.exists()
    train([], tmp_path / "m", resume=True, updates=1, index=False)
    assert not path.exists()


def test_without_the_library(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (text_index, indexing):
        monkeypatch.setattr(module, "library", lambda: False)
        monkeypatch.setattr(module, "PATIENCE", 1000)
    trained(text, tmp_path / "m")
    assert not (tmp_path / "m" / checkpoint.INDEX).exists()
    assert "rhapsode[novelty] is not installed" in (tmp_path / "m" / "log.txt").read_text()


def test_a_resumed_run_keeps_it_or_makes_it_again(text: Path, tmp_path: Path) -> None:
    path = tmp_path / "m" / checkpoint.INDEX
    trained(text, tmp_path / "m")
    before, made = path.read_bytes(), path.stat().st_mtime_ns
    train([], tmp_path / "m", resume=True, updates=1)
    assert path.stat().st_mtime_ns == made
    path.write_bytes(before[:-1] + b"?")
    train([], tmp_path / "m", resume=True, updates=1)
    assert path.read_bytes() == before
    path.unlink()
    train([], tmp_path / "m", resume=True, updates=1)
    assert path.read_bytes() == before


def test_a_tuned_model_knows_both_texts(text: Path, tmp_path: Path) -> None:
    first = trained(text, tmp_path / "first")
    other = tmp_path / "other.txt"
    other.write_text("Quite another text, which has nothing in common with it.\n" * 30)
    tuned = trained(other, tmp_path / "tuned", base=tmp_path / "first", network=None, plan={"batch_size": 4})
    assert tuned.index.info["files"] == ["book.txt", "other.txt"]
    for words, file in (("It was the 7th of times", "book.txt"), ("Quite another text", "other.txt")):
        found = tuned.novelty(words).longest
        assert found and (found.chars, found.place.file) == (len(words), file)
    longer = tuned.index.arrays["text"].tobytes()
    train([], tmp_path / "tuned", resume=True, updates=1)
    assert Model.load(tmp_path / "tuned").index.arrays["text"].tobytes() == longer
    assert first.path
    (first.path.parent / checkpoint.INDEX).unlink()
    alone = trained(other, tmp_path / "alone", base=tmp_path / "first", network=None, plan={"batch_size": 4})
    assert alone.index.info["files"] == ["other.txt"]
    assert "will not be found" in (tmp_path / "alone" / "log.txt").read_text()


def test_many_documents_and_lines(text: Path, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    for number in range(20):
        path = folder / f"part{number % 2}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"This is text number {number}.\n" * 9 + f"It ends with {number * 7919}.")
    model = trained(folder, tmp_path / "m")
    known, starts = model.index, model.index.arrays["starts"].tolist()
    assert 15 <= len(starts) < 20 and len(known.info["files"]) == 20
    for start in starts:
        place = known.where(start)
        number = int(Path(place.file).stem)
        assert place.file == f"part{number % 2}/{number}.txt"
        span = model.novelty(f"?It ends with {number * 7919}.?").longest
        assert span and span.place == (place.file, 0, 10)
    rows = [json.dumps({"text": f"number {n}\nhas {n * 31} lines"}) for n in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    model = trained(tmp_path / "a.jsonl", tmp_path / "m", field="text", overwrite=True)
    place = model.index.where(int(model.index.arrays["starts"][3]))
    assert place.file == "a.jsonl" and place.document >= 4
    names(tmp_path / "names.txt")
    lines = (tmp_path / "names.txt").read_text().splitlines()
    model = trained(tmp_path / "names.txt", tmp_path / "m", reset="line", overwrite=True)
    held = 0
    for number, line in enumerate(lines, 1):
        at = model.index.suffixes.find(f"\n{line}\n".encode())
        held += at < 0
        assert at < 0 or model.index.where(at + 1).line == number
    assert 0 < held < len(lines) / 3
    assert model.novelty("\n".join(lines[:9])).figures.longest == max(map(len, lines[:9]))


def test_other_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.made import drawings, tune

    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    drawings(tmp_path / "d.jsonl")
    with pytest.raises(UserError, match="--index: models with codec strokes have no training index"):
        train([tmp_path / "d.jsonl"], tmp_path / "m", updates=1, index=True)
    tune(tmp_path / "t.jsonl", 8)
    for index, there in ((None, True), (False, False), (True, True)):
        train([tmp_path / "t.jsonl"], tmp_path / "t", updates=1, params=20_000, index=index, overwrite=True)
        assert (tmp_path / "t" / checkpoint.INDEX).exists() == there


def test_help_says_the_size() -> None:
    assert command.INDEXED == text_index.SIZE // 10**6
