"""The application of the studio: the server's paths, the pages, and the models that a person has."""

from __future__ import annotations

import asyncio
import filecmp
import secrets
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from rhapsode.console.brought import every
from rhapsode.errors import UserError
from rhapsode.files.place import reason
from rhapsode.files.values import readable
from rhapsode.inference.model import Model
from rhapsode.inference.states import States
from rhapsode.report import Report
from rhapsode.serving.app import Answers, Paths, Server
from rhapsode.serving.guard import QUERY, Rules, cookie_name
from rhapsode.serving.rendering import Json
from rhapsode.serving.requests import Asked, Name
from rhapsode.serving.served import Served
from rhapsode.studio.about import exported, forms, inspected, learnt, measured
from rhapsode.studio.brought import Brought, Place
from rhapsode.studio.copies import Novel, copies
from rhapsode.studio.offered import demos
from rhapsode.studio.pictures import picture
from rhapsode.studio.runs import Runs, named
from rhapsode.studio.shelf import Shelf, constraints, free, views
from rhapsode.studio.site import CLOSED, HEADERS, Site, file_of
from rhapsode.training.log import PICTURE

SOURCES, MEASURED = "/api/runs/files", "/api/shelf/score"
UPLOADS = (SOURCES, MEASURED)
"""What the paths of files that are sent begin with."""
NAMED = 200
"""The most bytes of a name of such a file: its end, where it is longer."""
FOLDERS = 12
"""The most folders in folders of a file that is sent."""


class Opened(Asked):
    """`POST /api/shelf/open`: load a model."""

    model: Name


Minutes = Annotated[float, Field(gt=0, le=100_000)]
Source = Annotated[str, Field(min_length=1, max_length=4000)]


class Renamed(Asked):
    """`POST /api/shelf/rename`: give a model another name, beside where it is."""

    model: Name
    to: Name


class Restored(Asked):
    """`POST /api/shelf/restore`: bring a model back that was deleted. trash: as the answer to that has it."""

    trash: Annotated[str, Field(min_length=1, max_length=255)]


class Exported(Asked):
    """`POST /api/shelf/export`: a model as a file for others. form: the ending of the file, without its point."""

    model: Name
    form: Name


class Begun(Asked):
    """`POST /api/runs`: train a model. sources: files, folders or globs of this machine, or `data:NAME`. base: a
    model to begin from. options: of `rhapsode train`, by their names."""

    name: Name
    sources: Annotated[list[Source], Field(min_length=1, max_length=1000)]
    minutes: Minutes = 5.0
    base: Name | None = None
    options: Annotated[dict[Name, bool | int | float | Annotated[str, Field(max_length=200)]], Field(max_length=50)] = (
        Field(default_factory=dict)
    )


class Demo(Asked):
    """`POST /api/runs/demo`: run one of the demos."""

    demo: Name
    minutes: Minutes | None = None


class Resumed(Asked):
    """`POST /api/runs/{name}/resume`: go on with a training; or for so many more minutes."""

    minutes: Minutes | None = None


class Inspected(Asked):
    """`POST /api/runs/look`: what training would make of files."""

    sources: Annotated[list[Source], Field(min_length=1, max_length=50)]


