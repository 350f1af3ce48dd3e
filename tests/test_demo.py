"""The demos, from what they learn to what they show, in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rhapsode.cli import main
from rhapsode.model import Model
from rhapsode.report import Report
from rhapsode.training import demo_music
from rhapsode.training.demo import PROMPT, TEMPERATURES, demo


class Idle(Report):
    """Nothing is prepared, trained or compared."""

    def stage(self, what: str, fraction: float | None = None) -> None:
        pytest.fail(what)

    def progress(self, done: float, **values: object) -> None:
        pytest.fail("training")


def test_demo_and_its_second_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydoc_data.topics")
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    first = demo(tmp_path / "demo", 0.01, Report())
    table = dict(first.table)
    assert list(table) == ["rhapsode", "order-5 n-gram", "xz -9", "bz2"]
    assert all(1 < bits < 8 for bits in table.values())
    assert [t for t, _ in first.samples] == list(TEMPERATURES)
    assert all(text.startswith(PROMPT) and len(text) > len(PROMPT) for _, text in first.samples)
    assert first.picture.exists() and not first.notes
    digest = Model.load(first.model).digest

    second = demo(tmp_path / "demo", 0.01, Idle())
    assert second.table == first.table and Model.load(second.model).digest == digest
    assert "earlier run" in second.notes[0]


@pytest.mark.slow
def test_demo_of_music_and_its_second_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_music, "TUNES", 30)
    monkeypatch.setattr(demo_music, "PLAN", {"rows": 8, "window": 32, "threads": 1, "most": 1})
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
    assert f"{first.played.right} of   36" in told.out and str(first.files[0]) in told.err.replace("\n", "")
    assert main(["demo", "music", "words"]) == main(["demo", "text", "--seed", "1"]) == 2
