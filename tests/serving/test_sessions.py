"""`/api/sessions`: a session's answer is that of a completion of the whole text."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference.batching import BLOCK
from rhapsode.inference.model import Model
from rhapsode.inference.states import States
from rhapsode.serving import rendering
from rhapsode.serving import sessions as sessions_of
from rhapsode.serving.errors import ApiError
from rhapsode.serving.guard import Rules
from rhapsode.serving.served import Served
from rhapsode.serving.sessions import OVERHEAD, Sessions, Written, longer, written
from tests.conftest import TEXT, MakeModel
from tests.serving.conftest import serving
from tests.serving.test_guard import JSON, code, send

PROMPT = "Sing, goddess, the"
Sent = tuple[int, dict[str, str], Any]


def post(address: str, path: str, key: str = "", **body: Any) -> Sent:
    headers = JSON | ({"Authorization": f"Bearer {key}"} if key else {})
    return send(address, "POST", path, json.dumps(body).encode(), headers)


def ok(sent: Sent) -> Any:
    assert sent[0] == 200, sent
    return sent[2]


def begin(address: str, prompt: Any = PROMPT, **body: Any) -> str:
    return str(ok(post(address, "/api/sessions", prompt=prompt, **body))["id"])


def on(address: str, session: str, **body: Any) -> Any:
    return ok(post(address, f"/api/sessions/{session}/completions", **{"max_tokens": 30, "seed": 3} | body))


def complete(address: str, prompt: Any, **body: Any) -> Any:
    return ok(
        post(address, "/v1/completions", **{"model": "book", "prompt": prompt, "max_tokens": 30, "seed": 3} | body)
    )


def texts(answer: Any) -> list[str]:
    return [choice["text"] for choice in answer["choices"]]


def events(sent: Sent) -> list[Any]:
    lines = ok(sent).decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]


def test_a_session_from_begin_to_end(address: str) -> None:
    made = ok(post(address, "/api/sessions", model="book", prompt=PROMPT))
    assert made["object"] == "session" and made["model"] == "book" and made["id"].startswith("sess-")
    assert made["tokens"] == made["characters"] == len(PROMPT)
    assert abs(made["created"] - time.time()) < 60 and made["used"] >= made["created"]
    path = f"/api/sessions/{made['id']}"
    shown = ok(send(address, "GET", path))
    assert shown | {"used": 0} == made | {"used": 0}
    assert made["id"] in [one["id"] for one in ok(send(address, "GET", "/api/sessions"))["data"]]
    assert ok(send(address, "DELETE", path)) == {"id": made["id"], "object": "session", "deleted": True}
    for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/fork"), ("POST", "/completions")):
        assert code(send(address, method, path + end, b"{}" if end else None, JSON)) == (404, "session_not_found")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["chars", "bpe", "words", "bytes"])
def test_it_is_a_completion_of_the_whole_text(tiny_model: MakeModel, name: str, stream: bool) -> None:
    model = tiny_model(codec=name, arithmetic="integers", reset="line", sharpness=1.5)
    with serving({"book": model}) as (address, server):
        session, text = begin(address), PROMPT.encode()
        for turn in range(4):
            body = {"seed": turn, "n": 2, "keep": turn % 2, "temperature": 0.8, "max_tokens": 15}
            samples = model.generate(text, length=15, samples=2, seed=turn, sampling=Sampling(temperature=0.8))
            if stream:
                told = events(post(address, f"/api/sessions/{session}/completions", **body, stream=True))
                parts, about = ["", ""], told[-1]["session"]
                for choice in (choice for event in told for choice in event["choices"]):
                    parts[choice["index"]] += choice["text"]
            else:
                answer = on(address, session, **body)
                parts, about = texts(answer), answer["session"]
                assert answer["usage"]["prompt_tokens"] == len(model.text_codec.encode(text))
            assert parts == [sample.text for sample in samples]
            text += samples[turn % 2].data
            assert about["id"] == session and about["tokens"] == len(model.text_codec.encode(text))
            assert about["characters"] == len(text.decode("utf-8", "replace"))
        states = server.models["book"].batcher._states
        states.__init__()  # type: ignore[misc]  # all that was read is forgotten
        sample = model.generate(text, length=30, seed=3)[0]
        assert texts(on(address, session)) == [sample.text]


def test_what_is_read_is_not_read_again(book: Model) -> None:
    with serving({"book": book}) as (address, server):
        batcher = server.models["book"].batcher
        session = begin(address, TEXT * 3)
        read = batcher.figures.read
        first = on(address, session, n=3, keep=1, max_tokens=20)
        fork = ok(post(address, f"/api/sessions/{session}/fork"))["id"]
        before = batcher.figures.read
        assert before == read
        forks = [texts(on(address, one, seed=9)) for one in (session, fork)]
        kept = book.generate(TEXT * 3, length=20, row=1, seed=3)[0]
        assert first["choices"][1]["text"] == kept.text
        assert forks[0] == forks[1] == [book.generate((TEXT * 3).encode() + kept.data, length=30, seed=9)[0].text]
        assert batcher.figures.read - before < BLOCK
        ok(send(address, "DELETE", f"/api/sessions/{session}"))
        on(address, fork, keep=0)
        assert server.sessions.of("")[0].id == fork and len(server.sessions) == 1


def test_a_fork_goes_its_own_way(address: str, book: Model) -> None:
    session = begin(address)
    fork = ok(post(address, f"/api/sessions/{session}/fork"))
    assert fork["id"] != session and fork["tokens"] == len(PROMPT)
    on(address, fork["id"], keep=0)
    kept = book.generate(PROMPT, length=30, seed=3)[0].data
    assert ok(send(address, "GET", f"/api/sessions/{session}"))["tokens"] == len(PROMPT)
    assert texts(on(address, session)) == texts(complete(address, PROMPT))
    assert texts(on(address, fork["id"])) == [book.generate(PROMPT.encode() + kept, length=30, seed=3)[0].text]


def test_the_end_and_stops_are_no_part_of_a_session(address: str, book: Model) -> None:
    """What goes on is the text that the client saw, to the byte."""
    session, text, reasons = begin(address), PROMPT.encode(), set()
    cases: list[tuple[dict[str, Any], int]] = [({"stop": ["e", "\n"]}, 30), ({}, 400), ({}, 0), ({}, 30)]
    for stops, length in cases:
        for seed in range(3):
            answer = on(address, session, keep=0, seed=seed, max_tokens=length, **stops)
            sample = book.generate(text, length=length, seed=seed, **stops)[0]
            assert texts(answer) == [sample.text]
            text += sample.data
            reasons.add(sample.stopped)
            assert answer["session"]["tokens"] == len(book.text_codec.encode(text))
    assert reasons == {"stop", "end", "length"}


def test_tokens_that_no_text_gives(tiny_model: MakeModel) -> None:
    """They are read as they are; what is new is encoded by itself."""
    model = tiny_model(codec="bpe", arithmetic="integers", sharpness=1.5)
    kind = model.text_codec
    tokens = [*kind.encode(b"Si").tolist(), *kind.encode(b"ng, goddess").tolist()]
    assert kind.encode(b"Sing, goddess").tolist() != tokens
    with serving({"book": model}) as (address, _):
        session = begin(address, tokens)
        answer = on(address, session, keep=0)
        sample = model.generate(np.array(tokens), length=30, seed=3)[0]
        assert texts(answer) == [sample.text] == texts(complete(address, tokens))
        tokens += kind.encode(sample.data).tolist()
        assert answer["session"]["tokens"] == len(tokens)
        assert texts(on(address, session)) == [model.generate(np.array(tokens), length=30, seed=3)[0].text]
        scored = complete(address, tokens, echo=True, logprobs=0, max_tokens=0)["choices"][0]
        assert (
            scored["text"] == kind.decode(np.array(tokens)).decode("utf-8", "replace")
            and scored["finish_reason"] == "length"
        )
        assert len(scored["logprobs"]["tokens"]) == len(tokens)


def test_one_at_a_time_appends(endless: Model) -> None:
    with serving({"book": endless}) as (address, server):
        session = begin(address)
        path = f"/api/sessions/{session}/completions"
        for stream in (False, True):
            with leaving(address, path, keep=0, max_tokens=100_000, stream=stream):
                waited(lambda: server.sessions.of("")[0].busy)
                assert code(post(address, path, keep=0)) == (409, "session_busy")
                assert texts(on(address, session)) == texts(complete(address, PROMPT))  # as it is now
                fork = ok(post(address, f"/api/sessions/{session}/fork"))["id"]
                assert on(address, fork, keep=0)["session"]["tokens"] > len(PROMPT)
                ok(send(address, "DELETE", f"/api/sessions/{fork}"))
                assert server.sessions.of("")[0].busy
            # Who leaves keeps nothing, and what failed excludes nobody.
            waited(lambda: not server.sessions.of("")[0].busy)
            assert texts(on(address, session)) == texts(complete(address, PROMPT))
        assert code(post(address, path, keep=0, valid="pyhton"))[0] == 400
        assert code(post(address, path, n=2, keep=2))[0] == 400
        assert on(address, session, keep=0)["session"]["tokens"] > len(PROMPT)


@contextmanager
def leaving(address: str, path: str, **body: Any) -> Iterator[None]:
    """A client that asks, and leaves without an answer."""
    data, url = json.dumps(body).encode(), urlsplit(address)
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
    ]
    with socket.create_connection((url.hostname, url.port or 0)) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode() + data)
        yield


def waited(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not until() and time.monotonic() < end:
        time.sleep(0.002)
    assert until()


def test_clients_at_the_same_time(address: str, book: Model) -> None:
    """Each with a session of its own, all at once."""

    def client(n: int) -> None:
        session, text = begin(address, PROMPT[: n % 9]), PROMPT[: n % 9].encode()
        for turn in range(3):
            answer = on(address, session, keep=0, seed=n + turn, max_tokens=5 + 9 * (n % 3))
            sample = book.generate(text, length=5 + 9 * (n % 3), seed=n + turn)[0]
            assert texts(answer) == [sample.text]
            text += sample.data

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(client, range(16)))


def test_a_dropped_session(endless: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that would append to it ends with an error, streamed or not."""
    going = threading.Event()

    def held(*given: Any) -> Written:
        assert going.wait(30)
        return longer(*given)

    monkeypatch.setattr(rendering, "LARGE", -1)  # in another thread
    monkeypatch.setattr(sessions_of, "longer", held)
    with serving({"book": endless}) as (address, server):
        for stream in (False, True):
            going.clear()
            session = begin(address)
            found: list[Sent] = []
            body = {"keep": 0, "stream": stream}
            thread = threading.Thread(
                target=lambda: found.append(post(address, f"/api/sessions/{session}/completions", **body))  # noqa: B023
            )
            thread.start()
            waited(lambda: server.sessions.of("")[0].busy)
            ok(send(address, "DELETE", f"/api/sessions/{session}"))
            going.set()
            thread.join(30)
            if stream:
                assert b'"code": "session_not_found"' in found[0][2]
            else:
                assert code(found[0]) == (404, "session_not_found")
            assert server.sessions.bytes == len(server.sessions) == 0


