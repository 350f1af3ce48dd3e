"""What the tests of the page share: lines, a server, requests to it, and a mouse."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rhapsode.modalities.ink.pad.lines import RecordedLines
from rhapsode.modalities.ink.pad.server import HOST, Server
from rhapsode.modalities.ink.read import read

TEXTS = ["the first line", "A second, 2nd one."]


def line(text: str, x: float = 1.5, **more: Any) -> bytes:
    return json.dumps({"text": text, "strokes": [[[0, 0], [x, -2.25]], [[3, 1]]], **more}).encode()


def texts(path: Path) -> list[str | None]:
    return [drawing.text for drawing in read(path)]


@contextmanager
def serving(path: Path, asked: list[str] = TEXTS, host: str = HOST) -> Iterator[Server]:
    with Server(RecordedLines(path), asked, "abc", host=host) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(
    server: Server, method: str, where: str, body: bytes | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers and body. `where` is below the token, or from the root with a leading slash."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        target = where if where.startswith("/") else f"/{server.token}/{where}"
        kind = {"Content-Type": "application/json"} if method == "POST" else {}
        connection.request(method, target, body, kind | {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def post(server: Server, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    status, _, answer = ask(server, "POST", "lines", body, **headers)
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
