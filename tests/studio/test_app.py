"""The studio's paths: its files, its key, the models that are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rhapsode.files import checkpoint
from rhapsode.inference.model import Model
from rhapsode.studio.shelf import DEPTH, ORIGIN, TRASH, Shelf
from rhapsode.training.log import LOG
from rhapsode.training.told import QUALITY
from tests.node import PACKAGE
from tests.studio.conftest import KEY, studio

httpx = pytest.importorskip("httpx")


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    """One that has opened the page."""
    with httpx.Client(base_url=address.partition("?")[0], follow_redirects=True) as found:
        page = found.get(address)
        assert page.status_code == 200 and page.url.query == b""  # the key is in the cookie now
        assert "<title>Rhapsode</title>" in page.text
        yield found


def test_the_page_is_for_who_has_its_key(address: str, client: httpx.Client) -> None:
    [cookie] = client.cookies.jar
    assert "HttpOnly" in cookie._rest and cookie._rest["SameSite"] == "strict" and cookie.domain == "127.0.0.1"
    assert client.get("/api/shelf").status_code == 200
    base = address.partition("?")[0]
    for path in ("", "?key=wrong", "page/studio/studio.js", "api/shelf", "v1/models"):
        assert httpx.get(base + path).status_code == 401
    assert httpx.get(address.replace("/?", "/api/shelf?")).status_code == 401  # only the page's address may hold it
    other = client.get("/api/shelf", headers={"Origin": "http://evil.example"})
    assert other.status_code == 403 and other.json()["error"]["code"] == "origin_not_allowed"


@pytest.mark.parametrize("other", ['theirs={"a": 1}', "a@b=c", "half", "é=1", 'a="', "{name}=theirs"])
def test_cookies_of_other_programs(address: str, client: httpx.Client, other: str) -> None:
    """A browser sends those of all ports of a host, and those that are none by the letter, too."""
    [cookie] = client.cookies.jar
    theirs, ours = other.replace("{name}", cookie.name), f"{cookie.name}={cookie.value}"
    for header in (f"{theirs}; {ours}", f"{ours}; {theirs}"):
        found = httpx.get(address.partition("?")[0] + "api/shelf", headers={"Cookie": header.encode("latin-1")})
        assert found.status_code == 200, header
    assert httpx.get(address.partition("?")[0] + "api/shelf", headers={"Cookie": theirs.encode()}).status_code == 401


def test_what_is_no_page_does_nothing_when_it_is_opened(address: str, client: httpx.Client) -> None:
    """A picture that came with a model from elsewhere may be SVG with a script in it; and no page of another program on
    this machine may have any of it."""
    for path in ("/api/shelf", "/api/runs", "/api/shelf/picture?model=demo:handwriting", "/v1/models", "/api/nothing/"):
        found = client.get(path)
        if found.status_code == 200:
            assert "sandbox" in found.headers["content-security-policy"], path
            assert "script-src" not in found.headers["content-security-policy"]
            assert found.headers["cross-origin-resource-policy"] == "same-origin"
            assert found.headers["x-content-type-options"] == "nosniff"
            assert found.headers["cache-control"] in ("no-store", "no-cache")
    with httpx.Client(base_url=f"http://localhost:{urlsplit(address).port}") as other:  # a key for one name of the host
        assert other.get("/", params={"key": KEY}).status_code == 303


def test_names_that_are_not_utf_8(models: Path, tmp_path: Path) -> None:
    names = [os.fsdecode(b"caf\xe9"), os.fsdecode(b"caf\xe8"), "a\nb", '\u202egnp."<b>']
    try:
        for name in names:
            shutil.copytree(models / "book", tmp_path / name)
            (tmp_path / name / LOG).write_text('{"update": 1, "train": NaN}\n{"update": 2, "train": 1e999}\n')
    except OSError:
        pytest.skip("there are no such names here")
    with studio(tmp_path) as address, httpx.Client(base_url=address.partition("?")[0]) as client:
        client.get(address)
        found = {
            one["name"] for one in client.get("/api/shelf").json()["models"] if not one["name"].startswith("demo:")
        }
        assert found == {"caf\ufffd", "caf\ufffd (2)", *names[2:]}
        for name in found:
            assert client.post("/api/shelf/open", json={"model": name}).json()["id"] == name
        trash = client.post("/api/shelf/delete", json={"model": "caf\ufffd (2)"}).json()["trash"]
        assert client.post("/api/shelf/restore", json={"trash": trash}).status_code == 200
        runs = {one["name"] for one in client.get("/api/runs").json()["runs"]}
        assert {"caf\ufffd", *names[2:]} <= runs
        assert client.get("/api/runs/caf\ufffd").json()["metrics"][1] == {"update": 2, "train": None}


@pytest.mark.parametrize("name", ["%00", "a%00b", "x" * 300, "%F0%9F%92%A5" * 80])
def test_names_that_no_folder_has(client: httpx.Client, name: str) -> None:
    for method, path in [("GET", ""), ("POST", "/stop"), ("POST", "/resume")]:
        found = client.request(method, f"/api/runs/{name}{path}", json={})
        assert found.status_code == 400 and "no training" in found.json()["error"]["message"]
    sent = client.put(f"/api/runs/files/names/x{name}.txt", content=b"abc")
    assert sent.status_code == 200 and sent.json()["path"].endswith(".txt")
    for body in (
        {"name": "names", "sources": ["a\0b"]},
        {"name": "names", "sources": ["a"], "options": {"params": "\0"}},
    ):
        found = client.post("/api/runs", json=body)
        assert found.status_code == 400 and "NUL" in found.json()["error"]["message"]
    assert "NUL" in client.post("/api/runs/look", json={"sources": ["\0"]}).json()["error"]["message"]


def test_files_that_are_too_deep(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "book", tmp_path / "book")
    for name in (LOG, QUALITY):
        (tmp_path / "book" / name).write_bytes(b"[" * 100_000 + b"\n")
    (tmp_path / TRASH / "old").mkdir(parents=True)
    (tmp_path / TRASH / "old" / ORIGIN).write_text('{"from": "a\\u0000b"}')
    with studio(tmp_path) as address, httpx.Client(base_url=address.partition("?")[0]) as client:
        client.get(address)
        assert "book" in {one["name"] for one in client.get("/api/shelf").json()["models"]}
        assert client.get("/api/runs/book").json()["metrics"] == []
        assert client.post("/api/shelf/restore", json={"trash": "old"}).status_code == 200
        assert (tmp_path / "old").is_dir()


def test_files_of_the_pages(client: httpx.Client) -> None:
    for path in PACKAGE.rglob("studio/*.js"):
        found = client.get(f"/page/{path.relative_to(PACKAGE).as_posix()}")
        assert found.content == path.read_bytes() and found.headers["content-type"].startswith("text/javascript")
        assert "default-src 'none'" in found.headers["content-security-policy"]
        again = client.get(str(found.url), headers={"If-None-Match": found.headers["etag"]})
        assert again.status_code == 304 and not again.content
    for path in (
        "studio/none.js",
        "cli/studio.py",
        "../pyproject.toml",
        "%2e%2e/%2e%2e/etc/passwd",
        "studio/page.html",
    ):
        assert client.get(f"/page/{path}").status_code == 404


def test_models_that_are_there(client: httpx.Client, models: Path) -> None:
    (models / "broken").mkdir(exist_ok=True)
    (models / "broken" / "model.safetensors").write_bytes(b"no model")
    found = client.get("/api/shelf").json()
    assert {one["name"] for one in found["models"]} == {"book", "old/letters", "demo:handwriting"}
    assert len(found["wrong"]) == 1 and "broken" in found["wrong"][0]
    book = next(one for one in found["models"] if one["name"] == "book")
    assert (
        book["sample"] == "last"
        and book["views"] == ["write", "look", "about"]
        and book["noun"] == "text"
        and not book["picture"]
    )
    assert found["views"]["write"] == "modalities/text/studio/write.js"
    assert "json" in found["valid"] and "check" not in found["valid"] and "grammar" not in found["valid"]
    assert client.get("/api/shelf/picture?model=book").status_code == 204
    (models / "book" / "loss.png").write_bytes(b"a picture")
    assert client.get("/api/shelf/picture?model=book").content == b"a picture"
    (models / "book" / "loss.png").unlink()


def test_models_are_loaded_when_they_are_opened(client: httpx.Client, models: Path) -> None:
    asked = {"model": "old/letters", "prompt": "It was", "max_tokens": 9, "seed": 3}
    assert client.post("/v1/completions", json=asked).status_code == 404
    assert client.post("/api/shelf/open", json={"model": "old/letters"}).json()["id"] == "old/letters"
    text = client.post("/v1/completions", json=asked).json()["choices"][0]["text"]
    assert text == Model.load(models / "old/letters").generate("It was", length=9, seed=3)[0].text
    shelf = client.get("/api/shelf").json()["models"]
    assert [one["open"] for one in shelf if one["name"] == "old/letters"] == [True]
    missing = client.post("/api/shelf/open", json={"model": "../../etc"})
    assert missing.status_code == 400 and "no model" in missing.json()["error"]["message"]


def test_a_model_that_was_trained_longer_is_loaded_anew(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "book", tmp_path / "book")
    asked = {"model": "book", "prompt": "It was", "max_tokens": 9, "seed": 3}

    def drawn() -> str:
        client.post("/api/shelf/open", json={"model": "book"}).raise_for_status()
        text: str = client.post("/v1/completions", json=asked).json()["choices"][0]["text"]
        return text

    with studio(tmp_path) as address, httpx.Client(base_url=address.partition("?")[0]) as client:
        client.get(address)
        first = drawn()
        other = (models / "old" / "letters" / checkpoint.MODEL).read_bytes()
        (tmp_path / "book" / checkpoint.MODEL).write_bytes(other[:100])
        assert drawn() == first  # what was loaded is there
        (tmp_path / "book" / checkpoint.MODEL).write_bytes(other)
        assert drawn() == Model.load(models / "old/letters").generate("It was", length=9, seed=3)[0].text != first


def test_a_model_in_the_folder_itself_and_deep_ones(models: Path, tmp_path: Path) -> None:
    shipped = ["demo:handwriting"]
    assert list(Shelf({}, models / "book").models()) == ["book", *shipped]
    data = (models / "book" / "model.safetensors").read_bytes()
    for depth in (DEPTH, DEPTH + 1):
        folder = tmp_path.joinpath(*"abcdef"[:depth])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_bytes(data)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "model.safetensors").write_bytes(data)
    assert list(Shelf({}, tmp_path).models()) == ["a/b/c", *shipped]
    assert list(Shelf({"mine": str(tmp_path / "a/b/c")}, tmp_path).models()) == ["mine", *shipped]


def test_commands_say_why_they_cannot(client: httpx.Client) -> None:
    book = {"model": "book"}
    found = client.put("/api/shelf/score/empty.txt", params=book, content=b"", timeout=60)
    assert found.status_code == 400 and "empty.txt" in found.json()["error"]["message"]
    found = client.post("/api/shelf/export", json={**book, "form": "exe"})
    assert found.status_code == 400 and "html" in found.json()["error"]["message"]
    found = client.post("/api/shelf/export", json={"model": "demo:handwriting", "form": "c"}, timeout=60)
    assert found.status_code == 400 and found.json()["error"]["message"].count("rhapsode: ") == 0
    assert client.get("/api/shelf/inspect", params={"model": "none"}).status_code == 400
