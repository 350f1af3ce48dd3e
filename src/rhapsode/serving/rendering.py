"""Answers as JSON. Large ones are made piece by piece, in another thread, so that they do not hold up the event loop.

Threads take turns only between two calls of C: a call that makes all of a long list would hold up everything else.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeVar

from starlette.responses import JSONResponse, Response, StreamingResponse

from rhapsode.files.values import readable

T = TypeVar("T")

LARGE = 1 << 14
"""What has more characters, tokens, or bytes than this is done in another thread."""
ELEMENTS = 256
"""The most elements of a list that one call makes JSON of."""
PIECE = 1 << 16
"""About so many bytes are sent at a time."""


class Json(JSONResponse):
    """JSON of values that come from files and their names, too: null for numbers that are none, and U+FFFD for what is
    no character, such as half of a pair or a byte of a name that is not UTF-8."""

    def render(self, content: Any) -> bytes:
        try:
            text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        except ValueError:
            text = json.dumps(finite(content), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return readable(text).encode()


def finite(value: Any) -> Any:
    """The value with null for infinite numbers and for what is none."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


async def beside(size: int, what: Callable[..., T], *given: Any) -> T:
    """The result of a call: made here, if it is about so little; else in another thread."""
    if size <= LARGE:
        return what(*given)
    return await asyncio.to_thread(what, *given)


def answer(value: Any, size: int) -> Response:
    """An answer. size: about so many elements it has."""
    if size <= LARGE:
        return Json(value)
    return StreamingResponse(together(pieces(value)), media_type="application/json")


async def streamed(parts: Iterator[str]) -> Response:
    """An answer from its pieces, each of which is made in another thread when it is to be sent. Raises what the first
    one that is not empty raises, and those before it."""
    first = await asyncio.to_thread(next, parts, None)
    while first == "":
        first = await asyncio.to_thread(next, parts, None)

    parts = chain(() if first is None else (first,), parts)
    return StreamingResponse(together(parts), media_type="application/json")  # which asks for each in another thread


def dumped(value: Any) -> str:
    """JSON as Starlette writes it. Raises `ValueError` for numbers that are not finite."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def pieces(value: Any) -> Iterator[str]:
    """The same, in pieces."""
    if isinstance(value, dict) and any(isinstance(one, (dict, list)) for one in value.values()):
        mark = "{"
        for name, one in value.items():
            yield f"{mark}{dumped(name)}:"
            yield from pieces(one)
            mark = ","
        yield "}"
    elif isinstance(value, list) and len(value) > ELEMENTS:
        mark = "["
        for at in range(0, len(value), ELEMENTS):
            yield mark + dumped(value[at : at + ELEMENTS])[1:-1]
            mark = ","
        yield "]"
    elif isinstance(value, list) and any(isinstance(one, (dict, list)) for one in value):
        mark = "["
        for one in value:
            yield mark
            yield from pieces(one)
            mark = ","
        yield "]"
    else:
        yield dumped(value)


def together(parts: Iterator[str]) -> Iterator[bytes]:
    """Pieces that are worth sending."""
    found, size = list[str](), 0
    for part in parts:
        found.append(part)
        size += len(part)
        if size >= PIECE:
            yield "".join(found).encode()
            found, size = [], 0
    if found:
        yield "".join(found).encode()
