"""The commands and the Python of README.md and docs/, block by block, run as they stand but for long trainings.

Some commands are only read, and their options checked: see `ONLY_READ` for the reasons. So are the programs of
benchmarks/, which take long, and commands within sentences.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from rhapsode.cli import app, main
from rhapsode.inference.model import Model
from tests.made import MAKERS
from tests.serving.conftest import serving

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in ROOT.glob("docs/*.md") if path.name != "log.md")  # which tells of what is no more
ONLY_READ = {
    "ink": "it serves a page until it is stopped",
    "serve": "it serves until it is stopped; tests/serving ask it",
    "studio": "it serves a page until it is stopped; tests/studio open it",
    "demo": "tests/demos runs them",
    "data get": "it downloads",
    "data:": "it downloads",
    "push (?!.*--dry-run)": "it uploads",
    "hf://": "it downloads",
}
"""Beginning of a command, or of a source → why it is not run."""


class Block(NamedTuple):
    """Lines of a page that belong together, e.g. indented ones."""

    page: str
    line: int
    text: str

    @property
    def commands(self) -> list[str]:
        """Lines for a shell that run rhapsode."""
        return re.findall(r"^    ((?:[A-Z_]+=\S+ )?rhapsode .*)$", self.text, re.MULTILINE)


def blocks(pattern: str) -> Iterator[Block]:
    """What a pattern finds on the pages: its first group, if it has one."""
    for path in [ROOT / "README.md", *PAGES]:
        text = path.read_text()
        for found in re.finditer(pattern, text, re.MULTILINE | re.DOTALL):
            yield Block(path.name, text.count("\n", 0, found.start()) + 1, found[found.re.groups])


INDENTED, PYTHON, PAGE = r"(?:^    [^\n]*\n)+", r"^```python\n(.*?)^```$", r"\A.*\Z"
SHELL = r"^```sh\n(.*?)^```$"


def each(pattern: str, has: Callable[[Block], Any] = lambda block: True) -> pytest.MarkDecorator:
    found = [block for block in blocks(pattern) if has(block)]
    return pytest.mark.parametrize("block", found, ids=[f"{one.page}:{one.line}" for one in found])


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what the pages name: each is made when it is first needed."""
    return tmp_path_factory.mktemp("world")