def test_sessions_of_another_key(book: Model) -> None:
    keys = ("a" * 20, "b" * 20)
    with serving({"book": book}, Rules(keys=tuple(key.encode() for key in keys))) as (address, _):
        session = ok(post(address, "/api/sessions", keys[0], prompt=PROMPT))["id"]
        for path in (f"/api/sessions/{session}/completions", f"/api/sessions/{session}/fork"):
            assert code(post(address, path, keys[1])) == (404, "session_not_found")
            ok(post(address, path, keys[0]))
        for key, count in zip(keys, (2, 0), strict=True):
            headers = {"Authorization": f"Bearer {key}"}
            assert len(ok(send(address, "GET", "/api/sessions", headers=headers))["data"]) == count
            status = send(address, "GET", f"/api/sessions/{session}", headers=headers)[0]
            assert status == (200 if count else 404)
        assert code(post(address, "/api/sessions", prompt=PROMPT)) == (401, "invalid_api_key")


@pytest.fixture(scope="module")
def served(book: Model) -> Any:
    made = Served("book", book, 4, 4, States())
    yield made
    made.batcher.close(timeout=10)


def test_bounds(served: Served) -> None:
    """What was not used for longest goes first, of those whose owner has most."""
    text = written(served, "Sing")
    sessions = Sessions(number=4, limit=100_000)
    own = sessions.add(served, "me", text)
    others = [sessions.add(served, "you", text) for _ in range(10)]
    assert len(sessions) == 4 and sessions.get("me", own.id) is own and sessions.of("you") == others[-3:]
    assert sessions.bytes == 4 * text.nbytes
    sessions.get("you", others[-3].id)
    sessions.add(served, "you", text)
    assert others[-3] in sessions.of("you") and others[-2] not in sessions.of("you")
    long = written(served, "Sing" * 10_000)
    assert long.nbytes - OVERHEAD > 40_000
    first = sessions.add(served, "me", long)
    assert sessions.bytes <= 100_000 and len(sessions) == 4
    second = sessions.add(served, "me", long)
    assert sessions.bytes <= 100_000 and sessions.of("me") == [second] and first not in sessions.of("me")
    with pytest.raises(ApiError, match="may take 100,000 bytes"):
        sessions.add(served, "me", written(served, "Sing" * 100_000))
    for one in [*sessions.of("me"), *sessions.of("you")]:
        sessions.drop(one)
        sessions.drop(one)
    assert sessions.bytes == len(sessions) == 0 and not sessions._owned


