"""The page for recording one's hand: what it asks for, what its server takes, and that no line is ever lost."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import string
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rhapsode.cli import main
from rhapsode.errors import UserError
from rhapsode.modalities.ink.pad.lines import RecordedLines, parse
from rhapsode.modalities.ink.pad.prompts import ALPHABET, ENOUGH, LONGEST, characters, prompts, written
from rhapsode.modalities.ink.pad.sentences import SENTENCES
from rhapsode.modalities.ink.pad.server import HOST, LIMIT, PAGES, Server
from rhapsode.modalities.ink.read import read, recognised

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


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hand.jsonl"


@pytest.fixture
def server(path: Path) -> Iterator[Server]:
    with serving(path) as server:
        yield server


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


# What to write


@pytest.mark.parametrize("seed", range(4))
def test_prompts_are_sentences_that_cover_everything(seed: int) -> None:
    """In 40 lines everything several times."""
    lines = prompts(40, ALPHABET, seed)
    assert len(set(lines)) == 40 and set(lines) <= set(SENTENCES)
    counts = written(lines)
    assert set(counts) == set(ALPHABET)
    assert min(counts.values()) >= ENOUGH, counts


def test_sentences() -> None:
    assert len(set(SENTENCES)) == len(SENTENCES) > 250
    assert set("".join(SENTENCES)) == {*ALPHABET, " "}
    for text in SENTENCES:
        assert len(text) <= LONGEST and text == " ".join(text.split())
        assert text[0] in string.ascii_uppercase + '"'


def test_prompts_are_repeatable() -> None:
    few, many = prompts(5, ALPHABET, 3), prompts(9, ALPHABET, 3)
    assert many[:5] == few, "a longer session goes on with the same lines"
    code = "from rhapsode.modalities.ink.pad.prompts import *; print(prompts(5, ALPHABET + 'é', 3))"
    for hashing in "12":  # the order of sets must not matter
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": hashing, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
        )
        assert done.stdout.strip() == str(prompts(5, ALPHABET + "é", 3))
    assert prompts(5, ALPHABET, 4) != few


def test_more_prompts_than_sentences() -> None:
    lines = prompts(400, ALPHABET, 0)
    assert len(set(lines)) == 400 and max(map(len, lines)) <= LONGEST
    assert set(SENTENCES) <= set(lines)


@pytest.mark.parametrize("alphabet", ["äöüßéñ", "ABC", "0123456789", "?!&+()", "абвгд", "aé-'s", "ACGT.", "漢字か"])
def test_prompts_of_other_alphabets(alphabet: str) -> None:
    lines = prompts(12, alphabet, 0)
    counts = written(lines)
    assert set(counts) == set(alphabet)
    assert min(counts.values()) >= ENOUGH


def test_sentences_in_the_characters_that_there_are() -> None:
    assert set(prompts(9, string.ascii_lowercase, 0)) <= {_letters(each.lower()) for each in SENTENCES}
    lines = prompts(40, ALPHABET + "é", 0)
    assert written(lines)["é"] >= ENOUGH and len(set(lines) & set(SENTENCES)) > 30


def _letters(text: str) -> str:
    return " ".join("".join(char for char in text if char.isalpha() or char == " ").split())


def test_common_pairs_come_first() -> None:
    begun = "".join(prompts(8, string.ascii_lowercase, 0))
    assert all(pair in begun for pair in ("th", "he", "in", "er"))


def test_wrong_alphabets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert characters(" a b\ta") == "ab"
    for wrong in ("", "  ", "a\0"):
        with pytest.raises(UserError, match="alphabet"):
            characters(wrong)
    monkeypatch.setattr("rhapsode.modalities.ink.pad.prompts.TRIES", 1)
    with pytest.raises(UserError, match="not 500 different lines"):
        prompts(500, "a", 0)


# The file


def test_lines_are_added_and_replaced(path: Path) -> None:
    file = RecordedLines(path)
    assert file.read() == {}
    assert file.save(parse(line("one"))) == 1
    assert file.save(parse(line("two"))) == 2
    assert file.save(parse(line("one", 9))) == 2
    assert recognised(path) and texts(path) == ["one", "two"]
    assert next(iter(read(path))).points[1].tolist() == [9, -2.25]
    assert list(path.parent.iterdir()) == [path]


def test_what_is_not_ours_stays(path: Path) -> None:
    """Drawings without text, fields that are not known, and lines that come from elsewhere in the meantime."""
    first = '{"rhapsode": "ink/1", "text": "old", "strokes": [[[0,0],[1,1]]], "writer": "é"}'
    path.write_text(f'{first}\n\n{{"strokes": [[[0,0],[1,1]]]}}\n', "utf-8")
    file = RecordedLines(path)
    assert file.save(parse(line("one"))) == 2
    with open(path, "a", encoding="utf-8") as other:
        other.write(line("theirs").decode() + "\n")
    assert file.save(parse(line("two"))) == 4
    assert texts(path) == ["old", None, "one", "theirs", "two"]
    assert path.read_text("utf-8").startswith(first)
    with open(path, "a", encoding="utf-8") as other:
        other.write(line("one", 3).decode() + "\n")
    file.save(parse(line("one", 8)))
    assert texts(path).count("one") == 2
    assert file.read()["one"]["strokes"][0][1][0] == 8


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("hand.txt", "", "must be called"),
        ("hand.jsonl", '{"text": "a corpus of texts"}\n', "holds no drawings"),
        ("hand.jsonl", '{"rhapsode": "ink/1", "strokes": [[[0, 0]]]}\n{"rhapsode": "ink/1", "str', "line 2: not JSON"),
        ("hand.jsonl", '{"rhapsode": "ink/2", "strokes": []}\n', "version"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        RecordedLines(tmp_path / name)
    assert (tmp_path / name).read_text() == content


def test_a_full_disk_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(path) as server:
        assert post(server, line(TEXTS[0]))[0] == 200
        before = path.read_bytes()

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            status, answer = post(server, line(TEXTS[1]))
        assert status == 500 and "No space left" in answer["error"]
        assert path.read_bytes() == before
        assert post(server, line(TEXTS[1])) == (200, {"saved": 2})


def test_many_at_once(path: Path) -> None:
    many = [f"line {n}" for n in range(12)]
    with serving(path, many) as server:
        threads = [threading.Thread(target=post, args=(server, line(text))) for text in many]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(filter(None, texts(path))) == sorted(many)


# The server


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


# The command


@contextmanager
def running(path: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`rhapsode ink` and its page's address."""
    command = [sys.executable, "-m", "rhapsode", "ink", str(path), "--no-browser", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def send(url: str, body: bytes) -> int:
    host, _, where = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request("POST", f"/{where}lines", body, {"Content-Type": "application/json"})
    return connection.getresponse().status


def test_ctrl_c_ends_with_a_summary(path: Path) -> None:
    asked = prompts(3, "abcXY", 0)
    with running(path, "--lines", "3", "--alphabet", "abcXY") as (process, url):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/", url)
        assert send(url, line(asked[0])) == 200
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=30)
        assert process.returncode == 0
    assert f"1 line in {path}" in messages
    assert "of 5 characters" in messages
    assert f"rhapsode train {path} -o {path.with_suffix('')} --from demo:handwriting" in messages


