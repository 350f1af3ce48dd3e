"""The other paths; and clients that leave."""

from __future__ import annotations

import json
import math
import socket
import time
from urllib.parse import urlsplit

import pytest

from rhapsode.inference.model import Model
from rhapsode.serving.openapi import STATUSES
from tests.conftest import MakeModel
from tests.serving.conftest import serving
from tests.serving.test_guard import JSON, send


def ask(address: str, path: str, **body: object) -> dict[str, object]:
    status, _, answer = send(address, "POST", path, json.dumps(body).encode(), JSON)
    assert status == 200, answer
    return answer  # type: ignore[no-any-return]


def test_tokens(address: str, book: Model) -> None:
    text = "Sing, ἄ\U0001f600"
    found = ask(address, "/tokenize", prompt=text)
    assert found["tokens"] == book.text_codec.encode(text.encode()).tolist() and found["count"] == len(found["tokens"])  # type: ignore[arg-type]
    assert ask(address, "/detokenize", tokens=found["tokens"]) == {"prompt": text}
    _, _, about = send(address, "GET", "/tokenizer_info")
    [start] = ask(address, "/tokenize", prompt=about["bos_token"])["tokens"]  # type: ignore[misc]
    assert start == book.text_codec.steps.size and ask(address, "/detokenize", tokens=[start]) == {"prompt": ""}
    wrong = json.dumps({"tokens": [start + 1]}).encode()
    assert send(address, "POST", "/detokenize", wrong, JSON)[0] == 400


@pytest.mark.parametrize("head", ["categorical", {"name": "adaptive", "cutoffs": [9, 20], "features": 4}])
@pytest.mark.parametrize("arithmetic", ["integers", "float32"])
def test_what_a_model_makes_of_a_text(tiny_model: MakeModel, arithmetic: str, head: object) -> None:
    model = tiny_model(codec="chars", arithmetic=arithmetic, head=head)
    text = "Sing, goddess" * 30
    with serving({"one": model, "two": model}) as (address, _):
        assert send(address, "POST", "/api/read", b'{"prompt": ""}', JSON)[0] == 400  # which of the two?
        found = ask(address, "/api/read", prompt=text, model="two", top=3)
    score = model.score(text, per_step=True)
    tokens = found["tokens"]
    assert isinstance(tokens, list)
    assert [one["nats"] for one in tokens] == [one.nats for one in score.surprises]
    assert found["nats"] == pytest.approx(score.nats)
    for one in tokens:
        assert 0 <= one["entropy"] <= math.log(model.text_codec.steps.size)
        logs = [log for _, log in one["top"]]
        assert logs == sorted(logs, reverse=True) and len(logs) == 3
        if one["rank"] == 1:
            assert one["top"][0][1] == -one["nats"]


def test_figures(address: str) -> None:
    ask(address, "/v1/completions", model="book", prompt="a secret prompt")
    status, headers, text = send(address, "GET", "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    lines = text.decode().splitlines()
    assert any(line.startswith('rhapsode_answers_total{path="/v1/completions",status="200"}') for line in lines)
    assert any(line.startswith('rhapsode_tokens_drawn_total{model="book"}') for line in lines)
    assert b"secret" not in text


def test_the_page_names_what_there_is(address: str) -> None:
    _, _, page = send(address, "GET", "/openapi.json")
    fields = page["components"]["schemas"]["Completion"]["properties"]
    assert {"prompt", "max_tokens", "top_k", "valid"} <= set(fields) and fields["max_tokens"] == {
        "anyOf": [
            {"default": 16, "maximum": 100_000, "minimum": 0, "title": "Max Tokens", "type": "integer"},
            {"type": "null"},
        ]
    }
    for path, operations in page["paths"].items():
        for method, operation in operations.items():
            status = send(
                address, method.upper(), path.replace("{id}", "book"), b"{}" if method == "post" else None, JSON
            )[0]
            assert str(status) in operation["responses"], (path, status)
            assert {str(one) for one in STATUSES[method.upper()]} <= set(operation["responses"])


def request(body: bytes) -> bytes:
    lines = ["POST /v1/completions HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in JSON.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves(endless: Model, stream: bool) -> None:
    with serving({"book": endless}) as (address, server):
        batcher = server.models["book"].batcher
        body = json.dumps({"model": "book", "max_tokens": 100_000, "stream": stream}).encode()
        host, port = urlsplit(address).netloc.split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(request(body))
            until = time.monotonic() + 20
            while not batcher.figures.drawing and time.monotonic() < until:
                time.sleep(0.002)
            assert batcher.figures.drawing == 1
        while batcher.figures.drawing and time.monotonic() < until:
            time.sleep(0.01)
        assert batcher.figures.drawing == 0 and batcher.figures.drawn < 100_000


def test_a_client_that_does_not_read(endless: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text pauses; others are served; and it is ended after a time."""
    monkeypatch.setattr("rhapsode.serving.run.UNREAD_SECONDS", 2.0)
    monkeypatch.setattr("rhapsode.serving.completions.UNREAD", 1000)
    with serving({"book": endless}) as (address, server):
        batcher = server.models["book"].batcher
        body = json.dumps({"model": "book", "max_tokens": 100_000, "stream": True, "logprobs": 20, "n": 8, "seed": 1})
        host, port = urlsplit(address).netloc.split(":")
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((host, int(port)))
            client.sendall(request(body.encode()))
            until = time.monotonic() + 30
            while not batcher.figures.paused and time.monotonic() < until:
                time.sleep(0.01)
            assert batcher.figures.paused
            assert (
                ask(address, "/v1/completions", model="book", prompt="a", max_tokens=5)["object"] == "text_completion"
            )
            while batcher.figures.paused + batcher.figures.drawing and time.monotonic() < until:
                time.sleep(0.05)
            assert batcher.figures.paused == batcher.figures.drawing == 0
            assert batcher.figures.drawn < 800_000
