"""`rhapsode serve` as a program."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.inference.states import States
from tests.conftest import MakeModel
from tests.serving.test_guard import JSON, code, send

pytest.importorskip("uvicorn")

from rhapsode.serving.guard import Rules  # noqa: E402
from rhapsode.serving.run import Sockets, run  # noqa: E402
from rhapsode.serving.served import Served  # noqa: E402


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


def test_models_that_are_being_loaded(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server listens at once; others wait until models are there, and it ends if they cannot be loaded."""
    going, port = threading.Event(), free_port()
    loaded = [Model.load(model)]
    address, ended = f"http://127.0.0.1:{port}", list[BaseException | None]()

    def load() -> list[Served]:
        assert going.wait(30)
        if not loaded:
            raise UserError("there is no such model.")
        return [Served("book", loaded.pop(), 4, 4, States())]

    def serve() -> None:
        try:
            run(load, Rules(), "127.0.0.1", port, "text")
            ended.append(None)
        except UserError as error:
            ended.append(error)

    servers = list[Sockets]()
    monkeypatch.setattr("rhapsode.serving.run.Sockets", lambda *given: servers.append(Sockets(*given)) or servers[-1])
    for fails in (False, True):
        thread = threading.Thread(target=serve)
        thread.start()
        answer = until(address, lambda answer: True)
        assert (answer[0], answer[1]["retry-after"], answer[2]) == (503, "1", {"status": "loading"})
        for path in ("/v1/models", "/v1/models/book"):
            answer = send(address, "GET", path)
            assert code(answer) == (503, "loading") and answer[1]["retry-after"] == "1"
        assert code(send(address, "POST", "/v1/completions", b"{}", JSON)) == (503, "loading")
        assert send(address, "GET", "/openapi.json")[0] == send(address, "GET", "/metrics")[0] == 200
        going.set()
        if not fails:
            assert until(address, lambda answer: answer[0] == 200)[2] == {"status": "ok"}
            assert send(address, "GET", "/v1/models")[0] == 200
            servers[-1].should_exit = True
        thread.join(30)
        assert not thread.is_alive()
        going.clear()
    assert ended[0] is None and str(ended[1]) == "there is no such model."


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def until(address: str, enough: Callable[[Any], bool]) -> tuple[int, dict[str, str], Any]:
    """What /health answers once that is enough."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(ConnectionError):
            if enough(answer := send(address, "GET", "/health")):
                return answer
        time.sleep(0.01)
    raise TimeoutError


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


def test_short_keys_and_models_of_other_things(
    model: Path, tiny_model: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("short\n")
    assert main(["serve", str(model), "--api-key", str(keys)]) == 2
    assert "could be guessed" in capsys.readouterr().err
    keys.write_text("\n")
    assert main(["serve", str(model), "--api-key", str(keys)]) == 2
    assert "there is no key in it" in capsys.readouterr().err
    tiny_model(codec="strokes").save(tmp_path / "model.safetensors")
    assert main(["serve", str(tmp_path)]) == 2
    assert "only models of text are served yet" in capsys.readouterr().err


def test_a_port_that_is_taken(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
