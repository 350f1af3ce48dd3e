"""What CONTRIBUTING.md shows: its code in a copy of the package, the conformance tests on it, and its commands."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rhapsode

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
MODULES = re.findall(r"^`src/(rhapsode/\S+\.py)`\n\n```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [line.strip() for line in PAGE.splitlines() if line.startswith("    rhapsode ")]
SETTINGS = [line for line in PAGE.splitlines() if line.startswith("    printf ")]
TESTS = [line.split(maxsplit=3)[3] for line in PAGE.splitlines() if line.startswith("    python -m pytest tests/nn")]

RUN = """
import sys
from pathlib import Path
from rhapsode.cli import main
from rhapsode.modalities.music.blues import corpus
from rhapsode.modalities.music.formats import midi
from rhapsode.training import loop

loop.EVALUATIONS = 1
Path("book.txt").write_text("It was the best of times, it was the worst of times.\\n" * 60)
for folder in ("palettes", "tunes"):
    Path(folder).mkdir()
for n in range(40):
    lines = "".join(f"{n * 6} {n * 3 + i} {255 - n}\\n" for i in range(6))
    Path(f"palettes/{n}.gpl").write_text(f"GIMP Palette\\n{lines}")
for n, tune in enumerate(corpus(6, 0)):
    Path(f"tunes/{n}.mid").write_bytes(midi.dumps(tune))
assert main("train tunes -o models/band --updates 2".split()) == 0
for line in sys.argv[1:]:
    assert main(line.split()) == 0, line
assert Path("new.gpl").read_text().startswith("GIMP Palette")
from rhapsode.modalities.music.read import read
assert len(next(read(Path("ring.rtttl"))))
assert len(Path("book.vocabulary").read_text().splitlines()) > 20
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package that has all modules of the page."""
    folder = tmp_path_factory.mktemp("contributing")
    shutil.copytree(Path(rhapsode.__file__).parent, folder / "rhapsode")
    for name, code in MODULES:
        path = folder / name
        for package in (path.parent.parent, path.parent):
            package.mkdir(exist_ok=True)
            (package / "__init__.py").touch()
        assert not path.exists(), f"{name} is there already"
        path.write_text(code)
    return folder


def run(copy: Path, cwd: Path, *words: str) -> str:
    """What Python says when it runs with the copy, all of whose warnings are errors."""
    environment = os.environ | {"PYTHONPATH": str(copy), "RHAPSODE_CACHE": str(copy / "cache")}
    done = subprocess.run([sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_has_what_it_promises() -> None:
    assert len(MODULES) == 7 and len(COMMANDS) == 6 and len(TESTS) == 2 and len(SETTINGS) == 1


def test_cells_and_heads_conform(copy: Path) -> None:
    """The cell in some of the networks of that test: all take long."""
    words = [line.split() for line in TESTS]
    names = " or ".join(name for _, _, name in words)
    some = f"({names}) and not (layers or embedding or nade or chain)"
    told = run(
        copy, ROOT, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *(one[0] for one in words), "-k", some
    )
    assert re.search(r"\d\d passed", told), told


def test_commands(copy: Path, tmp_path: Path) -> None:
    lines = [re.sub("--minutes 1", "--updates 3", shlex.join(shlex.split(each)[1:])) for each in COMMANDS]
    for line in SETTINGS:
        subprocess.run(line, shell=True, cwd=tmp_path, check=True)
    run(copy, tmp_path, "-c", RUN, *lines)
