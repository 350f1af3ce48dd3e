"""Answers of `Endpoint`s: the work runs in threads of its own, and the event loop hands over what it gives."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from rhapsode.errors import UserError
from rhapsode.inference.batching import Cancelled, Full
from rhapsode.serving.endpoint import Endpoint, Given, Heard, Sampled, Shared, Trace, as_fields
from rhapsode.serving.errors import ApiError, of
from rhapsode.serving.openapi import EVENTS
from rhapsode.serving.rendering import finite
from rhapsode.serving.served import Served

JSON = "application/json"
THREADS = 64
"""Requests at work at a time; most of them only wait for their samples."""
SECONDS = 0.04
"""What is drawn in so much time goes into one event."""
NOTES = 4096
"""The most characters of the header with notes: the first of them, if there are too many."""


class Work:
    """The threads of all verbs."""

    def __init__(self, waiting: int) -> None:
        """waiting: so many requests may wait for a thread."""
        self._threads = ThreadPoolExecutor(THREADS, "rhapsode-verb")
        self._most, self._count = THREADS + waiting, 0

    def begin(self, work: Callable[[], Given]) -> asyncio.Future[Given]:
        """Raises `Full`."""
        if self._count >= self._most:
            raise Full(f"{self._count:,} requests wait already. Try again later.")
        self._count += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: asyncio.Future[Given]) -> None:
        self._count -= 1
        if not future.cancelled():
            future.exception()  # it was asked for, or nobody waits for it any more

    async def next(self, parts: Iterator[bytes]) -> bytes | None:
        """The next part of a file; None behind the last."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: next(parts, None))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class Task:
    """One request to an endpoint. It belongs to one event loop."""

    def __init__(self, work: Work, served: Served, endpoint: Endpoint[Any, Any], asked: Sampled) -> None:
        self.asked = asked
        self._work, self._served, self._endpoint = work, served, endpoint
        self._loop = asyncio.get_running_loop()
        self._new: dict[Trace, list[Any]] = {}
        self._changed = asyncio.Event()
        self._heard = Heard()
        told = self._told if asked.stream and endpoint.follow else None
        self._model = Shared(served.model, served.batcher, served.alone, told, endpoint.follow)

    def _told(self, trace: Trace, steps: Sequence[Any]) -> None:
        self._loop.call_soon_threadsafe(self._take, trace, steps)

    def _take(self, trace: Trace, steps: Sequence[Any]) -> None:
        self._new.setdefault(trace, []).extend(steps)
        self._changed.set()

    def cancel(self) -> None:
        self._model.cancel()

    def _given(self) -> Given:
        """The work itself, in a thread. Its content is never None: JSON is made here, too."""
        try:
            given = self._endpoint.answer(self._model, self._served.beside, self.asked, self._heard)
        except (Full, Cancelled):
            raise
        except StopIteration as error:  # a fault of ours, which no future takes: the client would wait for ever
            raise RuntimeError("StopIteration") from error
        except UserError as error:
            raise UserError(self._said(str(error))) from None
        self._heard.notes = [self._said(note) for note in self._heard.notes]
        return given if given.content is not None else replace(given, content=self._whole(given), media=JSON)

    def _said(self, text: str) -> str:
        """What commands say, for those who ask over HTTP: fields in the place of options, and no place of the disk."""
        path = self._served.model.path
        for place in () if path is None else (str(path), str(path.parent)):
            text = text.replace(place, self._served.name)
        return as_fields(text, list(type(self.asked).model_fields))

    async def response(self, request: Request) -> Response:
        """The answer, whole; or in parts if it is a stream. Raises what the work raises, and `ClientDisconnect`."""
        streamed = self.asked.stream and self._endpoint.follow is not None
        gone = asyncio.ensure_future(_gone(request))
        told = asyncio.ensure_future(self._changed.wait())
        work = self._work.begin(self._given)
        try:
            either: list[asyncio.Future[Any]] = [gone, work, told]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise ClientDisconnect
            if streamed and not work.done():
                return Streamed(self.events(work), EVENTS, {}, self.cancel)
            given = work.result()
        except BaseException:
            self.cancel()
            raise
        finally:
            gone.cancel()
            told.cancel()
        if streamed:
            return Streamed(self.events(work), EVENTS, {}, self.cancel)
        headers = {} if given.media == JSON else self._headers(given)
        if isinstance(given.content, bytes):
            return Response(given.content, media_type=given.media, headers=headers)
        assert given.content is not None
        return Streamed(self._parts(given.content), given.media, headers, self.cancel)

    async def events(self, work: asyncio.Future[Given]) -> AsyncIterator[str]:
        """What is drawn, as it is drawn; then the whole answer."""
        try:
            while not work.done() or self._new:
                changed = asyncio.ensure_future(self._changed.wait())
                either: list[asyncio.Future[Any]] = [work, changed]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                new, self._new = self._new, {}
                self._changed.clear()
                for trace, steps in new.items():
                    if event := await asyncio.to_thread(self._event, trace, steps):
                        yield event
                if not work.done():
                    await asyncio.wait([work], timeout=SECONDS)
            content = work.result().content
            assert isinstance(content, bytes)
            yield f"data: {content.decode()}\n\n"
        except Exception as error:
            told = of(error)
            if told.status == 500:
                raise
            yield f"data: {json.dumps(told.body)}\n\n"
        yield "data: [DONE]\n\n"

    def _event(self, trace: Trace, steps: Sequence[Any]) -> str:
        """An event of further steps of a sample; empty if there is nothing to tell yet."""
        found = trace.event(steps)
        return "" if found is None else f"data: {json.dumps({'object': f'{self._served.verb}.part', **found})}\n\n"

    async def _parts(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (part := await self._work.next(parts)) is not None:
            yield part

    def _whole(self, given: Given) -> bytes:
        """The answer as JSON."""
        notes = {"notes": self._heard.notes} if self._heard.notes else {}
        head = {
            "id": f"{self._served.verb}-{secrets.token_hex(12)}",
            "object": self._served.verb,
            "created": int(time.time()),
            "model": self._served.name,
            "system_fingerprint": self._served.fingerprint,
            "seed": given.seed,
        }
        whole = {**head, **given.fields, **notes}
        try:
            return _json(whole)
        except ValueError:  # numbers that are none, which JSON does not have
            return _json(finite(whole))

    def _headers(self, given: Given) -> Mapping[str, str]:
        found = {"X-Rhapsode-Fingerprint": self._served.fingerprint}
        if given.seed is not None:
            found["X-Rhapsode-Seed"] = str(given.seed)
        if given.name:
            found["Content-Disposition"] = f'inline; filename="{given.name}"'
        notes = list(self._heard.notes)
        while len(json.dumps(notes)) > NOTES:
            notes.pop()
        if notes:
            found["X-Rhapsode-Notes"] = json.dumps(notes)
        return found


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


class Streamed(StreamingResponse):
    """An answer in parts. What makes them is told when the client goes."""

    def __init__(
        self, parts: AsyncIterator[Any], media: str, headers: Mapping[str, str], cancel: Callable[[], None]
    ) -> None:
        self._cancel = cancel
        stream = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(parts, media_type=media, headers={**stream, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._cancel()


async def _gone(request: Request) -> None:
    """Returns when the client has gone. The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def chosen(models: Mapping[str, Served], name: str | None, path: str) -> Served:
    """The model that a request to this path names, or the only one that answers there. Raises `ApiError`."""
    able = [one for one in models.values() if one.path == path]
    if name is None:
        if len(able) == 1:
            return able[0]
        what = "Several models answer here: name one." if able else "No model that is served answers here."
        raise ApiError(400, f"{what} See /v1/models.", "model")
    if name not in models:
        shown = name if len(name) <= 80 else name[:80] + "…"
        raise ApiError(404, f"The model {shown!r} does not exist: see /v1/models.", "model", "model_not_found")
    found = models[name]
    if found.path != path:
        raise ApiError(
            400, f"{name} is a model of {found.noun}: ask it at {found.path}.", "model", "unsupported_endpoint"
        )
    return found
