"""What the page asks of the studio: what is taken, and from whom."""

from __future__ import annotations

import json
import socket
import struct
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from rhapsode.files.checkpoint import locate
from rhapsode.modalities.ink.modality import InkModality
from rhapsode.modalities.ink.read import read
from tests.modalities.ink.pad.served import KEY, TEXTS, Served, ask, line, post, serving, texts
from tests.serving.conftest import Failures, running

pytest.importorskip("uvicorn")

from rhapsode.modalities.ink.pad.hands import PATH, hands  # noqa: E402
from rhapsode.serving.guard import BODY, Rules  # noqa: E402
from rhapsode.studio.app import Studio  # noqa: E402
from rhapsode.studio.brought import Place  # noqa: E402
from rhapsode.studio.shelf import Shelf  # noqa: E402

JSON = {"Content-Type": "application/json"}


def test_save_and_resume(path: Path) -> None:
    with serving(path) as server:
        assert post(server, line(TEXTS[1], pressure=[[0.2, 0.7], [0.4]], seconds=[[0, 0.01], [0.5]])) == (
            200,
            {"saved": 1},
        )
    drawing = next(iter(read(path)))
    assert drawing.text == TEXTS[1] and drawing.ends.tolist() == [False, True, True]
    assert drawing.pressure is not None and drawing.pressure.tolist() == [0.2, 0.7, 0.4]
    assert drawing.seconds is not None and drawing.seconds.tolist() == [0, 0.01, 0.5]
    with serving(path, [TEXTS[0], TEXTS[1], "a third"]) as server:
        status, _, body = ask(server, "GET", "")
        state = json.loads(body)
        assert status == 200 and [one["text"] for one in state["lines"]] == [TEXTS[1], TEXTS[0], "a third"]
        assert state["lines"][0]["drawing"]["strokes"] == [[[0, 0], [1.5, -2.25]], [[3, 1]]]
        assert state["lines"][0]["drawing"]["pressure"] == [[0.2, 0.7], [0.4]]
        assert state["lines"][1]["drawing"] is None
        assert (
            f"rhapsode train {path} -o {path.with_suffix('')} --from demo:handwriting --minutes 5" in state["commands"]
        )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"text": "the first line"}',
        b'{"text": "the first line", "strokes": []}',
        b'{"text": "the first line", "strokes": [[]]}',
        b'{"text": "the first line", "strokes": [[[0, NaN]]]}',
        b'{"text": "the first line", "strokes": [[[0, 1e400]]]}',
        b'{"text": "the first line", "strokes": [[["0", "1"]]]}',
        b'{"text": "the first line", "strokes": [[[0, 0, 0]]]}',
        b'{"text": 7, "strokes": [[[0, 0]]]}',
        b'{"strokes": [[[0, 0]]]}',
        line("none of those asked for"),
        line(TEXTS[0]) + b"\n" + line(TEXTS[1]),
        line(TEXTS[0], pressure=[[0.5]]),
        line(TEXTS[0], pressure=[[0.5, 7], [0]]),
        line(TEXTS[0], rhapsode="ink/9"),
    ],
)
def test_bad_lines(server: Served, path: Path, body: bytes) -> None:
    status, answer = post(server, body)
    assert status == 400 and answer["error"]
    assert not path.exists()


def test_limits(server: Served) -> None:
    assert ask(server, "POST", "", None, Content_Length=str(BODY + 1))[0] == 413
    assert ask(server, "POST", "", line(TEXTS[0]), Content_Type="text/plain")[0] == 415
    assert ask(server, "POST", "", line(TEXTS[0]), Content_Encoding="gzip")[0] == 415
    assert ask(server, "DELETE", "")[0] == 405
    for minutes in ("5", 0, 1e9, True, [1]):
        status, _, answer = ask(server, "POST", "lesson", json.dumps({"minutes": minutes}).encode())
        assert status == 400 and b"minutes" in answer


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:80", "Origin": "http://evil.example:80"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Authorization": ""}, 401),
        ({"Authorization": f"Bearer {KEY[:-1]}"}, 401),
    ],
)
def test_others_may_not_save(server: Served, path: Path, headers: dict[str, str], status: int) -> None:
    assert post(server, line(TEXTS[0]), **headers)[0] == status
    assert not path.exists()
    assert ask(server, "GET", "", **headers)[0] == status


def test_only_the_hand_is_there(server: Served) -> None:
    """A tablet in the network gets no way to this machine's files."""
    for path in ("/api/runs", "/api/runs/look", "/api/runs/files/a/b"):
        assert ask(server, "GET", path)[0] == 404
        assert ask(server, "POST", path, b"{}")[0] == 404
    shelf = json.loads(ask(server, "GET", "/api/shelf")[2])
    assert shelf["trains"] is False and [one["name"] for one in shelf["models"]] == ["demo:handwriting"]


def test_the_studio_has_a_hand_too(tmp_path: Path) -> None:
    """One for all models that write texts, in a fixed place."""
    place = Place(tmp_path, lambda name: locate(name))
    studio = Studio(Shelf({}, tmp_path), Rules(), Failures())
    with running(studio) as address:
        model = "demo%3Ahandwriting"
        state = json.loads(urlopen(f"{address}{PATH}?model={model}").read())
        assert state["file"] == str(tmp_path / "hands" / "my-hand.jsonl")
        assert state["folder"] == str(tmp_path / "models" / "handwriting-my-hand")
        asked = Request(f"{address}{PATH}?model={model}", line(state["lines"][0]["text"]), JSON)
        assert json.loads(urlopen(asked).read()) == {"saved": 1}
        assert texts(tmp_path / "hands" / "my-hand.jsonl") == [state["lines"][0]["text"]]
        with pytest.raises(HTTPError, match="400"):
            urlopen(f"{address}{PATH}?model=none")
    assert hands(place).paths
    of = InkModality().views_of
    assert of({"codec": {"alphabet": "ab"}}) == ["ink", "teach"] and of({"codec": {"alphabet": ""}}) == ["ink"]


def test_a_browser_that_leaves_is_no_failure(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    body, port = line(TEXTS[0]), int(server.address.rpartition(":")[2])
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
    for sent in (
        f"GET {PATH} HTTP/1.1\r\n{head}\r\n".encode(),
        f"POST {PATH} HTTP/1.1\r\n{head}Content-Type: application/json\r\n"
        f"Content-Length: {len(body) + 1}\r\n\r\n".encode()
        + body,
        b"GET /",
    ):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(sent)
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )  # a reset, not an end
    time.sleep(0.2)
    assert ask(server, "GET", "")[0] == 200
    assert capsys.readouterr().err == ""
