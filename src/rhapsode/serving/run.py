"""Sockets: uvicorn runs the application until a signal ends it."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from rhapsode.errors import UserError
from rhapsode.report import Report
from rhapsode.serving.app import Server
from rhapsode.serving.errors import ApiError
from rhapsode.serving.guard import LOCAL, Rules
from rhapsode.serving.served import Served
from rhapsode.serving.sessions import SESSIONS

GRACE = 30
"""Seconds for what was begun, when the server is stopped."""
UNREAD_SECONDS = 30.0
"""Seconds that a client may leave an answer unread. Then the connection is cut."""

EVERYWHERE = ("0.0.0.0", "::")
"""All addresses of this machine."""
OUTSIDE = {socket.AF_INET: ("192.0.2.1", 9), socket.AF_INET6: ("2001:db8::1", 9)}
"""Where nobody is, by RFC 5737 and RFC 3849. Nothing is sent there."""

PATH = 200
"""The most characters of a path in the log."""
UNSENT = 64 << 10
"""Bytes of an answer that the system keeps until a client has acknowledged them."""


class Sockets(uvicorn.Server):
    """Stops at Ctrl-C and SIGTERM when what was begun has ended; at the second one, at once."""

    def __init__(self, config: uvicorn.Config, server: Server) -> None:
        super().__init__(config)
        self._server = server

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._server.stopping = True
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's own sends the signals once more at the end, as if the program had failed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


class Patient(H11Protocol):
    """A connection that is cut if the client does not read for too long."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Nagle's algorithm would hold an event back until the client has acknowledged the one before: 40 ms. And the
        system would take megabytes that the client does not read."""
        own = transport.get_extra_info("socket")
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT)
        super().connection_made(transport)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is answered as other mistakes are."""
        body = json.dumps(ApiError(400, msg, code="bad_http").body).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        head = h11.Response(status_code=400, headers=headers, reason="Bad Request")
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Whoever asks for HTTP/2 or a web socket gets HTTP/1.1, as the standard has it: nothing to warn of."""

    def pause_writing(self) -> None:
        super().pause_writing()
        self._timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._calm()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Lines(logging.Formatter):
    """One line a record, as text or as JSON. It has no prompts: paths, without what follows `?`, and statuses only."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self._json = form == "json"

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.name == "uvicorn.access" and isinstance(record.args, tuple) and len(record.args) == 5:
            client, method, path, version, status = record.args
            message = f'{client} - "{method} {str(path).partition("?")[0][:PATH]} HTTP/{version}" {status}'
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        if self._json:
            return json.dumps({"time": at, "level": record.levelname.lower(), "message": message})
        return f"{at} {message}"


class Logged(Report):
    """Notes and warnings in the server's log."""

    def note(self, text: str) -> None:
        logging.getLogger("uvicorn.error").info(text)

    def warn(self, text: str) -> None:
        logging.getLogger("uvicorn.error").warning(text)


def run(
    load: Callable[[], Sequence[Served]], rules: Rules, host: str, port: int, form: str, sessions: int = SESSIONS
) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises `UserError` if the address cannot be had, and what `load` raises.

    load: gives the models. The server listens before, and answers 503 until they are there."""
    server = Server(None, rules, Logged(), sessions)
    _log(form)
    listening, url = _bound(host, port)
    sockets, failed = Sockets(configured(server, host, port), server), list[BaseException]()

    def loading() -> None:
        try:
            models = load()
        except BaseException as error:
            failed.append(error)
            sockets.should_exit = True
            return
        if server.stopping:
            return
        gc.collect()
        gc.freeze()  # else it looks through all that was imported from time to time, which takes 30 ms
        server.load(models)
        names = ", ".join(one.name for one in models)
        print(f"serving {names} at {url}/v1", file=sys.stderr, flush=True)
        logging.getLogger("uvicorn.error").setLevel(logging.INFO)

    thread = threading.Thread(target=loading, name="rhapsode-loading", daemon=True)
    thread.start()
    try:
        sockets.run(sockets=[listening])
    finally:
        server.close(GRACE)
    if failed:
        raise failed[0]


def listen(server: Server, host: str, port: int, ready: Callable[[str], None], elsewhere: bool = False) -> None:
    """Serve until Ctrl-C or SIGTERM, without a log of requests. ready: is called with the server's address, such as
    http://127.0.0.1:8000; of `EVERYWHERE`, with one that others reach. elsewhere: takes a free port if the port cannot
    be had. Raises `UserError` if the address cannot be had."""
    try:
        listening, url = _bound(host, port)
    except UserError:
        if not elsewhere:
            raise
        listening, url = _bound(host, 0)
    _log("text")
    ready(url if host not in EVERYWHERE else url.replace(_shown(host), _shown(_outward(listening.family))))
    try:
        Sockets(configured(server, host, port, log=False), server).run(sockets=[listening])
    finally:
        server.close(GRACE)


def _bound(host: str, port: int) -> tuple[socket.socket, str]:
    """A socket that listens, and its address as browsers spell it. Raises `UserError` if it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        other = "Give another --port."
        if not isinstance(error, OSError) or error.errno not in (errno.EADDRINUSE, errno.EACCES):
            other = f"With --host, give an address of this machine, or {EVERYWHERE[0]} for all that it has."
        told = getattr(error, "strerror", None) or error
        raise UserError(f"{host}, port {port}, cannot be had: {told}. {other}") from None
    address = found.getsockname()
    return found, f"http://{_shown(address[0])}:{address[1]}"


def _shown(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _outward(family: int) -> str:
    """The address by which this machine reaches others, and so they reach it."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(OUTSIDE[socket.AddressFamily(family)])
        except OSError:  # no network
            return LOCAL[-1 if family == socket.AF_INET6 else 1]
        return str(probe.getsockname()[0])


def configured(server: Server, host: str, port: int, log: bool = True) -> uvicorn.Config:
    """How uvicorn runs the application. log: a line for each request."""
    return uvicorn.Config(
        server.app,
        host=host,
        port=port,
        http=Patient,
        ws="none",
        log_config=None,
        access_log=log,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=30,
        lifespan="off",
    )


def _log(form: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(form))
    levels = {"uvicorn.error": logging.WARNING, "uvicorn.access": logging.INFO}  # before models are loaded
    for name, level in levels.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
