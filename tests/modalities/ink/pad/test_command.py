"""The command that serves the page, as a process."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from rhapsode.cli import main
from rhapsode.modalities.ink.pad.lines import RecordedLines, parse
from rhapsode.modalities.ink.pad.prompts import prompts
from tests.modalities.ink.pad.served import line, texts


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


def send(url: str, body: bytes, **more: str) -> int:
    host, _, key = url.removeprefix("http://").partition("/?key=")
    connection = http.client.HTTPConnection(host, timeout=20)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", **more}
    with closing(connection):
        connection.request("POST", "/api/hand?model=demo:handwriting", body, headers)
        return connection.getresponse().status


def test_ctrl_c_ends_with_a_summary(path: Path) -> None:
    asked = prompts(3, "abcXY", 0)
    with running(path, "--lines", "3", "--alphabet", "abcXY") as (process, url):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?key=([a-z2-9]{4}-){4}[a-z2-9]{4}", url)
        assert send(url, line(asked[0])) == 200
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=30)
        assert process.returncode == 0
    assert f"1 line in {path}" in messages
    assert "of 5 characters" in messages
    assert f"rhapsode train {path} -o {path.with_suffix('')} --from demo:handwriting" in messages


def test_a_host_for_other_devices(path: Path) -> None:
    """Heard at all addresses, and answered to who knows the key, at an address of this machine and no other name."""
    asked = prompts(3, "abc", 0)
    with running(path, "--lines", "3", "--alphabet", "abc", "--host", "0.0.0.0") as (process, url):
        host, _, key = url.removeprefix("http://").partition("/?key=")
        assert not host.startswith("0.0.0.0") and send(url, line(asked[0])) == 200
        everywhere = f"http://127.0.0.1:{host.rpartition(':')[2]}/?key={key}"
        assert send(everywhere, line(asked[1])) == 200
        assert send(everywhere[:-1], line(asked[2])) == 401
        assert send(everywhere, line(asked[2]), Host="evil.example") == 403
        with pytest.raises(HTTPError, match="401"):
            urlopen(everywhere.partition("?")[0])
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=30)
    assert f"2 lines in {path}" in messages
    assert ("Other devices in your network" in messages) == (not host.startswith("127."))


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
        (["ink", str(path), "--host", "192.0.2.7"], "With --host, give an address of this machine, or 0.0.0.0"),
        (["ink", str(path), "--host", "no such host"], "With --host, give an address of this machine, or 0.0.0.0"),
        (["ink", str(path), "--host", "x" * 70], "With --host, give an address of this machine, or 0.0.0.0"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err
    assert not path.exists()
