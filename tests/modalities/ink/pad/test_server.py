"""The page's server: what it takes, and from whom."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from rhapsode.errors import UserError
from rhapsode.modalities.ink.pad.lines import RecordedLines
from rhapsode.modalities.ink.pad.server import LIMIT, PAGES, Server
from rhapsode.modalities.ink.read import read
from tests.modalities.ink.pad.served import TEXTS, ask, line, post, serving


def test_page_is_complete(server: Server) -> None:
    """Everything that the page names is served, nothing is from elsewhere, and the policy allows no more."""
    for name in PAGES:
        status, headers, body = ask(server, "GET", name)
        assert status == 200 and body
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)", body)
        for other in re.findall(rb'(?:src|href|from)[ =]"([^":]+)"', body):
            assert other.decode().removeprefix("./") in PAGES
    assert not re.search(rb" style=| on\w+=", ask(server, "GET", "")[2])


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
        status, _, body = ask(server, "GET", "lines")
        state = json.loads(body)
        assert status == 200 and [one["text"] for one in state["lines"]] == [TEXTS[1], TEXTS[0], "a third"]
        assert state["lines"][0]["drawing"]["strokes"] == [[[0, 0], [1.5, -2.25]], [[3, 1]]]
        assert state["lines"][0]["drawing"]["pressure"] == [[0.2, 0.7], [0.4]]
        assert state["lines"][1]["drawing"] is None
        assert f"rhapsode train {path} -o my-hand --from MODEL" in state["commands"]


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
def test_bad_lines(server: Server, path: Path, body: bytes) -> None:
    status, answer = post(server, body)
    assert status == 400 and answer["error"]
    assert not path.exists()


def test_limits(server: Server) -> None:
    assert ask(server, "POST", "lines", None, Content_Length=str(LIMIT + 1))[0] == 413
    assert ask(server, "POST", "lines", None, Content_Length="9" * 15)[0] == 413
    assert ask(server, "POST", "lines", None, Content_Length="-1")[0] == 411
    assert ask(server, "POST", "lines", line(TEXTS[0]), Content_Type="text/plain")[0] == 415
    assert ask(server, "DELETE", "lines")[0] == 501


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80", "Origin": "http://evil.example:80"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_other_pages_may_not_save(server: Server, path: Path, headers: dict[str, str]) -> None:
    assert post(server, line(TEXTS[0]), **headers)[0] == 403
    assert not path.exists()
    if "Host" in headers:
        assert ask(server, "GET", "lines", **headers)[0] == 403


def test_its_own_page_may_save(server: Server) -> None:
    for host in (f"127.0.0.1:{server.server_port}", f"localhost:{server.server_port}", "localhost:9000"):
        own = {"Host": host, "Origin": f"http://{host}", "Sec_Fetch_Site": "same-origin"}
        assert post(server, line(TEXTS[0]), **own)[0] == 200


def test_wrong_addresses(server: Server) -> None:
    token = server.token
    status, headers, _ = ask(server, "GET", f"/{token}")  # as people type it
    assert status == 308 and headers["Location"] == f"/{token}/"
    for where in (
        "/",
        "//",
        f"/{token[:-1]}",
        f"/{token[:-1]}/",
        f"/{token}x/page.js",
        "/x/lines",
        "/lines",
        "/page.js",
    ):
        assert ask(server, "GET", where)[0] == 403, where
    assert ask(server, "POST", "/x/lines", line(TEXTS[0]))[0] == 403
    for where in (
        "../server.py",
        "server.py",
        "%2e%2e/server.py",
        "..%2fserver.py",
        "/etc/passwd",
        f"/{token}//etc/passwd",
        f"/{token}/./page.js",
        "page.html",
        "lines/",
    ):
        assert ask(server, "GET", where)[0] in (403, 404), where


def test_ports(server: Server, path: Path) -> None:
    assert server.server_address[0] == "127.0.0.1"
    with pytest.raises(UserError, match="in use"):
        Server(RecordedLines(path), TEXTS, "abc", server.server_port)


def test_a_host_for_other_devices(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heard at all addresses, and answered to who knows the secret, at an address of this machine and no other name."""
    monkeypatch.setattr(Server, "_outward", lambda _: "127.0.0.2")  # as the network's address of this machine
    with serving(path, host="0.0.0.0") as server:
        assert server.url == f"http://127.0.0.2:{server.server_port}/{server.token}/" and not server.private
        assert re.fullmatch(r"([a-z2-9]{4}-){4}[a-z2-9]{4}", server.token)
        where = f"127.0.0.2:{server.server_port}"
        own = {"Host": where, "Origin": f"http://{where}", "Sec-Fetch-Site": "same-origin"}

        def told(method: str, target: str, **headers: str) -> int:
            connection = http.client.HTTPConnection("127.0.0.2", server.server_port, timeout=20)
            sent = {**own, "Content-Type": "application/json", **headers}
            connection.request(method, target, line(TEXTS[0]) if method == "POST" else None, sent)
            status = connection.getresponse().status
            connection.close()
            return status

        assert told("POST", f"/{server.token}/lines") == told("GET", f"/{server.token}/") == 200
        for target in ("/", "/lines", "/page.js", f"/{server.token[:-1]}/lines", f"/{'a' * 24}/lines"):
            assert told("GET", target) == told("POST", target) == 403
        for wrong in (
            {"Host": "evil.example"},
            {"Host": "192.0.2.7"},
            {"Host": "["},
            {"Origin": "http://evil.example"},
        ):
            assert told("GET", f"/{server.token}/lines", **wrong) == 403
    with Server(RecordedLines(path), TEXTS, "abc", host="localhost") as server:
        assert server.private
    for wrong in ("192.0.2.7", "no such host", "x" * 70):
        with pytest.raises(UserError, match=r"With --host, give an address of this machine, or 0\.0\.0\.0"):
            Server(RecordedLines(path), TEXTS, "abc", host=wrong)


def test_ipv6(path: Path) -> None:
    try:
        server = Server(RecordedLines(path), TEXTS, "abc", host="::1")
    except UserError:
        pytest.skip("there is no IPv6 here")
    with server:
        assert server.private and server.url.startswith(f"http://[::1]:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        connection = http.client.HTTPConnection("::1", server.server_port, timeout=20)
        connection.request("GET", f"/{server.token}/lines")
        assert connection.getresponse().status == 200
        server.shutdown()
        thread.join()


def test_a_browser_that_leaves_is_no_failure(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    body = line(TEXTS[0])
    for sent in (
        f"GET /{server.token}/lines HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(),
        f"POST /{server.token}/lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body) + 1}\r\n\r\n".encode()
        + body,
        b"GET /",
    ):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
                connection.sendall(sent)
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )  # a reset, not an end
    time.sleep(0.2)
    assert ask(server, "GET", "lines")[0] == 200
    assert capsys.readouterr().err == ""
