"""A voice cannot be a page, and `export` says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from rhapsode.cli import main

VOICE = Path(__file__).parents[2] / "saved" / "speech-voice"


def test_why_a_voice_is_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "voice.html"
    assert main(["export", str(VOICE), "-o", str(page)]) == 2
    told = capsys.readouterr().err
    assert "vocoder" in told and "speak MODEL TEXT" in told
    assert not page.exists()
