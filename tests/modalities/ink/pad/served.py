"""What the tests of the page share: lines, a studio for them, requests to it, and a mouse."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from rhapsode.modalities.ink.cli.ink import BASE
from rhapsode.modalities.ink.pad.lines import RecordedLines
from rhapsode.modalities.ink.pad.teacher import Teacher
from rhapsode.modalities.ink.read import read
from tests.serving.conftest import Failures, running

pytest.importorskip("uvicorn")

from rhapsode.modalities.ink.pad.hands import PATH, Desk, Hands  # noqa: E402
from rhapsode.serving.guard import LOCAL, QUERY, Rules  # noqa: E402
from rhapsode.studio.app import Studio  # noqa: E402
from rhapsode.studio.shelf import Shelf  # noqa: E402

TEXTS = ["the first line", "A second, 2nd one."]
KEY = "key-of-this-run-abcd"


@dataclass(frozen=True)
class Served:
    """A studio that runs, for one desk."""

    address: str
    desk: Desk

    @property
    def url(self) -> str:
        return f"{self.address}/?{QUERY}={KEY}"


def line(text: str, x: float = 1.5, **more: Any) -> bytes:
    return json.dumps({"text": text, "strokes": [[[0, 0], [x, -2.25]], [[3, 1]]], **more}).encode()


def texts(path: Path) -> list[str | None]:
    return [drawing.text for drawing in read(path)]


@contextmanager
def serving(
    path: Path, asked: list[str] = TEXTS, teacher: Teacher | None = None, alphabet: str = "abc"
) -> Iterator[Served]:
    found = teacher or Teacher(path, BASE, path.with_suffix(""))
    desk = Desk(RecordedLines(path), asked, alphabet, found)
    failures, base = Failures(), Path(found.base).parent.name if teacher else BASE
    page = f"#/teach/{quote(base, safe='')}"
    shelf = Shelf({base: found.base} if teacher else {}, found.folder)
    studio = Studio(shelf, Rules(LOCAL, (KEY.encode(),)), failures, only=[Hands(lambda _: desk).brought], begin=page)
    with running(studio) as address:
        yield Served(address, desk)
    assert failures.told == []


def ask(
    server: Served, method: str, where: str, body: bytes | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers and body. `where` is below the desk's path, or from the root with a leading slash."""
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=60)
    try:
        target = where if where.startswith("/") else f"{PATH}{where and '/'}{where}"
        kind = {"Content-Type": "application/json"} if method == "POST" else {}
        sent = {"Authorization": f"Bearer {KEY}", **kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
        connection.request(method, target, body, sent)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def post(server: Served, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    status, _, answer = ask(server, "POST", "", body, **headers)
    return status, json.loads(answer)


def scribble(page: Any, strokes: int = 3) -> None:
    """Some waves with the mouse."""
    box = page.locator("#pad").bounding_box()
    for n in range(strokes):
        x, y = box["x"] + 30 + 60 * n, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        for step in range(1, 12):
            page.mouse.move(x + 4 * step, y + (12 if step % 4 < 2 else -12))
        page.mouse.up()
