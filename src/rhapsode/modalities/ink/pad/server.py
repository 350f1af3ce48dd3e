"""The page's server: on this machine only, unless it is told otherwise, and only for who has its address."""

from __future__ import annotations

import errno
import hmac
import json
import re
import secrets
import shlex
import socket
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from rhapsode.errors import UserError
from rhapsode.modalities.ink.pad.lines import RecordedLines, parse
from rhapsode.modalities.ink.pad.prompts import ENOUGH
from rhapsode.modalities.ink.pad.teacher import ENOUGH as LESSON
from rhapsode.modalities.ink.pad.teacher import Teacher

HOST = "127.0.0.1"
EVERYWHERE = ("0.0.0.0", "::")
"""All addresses of this machine."""
OUTSIDE = {socket.AF_INET: ("192.0.2.1", 9), socket.AF_INET6: ("2001:db8::1", 9)}
"""Where nobody is, by RFC 5737 and RFC 3849. Nothing is sent there."""
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of the secret: 32 that are not mistaken for one another. On a tablet it may have to be typed."""
LIMIT = 8 << 20
"""Bytes of a line that is sent, at most: a quarter of an hour of a fast pen."""
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PAGES = {"": "page.html"} | {name: name for name in ("page.css", "page.js", "pad.js", "saver.js", "teach.js")}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def next_commands(path: Path, teacher: Teacher | None = None) -> list[str]:
    """What to run when the lines are written."""
    if teacher:
        given = [str(path), "-o", str(teacher.folder), "--from", teacher.base, "--minutes", f"{teacher.minutes:g}"]
        given += ["--overwrite"] * teacher.taught
        return [f"rhapsode train {shlex.join(given)}", teacher.command]
    return [
        f"rhapsode train {shlex.quote(str(path))} -o my-hand --from MODEL",
        'rhapsode write my-hand "Hello" -o hello.svg',
    ]


class Server(ThreadingHTTPServer):
    """Serves the page, the lines as they are, and takes new ones; with a teacher, a model learns them.

    `url` is its address, with a secret in it, without which nothing is answered.
    """

    daemon_threads = True

    def __init__(
        self,
        lines: RecordedLines,
        texts: list[str],
        alphabet: str,
        port: int = 0,
        teacher: Teacher | None = None,
        hint: str = "",
        host: str = HOST,
    ) -> None:
        """port: 0 for any that is free. hint: what to do for a teacher, if there is none. host: an address or a name of
        this machine, at which it is heard; of `EVERYWHERE`, all. Raises `UserError`."""
        self.lines, self.alphabet, self.teacher, self.hint, self.host = lines, alphabet, teacher, hint, host
        self.texts = list(dict.fromkeys([*lines.read(), *texts]))
        self.token = "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(5))
        try:
            self.address_family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            super().__init__(address, _Handler)  # type: ignore[arg-type]
        except (OSError, OverflowError, UnicodeError) as error:
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise UserError(f"port {port} is in use. Choose another, or leave --port out.") from None
            if host != HOST:
                raise UserError(
                    f"no page can be served at {host}, port {port}: {error}. With --host, give an address of this "
                    f"machine, or {EVERYWHERE[0]} for all that it has."
                ) from None
            raise UserError(f"port {port} cannot be used: {error}. Leave --port out.") from None

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's asks the network for this machine's name
        self.server_name, self.server_port = self.host, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a browser that has left is none
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        host = self._outward() if self.host in EVERYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/{self.token}/"

    @property
    def private(self) -> bool:
        """Whether it can be reached from this machine only."""
        address = str(self.server_address[0])
        return address.startswith("127.") or address == "::1"

    def _outward(self) -> str:
        """The address by which this machine reaches others, and so they reach it."""
        with socket.socket(self.address_family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(OUTSIDE[socket.AddressFamily(self.address_family)])
            except OSError:  # no network
                return HOST if self.address_family == socket.AF_INET else "::1"
            return str(probe.getsockname()[0])

    def state(self) -> dict[str, Any]:
        """All that the page shows. Raises `UserError` if the file cannot be read."""
        saved = self.lines.read()
        fields = ("strokes", "pressure", "seconds")
        return {
            "file": str(self.lines.path),
            "alphabet": list(self.alphabet),
            "enough": ENOUGH,
            "commands": next_commands(self.lines.path, self.teacher),
            "hint": self.hint,
            "teacher": self.teacher and self._lesson(self.teacher),
            "lines": [
                {"text": text, "drawing": {key: saved[text].get(key) for key in fields} if text in saved else None}
                for text in self.texts
            ],
        }

    def _lesson(self, teacher: Teacher) -> dict[str, Any]:
        return {
            "alphabet": list(teacher.alphabet),
            "enough": LESSON,
            "minutes": teacher.minutes,
            "sentence": teacher.sentence,
            "folder": str(teacher.folder),
            "command": teacher.command,
            "state": teacher.state(),
        }


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version, sys_version = "rhapsode", ""
    timeout = 60

    def do_GET(self) -> None:
        name = self._admitted()
        if name in PAGES:
            page = PAGES[name]
            kind = f"{KINDS[Path(page).suffix]}; charset=utf-8"
            self._answer(HTTPStatus.OK, kind, (files("rhapsode.modalities.ink.pad") / page).read_bytes())
        elif name == "lines":
            try:
                self._json(HTTPStatus.OK, self.server.state())
            except UserError as error:
                self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        elif name == "lesson" and self.server.teacher:
            self._json(HTTPStatus.OK, self.server.teacher.state())
        elif name is not None:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here.")

    def do_POST(self) -> None:
        name = self._admitted()
        if name is None:
            return
        length = self.headers.get("Content-Length", "")
        known = ("lines", "teach", "stop", "write", "save", "own") if self.server.teacher else ("lines",)
        if name not in known:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here.")
        elif self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json.")
        elif not re.fullmatch("[0-9]{1,15}", length):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "say how long it is.")
        elif int(length) > LIMIT:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a line may have {LIMIT >> 20} MiB.")
        elif len(body := self.rfile.read(int(length))) < int(length):
            self._refuse(HTTPStatus.BAD_REQUEST, "it was cut off.")
        elif name == "lines":
            self._save(body)
        elif self.server.teacher:
            self._teach(self.server.teacher, name, body)

    def _save(self, body: bytes) -> None:
        try:
            drawing = parse(body)
        except UserError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        if drawing.text not in self.server.texts:
            self._refuse(HTTPStatus.BAD_REQUEST, "its text is none of those to write.")
            return
        try:
            self._json(HTTPStatus.OK, {"saved": self.server.lines.save(drawing)})
        except UserError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _teach(self, teacher: Teacher, name: str, body: bytes) -> None:
        try:
            if name == "teach":
                teacher.start()
            elif name == "stop":
                teacher.stop()
            elif name == "own":
                self._json(HTTPStatus.OK, teacher.own_line() or {})
                return
            elif name == "save":
                file, contents = teacher.save(**_wanted(body, "kind"))
                self._answer(HTTPStatus.OK, "application/octet-stream", contents, file)
                return
            else:
                self._json(HTTPStatus.OK, teacher.write(**_wanted(body)))
                return
        except UserError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        else:
            self._json(HTTPStatus.OK, teacher.state())

    def _admitted(self) -> str | None:
        """What is asked for, below the token; None if that was refused.

        A page from elsewhere cannot know the token; were it to, its browser still names it in Origin, and a name of
        its own that it has made to mean this machine in Host.
        """
        host = self.headers.get("Host", "")
        origin = self.headers.get("Origin", f"http://{host}")
        site = self.headers.get("Sec-Fetch-Site", "none")
        _, _, rest = self.path.partition("/")
        token, slash, name = rest.partition("/")
        known = hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self.server.token.encode())
        if not self._is_own(host) or origin != f"http://{host}":
            self._refuse(HTTPStatus.FORBIDDEN, "this page is for its own address only.")
        elif self.command == "POST" and site not in ("none", "same-origin"):
            self._refuse(HTTPStatus.FORBIDDEN, "only the page itself may do this.")
        elif not known:
            self._refuse(HTTPStatus.FORBIDDEN, "not the address that rhapsode ink has printed in this run.")
        elif not slash:
            self._answer(HTTPStatus.PERMANENT_REDIRECT, "text/plain", b"", place=f"/{token}/")
        else:
            return name
        return None

    def _is_own(self, host: str) -> bool:
        """Whether Host names this machine: by the address at which it was reached, or the one that it was told."""
        try:
            name = urlsplit(f"//{host}").hostname
        except ValueError:
            return False
        reached = str(self.connection.getsockname()[0]).removeprefix("::ffff:")  # IPv4 at an IPv6 socket
        return name in (reached, self.server.host.lower(), "localhost", HOST)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._json(status, {"error": message})

    def _json(self, status: HTTPStatus, value: dict[str, Any]) -> None:
        self._answer(status, "application/json", json.dumps(value).encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes, file: str = "", place: str = "") -> None:
        """file: the name of what is to be saved. place: where else to look."""
        more = {"Content-Type": kind, "Content-Length": str(len(body))}
        if file:
            more["Content-Disposition"] = f'attachment; filename="{file}"'
        if place:
            more["Location"] = place
        self.send_response(status)
        for key, value in (HEADERS | more).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the terminal has better to say."""


def _wanted(body: bytes, *more: str) -> dict[str, Any]:
    """What is to be written: hand, text, bias, seed and paper. more: further texts. Raises `UserError`."""
    kinds = {"hand": str, "text": str, "bias": int | float, "seed": int, "paper": str, **dict.fromkeys(more, str)}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not all(isinstance(value.get(key), kind) for key, kind in kinds.items()):
        raise UserError(f"expected {', '.join(kinds)}.")
    if not 0 <= value["seed"] < 2**63:
        raise UserError("a seed is from 0 to 2**63 - 1.")
    return {key: value[key] for key in kinds}
