"""Trainings in the studio: files that are sent, a training that is stopped, goes on and ends, one that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.made import PROSE
from tests.studio.conftest import studio

httpx = pytest.importorskip("httpx")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[httpx.Client]:
    with (
        studio(home) as address,
        httpx.Client(base_url=address.partition("?")[0], follow_redirects=True, timeout=120) as found,
    ):
        found.get(address)
        yield found


def until(client: httpx.Client, name: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    for _ in range(600):
        run: dict[str, Any] = client.get(f"/api/runs/{name}").json()
        if wanted(run):
            return run
        time.sleep(0.2)
    raise AssertionError(run)


def sent(client: httpx.Client, name: str, file: str, data: bytes) -> str:
    answer = client.put(f"/api/runs/files/{name}/{file}", content=data)
    assert answer.status_code == 200, answer.text
    path: str = answer.json()["path"]
    return path


def test_a_training_from_files_to_a_model(client: httpx.Client, home: Path) -> None:
    text = (PROSE * 99)[:40_000].encode()
    path = sent(client, "mine", "my%20book.txt", text)
    assert Path(path) == home / "uploads" / "mine" / "my book.txt" and Path(path).read_bytes() == text
    [look] = client.post("/api/runs/look", json={"sources": [path]}).json()["sources"]
    assert ["characters", "40,000"] in [[label, text[:6]] for label, text in look["rows"]] and not look["wrong"]
    assert look["codec"] == "chars" and {"chars", "bytes"} <= {one["name"] for one in look["training"]["codecs"]}
    begun = client.post("/api/runs", json={"name": "mine", "sources": [path], "minutes": 0.1})
    assert begun.status_code == 200 and begun.json()["state"] == "running"
    other = client.post("/api/runs", json={"name": "other", "sources": [path]})
    assert other.status_code == 400 and "mine is being trained" in other.json()["error"]["message"]
    until(client, "mine", lambda run: run["count"] > 2)
    client.post("/api/runs/mine/stop", json={})
    run = until(client, "mine", lambda run: run["state"] != "running")
    assert run["state"] == "stopped" and run["notes"] and run["metrics"][0]["train"] > 0
    assert client.get(f"/api/runs/mine?begin={run['count']}").json()["metrics"] == []
    client.post("/api/runs/mine/resume", json={})
    run = until(client, "mine", lambda run: run["state"] != "running")
    assert run["state"] == "finished" and run["samples"] and run["samples"][-1]["text"]
    [listed] = client.get("/api/runs").json()["runs"]
    assert listed["name"] == "mine" and listed["state"] == "finished"
    facts = client.get("/api/runs/mine").json()["facts"]
    assert facts["loss"]["unit"] == "bits" and facts["sources"] == [path] and facts["network"]["width"] > 0
    model, *_ = client.get("/api/shelf").json()["models"]
    assert model["name"] == "models/mine" and model["sources"] == ["my book.txt"]
    again = client.post("/api/runs", json={"name": "mine", "sources": [path]})
    assert again.status_code == 400 and "already" in again.json()["error"]["message"]


def test_what_fails_says_why(client: httpx.Client) -> None:
    path = sent(client, "tiny", "tiny.txt", b"abc")
    client.post("/api/runs", json={"name": "tiny", "sources": [path], "minutes": 0.1})
    run = until(client, "tiny", lambda run: run["state"] != "running")
    assert run["state"] == "failed" and not run["error"].startswith("rhapsode: ") and "100" in run["error"]
    [look] = client.post("/api/runs/look", json={"sources": ["/nowhere/at/all"]}).json()["sources"]
    assert not look["codec"] and "/nowhere/at/all" in look["wrong"]
    [look] = client.post("/api/runs/look", json={"sources": ["--version"]}).json()["sources"]
    assert not look["codec"] and look["wrong"]
    assert client.get("/api/runs/none").status_code == 400
    wrong = client.post("/api/runs", json={"name": "other", "sources": [path], "options": {"output": "/etc"}})
    assert wrong.status_code == 400 and "output" in wrong.json()["error"]["message"]
    wrong = client.post("/api/runs", json={"name": "other", "sources": [path], "base": "nothing"})
    assert wrong.status_code == 400 and "nothing" in wrong.json()["error"]["message"]
    assert client.post("/api/runs/demo", json={"demo": "nothing"}).status_code == 400
    assert len(client.get("/api/demos").json()["demos"]) > 3


@pytest.mark.parametrize("name", ["..", "%2e%2e", ".hidden", "a%20b", "-o", "x" * 61])
def test_names_that_are_no_folders(client: httpx.Client, home: Path, name: str) -> None:
    before = sorted(home.rglob("*"))
    assert client.put(f"/api/runs/files/{name}/book.txt", content=b"abc").status_code in (400, 404, 405)
    asked = client.post("/api/runs", json={"name": name.replace("%2F", "/").replace("%20", " "), "sources": ["x"]})
    assert asked.status_code == 400
    assert sorted(home.rglob("*")) == before


def test_files_that_are_sent_stay_in_their_folder(client: httpx.Client, home: Path) -> None:
    for file in ("..%2F..%2Fescaped.txt", "%2Fescaped.txt", "..%5Cescaped"):
        answer = client.put(f"/api/runs/files/safe/{file}", content=b"abc")
        assert answer.status_code in (200, 404, 405)
    assert all(home / "uploads" / "safe" in path.parents for path in home.rglob("*escaped*"))
    first = sent(client, "safe", "books/one.txt", b"abc")
    assert Path(first) == home / "uploads" / "safe" / "books" / "one.txt"
    assert sent(client, "safe", "books/one.txt", b"abc") == first  # the same again
    assert Path(sent(client, "safe", "books/one.txt", b"other")).name == "one (2).txt"
    assert Path(first).read_bytes() == b"abc"
    again = sent(client, "safe", "books/one.txt?new", b"abc")  # what is there was dropped before, and left out
    assert Path(again) == home / "uploads" / "safe" / "books-2" / "one.txt"
    assert Path(sent(client, "safe", "notes/one.txt?new", b"abc")).parent.name == "notes"
    assert Path(sent(client, "safe", "one.txt?new", b"abc")).parent.name == "safe"
    assert not list(home.rglob("*.part"))
    large = b"a" * (5 << 20)
    assert len(Path(sent(client, "safe", "large.txt", large)).read_bytes()) == len(large)
    assert client.post("/api/read", content=large, headers={"content-type": "application/json"}).status_code == 413
