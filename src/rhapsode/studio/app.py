"""The application of the studio: the server's paths, the pages, and the models that a person has."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from rhapsode.errors import UserError
from rhapsode.inference.model import Model
from rhapsode.inference.states import States
from rhapsode.report import Report
from rhapsode.serving.app import Paths, Server
from rhapsode.serving.errors import ApiError
from rhapsode.serving.guard import QUERY, Rules, cookie_name
from rhapsode.serving.requests import Asked, Name
from rhapsode.serving.served import Served
from rhapsode.studio.about import exported, forms, inspected, measured
from rhapsode.studio.runs import Runs
from rhapsode.studio.shelf import Shelf, constraints, views
from rhapsode.studio.site import HEADERS, Site
from rhapsode.training.log import PICTURE

SOURCES, MEASURED = "/api/runs/files", "/api/shelf/score"
UPLOADS = (SOURCES, MEASURED)
"""What the paths of files that are sent begin with."""


class Opened(Asked):
    """`POST /api/shelf/open`: load a model."""

    model: Name


class Exported(Asked):
    """`POST /api/shelf/export`: a model as a file for others. form: the ending of the file, without its point."""

    model: Name
    form: Name


class Begun(Asked):
    """`POST /api/runs`: train a model. sources: files, folders or globs of this machine, or `data:NAME`."""

    name: Name
    sources: Annotated[list[Annotated[str, Field(min_length=1, max_length=4000)]], Field(min_length=1, max_length=1000)]
    minutes: Annotated[float, Field(gt=0, le=100_000)] = 5.0


class Resumed(Asked):
    """`POST /api/runs/{name}/resume`: go on with a training; or for so many more minutes."""

    minutes: Annotated[float, Field(gt=0, le=100_000)] | None = None


class Inspected(Asked):
    """`POST /api/runs/look`: what training would make of files."""

    sources: Annotated[list[Annotated[str, Field(min_length=1, max_length=4000)]], Field(min_length=1, max_length=50)]


class Studio(Server):
    """The server, of which models are loaded when a page needs them, and its pages."""

    def __init__(self, shelf: Shelf, rules: Rules, report: Report, rows: int = 16, waiting: int = 64) -> None:
        self._shelf, self._site, self._states = shelf, Site(), States()
        self._rows, self._waiting = rows, waiting
        self.runs = Runs(shelf.below or Path())
        self._opening: dict[str, asyncio.Task[Served]] = {}
        super().__init__([], rules, report)

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            Route("/", self._answering(self._page)),
            Route("/page/{path:path}", self._answering(self._site.file)),
            Route(f"{SOURCES}/{{name}}/{{file}}", self._answering(self._upload), methods=["PUT"]),
            Route(f"{MEASURED}/{{file}}", self._answering(self._measure), methods=["PUT"]),
        ]

    def close(self, timeout: float) -> bool:
        self.runs.close()
        return super().close(timeout)

    def paths(self) -> Paths:
        return [
            *super().paths(),
            (("GET", "/api/shelf", "The models that are there.", None, "application/json"), self._shelved),
            (("POST", "/api/shelf/open", "Load a model.", Opened, "application/json"), self._open),
            (("GET", "/api/shelf/picture", "How a model learnt: ?model=NAME.", None, "image/png"), self._picture),
            (
                ("GET", "/api/shelf/inspect", "All of a model: ?model=NAME.", None, "application/json"),
                self._inspect,
            ),
            (
                ("POST", "/api/shelf/export", "A model as a file for others.", Exported, "application/octet-stream"),
                self._export,
            ),
            (("GET", "/api/runs", "The trainings.", None, "application/json"), self._runs),
            (("POST", "/api/runs", "Train a model.", Begun, "application/json"), self._train),
            (
                ("POST", "/api/runs/look", "What training would make of files.", Inspected, "application/json"),
                self._found_in,
            ),
            (
                ("GET", "/api/runs/{name}", "One training: ?begin=N, its metrics from N on.", None, "application/json"),
                self._run,
            ),
            (("POST", "/api/runs/{name}/stop", "Stop it; it can go on.", Asked, "application/json"), self._stop),
            (("POST", "/api/runs/{name}/resume", "Go on, or train longer.", Resumed, "application/json"), self._resume),
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
        return {
            "models": shown,
            "wrong": wrong,
            "below": below,
            "views": views(),
            "valid": list(constraints()),
            "forms": forms(),
        }

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
        return JSONResponse(self.models[asked.model].about)

    def _load(self, name: str) -> Served:
        model = Model.load(self._shelf.find(name).path)
        return Served(name, model, self._rows, self._waiting, self._states)

    async def _picture(self, request: Request) -> Response:
        path = self._shelf.find(request.query_params.get("model", "")).folder / PICTURE
        if not path.is_file():
            raise ApiError(404, "This model has no picture.", "model")
        return FileResponse(path, headers={"Cache-Control": "no-cache"})

    async def _inspect(self, request: Request) -> Response:
        model = self._shelf.find(request.query_params.get("model", ""))
        return JSONResponse(await asyncio.to_thread(inspected, model))

    async def _export(self, request: Request) -> Response:
        asked = await self._asked(request, Exported)
        name, contents = await asyncio.to_thread(exported, self._shelf.find(asked.model), asked.form)
        kind = "application/zip" if name.endswith(".zip") else "application/octet-stream"
        return Response(
            contents, media_type=kind, headers={"Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}"}
        )

    async def _measure(self, request: Request) -> Response:
        """How well a model predicts a file that was dropped: ?model=NAME."""
        model = self._shelf.find(request.query_params.get("model", ""))
        with tempfile.TemporaryDirectory(prefix="rhapsode-") as folder:
            path = await _received(request, Path(folder))
            return JSONResponse(await asyncio.to_thread(measured, model, [str(path)]))

    # --- trainings ---

    async def _runs(self, request: Request) -> Response:
        return JSONResponse({"runs": await asyncio.to_thread(self.runs.every)})

    async def _run(self, request: Request) -> Response:
        begin = request.query_params.get("begin", "0")
        run = self.runs.get(request.path_params["name"])
        return JSONResponse(await asyncio.to_thread(run.about, int(begin) if begin.isdecimal() else 0))

    async def _train(self, request: Request) -> Response:
        asked = await self._asked(request, Begun)
        run = await asyncio.to_thread(self.runs.start, asked.name, asked.sources, asked.minutes)
        return JSONResponse(await asyncio.to_thread(run.about))

    async def _resume(self, request: Request) -> Response:
        asked = await self._asked(request, Resumed)
        run = await asyncio.to_thread(self.runs.resume, request.path_params["name"], asked.minutes)
        return JSONResponse(await asyncio.to_thread(run.about))

    async def _stop(self, request: Request) -> Response:
        await self._asked(request, Asked)
        run = self.runs.get(request.path_params["name"])
        run.stop()
        return JSONResponse(await asyncio.to_thread(run.about))

    async def _found_in(self, request: Request) -> Response:
        asked = await self._asked(request, Inspected)
        return JSONResponse({"sources": await asyncio.to_thread(self.runs.look, asked.sources)})

    async def _upload(self, request: Request) -> Response:
        """A file that was dropped into the page, as it is. Answers with its path."""
        folder = self.runs.uploads(request.path_params["name"])
        return JSONResponse({"path": str(await _received(request, folder))})


async def _received(request: Request, folder: Path) -> Path:
    """The file that a request sends, in a folder, under its own name. It is there when it is complete."""
    name = Path(request.path_params["file"]).name.lstrip(".")[-200:] or "file"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    part = folder / f".{name}.part"
    try:
        with open(part, "wb") as file:
            async for chunk in request.stream():
                await asyncio.to_thread(file.write, chunk)
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)
    return folder / name
