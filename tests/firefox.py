"""The Firefox of this machine, for tests: an executable that Playwright starts in its place.

Playwright drives a Firefox that Mozilla has made over WebDriver BiDi. Its commands are those of the newest Firefox. One
that is a year old, such as the ESR of Debian, does not know all of them, and Playwright ends where one is refused. So
this stands between the two: it passes on what they say, and where Firefox answers "unknown command" to one of
`LEFT_OUT`, it answers that it is done. No test may need what these commands do.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

LEFT_OUT = (
    "network.addDataCollector",  # Firefox 143: bodies of answers
    "browser.setDownloadBehavior",  # 146: files that a page gives
    "emulation.",  # time zone, orientation, colours: what a test needs of these is a preference
)
LISTENS = re.compile(r"WebDriver BiDi listening on ws://127\.0\.0\.1:(\d+)")


def executable(firefox: str, folder: Path) -> Path:
    """A script that starts this Firefox with the relay before it."""
    path = folder / "firefox"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{firefox}" "$@"\n')
    path.chmod(0o755)
    return path


def frames(source: socket.socket) -> Iterator[bytes]:
    """What a server says over a WebSocket, frame by frame (RFC 6455, section 5.2; a server masks nothing)."""
    with source.makefile("rb") as file:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = file.readline()
            if not line:
                return
            head += line
        yield head
        while len(begin := file.read(2)) == 2:
            more = {126: 2, 127: 8}.get(begin[1], 0)
            length = file.read(more)
            yield begin + length + file.read(int.from_bytes(length) if more else begin[1])


def granted(frame: bytes) -> bytes:
    """The frame; or, where a command that is left out was refused, that it is done."""
    begin = frame.find(b'{"type":"error"')
    if begin not in (2, 4, 10) or b'"unknown command"' not in frame:
        return frame
    said = json.loads(frame[begin:])
    if not said["message"].startswith(LEFT_OUT):
        return frame
    done = json.dumps({"type": "success", "id": said["id"], "result": {}}).encode()
    return b"\x81" + bytes([len(done)]) + done  # a text of less than 126 bytes


def relay(command: list[str]) -> int:
    """Start Firefox, say where one can reach it, and pass on what is said. Returns its exit status."""
    firefox = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert firefox.stderr is not None
    port = next((int(found[1]) for line in firefox.stderr if (found := LISTENS.search(line))), None)
    if port is None:
        return firefox.wait()
    threading.Thread(target=lambda: all(True for _ in firefox.stderr or ()), daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as ear:
        own = ear.getsockname()[1]
        print(f"WebDriver BiDi listening on ws://127.0.0.1:{own}", file=sys.stderr, flush=True)
        here, _ = ear.accept()
    there = socket.create_connection(("127.0.0.1", port))

    def ask() -> None:
        while data := here.recv(1 << 16):  # Firefox wants to be called by its own port
            there.sendall(data.replace(b"Host: 127.0.0.1:%d" % own, b"Host: 127.0.0.1:%d" % port))
        there.shutdown(socket.SHUT_WR)

    threading.Thread(target=ask, daemon=True).start()
    for frame in frames(there):
        here.sendall(granted(frame))
    here.close()
    return firefox.wait()


if __name__ == "__main__":
    sys.exit(relay(sys.argv[1:]))
