"""The demos, from what they learn to what they show, in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.console.brought import every
from rhapsode.demos.run import free
from rhapsode.inference.model import Model
from rhapsode.modalities.music import demo as demo_music
from rhapsode.modalities.text.demo import PROMPT, TEMPERATURES, demo
from rhapsode.report import Report
from rhapsode.training import loop


class Idle(Report):
    """Nothing is prepared, trained or compared."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def stage(self, what: str, fraction: float | None = None) -> None:
        pytest.fail(what)

    def progress(self, done: float, **values: object) -> None:
        pytest.fail("training")


def test_demo_and_its_second_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydoc_data.topics")
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    told = Idle()
    told.stage = told.progress = lambda *_, **__: None  # type: ignore[assignment]
    first = demo(tmp_path / "demo", 0.01, told)
    table = dict(first.table)
    assert list(table) == ["rhapsode", "order-5 n-gram", "xz -9", "bz2"]
    assert all(1 < bits < 8 for bits in table.values())
    assert [t for t, _ in first.samples] == list(TEMPERATURES)
    assert all(text.startswith(PROMPT) and len(text) > len(PROMPT) for _, text in first.samples)
    assert first.picture.exists() and not any("earlier run" in note for note in told.notes)
    digest, written = Model.load(first.model).digest, first.written.read_text()
    assert first.written == tmp_path / "demo" / "written.txt" and all(text in written for _, text in first.samples)

    idle = Idle()
    second = demo(tmp_path / "demo", 0.01, idle)
    assert second.table == first.table and Model.load(second.model).digest == digest
    assert "earlier run" in idle.notes[0] and "--resume --minutes" in idle.notes[0]
    assert second.written.name == "written-2.txt" and first.written.read_text() == written


def test_a_demo_works_where_the_user_stands_and_in_no_others_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rhapsode.modalities.text.demo.language_reference", lambda: "It was the best of times.\n" * 200)
    monkeypatch.setattr(loop, "EVALUATIONS", 2)
    assert main(["demo", "--minutes", "0.005"]) == 0
    assert "written  demo-text/written.txt\nmodel    demo-text/model\n" in capsys.readouterr().err
    assert {each.name for each in tmp_path.iterdir()} == {"cache", "demo-text"}
    assert {each.name for each in (tmp_path / "cache").iterdir()} == {"steps"}, "what can be made again"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "book.txt").write_text("mine")
    for what in ("text", "music", "handwriting", "speech"):
        assert main(["demo", what, "-o", "mine"]) == 2
        assert "mine holds something else than this demo" in capsys.readouterr().err
        assert main(["demo", what, "-o", "mine/book.txt"]) == 2
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["book.txt"]


def test_demos_are_what_modalities_bring(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["demo", "--help"]) == 0
    told = capsys.readouterr().out
    demos = [demo[0] for modality in every() if (demo := modality.demo())]
    assert len(demos) >= 4 and all(f"\n  {name} " in told for name in demos)
    for options, message in (
        (["speach"], "demo: 'speach' is not known. Did you mean 'speech'? Allowed: handwriting, music"),
        (["music", "words"], "unexpected extra argument(s) (words). See rhapsode demo music --help"),
        (["--seed", "1"], "No such option: --seed. See rhapsode demo text --help"),
    ):
        assert main(["demo", *options]) == 2
        assert message in capsys.readouterr().err


def test_new_files_of_a_demo_take_nobodys_place(tmp_path: Path) -> None:
    def names() -> list[str]:
        return [each.name for each in free(tmp_path, "a.svg", "b.png")]

    assert names() == ["a.svg", "b.png"]
    (tmp_path / "a-1.svg").touch()  # pages
    (tmp_path / "a-2.svg").touch()
    assert names() == ["a-3.svg", "b-3.png"]
    (tmp_path / "b-3.png").touch()
    assert names() == ["a-4.svg", "b-4.png"]
    (tmp_path / "a-4-2.svg").touch()
    assert names() == ["a-5.svg", "b-5.png"]


@pytest.mark.slow
def test_demo_of_music_and_its_second_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_music, "TUNES", 30)
    monkeypatch.setattr(demo_music, "PLAN", {"batch_size": 8, "sequence_length": 32, "threads": 1, "most": 1})
    first = demo_music.demo(tmp_path, 0.02, Report(), seed=3)
    assert [file.suffix for file in first.files] == [".mid", ".wav", ".png", ".html"]
    assert all(file.stat().st_size > 1000 for file in first.files)
    assert first.played.bars == 36 and first.tune.length == 36 * first.tune.bar
    assert (first.made.right, first.made.melody.fitting) == (first.made.bars, 1.0)

    again = demo_music.demo(tmp_path, 0.02, Idle(), seed=3)
    assert np.array_equal(again.tune.notes, first.tune.notes) and again.played == first.played
    assert not np.array_equal(demo_music.demo(tmp_path, 0.02, Idle(), seed=4).tune.notes, first.tune.notes)

    assert main(["demo", "music", "-o", str(tmp_path), "--seed", "3"]) == 0
    told = capsys.readouterr()
    assert f"{first.played.right} of   36" in told.out
    assert "blues-4.mid" in told.err and f"--seed 4 -o {tmp_path}" in told.err.replace("\n", "")
    assert main(["demo", "music", "words"]) == main(["demo", "text", "--seed", "1"]) == 2
