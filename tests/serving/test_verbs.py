"""What all paths of modalities have in common: they end when the client goes, and tell no places."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from rhapsode import registry
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.errors import UserError
from rhapsode.inference.batching import Batcher, Cancelled
from rhapsode.inference.generate import Request
from rhapsode.inference.model import Model
from rhapsode.report import Report
from rhapsode.serving import verbs
from rhapsode.serving.endpoint import Endpoint, Follow, Given, Sampled, Shared, Trace, as_fields
from tests.conftest import MakeModel
from tests.serving.asking import post
from tests.serving.conftest import serving


@pytest.fixture(scope="module")
def pens(tiny_model: MakeModel) -> Model:
    return tiny_model(codec="strokes")


@pytest.fixture
def shared(pens: Model) -> Iterator[Shared]:
    with Batcher(pens, rows=4, waiting=3) as batcher:
        yield Shared(pens, batcher, threading.Lock())


def test_the_same_samples(pens: Model, shared: Shared) -> None:
    """Many more than wait, in the order of their rows; with what the batcher cannot do, too."""
    options: Request = {"length": 9, "seed": 3, "row": 2, "sampling": Sampling(bias=0.5)}
    for more in ({"samples": 30}, {"samples": 2, "particles": 3}):
        found, expected = (one.generate("abc", **more, **options) for one in (shared, pens))
        assert [one.row for one in found] == [one.row for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert np.array_equal(one.steps, other.steps) and np.array_equal(one.log_probs, other.log_probs)
            assert one.data == other.data


def test_nothing_is_drawn_after_the_client_has_gone(tiny_model: MakeModel) -> None:
    failed: list[BaseException] = []
    model = tiny_model(codec="chars")

    def draw() -> None:
        try:
            shared.generate("abc", samples=8, length=1_000_000, seed=1)
        except BaseException as error:
            failed.append(error)

    with Batcher(model, rows=4, waiting=3) as batcher:
        shared = Shared(model, batcher, threading.Lock())
        thread = threading.Thread(target=draw)
        thread.start()
        while not batcher.figures.drawing:
            time.sleep(0.005)
        shared.cancel()
        thread.join(20)
        assert not thread.is_alive() and [type(one) for one in failed] == [Cancelled]
        for particles in (1, 2):
            with pytest.raises(Cancelled):
                shared.generate("abc", particles=particles)


def test_steps_are_told_as_they_are_drawn(pens: Model) -> None:
    told: list[tuple[Trace, Sequence[Any]]] = []

    def follow(model: Model, prompt: str, request: Request) -> Follow:
        return lambda steps: {"count": len(steps)}

    with Batcher(pens) as batcher:
        shared = Shared(pens, batcher, threading.Lock(), lambda *new: told.append(new), follow)
        samples = shared.generate("ab", samples=2, length=5, seed=1, row=4)
    events = [trace.event(steps) for trace, steps in told]
    assert {event["row"] for event in events if event} == {4, 5} and all(
        event["text"] == "ab" for event in events if event
    )
    last = {event["row"]: event["count"] for event in events if event}
    assert last == {sample.row: len(sample.steps) for sample in samples}


def test_a_modality_without_a_path(pens: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.get("modality", "ink"), "endpoint", lambda self: None)
    with pytest.raises(UserError, match="models of handwriting are not served"), serving({"pens": pens}):
        pass


def test_messages_name_fields() -> None:
    assert as_fields("--in-key and --samples, not --key-file", ["in_key", "n"]) == "in_key and n, not --key-file"


def test_a_client_that_leaves_ends_its_work(pens: Model) -> None:
    with serving({"pens": pens}) as (address, server):
        batcher = server.models["pens"].batcher
        body = json.dumps({"text": "abcde" * 100, "length": 20_000, "n": 8}).encode()
        lines = ["POST /api/write HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        host, port = urlsplit(address).netloc.split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(head.encode() + body)
            until = time.monotonic() + 20
            while not batcher.figures.drawing and time.monotonic() < until:
                time.sleep(0.002)
        while batcher.figures.drawing and time.monotonic() < until:
            time.sleep(0.01)
        assert batcher.figures.drawing == 0
        assert post(address, "/api/write", text="ab", length=3).status == 200


def test_too_many_requests(pens: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({"pens": pens}) as (address, server):
        monkeypatch.setattr(server._work, "_most", 0)
        reply = post(address, "/api/write", text="ab")
        assert reply.status == 429 and reply.headers["retry-after"] == "1"


def test_failures_and_places_are_not_told(pens: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = registry.get("modality", "ink")().endpoint()
    assert pens.path

    def answers(work: Any) -> None:
        broken = Endpoint(endpoint.path, "", endpoint.request, work, follow=endpoint.follow)
        monkeypatch.setattr("rhapsode.modalities.ink.serving.ENDPOINT", broken)

    def refuse(model: Model, beside: None, asked: Sampled, report: Report) -> Given:
        report.warn("a note")
        raise UserError(f"{model.path} has no --bias, nor has {pens.path.parent}")  # type: ignore[union-attr]

    answers(refuse)
    with serving({"pens": pens}) as (address, _):
        reply = post(address, "/api/write", text="ab")
        assert reply.message == "pens has no bias, nor has pens"

    def whole(model: Model, beside: None, asked: Sampled, report: Report) -> Given:
        report.warn(f"é {model.path}")
        if asked.seed == 1:
            return Given(1, content=b"abc", media="text/plain", name="a.txt")
        return Given(2, {"samples": [float("inf"), float("nan"), {"x": (1.5,)}]})

    answers(whole)
    with serving({"pens": pens}) as (address, _):
        reply = post(address, "/api/write", text="ab", seed=1)
        assert reply.data == b"abc" and json.loads(reply.headers["x-rhapsode-notes"]) == ["é pens"]
        assert post(address, "/api/write", text="ab", seed=2).json["samples"] == [None, None, {"x": [1.5]}]


def test_a_fault_in_the_work_is_answered(pens: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = registry.get("modality", "ink")().endpoint()
    broken = Endpoint(endpoint.path, "", endpoint.request, lambda *given: next(iter(())), follow=endpoint.follow)
    monkeypatch.setattr("rhapsode.modalities.ink.serving.ENDPOINT", broken)
    with pytest.raises(AssertionError, match="RuntimeError"), serving({"pens": pens}) as (address, _):
        for stream in (False, True):
            assert post(address, "/api/write", text="ab", stream=stream).status == 500


def test_figures_and_the_page(pens: Model) -> None:
    with serving({"pens": pens}) as (address, server):
        post(address, "/api/write", text="ab", length=2)
        assert server._answers["/api/write", 200] == 1
    paths = {route[1] for route, _ in server._paths}
    assert {"/api/write", "/api/compose", "/api/speak", "/api/forecast"} <= paths
    assert verbs.THREADS > 1
