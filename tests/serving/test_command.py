"""`rhapsode serve` as a program."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from rhapsode.cli import main
from rhapsode.inference.model import Model
from tests.conftest import MakeModel


@pytest.fixture(scope="module")
def model(tiny_model: MakeModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "book"
    folder.mkdir()
    tiny_model(codec="chars", arithmetic="integers").save(folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_server_from_start_to_end(model: Path, stop: signal.Signals) -> None:
    """It answers, logs no text, and ends what was begun when it is asked to stop."""
    command = [sys.executable, "-m", "rhapsode", "serve", f"a book={model}", "--port", "0", "--log-format", "json"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr
        line = server.stderr.readline()
        address = re.search(r"serving a book at (http://\S+)/v1", line)
        assert address, line
        body = {"model": "a book", "prompt": "Sing, secret", "max_tokens": 9, "seed": 1}
        asked = Request(f"{address[1]}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(asked, timeout=30) as answer:
            text = json.load(answer)["choices"][0]["text"]
        assert text == Model.load(model).generate("Sing, secret", length=9, seed=1)[0].text
        server.send_signal(stop)
        log = server.stderr.read()
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()
        if server.stderr:
            server.stderr.close()
    assert "secret" not in log and all("time" in json.loads(line) for line in log.splitlines())
    assert "/v1/completions" in log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MODEL", "--host", "0.0.0.0"], "other machines could use the server"),
        (["MODEL", "--api-key", "none.txt"], "cannot be read"),
        (["MODEL", "--log-format", "xml"], "text or json"),
        (["MODEL", "MODEL"], "two models are called 'book'"),
        (["nothing"], "nothing"),
    ],
)
def test_mistakes(
    model: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RHAPSODE_API_KEYS", raising=False)
    assert main(["serve", *(str(model) if one == "MODEL" else one for one in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_short_keys(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("short\n")
    assert main(["serve", str(model), "--api-key", str(keys)]) == 2
    assert "could be guessed" in capsys.readouterr().err
    keys.write_text("\n")
    assert main(["serve", str(model), "--api-key", str(keys)]) == 2
    assert "there is no key in it" in capsys.readouterr().err


def test_a_port_that_is_taken(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", str(model), "--port", str(taken.getsockname()[1])]) == 2
    assert "Give another --port" in capsys.readouterr().err


def test_packages_that_are_missing(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", str(model)]) == 2
    assert "pip install 'rhapsode[serve]'" in capsys.readouterr().err
