"""The files of the pages: the scripts and styles of this package, by their paths in it, and one page of HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

KINDS = {".js": "text/javascript", ".css": "text/css"}
PAGE = "studio/page.html"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

CLOSED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of answers that are not the pages' own files: what a model or a person brought, such as a picture, is no page that
may do anything, also when it is opened by itself; no page of another program on this machine may have it; and no
browser keeps it on the disk."""


class Site:
    """All that a browser may have, read once. Other paths are answered with 404: nothing is looked up on the disk."""

    def __init__(self) -> None:
        root = Path(str(files("rhapsode")))
        found = (path for path in root.rglob("*") if path.suffix in KINDS)
        self._files = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
        self._page = (root / PAGE).read_bytes()

    async def page(self, request: Request) -> Response:
        """The page, in which the scripts do all else."""
        return file_of(request, self._page, "text/html")

    async def file(self, request: Request) -> Response:
        """A script or a style sheet."""
        path = request.path_params["path"]
        if path not in self._files:
            raise HTTPException(404)
        return file_of(request, self._files[path], KINDS[Path(path).suffix])


def file_of(request: Request, data: bytes, kind: str, more: Mapping[str, str] = HEADERS) -> Response:
    """The file; or that it is the one which the browser has. more: headers."""
    mark = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {**more, "ETag": mark}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=kind, headers=headers)