def test_killed_while_saving(path: Path) -> None:
    """Whatever moment it dies at, the file is whole and has every line whose save was answered."""
    asked = prompts(12, "abc", 0)
    with running(path, "--lines", "12", "--alphabet", "abc") as (process, url):
        saved: list[str] = []

        def write() -> None:
            for text in asked * 50:
                body = json.dumps({"text": text, "strokes": [[[n, n] for n in range(5000)]]}).encode()
                try:
                    if send(url, body) == 200:
                        saved.append(text)
                except OSError:
                    return
                except http.client.HTTPException:
                    return

        thread = threading.Thread(target=write)
        thread.start()
        while len(saved) < 5:
            time.sleep(0.01)
        process.kill()
        thread.join()
    assert set(saved) <= set(texts(path))
    assert RecordedLines(path).save(parse(line("it goes on"))) == len(set(texts(path)))


def test_mistakes(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["ink", str(path.with_suffix(".svg"))], "must be called"),
        (["ink", str(path), "--alphabet", " "], "alphabet"),
        (["ink", str(path), "--lines", "0"], "--lines"),
        (["ink"], "FILE.jsonl"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err
    assert not path.exists()


# A real browser


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


def test_in_a_browser(browser: Any, path: Path) -> None:
    with serving(path, [*TEXTS, "and a third"]) as server:
        page = browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(server.url)
        expect = pytest.importorskip("playwright.sync_api").expect
        expect(page.locator("#text")).to_have_text(TEXTS[0])
        scribble(page)
        page.get_by_role("button", name="Undo").click()
        page.keyboard.press("Enter")  # although Undo was the last button pressed
        expect(page.locator("#text")).to_have_text(TEXTS[1])
        expect(page.locator("#status")).to_have_text(f"Saved: {TEXTS[0]}")
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_contain_text("Write the line first")
        scribble(page, 4)
        page.get_by_role("button", name="Clear").click()
        page.keyboard.press("Control+z")
        page.get_by_role("button", name="Save and next").click()
        expect(page.locator("#count")).to_have_text("2 of 3")
        expect(page.locator("#status")).to_have_text(f"Saved: {TEXTS[1]}")
        assert [len(list(drawing.strokes())) for drawing in read(path)] == [2, 4]
        first = next(iter(read(path)))
        assert first.pressure is None, "a mouse has none"
        assert first.seconds is not None and first.seconds[0] == 0 and (first.seconds[1:] >= first.seconds[:-1]).all()
        assert first.points[0, 0] < first.points[-1, 0] and abs(first.points[:, 1]).max() < 300

        page.reload()
        expect(page.locator("#text")).to_have_text("and a third")
        page.locator("[data-line='0']").click()
        page.keyboard.press("Delete")
        scribble(page, 5)
        page.keyboard.press("Enter")
        expect(page.locator("#text")).to_have_text("and a third")
        expect(page.locator("#status")).to_have_text(f"Saved: {TEXTS[0]}")
        assert [len(list(drawing.strokes())) for drawing in read(path)] == [5, 4]
        scribble(page)
        page.keyboard.press("Enter")
        expect(page.locator("#after")).to_contain_text("All lines are written")
        expect(page.locator("#status")).to_have_text("Saved: and a third")
        assert page.locator("#commands").inner_text().count("rhapsode") == 2
        assert not wrong
    assert texts(path) == [*TEXTS, "and a third"]


def test_a_pen_is_felt_and_palms_are_not(browser: Any, path: Path) -> None:
    with serving(path) as server:
        context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 780})
        page = context.new_page()
        page.goto(server.url)
        expect = pytest.importorskip("playwright.sync_api").expect
        expect(page.locator("#text")).to_have_text(TEXTS[0])
        box = page.locator("#pad").bounding_box()
        devtools = context.new_cdp_session(page)

        def pen(kind: str, x: float, force: float) -> None:
            at = {"x": box["x"] + x, "y": box["y"] + 60, "pointerType": "pen", "force": force}
            held = {"button": "left", "buttons": 1} if kind != "mouseReleased" else {"button": "left"}
            devtools.send("Input.dispatchMouseEvent", {"type": kind, "clickCount": 1, **at, **held})

        def touch(kind: str, x: float = 0) -> None:
            points = [{"x": box["x"] + x, "y": box["y"] + 100}] if kind != "touchEnd" else []
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        pen("mousePressed", 20, 0.2)
        for n in range(1, 8):
            pen("mouseMoved", 20 + 5 * n, 0.2 + n / 10)
        pen("mouseReleased", 60, 0)
        touch("touchStart", 100)
        touch("touchMove", 130)
        touch("touchEnd")
        expect(page.locator("#pad")).to_have_attribute("aria-label", "Writing area, 1 stroke")
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_have_text(f"Saved: {TEXTS[0]}")
        found = next(iter(read(path)))
        assert found.pressure is not None and found.pressure[0] == pytest.approx(0.2, abs=0.01)
        assert found.pressure.max() == pytest.approx(0.9, abs=0.01)


