"""What the studio offers of `train`, and what it makes of the words of `inspect`."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from rhapsode.errors import UserError
from rhapsode.studio import attended, offered
from rhapsode.studio.runs import Runs, told_of
from rhapsode.training.folder import LOCK
from rhapsode.training.log import LOG


def test_options_are_those_of_train() -> None:
    from typer.main import get_command

    from rhapsode.cli import app

    known = {name for one in get_command(app).commands["train"].params for name in one.opts}  # type: ignore[attr-defined]
    about = offered.training("melody")
    assert about["modality"] == "music" and "melody" in {one["name"] for one in about["codecs"]}
    names = {one["name"]: True for kind in ("chars", "melody", "series") for one in offered.training(kind)["options"]}
    words = offered.arguments({**names, **dict.fromkeys(offered.COMMON, True)})
    assert words and set(words) <= known
    assert offered.arguments({"params": "2M", "seed": 0, "dropout": "", "all_files": False}) == [
        "--params=2M",
        "--seed=0",
    ]
    with pytest.raises(UserError, match="output"):
        offered.arguments({"output": "/etc"})
    assert offered.arguments({"codec": "-o"}) == ["--codec=-o"]


def test_demos_are_those_of_the_command() -> None:
    from typer.main import get_command

    from rhapsode.cli import app

    assert set(offered.demos()) == set(get_command(app).commands["demo"].commands)  # type: ignore[attr-defined]
    assert all(one["about"].endswith(".") and one["minutes"] > 0 for one in offered.demos().values())
    with pytest.raises(UserError, match="nothing"):
        offered.demo("nothing")


def test_what_inspect_says_is_a_list() -> None:
    told = """path            mix
kind            text
files           3 texts, 1 binary file of no known kind
left out        1 looks binary (bin.dat)
documents       3
                418 with --document-separator '\\n\\n'
warning: a.txt is odd.
train           codec chars: rhapsode train mix -o MODEL"""
    found = told_of(told)
    assert found["rows"][0] == ["kind", "text"] and ["left out", "1 looks binary (bin.dat)"] in found["rows"]
    assert found["rows"][-1][1].splitlines()[1].startswith("418 with")
    assert found["warnings"] == ["a.txt is odd."] and found["codec"] == "chars" and not found["why"]
    assert found["training"]["noun"] == "text"
    found = told_of("path            x\nkind            text\ntrain           nothing: it is empty.")
    assert found["why"] == "it is empty." and not found["codec"] and "training" not in found
    found = told_of(
        "path            x\ntable           x: 1 series\n  visits: a week: 500 values, 2023-01-01 to 2024-05-14\n"
        "the oddest utterances, with what is odd (suspect from 6 on)\n    0.6  heard: the phone u\n"
    )
    assert found["rows"][1:] == [
        ["visits: a week", "500 values, 2023-01-01 to 2024-05-14"],
        ["", "the oddest utterances, with what is odd (suspect from 6 on)\n0.6  heard: the phone u"],
    ]
    assert told_of("") == {"rows": [], "warnings": [], "codec": "", "why": ""}


def test_a_training_ends_with_the_studio() -> None:
    """However that ends: the system closes the pipe then."""
    mine, studios = os.pipe()
    heard = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: heard.set())
    try:
        thread = threading.Thread(target=attended.watch, args=(mine,))
        thread.start()
        assert not heard.wait(0.05) and thread.is_alive()
        os.close(studios)
        thread.join(5)
        assert heard.wait(5)
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(mine)


def test_trainings_of_others_are_seen_and_left_alone(tmp_path: Path) -> None:
    for name in ("models/mine", "old/letters", "old/letters/durations", ".hidden", "models/demo-text/model"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / LOG).write_text('{"update": 1, "seconds": 1.0, "train": 2.0}\n')
    runs = Runs(tmp_path)
    with FileLock(tmp_path / "models" / "mine" / LOCK):
        found = {one["name"]: one["state"] for one in runs.every()}
        assert found == {"mine": "elsewhere", "old/letters": "failed", "demo-text": "failed"}
        with pytest.raises(UserError, match="is being trained already"):
            runs.resume("mine", None)
        with pytest.raises(UserError, match="is being trained"):
            runs.forget(tmp_path / "models" / "mine")
    assert runs.get("mine").state == "failed"
    assert runs.get("old/letters").about()["metrics"][0]["train"] == 2.0
    for name in ("../elsewhere", "/etc", ".hidden", "none", "old"):
        with pytest.raises(UserError, match="no training"):
            Runs(tmp_path / "models").get(name)
