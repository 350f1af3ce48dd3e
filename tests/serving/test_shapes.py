"""Shapes to the letter: what comes has the fields of OpenAI's types and of the OpenAPI page, no more and no fewer."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest
from pydantic import BaseModel

from rhapsode.arithmetic.sampling import Sampling
from rhapsode.inference.model import Model
from rhapsode.serving import answers, guard
from rhapsode.serving.guard import BODY, Rules
from tests.serving.conftest import serving
from tests.serving.test_guard import JSON, send

openai = pytest.importorskip("openai")

ASKED: dict[str, Any] = {"model": "book", "prompt": "Sing", "max_tokens": 20, "seed": 3}


def same_fields(found: dict[str, Any], kind: type[BaseModel], may_lack: frozenset[str] = frozenset()) -> None:
    """All names are those of a type of the client's, and none is missing that must be there."""
    assert set(found) <= set(kind.model_fields), found
    assert {name for name, field in kind.model_fields.items() if field.is_required()} - may_lack <= set(found), found


@pytest.mark.parametrize(
    "options",
    [{}, {"logprobs": 0}, {"logprobs": 3, "n": 3}, {"echo": True}, {"echo": True, "logprobs": 2, "max_tokens": 0}],
)
@pytest.mark.parametrize("stream", [False, True])
def test_fields_of_completions(address: str, options: dict[str, Any], stream: bool) -> None:
    usage: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    status, headers, found = send(
        address, "POST", "/v1/completions", json.dumps(ASKED | options | usage).encode(), JSON
    )
    assert status == 200
    assert headers["content-type"] == ("text/event-stream; charset=utf-8" if stream else "application/json")
    bodies: list[dict[str, Any]] = [found]
    if stream:
        *events, done, rest = found.decode().split("\n\n")
        assert (done, rest) == ("data: [DONE]", "")
        assert all(event.startswith("data: {") for event in events)
        bodies = [json.loads(event[6:]) for event in events]
        assert all(body["usage"] is None for body in bodies[:-1]) and bodies[-1]["choices"] == []
    for body in bodies:
        (answers.CompletionEvent if stream else answers.CompletionAnswer).model_validate(body)
        same_fields(body, openai.types.Completion)
        if body["usage"]:
            same_fields(body["usage"], openai.types.CompletionUsage)
        for choice in body["choices"]:
            same_fields(choice, openai.types.CompletionChoice)
            assert (choice["logprobs"] is None) == ("logprobs" not in options)
            if choice["logprobs"]:
                same_fields(choice["logprobs"], openai.types.completion_choice.Logprobs)
                assert len(set(map(len, choice["logprobs"].values()))) == 1
        if not stream:
            openai.types.Completion.model_validate(body, strict=True)


def test_usage_comes_only_if_it_is_asked_for(address: str) -> None:
    body = json.dumps(ASKED | {"stream": True}).encode()
    assert b'"usage"' not in send(address, "POST", "/v1/completions", body, JSON)[2]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/health", None),
        ("/v1/models", None),
        ("/v1/models/book", None),
        ("/tokenizer_info", None),
        ("/openapi.json", None),
        ("/tokenize", {"prompt": "Sing"}),
        ("/detokenize", {"tokens": [1, 2]}),
        ("/api/read", {"prompt": "Sing", "top": 2}),
        ("/api/next", {"prompt": "Sing", "logit_bias": {"3": 2}}),
        ("/api/states", {"prompt": "Sing", "span": [1, 3]}),
        ("/api/states", {"prompt": "Sing", "what": "outputs"}),
        ("/api/states", {"prompt": "Sing", "what": "gates", "gate": "forget"}),
        ("/api/sessions", {"prompt": "Sing"}),
        ("/api/sessions", None),
    ],
)
def test_fields_of_other_answers(address: str, path: str, body: dict[str, Any] | None) -> None:
    data = None if body is None else json.dumps(body).encode()
    method = "GET" if body is None else "POST"
    status, _, found = send(address, method, path, data, JSON)
    kind = answers.ANSWERS[method, path.replace("/book", "/{id}")]
    assert status == 200 and kind.model_validate_json(json.dumps(found))
    if path == "/v1/models/book":
        openai.types.Model.model_validate(found, strict=True)