def test_a_failed_save_is_told_and_tried_again(browser: Any, path: Path) -> None:
    with serving(path) as server:
        page = browser.new_page()
        page.goto(server.url)
        expect = pytest.importorskip("playwright.sync_api").expect
        expect(page.locator("#text")).to_have_text(TEXTS[0])
        page.route("**/lines", lambda route: route.abort())
        scribble(page)
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_contain_text("Not saved yet")
        expect(page.locator("#lines")).to_contain_text("not saved yet")
        assert not path.exists()
        page.unroute("**/lines")
        expect(page.locator("#status")).to_have_text(f"Saved: {TEXTS[0]}", timeout=20_000)
        assert texts(path) == [TEXTS[0]]


def test_a_finger_writes_on_a_phone(browser: Any, path: Path) -> None:
    """The line is longer than the screen: the sheet moves on, and places stay those on the sheet."""
    asked = "a line that is much longer than it"
    with serving(path, [asked]) as server:
        context = browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 780})
        page = context.new_page()
        page.goto(server.url)
        expect = pytest.importorskip("playwright.sync_api").expect
        expect(page.locator("#text")).to_have_text(asked)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        box = page.locator("#pad").bounding_box()
        devtools = context.new_cdp_session(page)
        for _ in range(2):
            for kind, x in (("touchStart", 300), ("touchMove", 320), ("touchMove", 350), ("touchEnd", 0)):
                points = [{"x": box["x"] + x, "y": box["y"] + 80}] if x else []
                devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            page.wait_for_timeout(1500)
        page.get_by_role("button", name="Save and next").tap()
        expect(page.locator("#status")).to_have_text(f"Saved: {asked}")
        one, two = next(iter(read(path))).strokes()
        width, height = page.evaluate("(({clientWidth: w, clientHeight: h}) => [w, h])(document.querySelector('#pad'))")
        assert two[0, 0] - one[0, 0] == pytest.approx(0.55 * width / height * 440, rel=0.02)
