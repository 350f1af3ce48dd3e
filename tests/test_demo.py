"""The demo, from its own text to the table, in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.model import Model
from rhapsode.report import Report
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