class Studio(Server):
    """The server, of which models are loaded when a page needs them, and its pages."""

    def __init__(
        self,
        shelf: Shelf,
        rules: Rules,
        report: Report,
        rows: int = 16,
        waiting: int = 64,
        only: Sequence[Brought] | None = None,
        begin: str = "",
    ) -> None:
        """only: what is added to the paths; then there are no trainings. None: what all
        modalities add. begin: the first page, as the part of its address from `#` on."""
        self._shelf, self._site, self._states = shelf, Site(), States()
        self._rows, self._waiting, self._begin = rows, waiting, begin
        self._trains = only is None
        place = Place(shelf.below or Path(), lambda name: shelf.find(name).path)
        added = (kind.studio(place) for kind in every()) if only is None else only
        self._brought = [one for one in added if one is not None]
        self.runs = Runs(shelf.below or Path())
        self._opening: dict[str, asyncio.Task[Served]] = {}
        super().__init__([], rules, report)

    def _answering(self, answer: Answers) -> Answers:
        answered = super()._answering(answer)

        async def closed(request: Request) -> Response:
            response = await answered(request)
            for name, value in CLOSED.items():
                response.headers.setdefault(name, value)
            return response

        return closed

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            Route("/", self._answering(self._page)),
            Route("/page/{path:path}", self._answering(self._site.file)),
            *(
                Route(path, self._answering(answer), methods=[method])
                for one in self._brought
                for method, path, answer in one.paths
            ),
            *(self._taking() if self._trains else ()),
        ]

    def _taking(self) -> list[Route]:
        """Paths that take files."""
        return [
            Route(f"{SOURCES}/{{name}}/{{file:path}}", self._answering(self._upload), methods=["PUT"]),
            Route(f"{MEASURED}/{{file}}", self._answering(self._measure), methods=["PUT"]),
        ]

    def close(self, timeout: float) -> bool:
        for one in self._brought:
            one.close()
        self.runs.close()
        return super().close(timeout)

    def paths(self) -> Paths:
        return [*super().paths(), *self._of_models(), *(self._of_the_whole() if self._trains else ())]

    def _of_models(self) -> Paths:
        return [
            (("GET", "/api/shelf", "The models that are there.", None, "application/json"), self._shelved),
            (("POST", "/api/shelf/open", "Load a model.", Opened, "application/json"), self._open),
            (
                ("GET", "/api/shelf/picture", "A picture by a model: ?model=NAME.", None, "image/svg+xml, image/png"),
                self._picture,
            ),
        ]

    def _of_the_whole(self) -> Paths:
        return [
            (("POST", "/api/shelf/rename", "Rename a model.", Renamed, "application/json"), self._rename),
            (("POST", "/api/shelf/delete", "Move a model into the trash.", Opened, "application/json"), self._delete),
            (("POST", "/api/shelf/restore", "Bring one back from there.", Restored, "application/json"), self._restore),
            (("GET", "/api/demos", "The demos.", None, "application/json"), self._demos),
            (
                ("POST", "/api/novelty", "What of a text stands in the training text.", Novel, "application/json"),
                self._novelty,
            ),
            (
                ("GET", "/api/shelf/inspect", "All of a model: ?model=NAME.", None, "application/json"),
                self._inspect,
            ),
            (("GET", "/api/shelf/metrics", "How a model learnt: ?model=NAME.", None, "application/json"), self._learnt),
            (
                ("POST", "/api/shelf/export", "A model as a file for others.", Exported, "application/octet-stream"),
                self._export,
            ),
            (("GET", "/api/runs", "The trainings.", None, "application/json"), self._runs),
            (("POST", "/api/runs", "Train a model.", Begun, "application/json"), self._train),
            (("POST", "/api/runs/demo", "Run a demo.", Demo, "application/json"), self._demo),
            (
                ("POST", "/api/runs/look", "What training would make of files.", Inspected, "application/json"),
                self._found_in,
            ),
            (
                (
                    "GET",
                    "/api/runs/{name:path}",
                    "One training: ?begin=N, its metrics from N on.",
                    None,
                    "application/json",
                ),
                self._run,
            ),
            (("POST", "/api/runs/{name:path}/stop", "Stop it; it can go on.", Asked, "application/json"), self._stop),
            (
                ("POST", "/api/runs/{name:path}/resume", "Go on, or train longer.", Resumed, "application/json"),
                self._resume,
            ),
        ]

    async def _page(self, request: Request) -> Response:
        if QUERY in request.query_params:  # the guard found it right: keep it where no address shows it
            response: Response = RedirectResponse(f"/{self._begin}", 303, HEADERS)
            key = request.query_params[QUERY]
            name = cookie_name(request.scope)
            response.set_cookie(name, key, httponly=True, samesite="strict")
            return response
        return await self._site.page(request)

    async def _shelved(self, request: Request) -> Response:
        return Json(await asyncio.to_thread(self._found))

    def _found(self) -> dict[str, Any]:
        shown, wrong = [], []
        for one in self._shelf.models().values():
            try:
                shown.append(self._shelf.about(one) | {"open": one.name in self.models})
            except UserError as error:
                wrong.append(str(error))
        below = str(self._shelf.below.resolve()) if self._shelf.below else ""
        return {
            "models": shown,
            "wrong": wrong,
            "below": below,
            "running": self.runs.running,
            "trains": self._trains,
            "views": views(self._trains),
            "valid": list(constraints()),
            "forms": forms(),
        }

    async def _open(self, request: Request) -> Response:
        asked = await self._asked(request, Opened)
        known = self.models.get(asked.model)
        if known is None or await asyncio.to_thread(self._replaced, known):
            task = self._opening.get(asked.model)
            if task is None:
                task = asyncio.ensure_future(asyncio.to_thread(self._load, asked.model))
                self._opening[asked.model] = task
                task.add_done_callback(lambda _: self._opening.pop(asked.model, None))
            served = await asyncio.shield(task)
            if self.models.get(asked.model) is known:
                self.models[asked.model] = served
                if known is not None:  # it ends what was begun
                    threading.Thread(target=known.batcher.close, daemon=True).start()
        return Json(self.models[asked.model].about)

    def _replaced(self, served: Served) -> bool:
        """Whether the file of a model that was loaded holds another one now, such as one that was trained longer."""
        try:
            one = self._shelf.find(served.name)
            return bool(self._shelf.about(one)["digest"] != served.model.checksum)
        except UserError:  # the file is gone, or is being written: what was loaded is there still
            return False

    def _load(self, name: str) -> Served:
        model = Model.load(self._shelf.find(name).path)
        return Served(name, model, self._rows, self._waiting, self._states)

    async def _picture(self, request: Request) -> Response:
        """What the model makes; or how it learnt, if that has no picture."""
        one = self._shelf.find(request.query_params.get("model", ""))
        about = await asyncio.to_thread(self._shelf.about, one)
        if about["picture"] == "model":
            drawn = await asyncio.to_thread(picture, one.path, about["digest"])
            if drawn is not None:
                return file_of(request, drawn, "image/svg+xml", CLOSED | {"Cache-Control": "no-cache"})
        if not (one.folder / PICTURE).is_file():
            return Response(status_code=204)  # it is known only now that there is none: no error
        return FileResponse(one.folder / PICTURE, headers={"Cache-Control": "no-cache"})

    async def _rename(self, request: Request) -> Response:
        asked = await self._asked(request, Renamed)
        named(asked.to)
        await self._given_up(asked.model)
        return Json({"model": await asyncio.to_thread(self._shelf.rename, asked.model, asked.to)})

    async def _delete(self, request: Request) -> Response:
        asked = await self._asked(request, Opened)
        await self._given_up(asked.model)
        return Json({"trash": await asyncio.to_thread(self._shelf.discard, asked.model)})

    async def _restore(self, request: Request) -> Response:
        asked = await self._asked(request, Restored)
        await asyncio.to_thread(self._shelf.restore, asked.trash)
        return Json({})

    async def _given_up(self, name: str) -> None:
        """The folder of a model is about to be moved: nothing may use it. Raises `UserError`."""
        folder = await asyncio.to_thread(self._shelf.own, name)
        await asyncio.to_thread(self.runs.forget, folder)
        if (served := self.models.pop(name, None)) is not None:
            await asyncio.to_thread(lambda: served.batcher.close(finish=False, timeout=5))

    async def _novelty(self, request: Request) -> Response:
        asked = await self._asked(request, Novel)
        return Json(await asyncio.to_thread(copies, self._served(asked.model), asked))

    async def _inspect(self, request: Request) -> Response:
        model = self._shelf.find(request.query_params.get("model", ""))
        return Json(await asyncio.to_thread(inspected, model))

    async def _learnt(self, request: Request) -> Response:
        model = self._shelf.find(request.query_params.get("model", ""))
        about = await asyncio.to_thread(self._shelf.about, model)
        return Json(await asyncio.to_thread(learnt, model, about["codec"]))

    async def _export(self, request: Request) -> Response:
        asked = await self._asked(request, Exported)
        name, contents = await asyncio.to_thread(exported, self._shelf.find(asked.model), asked.form)
        kind = "application/zip" if name.endswith(".zip") else "application/octet-stream"
        return Response(
            contents,
            media_type=kind,
            headers={"Content-Disposition": f"attachment; filename*=utf-8''{quote(readable(name))}"},
        )

    async def _measure(self, request: Request) -> Response:
        """How well a model predicts a file that was dropped: ?model=NAME."""
        model = self._shelf.find(request.query_params.get("model", ""))
        with tempfile.TemporaryDirectory(prefix="rhapsode-") as folder:
            path = await _received(request, Path(folder) / _named(request.path_params["file"]))
            return Json(await asyncio.to_thread(measured, model, [str(path)]))

    # --- trainings ---

    async def _demos(self, request: Request) -> Response:
        return Json({"demos": list((await asyncio.to_thread(demos)).values())})

    async def _demo(self, request: Request) -> Response:
        asked = await self._asked(request, Demo)
        run = await asyncio.to_thread(self.runs.demo, asked.demo, asked.minutes)
        return Json(await asyncio.to_thread(run.about))

    async def _runs(self, request: Request) -> Response:
        return Json({"runs": await asyncio.to_thread(self.runs.every)})

    async def _run(self, request: Request) -> Response:
        begin = request.query_params.get("begin", "0")
        run = self.runs.get(request.path_params["name"])
        return Json(await asyncio.to_thread(run.about, int(begin) if begin.isdecimal() else 0))

    async def _train(self, request: Request) -> Response:
        asked = await self._asked(request, Begun)
        base = None if asked.base is None else (await asyncio.to_thread(self._shelf.find, asked.base)).path.parent
        begin = (asked.name, asked.sources, asked.minutes, base, asked.options)
        run = await asyncio.to_thread(self.runs.start, *begin)
        return Json(await asyncio.to_thread(run.about))

    async def _resume(self, request: Request) -> Response:
        asked = await self._asked(request, Resumed)
        run = await asyncio.to_thread(self.runs.resume, request.path_params["name"], asked.minutes)
        return Json(await asyncio.to_thread(run.about))

    async def _stop(self, request: Request) -> Response:
        await self._asked(request, Asked)
        run = self.runs.get(request.path_params["name"])
        run.stop()
        return Json(await asyncio.to_thread(run.about))

    async def _found_in(self, request: Request) -> Response:
        asked = await self._asked(request, Inspected)
        return Json({"sources": await asyncio.to_thread(self.runs.look, asked.sources)})

    async def _upload(self, request: Request) -> Response:
        """A file that was dropped into the page, as it is, in its folders. Answers with its path. With `?new`, the
        first of its folders has a number if it is there: what was dropped before, and left out, is not learnt from."""
        folder = self.runs.uploads(request.path_params["name"])
        parts = [_named(part) for part in request.path_params["file"].split("/")][-FOLDERS:]
        if "new" in request.query_params and len(parts) > 1:
            parts[0] = free(folder / parts[0]).name
        path = await _received(request, folder.joinpath(*parts))
        return Json({"path": str(path), "folder": str(folder / parts[0])})


