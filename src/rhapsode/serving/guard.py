"""What a request must be before anything reads it: for this host, from no other site, with a key, not too long."""

from __future__ import annotations

import hashlib
import hmac
import http.cookies
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rhapsode.serving.errors import ApiError

BODY = 4 << 20
"""The most bytes of a body."""
RUNNING = 1024
"""The most requests at a time, those that wait included."""
UPLOAD = 1 << 30
"""The most bytes of a file that is sent to a path for files."""
LOCAL = ("localhost", "127.0.0.1", "::1")
OPEN = ("/health",)
"""Paths that need no key."""
COOKIE, QUERY = "rhapsode", "key"
"""Names of a key in a cookie, and in the address of a page."""
OWNER = "rhapsode.owner"
"""Where a request's scope says to whom belongs what it makes: a digest of its key."""


@dataclass(frozen=True)
class Rules:
    """hosts: names by which the server may be called, in lower case; empty for any. keys: one of them must be sent;
    empty for none. origins: sites whose pages may ask, exactly as browsers spell them. uploads: what the paths for
    files begin with."""

    hosts: Sequence[str] = LOCAL
    keys: Sequence[bytes] = ()
    origins: Sequence[str] = ()
    uploads: tuple[str, ...] = ()

    def limit(self, path: str) -> int:
        """The most bytes that may be sent to a path."""
        return UPLOAD if path.startswith(self.uploads) else BODY


class Guard:
    """ASGI middleware that refuses what the rules forbid."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules, self._running = app, rules, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        limit = self._rules.limit(scope["path"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        try:
            self._check_host(scope, headers.get(b"host", b"").decode("latin-1"))
            shared = self._check_origin(origin, headers.get(b"host", b"").decode("latin-1"))
            if scope["method"] == "OPTIONS" and shared:
                await _preflight(origin)(scope, receive, send)
                return
            scope[OWNER] = self._check_key(scope, headers)
            self._check_length(headers, limit)
            if self._running >= RUNNING:
                raise ApiError(503, "Too many requests at once. Try again later.", code="busy", Retry_After="1")
        except ApiError as error:
            await _refusal(error, headers)(scope, receive, send)
            return

        async def with_origin(message: Message) -> None:
            if message["type"] == "http.response.start" and shared:
                message["headers"] = [
                    *message["headers"],
                    (b"access-control-allow-origin", origin.encode("latin-1")),
                    (b"vary", b"Origin"),
                ]
            await send(message)

        self._running += 1
        try:
            await self._app(scope, _bounded(receive, limit), with_origin)
        finally:
            self._running -= 1

    def _check_host(self, scope: Scope, host: str) -> None:
        """A page of another site can make a browser call this machine by a name of its own (DNS rebinding). The address
        at which it was reached is nobody else's."""
        reached = str((scope.get("server") or ("",))[0]).removeprefix("::ffff:")  # IPv4 at an IPv6 socket
        if self._rules.hosts and _name(host) not in (*self._rules.hosts, reached or None):
            raise ApiError(403, "The server is not known by this name: see --allow-host.", code="host_not_allowed")

    def _check_origin(self, origin: str, host: str) -> bool:
        """Whether the answer is for a page of one of the allowed sites. Raises `ApiError` for pages of others."""
        if not origin:
            return False
        if origin in self._rules.origins:
            return True
        if origin.partition("://")[2].lower() == host.lower():
            return False  # a page of this server's
        raise ApiError(403, "Pages of this site may not ask this server: see --cors-origin.", code="origin_not_allowed")

    def _check_key(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """A digest of the key; empty if none is needed. Raises `ApiError`."""
        if not self._rules.keys or scope["path"] in OPEN:
            return ""
        # All are compared, and each in constant time.
        right = [one for one in _keys(scope, headers) for key in self._rules.keys if hmac.compare_digest(one, key)]
        if not right:
            raise ApiError(
                401,
                "A key of this server is needed: Authorization: Bearer KEY.",
                code="invalid_api_key",
                WWW_Authenticate="Bearer",
            )
        return hashlib.sha256(right[0]).hexdigest()

    def _check_length(self, headers: dict[bytes, bytes], limit: int) -> None:
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            raise _too_large(limit)
        if b"transfer-encoding" in headers and b"content-length" in headers:
            # A proxy before this server may take the other one for the end.
            raise ApiError(400, "Two headers say how long the body is.", code="bad_http")


def cookie_name(scope: Scope) -> str:
    """The name of the cookie with a key. Browsers give a cookie to all ports of a host."""
    return f"{COOKIE}-{(scope.get('server') or ('', 0))[1]}"


def _keys(scope: Scope, headers: dict[bytes, bytes]) -> list[bytes]:
    """The keys that were sent: as a header; as a cookie, by a page of this server's; in the address of a page, by a
    person who opens it."""
    scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
    found = [given.strip()] if scheme.lower() == b"bearer" else []
    found += _cookies(headers.get(b"cookie", b"").decode("latin-1"), cookie_name(scope))
    if scope["method"] == "GET" and scope["path"] == "/":
        found += [one.encode() for one in parse_qs(scope["query_string"].decode("latin-1")).get(QUERY, ())]
    return found


def _cookies(header: str, name: str) -> list[bytes]:
    """The values of a cookie; there are several if one was set for a part of the paths. Other programs on this machine
    set cookies for its name, too: one of theirs that is none must not hide ours, as it does from `SimpleCookie`."""
    found = []
    for part in header.split(";"):
        if part.partition("=")[0].strip() == name:
            one = http.cookies.SimpleCookie()
            with suppress(http.cookies.CookieError):
                one.load(part.strip())
            found += [one[name].value.encode("latin-1", "replace")] if name in one else []
    return found


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"The request is longer than {limit >> 20} MiB.", code="too_large")


def _bounded(receive: Receive, limit: int) -> Receive:
    """Raises `ApiError` when a body without a length, or with a wrong one, becomes too long."""
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _too_large(limit)
        return message

    return bounded


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    host = host.lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host


def _refusal(error: ApiError, headers: dict[bytes, bytes]) -> Response:
    """What a program reads; or, of a person who opened a page without its key, a sentence."""
    if error.status == 401 and b"text/html" in headers.get(b"accept", b""):
        return PlainTextResponse(
            f"This page needs its key: open the address that the terminal shows, with ?{QUERY}=.", 401
        )
    return JSONResponse(error.body, error.status, error.headers)


def _preflight(origin: str) -> JSONResponse:
    headers = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "600",
        "vary": "Origin",
    }
    return JSONResponse({}, 200, headers)
