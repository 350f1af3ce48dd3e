"""Where commands write: names that cannot be, streams that are closed or full. One message, status 2, nothing left."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.modalities.ink.formats.own import dumps
from rhapsode.modalities.music.blues import corpus as blues
from rhapsode.modalities.music.formats.own import dumps as tune_dumps
from tests.conftest import WORDS, written

TEXT = "the sea sings, the ship sails.\n" * 60
SMALL = '[plan]\nbatch_size = 4\nsequence_length = 16\nthreads = 1\nprecision = "fp32"\n[network]\nwidth = 8\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with small files and models of all sorts."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RHAPSODE_CACHE", str(tmp_path_factory.mktemp("cache")))
        (folder / "text").write_text(TEXT)
        (folder / "small.toml").write_text(SMALL)
        (folder / "pens.jsonl").write_text("".join(f"{dumps(one)}\n" for one in written(WORDS * 9)))
        (folder / "tunes.jsonl").write_text("".join(f"{tune_dumps(one)}\n" for one in blues(8, 1)))
        for source, model in (("text", "model"), ("pens.jsonl", "pens"), ("tunes.jsonl", "tunes")):
            options = ["--updates", "2", "--device", "cpu", "--config", str(folder / "small.toml")]
            assert main(["train", str(folder / source), "-o", str(folder / model), *options]) == 0
        assert main(["compress", str(folder / "model"), str(folder / "text"), "-o", str(folder / "packed")]) == 0
        yield folder


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RHAPSODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(home)


def tree(folder: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


FILES = {
    "generate": ("generate model -o", ""),
    "generate samples": ("generate model --samples 2 -o", ""),
    "generate json": ("generate model --json -o", ""),
    "compose": ("compose tunes -o", ".mid"),
    "write": ("write pens abc -o", ".svg"),
    "write lines": ("write pens abc -o", ".jsonl"),
    "write pages": ("write pens abc --page a5 -o", ".svg"),
    "attention": ("write pens abc -o new.svg --attention", ".png"),
    "compress": ("compress model text -o", ""),
    "decompress": ("decompress model packed -o", ""),
    "picture": ("inspect tunes.jsonl --beside tunes.jsonl --picture", ".png"),
    "ink": ("ink --no-browser", ".jsonl"),
}
FOLDERS = {
    "train": "train text --updates 2 -o",
    "recipe": "recipe run karpathy-2015-char-rnn text --updates 1 -o",
    "ink model": "ink new.jsonl --no-browser -o",
    "demo": "demo text -o",
    "recognise": "recognise pens.jsonl -o",
}
NAMES = {
    "empty": "",
    "NUL": "a\0b",
    "long": "x" * 300,
    "under a file": "text/new",
    "deep under a file": "text/new/newer",
    "closed": "closed/new",
    "wrong kind": "",
}


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that takes long fails: what can be known before is to be known before."""
    from rhapsode.data import corpus
    from rhapsode.studio.app import Studio

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it has begun")

    for name in ("generate", "stream", "compress", "decompress"):
        monkeypatch.setattr(Model, name, never)
    monkeypatch.setattr(corpus, "prepare", never)
    monkeypatch.setattr(Studio, "__init__", never)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", [*FILES, *FOLDERS])
def test_names_under_which_nothing_can_be_written(
    command: str,
    name: str,
    home: Path,
    no_work: None,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (home / "closed").mkdir(exist_ok=True)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "closed" and access(path, mode))
    arguments, suffix = FILES[command] if command in FILES else (FOLDERS[command], "")
    given = NAMES[name] and NAMES[name] + suffix
    if name == "wrong kind":
        given = "pens.jsonl" if command in FOLDERS else f"folder{suffix}"
        (home / f"folder{suffix}").mkdir(exist_ok=True)
    if command == "ink" and name == "empty":
        given = ".jsonl/"  # it has its own message for names that do not end so
    if command == "recognise" and name == "closed":
        given = "model"
        monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "model" and access(path, mode))
    before = tree(home)
    assert main([*arguments.split(), given]) == 2
    out, error = capfd.readouterr()
    assert out == "" and error.startswith("rhapsode: ") and error.count("\n") == 1, error
    assert tree(home) == before


def test_a_file_that_is_not_to_be_written(
    home: Path, capfd: pytest.CaptureFixture[str], no_work: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "packed" and access(path, mode))
    before = tree(home)
    assert main(["compress", "model", "text", "-o", "packed"]) == 2
    assert "no permission to write" in capfd.readouterr().err and tree(home) == before


def test_what_cannot_be_known_before(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    # Some seeds write nothing: such a model can begin to spell a character and not end it in 5 steps.
    for arguments in (["generate", "model", "--length", "5", "--seed", "1"], ["compress", "model", "text"]):
        assert main([*arguments, "-o", "/dev/full"]) == 2
        assert "cannot write /dev/full" in capfd.readouterr().err


class Full(io.RawIOBase):
    """A stream that takes nothing."""

    full = True

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(data)


RESULTS = [
    "--help",
    "--version",
    "train --help",
    "generate model --length 9 --seed 1",
    "generate model --length 9 --samples 2 --seed 1",
    "generate model --length 9 --json",
    "compose tunes --bars 1 --seed 1",
    "write pens a --tries 1 --seed 1",
    "score model text",
    "score model text --json",
    "score model text --per-step",
    "score tunes tunes.jsonl",
    "compress model text -o -",
    "decompress model packed -o -",
    "inspect model",
    "inspect model --json",
    "inspect tunes.jsonl",
    "inspect pens.jsonl --json",
    "data list",
    "data list --json",
    "recipe list",
    "recipe show karpathy-2015-char-rnn",
]


@pytest.mark.parametrize("arguments", RESULTS)
@pytest.mark.parametrize("buffered", [True, False])
def test_results_that_cannot_be_written(
    arguments: str, buffered: bool, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = Full()
    stream: Any = io.BufferedWriter(raw) if buffered else raw
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stream, write_through=not buffered))
    assert main(arguments.split()) == 2
    error = capfd.readouterr().err
    assert "rhapsode: cannot write to standard output: No space left on device." in error
    assert error.count("rhapsode:") == 1
    raw.full = False  # for when it is closed


