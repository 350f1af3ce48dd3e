"""The application of the studio: the server's paths, the pages, and the models that a person has."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.inference.states import States
from rhapsode.report import Report
from rhapsode.serving.app import Paths, Server
from rhapsode.serving.errors import ApiError
from rhapsode.serving.guard import QUERY, Rules, cookie_name
from rhapsode.serving.requests import Asked, Name
from rhapsode.serving.served import Served
from rhapsode.studio.shelf import PICTURE, Shelf, constraints, views
from rhapsode.studio.site import HEADERS, Site


class Opened(Asked):
    """`POST /api/shelf/open`: load a model."""

    model: Name


class Studio(Server):
    """The server, of which models are loaded when a page needs them, and its pages."""

    def __init__(self, shelf: Shelf, rules: Rules, report: Report, rows: int = 16, waiting: int = 64) -> None:
        self._shelf, self._site, self._states = shelf, Site(), States()
        self._rows, self._waiting = rows, waiting
        self._opening: dict[str, asyncio.Task[Served]] = {}
        super().__init__([], rules, report)

    def routes(self) -> list[BaseRoute]:
        pages = Route("/", self._answering(self._page)), Route("/page/{path:path}", self._answering(self._site.file))
        return [*super().routes(), *pages]

    def paths(self) -> Paths:
        return [
            *super().paths(),
            (("GET", "/api/shelf", "The models that are there.", None, "application/json"), self._shelved),
            (("POST", "/api/shelf/open", "Load a model.", Opened, "application/json"), self._open),
            (("GET", "/api/shelf/picture", "How a model learnt: ?model=NAME.", None, "image/png"), self._picture),
        ]

    async def _page(self, request: Request) -> Response:
        if QUERY in request.query_params:  # the guard found it right: keep it where no address shows it
            response: Response = RedirectResponse("/", 303, HEADERS)
            key = request.query_params[QUERY]
            name = cookie_name(request.scope)
            response.set_cookie(name, key, httponly=True, samesite="strict")
            return response
        return await self._site.page(request)

    async def _shelved(self, request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(self._found))

    def _found(self) -> dict[str, Any]:
        shown, wrong = [], []
        for one in self._shelf.models().values():
            try:
                shown.append(one.about() | {"open": one.name in self.models})
            except UserError as error:
                wrong.append(str(error))
        below = str(self._shelf.below.resolve()) if self._shelf.below else ""
        return {"models": shown, "wrong": wrong, "below": below, "views": views(), "valid": list(constraints())}

    async def _open(self, request: Request) -> Response:
        asked = await self._asked(request, Opened)
        if asked.model not in self.models:
            task = self._opening.get(asked.model)
            if task is None:
                task = asyncio.ensure_future(asyncio.to_thread(self._load, asked.model))
                self._opening[asked.model] = task
                task.add_done_callback(lambda _: self._opening.pop(asked.model, None))
            served = await asyncio.shield(task)
            self.models.setdefault(asked.model, served)
        return JSONResponse(self._served(asked.model).about)

    def _load(self, name: str) -> Served:
        model = Model.load(self._shelf.find(name).path)
        return Served(name, model, self._rows, self._waiting, self._states)

    async def _picture(self, request: Request) -> Response:
        path = self._shelf.find(request.query_params.get("model", "")).folder / PICTURE
        if not path.is_file():
            raise ApiError(404, "This model has no picture.", "model")
        return FileResponse(path, headers={"Cache-Control": "no-cache"})
