"""The application: paths, and who answers them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from rhapsode.console.brought import every
from rhapsode.inference.batching import WAITING, Cancelled
from rhapsode.report import Report
from rhapsode.serving import bodies, looking, openapi, reading
from rhapsode.serving.completions import Answer
from rhapsode.serving.endpoint import Endpoint
from rhapsode.serving.errors import ApiError, of
from rhapsode.serving.guard import OWNER, Guard, Rules
from rhapsode.serving.rendering import Json, answer, beside, streamed
from rhapsode.serving.requests import Asked, Completion, Detokenize, Going, Look, NewSession, Next, Read, Tokenize
from rhapsode.serving.served import START, TEXTS, Served
from rhapsode.serving.sessions import SESSIONS, Session, Sessions, Turn, written
from rhapsode.serving.verbs import JSON, Task, Work, chosen

UNLOADED = ("/health", "/metrics", "/openapi.json")
"""Paths that need no model."""
STREAM = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

A = TypeVar("A", bound=Asked)
Answers = Callable[[Request], Awaitable[Response]]
Paths = list[tuple[openapi.Route, Answers]]


class Server:
    """Models, and the application that serves them."""

    def __init__(self, models: Sequence[Served] | None, rules: Rules, report: Report, sessions: int = SESSIONS) -> None:
        """models: None if they are still to be loaded, see `load`. sessions: the most sessions."""
        self.models: dict[str, Served] = {}
        self.loading, self.stopping = True, False
        self.sessions = Sessions(sessions)
        if models is not None:
            self.load(models)
        self._work = Work(WAITING)
        self._report, self._answers = report, Counter[tuple[str, int]]()
        self._paths = self.paths()
        self._routes = self.routes()
        application = Starlette(routes=self._routes, exception_handlers={HTTPException: self._unknown})
        application.router.redirect_slashes = False  # behind a proxy, the address of a redirect would be a wrong one
        self.app = Guard(application, rules)

    def routes(self) -> list[Route]:
        """All paths, also those that the OpenAPI page does not show."""
        found: list[Route] = [
            Route(path, self._answering(answer), methods=[method]) for (method, path, *_), answer in self._paths
        ]
        return [*found, Route("/v1/chat/completions", self._answering(self._chat), methods=["POST"])]

    def paths(self) -> Paths:
        """The paths that the OpenAPI page shows, and what answers them."""
        return [
            (("GET", "/health", "Whether models are loaded.", None, "application/json"), self._health),
            (("GET", "/v1/models", "The models.", None, "application/json"), self._list),
            (("GET", "/v1/models/{id:path}", "One model.", None, "application/json"), self._model),
            (
                (
                    "POST",
                    "/v1/completions",
                    "Continue texts, or score them.",
                    Completion,
                    f"application/json, {openapi.EVENTS}",
                ),
                self._complete,
            ),
            (("POST", "/tokenize", "The tokens of a text.", Tokenize, "application/json"), self._tokenize),
            (("POST", "/detokenize", "The text of tokens.", Detokenize, "application/json"), self._detokenize),
            (("GET", "/tokenizer_info", "The special tokens.", None, "application/json"), self._tokenizer),
            (
                ("POST", "/api/read", "What a model makes of a text, token by token.", Read, "application/json"),
                self._read,
            ),
            (
                ("POST", "/api/states", "What a layer holds behind each token of a text.", Look, "application/json"),
                self._look,
            ),
            (("POST", "/api/next", "What a model expects behind a text.", Next, "application/json"), self._next),
            *self._of_sessions(),
            *(self._verb(one) for kind in every() if (one := kind.endpoint()) is not None),
            (("GET", "/metrics", "Figures, for Prometheus.", None, "text/plain"), self._metrics),
            (("GET", "/openapi.json", "This page.", None, "application/json"), self._openapi),
        ]

    def load(self, models: Sequence[Served]) -> None:
        """Serve these models."""
        self.models = {one.name: one for one in models}
        self.loading = False

    def close(self, timeout: float) -> bool:
        """Let the engines end what was begun, for so many seconds; whether they did."""
        self.stopping = True
        until = time.monotonic() + timeout
        self._work.close()
        done = [one.batcher.close(timeout=max(0.0, until - time.monotonic())) for one in self.models.values()]
        return all(done) or all(one.batcher.close(finish=False, timeout=5) for one in self.models.values())

    # --- what goes with every answer ---

    def _answering(self, answer: Answers) -> Answers:
        async def answered(request: Request) -> Response:
            try:
                if self.loading and request.url.path not in UNLOADED:
                    raise ApiError(503, "The models are being loaded.", code="loading", Retry_After="1")
                response = await answer(request)
            except ClientDisconnect:
                response = Response(status_code=499)
            except HTTPException as error:
                response = await self._unknown(request, error)
            except Exception as error:
                told = of(error)
                if told.status == 500:
                    self._report.warn(f"{request.url.path}: {type(error).__name__}: {error}")
                response = Json(told.body, told.status, told.headers)
            self._answers[request.scope["route"].path if "route" in request.scope else "", response.status_code] += 1
            return response

        return answered

    async def _unknown(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            told = ApiError(405, "This path has another method: see /openapi.json.", code="method_not_allowed")
            found = [route.methods or () for route in self._routes if route.matches(request.scope)[0] != Match.NONE]
            return Json(told.body, 405, {"Allow": ", ".join(sorted(set().union(*found)))})
        told = ApiError(404, "There is no such path: see /openapi.json. A base URL ends in /v1.", code="not_found")
        return Json(told.body, 404)

    async def _asked(self, request: Request, kind: type[A]) -> A:
        """The body of a request. Raises `ApiError` or `ValidationError`."""
        bodies.check(request.headers)
        body = await request.body()
        values = await beside(len(body), bodies.parsed, body)
        return await beside(len(body), kind.model_validate, values)

    def _served(self, name: str | None, path: str = TEXTS) -> Served:
        """The model that a request names, or the only one that answers at such a path. Raises `ApiError`."""
        found = chosen(self.models, name, path)
        found.post.listen()
        return found

    def _verb(self, endpoint: Endpoint[Any, Any]) -> tuple[openapi.Route, Answers]:
        """The path of a modality."""

        async def answer(request: Request) -> Response:
            asked = await self._asked(request, endpoint.request)
            return await Task(self._work, self._served(asked.model, endpoint.path), endpoint, asked).response(request)

        media = ", ".join([JSON, *([openapi.EVENTS] if endpoint.follow else []), *endpoint.media])
        return ("POST", endpoint.path, endpoint.summary, endpoint.request, media), answer

    # --- answers ---

    async def _health(self, request: Request) -> Response:
        if self.loading:
            return Json({"status": "loading"}, 503, {"Retry-After": "1"})
        if self.stopping:
            raise ApiError(503, "The server is stopping.", code="stopping")
        return Json({"status": "ok"})

    async def _list(self, request: Request) -> Response:
        return Json({"object": "list", "data": [one.about for one in self.models.values()]})

    async def _model(self, request: Request) -> Response:
        name = request.path_params["id"]
        return Json(self._served(name, self.models[name].path if name in self.models else "").about)

    async def _chat(self, request: Request) -> Response:
        raise ApiError(
            400, "Models here continue texts, and do not chat: use /v1/completions.", code="unsupported_endpoint"
        )

    async def _complete(self, request: Request) -> Response:
        asked = await self._asked(request, Completion)
        made = Answer(self._served(asked.model), asked, asked.prompts, asked.echo)
        return await self._answered(request, made)

    async def _answered(self, request: Request, made: Answer) -> Response:
        """The answer, whole or as events."""
        await made.begin()
        if made.asked.stream:
            return Events(made)
        return answer(await _unless_gone(request, made), made.size)

    async def _tokenize(self, request: Request) -> Response:
        asked = await self._asked(request, Tokenize)
        served = self._served(asked.model)
        tokens = await beside(len(asked.prompt), served.tokens, asked.prompt)
        return answer({"count": len(tokens), "max_model_len": 2**31 - 1, "tokens": tokens}, len(tokens))

    async def _detokenize(self, request: Request) -> Response:
        asked = await self._asked(request, Detokenize)
        served = self._served(asked.model)
        text = await beside(len(asked.tokens), _text, served, asked.tokens)
        return Json({"prompt": text})

    async def _tokenizer(self, request: Request) -> Response:
        served = self._served(request.query_params.get("model"))
        return Json(
            {
                "tokenizer_class": served.codec.name,
                "eos_token": START,
                "bos_token": START,
                "pad_token": None,
                "chat_template": None,
            }
        )

    async def _read(self, request: Request) -> Response:
        asked = await self._asked(request, Read)
        served = self._served(asked.model)
        return await streamed(reading.read(served, await self._symbols(served, asked.prompt), asked))

    async def _next(self, request: Request) -> Response:
        asked = await self._asked(request, Next)
        served = self._served(asked.model)
        symbols = await self._symbols(served, asked.prompt)
        return Json(await asyncio.to_thread(reading.expect, served, symbols, asked))

    async def _look(self, request: Request) -> Response:
        asked = await self._asked(request, Look)
        served = self._served(asked.model)
        return await streamed(looking.look(served, await self._symbols(served, asked.prompt), asked))

    async def _symbols(self, served: Served, prompt: str | list[int]) -> np.ndarray:
        return await beside(len(prompt), served.symbols, prompt)

    # --- sessions ---

    def _of_sessions(self) -> Paths:
        path, one, media = "/api/sessions", "/api/sessions/{id}", "application/json"
        return [
            (("POST", path, "Begin a session at the end of a text.", NewSession, media), self._begin_session),
            (("GET", path, "Your sessions.", None, media), self._list_sessions),
            (("GET", one, "One session.", None, media), self._show_session),
            (("DELETE", one, "Drop a session.", None, media), self._drop_session),
            (("POST", f"{one}/fork", "The same session once more.", None, media), self._fork_session),
            (
                ("POST", f"{one}/completions", "Go on from a session.", Going, f"{media}, {openapi.EVENTS}"),
                self._go_on,
            ),
        ]

    def _session(self, request: Request) -> Session:
        return self.sessions.get(request.scope[OWNER], request.path_params["id"])

    async def _begin_session(self, request: Request) -> Response:
        asked = await self._asked(request, NewSession)
        served = self._served(asked.model)
        text = await beside(len(asked.prompt), written, served, asked.prompt)
        reads = Answer(served, Going(max_tokens=0), [text.symbols])
        await reads.begin()
        await _unless_gone(request, reads)
        return Json(self.sessions.add(served, request.scope[OWNER], text).about)

    async def _list_sessions(self, request: Request) -> Response:
        return Json({"object": "list", "data": [one.about for one in self.sessions.of(request.scope[OWNER])]})

    async def _show_session(self, request: Request) -> Response:
        return Json(self._session(request).about)

    async def _drop_session(self, request: Request) -> Response:
        session = self._session(request)
        self.sessions.drop(session)
        return Json({"id": session.id, "object": "session", "deleted": True})

    async def _fork_session(self, request: Request) -> Response:
        session = self._session(request)
        return Json(self.sessions.add(session.served, session.owner, session.text).about)

    async def _go_on(self, request: Request) -> Response:
        asked = await self._asked(request, Going)
        return await self._answered(request, Turn(self.sessions, self._session(request), asked))

    async def _metrics(self, request: Request) -> Response:
        lines = ["# TYPE rhapsode_answers counter"]
        for (path, status), count in sorted(self._answers.items()):
            lines.append(f'rhapsode_answers_total{{path="{path}",status="{status}"}} {count}')
        gauges = ("waiting", "reading", "drawing", "paused")
        for name in (*gauges, "read", "reused", "drawn", "ticks", "busy"):
            full = f"rhapsode_jobs_{name}" if name in gauges else f"rhapsode_{NAMES[name]}"
            lines.append(f"# TYPE {full.removesuffix('_total')} {'gauge' if name in gauges else 'counter'}")
            for one in self.models.values():
                model = one.name.replace("\\", "\\\\").replace('"', '\\"')
                lines.append(f'{full}{{model="{model}"}} {getattr(one.batcher.figures, name)}')
        for name, number in (("sessions", len(self.sessions)), ("session_bytes", self.sessions.bytes)):
            lines += [f"# TYPE rhapsode_{name} gauge", f"rhapsode_{name} {number}"]
        return PlainTextResponse("\n".join(lines) + "\n")

    async def _openapi(self, request: Request) -> Response:
        return Json(openapi.page([route for route, _ in self._paths]))


NAMES = {
    "read": "tokens_read_total",
    "reused": "tokens_reused_total",
    "drawn": "tokens_drawn_total",
    "ticks": "ticks_total",
    "busy": "busy_seconds_total",
}


def _text(served: Served, tokens: list[int]) -> str:
    """Raises `ApiError` for tokens that are none."""
    symbols = np.array(tokens, np.int64)
    if (symbols > served.start).any():
        raise ApiError(400, f"tokens: they go from 0 to {served.start}.", "tokens")
    return served.decoded(symbols[symbols != served.start]).decode("utf-8", "replace")


async def _unless_gone(request: Request, answer: Answer) -> dict[str, Any]:
    """The whole answer. Raises `ClientDisconnect` if the client goes before."""
    gone = asyncio.ensure_future(_gone(request.receive))
    whole = asyncio.ensure_future(answer.whole())
    try:
        await asyncio.wait([gone, whole], return_when=asyncio.FIRST_COMPLETED)
        if not whole.done():
            raise ClientDisconnect
        return whole.result()
    finally:
        gone.cancel()
        whole.cancel()
        answer.cancel()


async def _gone(receive: Receive) -> None:
    """Returns when the client has gone. The body must have been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Events(Response):
    """Server-sent events of an answer, which is cancelled when the client goes."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        super().__init__(media_type=openapi.EVENTS, headers=STREAM)
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_gone(receive))
        gone.add_done_callback(lambda _: self._answer.cancel())
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for events in self._answer.events():
                await send({"type": "http.response.body", "body": events.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Cancelled:
            if not gone.done():  # the server stops
                raise
        finally:
            gone.cancel()
            self._answer.cancel()
