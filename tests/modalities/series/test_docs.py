"""The commands of docs/series.md, run as they are written but for the length of training."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rhapsode.cli import main
from rhapsode.modalities.series import demo
from rhapsode.training import loop

PAGE = (Path(__file__).parents[3] / "docs" / "series.md").read_text()
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    rhapsode ")]


def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "EVALUATIONS", 2)
    monkeypatch.setattr(demo, "SHOPS", 4)
    monkeypatch.setattr(demo, "SAMPLES", 5)
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_bytes(demo.as_table(demo.shops()))
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        words = shlex.split(re.sub("--minutes [0-9.]+", "", command), comments=True)
        short = {"train": ["--updates", "4"], "demo": ["--minutes", "0.01"]}.get(words[1], [])
        short = short or (["--samples", "5"] if words[1] == "forecast" and "--samples" not in words else [])
        assert main(words[1:] + short) == 0, command
    assert Path("forecast.svg").read_text().count("<svg") == 1
    assert Path("forecast.csv").read_text().startswith("series,time,mean,q0.05,q0.5,q0.95\nshop 1,2021-01-01,")
    assert Path("new.csv").read_text().startswith("time,path 1,path 2,")
    assert Path("demo-series/forecast.png").read_bytes().startswith(b"\x89PNG")