@pytest.fixture
def folder(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.setenv("RHAPSODE_CACHE", str(world / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fetch(world: Path, folder: Path, text: str) -> None:
    """Bring what a text names from the world into the folder, if it is not there."""
    for name, make in MAKERS.items():
        if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.-])", text) and not (folder / name).exists():
            if not (world / name).exists():
                make(world / name)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (world / name).is_dir() else shutil.copyfile
            copy(world / name, folder / name)


def shell(line: str, folder: Path) -> tuple[list[str], bytes]:
    """The arguments and the standard input that a shell gives to the first rhapsode of a line."""
    script = 'rhapsode() { printf "%s\\0" "$@" > .arguments; cat > .input; }; less() { cat; }; aplay() { cat; }\n'
    subprocess.run(["bash", "-c", script + line], cwd=folder, check=True, stdin=subprocess.DEVNULL)
    found = (folder / ".arguments").read_bytes().decode().split("\0")[:-1], (folder / ".input").read_bytes()
    for name in (".arguments", ".input"):
        (folder / name).unlink()
    return found


@functools.cache
def commands() -> Any:
    return typer.main.get_command(app)


def read(words: list[str]) -> None:
    """Check that there is such a command, with such options. (Values of arguments may be left out.)"""
    command = commands()
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help"}
    for word in words:
        assert not re.match(r"--?[a-z]", word) or word.split("=")[0] in known, f"{command.name} has no option {word}"


def why_only_read(words: list[str]) -> str:
    line = " ".join(words)
    return next((why for key, why in ONLY_READ.items() if re.search(rf"(^| ){key}", line)), "")


def shortened(words: list[str]) -> list[str]:
    """A training of two updates of a small network; a sweep of two of them."""
    if words[0] not in ("train", "recognise", "sweep") or words[0] == "sweep" and "--resume" in words:
        return words
    line = re.sub(r" --(minutes|updates|params|seeds) \S+", "", shlex.join(words))
    line = re.sub(r"(--try \w+)=\d+,\S+", r"\1=1,2", re.sub(r"--random \S+", "--random 2", line))
    return [*shlex.split(line), *(["--minutes", "0.01"] if words[0] == "recognise" else ["--updates", "2"])]


@each(INDENTED, lambda block: block.commands)
def test_commands(block: Block, world: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in block.commands:
        made = re.findall(r" -o (\S+)", line)
        fetch(world, folder, re.sub(r" -o \S+", "", line) + (f" {made[0]}" if "--resume" in line else ""))
        words, data = shell(line, folder)
        if why_only_read(words):
            read(words)
            continue
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

        assert main(shortened(words)) == 0, line
        for name in made:
            assert any(folder.glob(f"{Path(name).with_suffix('')}*")), f"{line} made nothing"


@each(PYTHON)
def test_python(block: Block, world: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fetch(world, folder, block.text.replace('"models/', "") if "train(" in block.text else block.text)
    text = block.text.replace("minutes=5", "updates=2")
    with served(text, world, folder) as text:
        exec(compile(text, block.page, "exec"), {})
    assert capsys.readouterr().out


@contextmanager
def served(text: str, world: Path, folder: Path) -> Iterator[str]:
    """The same program, with the address of a server, if it asks one."""
    if "http://127.0.0.1:8000" not in text:
        yield text
        return
    fetch(world, folder, "models/book")
    with serving({"book": Model.load(folder / "models" / "book")}) as (address, _):
        yield text.replace("http://127.0.0.1:8000", address)


SERVED = {
    "/v1/completions": "models/book",
    "/api/sessions": "models/book",
    "/api/states": "models/book",
    "/api/write": "demo:handwriting",
    "/api/compose": "models/band",
    "/api/speak": "models/voice",
    "/api/forecast": "models/sales",
}
"""Path → the model that the pages ask there."""


NEWEST = 'import json, sys, urllib.request as web; print(json.load(web.urlopen(sys.argv[1]))["data"][0]["id"])'


@each(SHELL, lambda block: "curl " in block.text)
def test_requests(block: Block, world: Path, folder: Path) -> None:
    """Lines that ask a server are answered as they stand there, and make the files that they name."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    if "/api/speak" in block.text:
        pytest.importorskip("espeakng_loader")
    fetch(world, folder, block.text)
    models = {}
    for path, model in SERVED.items():
        if path in block.text:
            fetch(world, folder, model)
            name = (
                "manual" if "manual" in block.text and model == "models/book" else model.split(":")[-1].split("/")[-1]
            )
            models[name] = Model.load(model if ":" in model else folder / model)
    with serving(models) as (address, _):
        script = 'set -e; curl() { command curl --fail-with-body -sS "$@"; echo; }\n' + block.text
        if "/ID" in script:  # of the session that the first line begins
            first = script.index("\n", script.index("curl http"))
            known = f"ID=$({shlex.quote(sys.executable)} -c '{NEWEST}' http://127.0.0.1:8000/api/sessions)"
            script = f"{script[:first]}\n{known}\n{script[first:].replace('/ID', '/$ID')}"
        script = script.replace("http://127.0.0.1:8000", address)
        done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True)
    assert done.returncode == 0 and not done.stderr, (done.stdout[-2000:], done.stderr)
    for name in re.findall(r" -o (\S+)", block.text):
        assert (folder / name).stat().st_size > 100
    assert b'"error"' not in done.stdout


@each(PAGE)
def test_commands_in_sentences_and_programs(block: Block) -> None:
    text = re.sub(r"\s*\n\s*", " ", block.text)
    programs = "".join(path.read_text() for path in (ROOT / "benchmarks").glob("*.py"))  # some import others' options
    for line in re.findall(r"`rhapsode ([^`]*)`", text):
        read(shlex.split(line.replace("…", "").replace("|", " ")))
    for name, rest in re.findall(r"python (benchmarks/\w+\.py)([^`#]*)", text):
        assert (ROOT / name).exists(), f"there is no {name}"
        for option in re.findall(r" (--[a-z-]+)", rest.split("   ")[0]):
            assert f'"{option}"' in programs, f"{name} has no option {option}"
    for target in re.findall(r"(?:^ +|`)make ([a-z]+)", block.text, re.MULTILINE):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()
    for name in re.findall(r"`(rhapsode(?:\.[a-z_]+)+)`", text):
        package, _, last = name.rpartition(".")
        assert importlib.util.find_spec(name) or hasattr(importlib.import_module(package), last), f"no {name}"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"rhapsode\[(\w+)\]", block.text)) <= extras.keys()


@each(PAGE)
def test_links_lead_somewhere(block: Block) -> None:
    folder = ROOT if block.page == "README.md" else ROOT / "docs"
    for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", block.text):
        assert (folder / link).exists(), f"{block.page} links to {link}"


def test_nothing_is_only_read_for_nothing() -> None:
    lines = [line.removeprefix("rhapsode ") for block in blocks(PAGE) for line in block.commands]
    for key in ONLY_READ:
        assert any(re.search(rf"(^| ){key}", line) for line in lines), f"no page has {key!r}"