def run(redirections: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "rhapsode", *arguments]
    return subprocess.run(["sh", "-c", f'exec "$@" {redirections}', "sh", *command], capture_output=True, timeout=120)


GENERATE = ("generate", "model", "--length", "9", "--seed", "1")
CASES = [
    (">&-", GENERATE, 2, b"", b"rhapsode: cannot write to standard output: it is closed."),
    (">/dev/full", GENERATE, 2, b"", b"rhapsode: cannot write to standard output: No space left on device."),
    (">/dev/full", ("data", "list"), 2, b"", b"rhapsode: cannot write to standard output: No space left on device."),
    (">&-", ("compress", "model", "text", "-o", "-"), 2, b"", b"rhapsode: cannot write to standard output: it is clos"),
    ("<&-", ("score", "model", "-"), 2, b"", b"rhapsode: standard input: cannot be read: it is closed."),
    ("<&-", ("train", "-", "-o", "new"), 2, b"", b"rhapsode: standard input: cannot be read: it is closed."),
    ("2>/dev/full", ("nonsense",), 2, b"", b""),
    ("2>&-", ("nonsense",), 2, b"", b""),
    ("<&- >&- 2>&-", GENERATE, 2, b"", b""),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1][0]}")
def test_standard_streams(case: tuple[str, tuple[str, ...], int, bytes, bytes], home: Path) -> None:
    redirections, arguments, status, out, error = case
    before = tree(home)
    found = run(redirections, *arguments)
    assert (found.returncode, found.stdout) == (status, out)
    assert found.stderr.startswith(error) and found.stderr.count(b"\n") == (1 if error else 0)
    assert tree(home) == before


def test_messages_that_nobody_hears_stop_nothing(home: Path, tmp_path: Path) -> None:
    for number, how in enumerate(("2>/dev/full", "<&- >&- 2>&-")):
        folder = tmp_path / f"{number}"
        found = run(how, "train", "text", "-o", str(folder), "--updates", "3", "--config", "small.toml")
        assert (found.returncode, found.stdout, found.stderr) == (0, b"", b"")
        Model.load(folder)


def test_names_of_any_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SMALL)
    source, model, out = os.fsdecode(b"d\xff/t\xfe.txt"), os.fsdecode(b"model\xfd"), os.fsdecode(b"out\xfc")
    Path(source).parent.mkdir()
    Path(source).write_text(TEXT)
    python = [sys.executable, "-m", "rhapsode"]
    options = ["--valid", source, "--updates", "400", "--config", "small.toml"]
    with subprocess.Popen([*python, "train", source, "-o", model, *options], stderr=subprocess.PIPE) as process:
        assert process.stderr
        while b"valid" not in process.stderr.readline():  # saved for the first time
            pass
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
    assert process.returncode == 130
    assert main(["train", "-o", model, "--resume"]) == 0
    info, _, _ = checkpoint.load_info(Path(model, checkpoint.RESUME))
    assert info["given"]["sources"] == [source] and info["given"]["valid"] == [source] and info["finished"]
    found = subprocess.run([*python, "inspect", model], capture_output=True, check=True).stdout
    assert os.fsencode(f"{model}/model.safetensors") in found
    for arguments in (["inspect", model, "--json"], ["score", model, source, "--json"]):
        found = subprocess.run([*python, *arguments], capture_output=True, check=True).stdout
        assert found.decode().count("\n") == 1  # UTF-8, and one object
    assert main(["generate", model, "--length", "5", "-o", out]) == 0 and Path(out).exists()
    assert main(["compress", model, source, "-o", f"{out}1"]) == 0
    assert main(["decompress", model, f"{out}1", "-o", f"{out}2"]) == 0 and Path(f"{out}2").read_text() == TEXT


@pytest.mark.parametrize("source", ["tunes", "pens"])
def test_names_of_any_bytes_in_files_that_are_drawn(
    source: str, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from rhapsode.modalities.ink.write import PAGES
    from rhapsode.modalities.music.write import SUFFIXES

    verb, options = ("compose", []) if source == "tunes" else ("write", ["a", "--tries", "1"])
    for suffix in SUFFIXES if source == "tunes" else (*PAGES, ".jsonl"):
        name = str(tmp_path / os.fsdecode(b"\xff" + suffix.encode()))
        wish = ["--bars", "1"] if source == "tunes" else []
        assert main([verb, source, *options, *wish, "--seed", "1", "-o", name]) == 0, capfd.readouterr().err
        assert Path(name).stat().st_size


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_what_goes_on_and_leaves_nothing(number: int, home: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    big.write_text("".join(f"{n} green bottles\n" for n in range(800_000)))
    new = tmp_path / "new"
    command = [sys.executable, "-m", "rhapsode", "train", str(big), "-o", str(new / "model"), "--codec", "words"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        steps = tmp_path / "cache/steps"
        while process.poll() is None and not (steps.exists() and list(steps.iterdir())):
            time.sleep(0.01)
        process.send_signal(number)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number and out == b"" and b"Traceback" not in error
    assert not list(steps.iterdir()) and not new.exists()
