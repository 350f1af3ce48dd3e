"""The README's own commands and Python, run as they are written but for the length of training."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rhapsode.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text()
COMMANDS = [line.strip() for line in README.splitlines() if line.startswith("    rhapsode ")]
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("src").mkdir()
    for name in ("book.txt", "another.txt", "chapter.txt", "lines.txt", "new.txt", "src/code.py"):
        Path(name).write_text("It was the best of times, it was the worst of times.\n" * 40)


def test_commands() -> None:
    assert len(COMMANDS) >= 5
    for command in COMMANDS:
        words = shlex.split(command.replace("--minutes 5", ""), comments=True)
        assert main(words[1:] + ["--steps", "20"] * (words[1] == "train")) == 0, command
    assert Path("chapter.again.txt").read_bytes() == Path("chapter.txt").read_bytes()


def test_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert PYTHON
    for code in PYTHON:
        exec(compile(code.replace("minutes=5", "steps=20"), "README.md", "exec"), {})
    assert capsys.readouterr().out
