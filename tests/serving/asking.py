"""Requests to paths of modalities."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.data)
        return found

    @property
    def message(self) -> str:
        """Of an error."""
        return str(self.json["error"]["message"])


def post(address: str, path: str, **body: object) -> Reply:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    found = Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    connection.close()
    return found


def about(address: str, model: str) -> dict[str, Any]:
    """What `/v1/models` says of a model."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request("GET", f"/v1/models/{model}")
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def events(reply: Reply) -> Iterator[dict[str, Any]]:
    """Those of a stream, but for the last, which must be `[DONE]`."""
    parts = [part.removeprefix("data: ") for part in reply.data.decode().strip().split("\n\n")]
    assert reply.headers["content-type"].startswith("text/event-stream") and parts[-1] == "[DONE]"
    return map(json.loads, parts[:-1])
