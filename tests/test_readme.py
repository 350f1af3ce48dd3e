"""The README's own commands and Python, run as they are written but for the length of training."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from rhapsode.cli import main
from rhapsode.modalities.ink import demo as demo_handwriting
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.ink.hershey import lines
from rhapsode.modalities.music import demo as demo_music
from rhapsode.modalities.music.blues import corpus
from rhapsode.modalities.music.formats import abc, midi
from rhapsode.modalities.speech import demo as demo_speech
from rhapsode.modalities.speech.audio import written
from rhapsode.training import loop

README = (Path(__file__).parents[1] / "README.md").read_text()
COMMANDS = [line.strip() for line in README.splitlines() if line.startswith("    rhapsode ")]
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(loop, "EVALUATIONS", 2)
    monkeypatch.chdir(tmp_path)
    Path("src").mkdir()
    Path("strokes").mkdir()
    texts = [
        "any words",
        *(f"{one} {other}" for one in ("any", "sandy", "many", "worn") for other in ("rows", "dawns", "yards")),
    ]
    drawn = lines(texts * 8, 0)
    Path("strokes/hand.jsonl").write_text("".join(f"{dumps(drawing)}\n" for drawing in drawn))
    Path("tunes").mkdir()
    for number, tune in enumerate(corpus(12, 0)):
        Path(f"tunes/{number}.mid").write_bytes(midi.dumps(tune))
    Path("tune.abc").write_text(abc.dumps(next(corpus(1, 0))))
    monkeypatch.setattr(demo_handwriting, "PIECES", 300)
    monkeypatch.setattr(demo_handwriting, "HELD_OUT", 50)
    monkeypatch.setattr(demo_music, "TUNES", 30)
    spoken = demo_speech.sentences()[30:70]
    monkeypatch.setattr(demo_speech, "sentences", lambda: spoken)
    rows = []
    for number, sentence in enumerate(spoken[:20]):
        sound = demo_speech.original(sentence).sound
        written(sound(), Path(f"recordings/{number}.wav"))
        rows.append(f"{number}|{sentence}\n")
    Path("recordings/metadata.csv").write_text("".join(rows))
    for name in ("book.txt", "another.txt", "chapter.txt", "lines.txt", "new.txt", "src/code.py"):
        Path(name).write_text("It was the best of times, it was the worst of times.\n" * 40)


def test_commands() -> None:
    assert len(COMMANDS) >= 5
    for command in COMMANDS:
        words = shlex.split(re.sub("--minutes [0-9]+", "", command), comments=True)
        if words[1] == "ink":  # it would serve for ever: see ink/pad/test_command
            assert main(["ink", "--help"]) == 0
            continue
        short = {"train": ["--updates", "4"], "demo": ["--minutes", "0.05"]}
        assert main(words[1:] + short.get(words[1], [])) == 0, command
    assert "<svg" in Path("words.svg").read_text()
    assert Path("words.wav").stat().st_size > 5000
    assert Path("chapter.again.txt").read_bytes() == Path("chapter.txt").read_bytes()


def test_python(capsys: pytest.CaptureFixture[str]) -> None:
    assert PYTHON
    for code in PYTHON:
        exec(compile(code.replace("minutes=5", "steps=4"), "README.md", "exec"), {})
    assert capsys.readouterr().out
