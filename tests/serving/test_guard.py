"""What is refused before anything reads a request."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from rhapsode.inference.model import Model
from rhapsode.serving.guard import BODY, Rules
from tests.serving.conftest import serving

JSON = {"Content-Type": "application/json"}


def send(
    address: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    data = answer.read()
    found = {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return answer.status, found, json.loads(data) if "json" in found.get("content-type", "") else data


def code(answer: tuple[int, dict[str, str], Any]) -> tuple[int, str]:
    return answer[0], answer[2]["error"]["code"]


def test_keys(book: Model) -> None:
    keys = (b"k" * 20, b"second key, with more in it")
    with serving({"book": book}, Rules(keys=keys)) as (address, _):
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic " + "k" * 20}):
            answer = send(address, "GET", "/v1/models", headers=header)
            assert code(answer) == (401, "invalid_api_key") and answer[1]["www-authenticate"] == "Bearer"
        for key in keys:
            assert send(address, "GET", "/v1/models", headers={"Authorization": f"Bearer {key.decode()}"})[0] == 200
        assert send(address, "GET", "/health")[0] == 200


def test_other_names_of_the_host(address: str) -> None:
    assert code(send(address, "GET", "/health", headers={"Host": "evil.example"})) == (403, "host_not_allowed")
    assert code(send(address, "GET", "/health", headers={"Host": "127.0.0.1.evil.example"})) == (
        403,
        "host_not_allowed",
    )
    for host in ("localhost", "LOCALHOST:99", "[::1]:80", "127.0.0.1"):
        assert send(address, "GET", "/health", headers={"Host": host})[0] == 200


def test_the_address_at_which_it_was_reached(book: Model) -> None:
    """Is no other machine's, so no page of another site has it as its name."""
    with serving({"book": book}, Rules(hosts=("mine.example",))) as (address, _):
        assert send(address, "GET", "/health", headers={"Host": "127.0.0.1:1"})[0] == 200
        assert code(send(address, "GET", "/health", headers={"Host": "127.0.0.2"})) == (403, "host_not_allowed")
        assert code(send(address, "GET", "/health", headers={"Host": ""})) == (403, "host_not_allowed")


def test_pages_of_other_sites(book: Model) -> None:
    with serving({"book": book}, Rules(origins=("https://mine.example",))) as (address, _):
        answer = send(address, "GET", "/v1/models", headers={"Origin": "https://evil.example"})
        assert code(answer) == (403, "origin_not_allowed") and "access-control-allow-origin" not in answer[1]
        for origin in ("null", "http://mine.example", "https://mine.example.evil.example"):
            assert send(address, "GET", "/v1/models", headers={"Origin": origin})[0] == 403
        answer = send(address, "GET", "/v1/models", headers={"Origin": "https://mine.example"})
        assert answer[0] == 200 and answer[1]["access-control-allow-origin"] == "https://mine.example"
        answer = send(address, "OPTIONS", "/v1/completions", headers={"Origin": "https://mine.example"})
        assert answer[0] == 200 and "POST" in answer[1]["access-control-allow-methods"]
        assert send(address, "GET", "/health", headers={"Origin": address})[0] == 200


def test_bodies(address: str) -> None:
    assert code(send(address, "POST", "/tokenize", b"{}")) == (415, "not_json")
    assert code(send(address, "POST", "/tokenize", b"{}", {"Content-Type": "text/plain"})) == (415, "not_json")
    for body in (b"", b"{", b"[]", b"NaN", b'{"prompt": NaN}', b"\xff", b"[" * 100_000):
        assert code(send(address, "POST", "/tokenize", body, JSON)) == (400, "not_json")
    large = b'{"prompt": "' + b"a" * BODY + b'"}'
    assert code(send(address, "POST", "/tokenize", large, JSON)) == (413, "too_large")

    def pieces() -> Any:
        for at in range(0, len(large), 1 << 16):
            yield large[at : at + (1 << 16)]

    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.request("POST", "/tokenize", pieces(), JSON, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was refused before all was sent
    finally:
        connection.close()


def test_paths_and_methods(address: str) -> None:
    assert code(send(address, "GET", "/nothing")) == (404, "not_found")
    assert code(send(address, "GET", "/v1/completions")) == (405, "method_not_allowed")
    assert code(send(address, "POST", "/v1/models")) == (405, "method_not_allowed")
    assert code(send(address, "GET", "/v1/models/..%2f..%2fetc%2fpasswd"))[0] == 404


@pytest.mark.parametrize("name", ["/etc/passwd", "../book", ""])
def test_models_are_those_named_at_the_start(address: str, name: str) -> None:
    body = json.dumps({"model": name, "prompt": "a"}).encode()
    assert code(send(address, "POST", "/v1/completions", body, JSON)) == (404, "model_not_found")