@pytest.mark.parametrize("name", ["chars", "bpe", "words", "bytes"])
def test_a_text_that_grows(tiny_model: MakeModel, name: str) -> None:
    """It is encoded as a whole, wherever it is cut: within words and characters, too."""
    served = Served("book", tiny_model(codec=name, arithmetic="integers"), 4, 4, States())
    data, random = (TEXT + "unheard-of ἄειδε \U0001f600  \n\n wo").encode(), np.random.default_rng(0)
    try:
        for _ in range(20):
            ends = sorted({*random.integers(0, len(data), 6).tolist(), len(data)})
            text, at = Written(b"", served.encoded(b""), True, 0), 0
            for end in ends:
                text, at = longer(served, text, data[at:end]), end
                assert text.symbols.tolist() == served.codec.encode(data[:end]).tolist()
                assert text.data == data[:end] and text.characters == len(data[:end].decode("utf-8", "replace"))
                assert text.symbols.dtype == served.codec.steps.dtype
    finally:
        served.batcher.close(timeout=10)


def test_figures_of_sessions(book: Model) -> None:
    with serving({"book": book}) as (address, _):
        begin(address)
        session = begin(address)
        lines = send(address, "GET", "/metrics")[2].decode().splitlines()
        assert "rhapsode_sessions 2" in lines
        [size] = [line for line in lines if line.startswith("rhapsode_session_bytes ")]
        assert 2 * OVERHEAD < int(size.split()[1]) < 3 * OVERHEAD
        ok(send(address, "DELETE", f"/api/sessions/{session}"))
        assert "rhapsode_sessions 1" in send(address, "GET", "/metrics")[2].decode()
