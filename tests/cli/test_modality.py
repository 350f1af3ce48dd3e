"""A new modality is a folder that the command line finds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TEXT

NAME = "modalities/dice/modality.py"
CODE = r'''import random
from typing import Annotated

import typer

from rhapsode.console.modality import Modality


def dice(rolls: Annotated[int, typer.Option(help="How many.")] = 3) -> None:
    """Roll dice."""
    typer.echo(" ".join(str(random.randint(1, 6)) for _ in range(rolls)))


class Dice(Modality):
    name, noun, verb = "dice", "dice", "generate"

    def demo(self):
        return "dice", dice

    def training(self):
        return {"sides": Annotated[int | None, typer.Option(metavar="N", help="Of each [default: 6].")]}
'''
BESIDE = """
import sys
import rhapsode, rhapsode.modalities
rhapsode.__path__.append(sys.argv[1])
rhapsode.modalities.__path__.append(f"{sys.argv[1]}/modalities")
from rhapsode.cli import main
sys.exit(main(sys.argv[2:]))
"""
"""A folder of the user's, as if it were part of the package's."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / NAME).parent.mkdir(parents=True)
    (tmp_path / NAME).write_text(CODE)
    (tmp_path / NAME).with_name("__init__.py").touch()
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BESIDE, str(folder), *arguments], capture_output=True, text=True)


def test_its_demo_and_its_option_are_there(folder: Path) -> None:
    assert "\n  dice " in run(folder, "demo", "--help").stdout
    assert re.fullmatch(r"[1-6] [1-6]\n", run(folder, "demo", "dice", "--rolls", "2").stdout)
    shown = run(folder, "train", "--help-all").stdout
    assert shown.index("\nDice:\n") < shown.index("  --sides N") and "Of each [default: 6]." in shown
    (folder / "a.txt").write_text(TEXT)
    found = run(folder, "train", str(folder / "a.txt"), "-o", str(folder / "m"), "--sides", "8")
    assert found.returncode == 2
    assert "--sides is for dice, but these are trained with codec chars. Leave it out." in found.stderr