def test_fields_of_a_session(address: str) -> None:
    def asked(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        status, _, found = send(address, method, path, data, JSON)
        kind = answers.ANSWERS[method, path.replace(name, "{id}") if name else path]
        assert status == 200 and kind.model_validate_json(json.dumps(found))
        return found

    name = ""
    name = asked("POST", "/api/sessions", {"prompt": "Sing"})["id"]
    asked("POST", f"/api/sessions/{name}/completions", {"max_tokens": 3})
    asked("POST", f"/api/sessions/{name}/completions", {"max_tokens": 3, "keep": 0})
    going = json.dumps({"max_tokens": 3, "keep": 0, "stream": True}).encode()
    *events, done, _ = send(address, "POST", f"/api/sessions/{name}/completions", going, JSON)[2].decode().split("\n\n")
    told = [answers.SessionEvent.model_validate_json(event.removeprefix("data: ")) for event in events]
    assert done == "data: [DONE]" and [one.session is None for one in told] == [True] * (len(told) - 1) + [False]
    page = send(address, "GET", "/openapi.json")[2]
    content = page["paths"]["/api/sessions/{id}/completions"]["post"]["responses"]["200"]["content"]
    assert "SessionEvent" in json.dumps(content["text/event-stream"]["schema"])
    asked("POST", f"/api/sessions/{name}/fork", {})
    asked("GET", f"/api/sessions/{name}")
    asked("DELETE", f"/api/sessions/{name}")


def test_each_answer_has_a_schema(address: str) -> None:
    """Programs that make clients of the page need one. Parts that are named are there."""
    page = send(address, "GET", "/openapi.json")[2]
    for path, operations in page["paths"].items():
        for method, operation in operations.items():
            for status, response in operation["responses"].items():
                for media, content in response.get("content", {}).items():
                    known = (method.upper(), path) in answers.ANSWERS
                    assert content["schema"] or not known, (path, status, media)
        allowed = {method.upper() for method in operations} | ({"HEAD"} if "get" in operations else set())
        _, headers, _ = send(address, "OPTIONS", path.replace("{id}", "x"))
        assert set(headers["allow"].split(", ")) == allowed, path
    names = [operation["operationId"] for operations in page["paths"].values() for operation in operations.values()]
    assert len(set(names)) == len(names)
    text = json.dumps(page)
    for reference in {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in page["components"]["schemas"]


ERRORS = [
    (400, "BadRequestError", {}, {"max_tokens": -1}),
    (404, "NotFoundError", {}, {"model": "books"}),
    (403, "PermissionDeniedError", {"Host": "evil.example"}, {}),
    (403, "PermissionDeniedError", {"Origin": "https://evil.example"}, {}),
    (401, "AuthenticationError", {"Authorization": "Bearer wrong"}, {}),
    (413, "APIStatusError", {}, {"prompt": "a" * BODY}),
    (415, "APIStatusError", {"Content-Type": "text/plain"}, {}),
    (503, "InternalServerError", {}, {}),
]


@pytest.mark.parametrize(("status", "name", "headers", "options"), ERRORS)
def test_errors_of_the_client(
    book: Model,
    status: int,
    name: str,
    headers: dict[str, str],
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if status == 503:
        monkeypatch.setattr(guard, "RUNNING", 0)
    with serving({"book": book}, Rules(keys=(b"a key of the tests",))) as (address, _):
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="a key of the tests", max_retries=0)
        with pytest.raises(getattr(openai, name)) as caught:
            client.completions.create(**ASKED | options, extra_headers=headers)
        client.close()
    error = caught.value
    answers.ErrorAnswer.model_validate(error.response.json())
    assert error.status_code == status and error.type == error.body["type"] and error.body["message"] in str(error)


def test_a_client_tries_again(book: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """After as many seconds as the server says; by itself, it would wait half a second."""
    monkeypatch.setattr(guard, "RUNNING", 0)
    with serving({"book": book}) as (address, _), openai.OpenAI(base_url=f"{address}/v1", api_key="none") as client:
        later = threading.Timer(0.2, monkeypatch.setattr, (guard, "RUNNING", 1024))
        later.start()
        begun = time.monotonic()
        answer = client.completions.with_raw_response.create(**ASKED)
        later.join()
        assert answer.retries_taken == 1 and time.monotonic() - begun >= 1
        assert answer.headers["content-type"] == "application/json"
        assert answer.parse().choices[0].text == book.generate("Sing", length=20, seed=3)[0].text


def test_the_asynchronous_client(address: str, book: Model) -> None:
    async def texts() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none") as client:
            many = [client.completions.create(**ASKED | {"seed": seed}) for seed in range(10)]
            found = [answer.choices[0].text for answer in await asyncio.gather(*many)]
            stream = await client.completions.create(**ASKED, stream=True)
            return [*found, "".join([event.choices[0].text async for event in stream])]

    alone = [book.generate("Sing", length=20, seed=seed)[0].text for seed in [*range(10), 3]]
    assert asyncio.run(texts()) == alone


def test_the_window_of_a_repetition_penalty(address: str, book: Model) -> None:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none") as client:
        for window in (1, 4096):
            ours: dict[str, Any] = {"repetition_penalty": 5.0, "repetition_window": window}
            answer = client.completions.create(**ASKED | {"max_tokens": 60}, extra_body=ours)
            assert answer.choices[0].text == book.generate("Sing", length=60, seed=3, sampling=Sampling(**ours))[0].text


def test_fields_of_old(address: str, book: Model) -> None:
    """What clients still send, and what means nothing here."""
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none") as client:
        answer = client.completions.create(
            **ASKED, n=2, best_of=2, suffix="", user="me", logit_bias={}, stream_options=None, presence_penalty=0
        )
        assert [one.text for one in answer.choices] == [
            one.text for one in book.generate("Sing", length=20, seed=3, samples=2)
        ]
        with pytest.raises(openai.BadRequestError, match="best_of: only the value of n"):
            client.completions.create(**ASKED, n=1, best_of=2)


def test_an_error_in_a_stream(address: str) -> None:
    """The status has been sent by then. The client raises what the event says."""
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        asked = ASKED | {"prompt": "x (", "max_tokens": 1, "stream": True}
        stream = client.completions.create(**asked, extra_body={"valid": "python"})
        with pytest.raises(openai.APIError, match="no valid text of 1 symbols"):
            list(stream)
