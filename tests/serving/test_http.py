"""HTTP and JSON as clients send them: odd, wrong and hostile."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from rhapsode.inference.model import Model
from rhapsode.serving import guard
from rhapsode.serving.run import Lines
from tests.serving.conftest import serving
from tests.serving.test_guard import JSON, code, send

ASKED = b'{"model": "book", "prompt": "Sing", "max_tokens": 3, "seed": 1}'


def talk(address: str, *parts: bytes) -> bytes:
    """All that the server answers on one connection, till it closes it."""
    host, port = urlsplit(address).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        for part in parts:
            client.sendall(part)
            time.sleep(0.05 if len(parts) > 1 else 0)
        answer = b""
        while more := client.recv(1 << 16):
            answer += more
        return answer


def request(body: bytes = ASKED, *headers: str, version: str = "1.1", length: bool = True, last: bool = True) -> bytes:
    own = [*([f"Content-Length: {len(body)}"] if length else []), *(["Connection: close, Upgrade"] if last else [])]
    lines = [
        f"POST /v1/completions HTTP/{version}",
        "Host: localhost",
        "Content-Type: application/json",
        *own,
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunked(body: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(body[at : at + 9]), body[at : at + 9]) for at in range(0, len(body), 9))


@pytest.fixture(scope="module")
def text(book: Model) -> str:
    return json.dumps(book.generate("Sing", length=3, seed=1)[0].text)


def test_ways_to_send_a_body(address: str, text: str) -> None:
    answers = [
        talk(address, request()),
        talk(address, request(last=False) + request()),  # one after another on one connection
        talk(address, request(ASKED, version="1.0", last=False)),
        talk(
            address,
            request(
                chunked(ASKED) + b"0\r\n\r\n",
                "Transfer-Encoding: chunked",
                length=False,
            ),
        ),
        talk(address, request(ASKED, "Content-Encoding: identity")),
        talk(address, request(b"\xef\xbb\xbf" + ASKED)),  # a byte order mark
    ]
    head, _, body = request(ASKED, "Expect: 100-continue").partition(b"\r\n\r\n")
    answers.append(talk(address, head + b"\r\n\r\n", body))
    for answer in answers:
        assert b"HTTP/1.1 200 OK" in answer and f'"text":{text}'.encode() in answer
    assert answers[1].count(b"HTTP/1.1 200 OK") == 2
    assert answers[-1].startswith(b"HTTP/1.1 100 Continue\r\n\r\n")


def test_a_stream_to_an_old_client(address: str) -> None:
    answer = talk(address, request(ASKED[:-1] + b', "stream": true}', version="1.0", last=False))
    assert answer.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("other", ["h2c", "websocket"])
def test_other_protocols(address: str, other: str, caplog: pytest.LogCaptureFixture) -> None:
    """Who could speak another one, too, is answered in this one."""
    answer = talk(address, request(ASKED, f"Upgrade: {other}", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert not [record for record in caplog.records if "upgrade" in record.message or "WebSocket" in record.message]


def test_a_body_that_is_not_sent(address: str) -> None:
    """Who asks before sending is told at once that it would be too much."""
    headers = ("Expect: 100-continue", f"Content-Length: {guard.BODY + 1}")
    answer = talk(address, request(b"", *headers, length=False))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_what_is_no_http(address: str) -> None:
    pieces = "Transfer-Encoding: chunked"
    for sent in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02",
        b"nonsense\r\n\r\n",
        request(b"zz\r\n", pieces, length=False),
        request(chunked(ASKED), pieces),
    ):
        answer = talk(address, sent)
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
        assert error["code"] == "bad_http" and error["type"] == "invalid_request_error"


def test_methods_and_paths(address: str) -> None:
    head = talk(address, b"HEAD /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK") and head.endswith(b"\r\n\r\n")
    assert send(address, "OPTIONS", "/v1/completions")[1]["allow"] == "POST"
    for path in ("/v1/models/", "/v1/completions/", "//v1/models", "/completions", "/"):
        assert code(send(address, "GET", path)) in ((404, "not_found"), (404, "model_not_found")), path


def test_names_with_slashes(book: Model) -> None:
    with serving({"org/book": book, "other": book}) as (address, _):
        for path in ("/v1/models/org/book", "/v1/models/org%2Fbook"):
            assert send(address, "GET", path)[2]["id"] == "org/book"
        assert send(address, "GET", "/tokenizer_info")[0] == 400  # of which?
        assert send(address, "GET", "/tokenizer_info?model=other")[2]["tokenizer_class"] == "chars"


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (gzip.compress(ASKED, mtime=0), {"Content-Encoding": "gzip"}, 415, "must not be compressed"),
        (ASKED, {"Content-Type": "application/json; charset=iso-8859-1"}, 415, "UTF-8"),
        (ASKED, {"Content-Type": "application/vnd.api+json"}, 415, "Content-Type: application/json"),
        (ASKED.decode().encode("utf-16"), {}, 400, "not UTF-8: see its byte 0"),
        (b"", {}, 400, "The body is empty"),
        (b'{"prompt":\n "a" "b"}', {}, 400, "Expecting ',' delimiter, line 2, column 6"),
        (b'{"prompt": "a\nb"}', {}, 400, "Invalid control character"),
        (ASKED + b"{}", {}, 400, "Extra data"),
        (b'{"prompt": NaN}', {}, 400, "a number that none can be"),
        (b'{"seed": ' + b"9" * 5000 + b"}", {}, 400, "a number that none can be"),
        (b"[" * 100_000, {}, 400, "too many times"),
        (b'{"model": "book", "seed": 1, "seed": 2}', {}, 400, "The field 'seed' is given twice"),
        (b'{"model": "book", "stream_options": {"a": 1, "a": 2}}', {}, 400, "The field 'a' is given twice"),
        (b'{"model": "book", "seed": 1e3}', {}, 400, "seed: Input should be a valid integer"),
        (b'{"model": "book", "max_tokens": 7.0}', {}, 400, "max_tokens: Input should be a valid integer"),
        (b'{"model": "book", "seed": ' + b"9" * 30 + b"}", {}, 400, "seed: Input should be less than"),
        (b'{"model": "book", "temperature": 1e400}', {}, 400, "temperature: Input should be a finite number"),
        (b'{"model": "book", "prompt": "\\ud800"}', {}, 400, "prompt: "),
        (b'{"model": "book", "stop": "\\udc00"}', {}, 400, "stop: "),
        (b'{"model": "book", "\\udc00": 1}', {}, 400, ""),
        (b'{"model": "\\ud800"}', {}, 400, "model: "),
        (b'{"model": "a\\u0000b"}', {}, 404, "does not exist"),
    ],
)
def test_bodies_that_are_refused(address: str, body: bytes, headers: dict[str, str], status: int, told: str) -> None:
    answer = send(address, "POST", "/v1/completions", body, JSON | headers)
    assert answer[0] == status and told in answer[2]["error"]["message"], answer


def test_nul_is_a_character(address: str, book: Model) -> None:
    body = {"model": "book", "prompt": "a\0b", "max_tokens": 3, "seed": 1, "echo": True, "stop": "\0"}
    answer = send(address, "POST", "/v1/completions", json.dumps(body).encode(), JSON)[2]
    assert answer["choices"][0]["text"] == "a\0b" + book.generate("a\0b", length=3, seed=1, stop=["\0"])[0].text


def million(item: str) -> str:
    return ",".join([item] * 1_000_000)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (f'"prompt": [{million("{}")}]', "prompt.0"),
        (f'"prompt": [{million("-1")}]', "prompt.0"),
        (f'"prompt": [{million(chr(34) * 2)}]', "at most 64 items"),
        (f'"prompt": [[{million("-1")}]]', "prompt.0.0"),
        (f'"stop": [{million("1")}]', "stop.0"),
        (f'"valid": [{million("1")}]', "valid: "),
        (f'"logit_bias": {{{",".join(f"{chr(34)}{n}{chr(34)}:[]" for n in range(200_000))}}}', "200,000 fields"),
        (",".join(f'"x{n}": 1' for n in range(200_000)), "fields"),
    ],
)
def test_a_million_mistakes_are_one(address: str, fields: str, told: str) -> None:
    """The server has one loop for all clients, so none may hold it up; this took 20 seconds and 3 gigabytes."""
    begun = time.perf_counter()
    answer = send(address, "POST", "/v1/completions", f'{{"model": "book", {fields}}}'.encode(), JSON)
    assert answer[0] == 400 and told in answer[2]["error"]["message"], answer
    assert time.perf_counter() - begun < 10


def test_too_many_at_once(endless: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "RUNNING", 1)
    with serving({"book": endless}) as (address, server):
        host, port = urlsplit(address).netloc.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as client:
            client.sendall(request(b'{"model": "book", "max_tokens": 100000, "stream": true}'))
            assert client.recv(5)
            answer = send(address, "GET", "/v1/models")
            assert code(answer) == (503, "busy") and answer[1]["retry-after"] == "1"
        until = time.monotonic() + 20
        while send(address, "GET", "/v1/models")[0] == 503 and time.monotonic() < until:
            time.sleep(0.01)
        assert send(address, "GET", "/v1/models")[0] == 200


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Lines of the log of what is asked."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(Lines("text").format(record))

    logger, handler = logging.getLogger("uvicorn.access"), Kept()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_a_prompt_in_the_address_is_not_logged(address: str, log: list[str]) -> None:
    send(address, "GET", "/v1/completions?prompt=secret")
    send(address, "GET", "/" + "a" * 50_000)
    first, second = log
    assert first.endswith('"GET /v1/completions HTTP/1.1" 405') and len(second) < 400


def test_whole_numbers_are_numbers(address: str) -> None:
    found: dict[str, Any] = {"temperature": 1, "top_p": 1, "frequency_penalty": 0, "stop": None, "logit_bias": {}}
    body = {"model": "book", "max_tokens": 1} | found
    assert send(address, "POST", "/v1/completions", json.dumps(body).encode(), JSON)[0] == 200