async def _received(request: Request, to: Path) -> Path:
    """The file that a request sends, when it is complete; its name has a number if there is another of this name.
    Raises `UserError`."""
    part = to.with_name(f".{secrets.token_hex(8)}.part")
    try:
        await asyncio.to_thread(to.parent.mkdir, parents=True, exist_ok=True)
        with open(part, "wb") as file:
            async for chunk in request.stream():
                await asyncio.to_thread(file.write, chunk)
        return await asyncio.to_thread(_placed, part, to)
    except OSError as error:
        raise UserError(
            f"{to.name} cannot be kept in {to.parent}: {reason(error)}. Make room, or give it another name, and send "
            "it again."
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _named(part: str) -> str:
    """A name of a file that stays in its folder."""
    name = Path(part.replace("\\", "/").replace("\0", "")).name.lstrip(".")
    return name.encode("utf-8", "replace")[-NAMED:].decode("utf-8", "ignore").lstrip(".") or "file"


def _placed(part: Path, to: Path) -> Path:
    """Give a file its name; or one with a number, if there is another file of this name. Returns where it is."""
    for number in count(1):
        path = to if number == 1 else to.with_name(f"{to.stem} ({number}){to.suffix}")
        if path.is_file() and filecmp.cmp(part, path, shallow=False):
            return path
        if not path.exists():
            return part.replace(path)
    raise AssertionError
