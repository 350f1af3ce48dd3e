"""What the studio's page for one's own hand asks: the lines to write, those that were written, and the lesson."""

from __future__ import annotations

import asyncio
import re
import shlex
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rhapsode.errors import UserError
from rhapsode.modalities.ink.pad.lines import SUFFIX, RecordedLines, parse
from rhapsode.modalities.ink.pad.prompts import ALPHABET, ENOUGH, characters, prompts
from rhapsode.modalities.ink.pad.teacher import ENOUGH as LESSON
from rhapsode.modalities.ink.pad.teacher import Teacher
from rhapsode.serving import bodies
from rhapsode.serving.app import Answers
from rhapsode.serving.errors import ApiError
from rhapsode.serving.rendering import Json
from rhapsode.studio.brought import Brought, Place

PATH = "/api/hand"
"""What all of its paths begin with; `?model=NAME` says which model is taught."""
LINES = 40
"""To write, at first."""
HAND = "my-hand"
"""The file in `FOLDER`, and the end of the names of models that have learnt it."""
FOLDER, MODELS = "hands", "models"
MINUTES = 0.01, 1440.0
"""A lesson takes at least, and at most."""


@dataclass(frozen=True)
class Desk:
    """Where a hand is recorded and taught: the file, the lines that are asked for, the characters that they should
    have, and who teaches a model."""

    lines: RecordedLines
    asked: Sequence[str]
    alphabet: str
    teacher: Teacher

    @classmethod
    def of(
        cls, lines: RecordedLines, teacher: Teacher, count: int = LINES, alphabet: str | None = None, seed: int = 0
    ) -> Desk:
        """alphabet: None for the usual characters that the model knows. Raises `UserError`."""
        usual = "".join(each for each in ALPHABET if each in teacher.alphabet) or teacher.alphabet
        wanted = characters(usual if alphabet is None else alphabet)
        return cls(lines, prompts(count, wanted, seed), wanted, teacher)

    def state(self) -> dict[str, Any]:
        """All that the page shows. Raises `UserError` if the file cannot be read."""
        saved, teacher = self.lines.read(), self.teacher
        fields = ("strokes", "pressure", "seconds")
        return {
            "file": str(self.lines.path),
            "alphabet": list(self.alphabet),
            "known": list(teacher.alphabet),
            "enough": ENOUGH,
            "lesson_enough": LESSON,
            "commands": next_commands(teacher),
            "minutes": teacher.minutes,
            "sentence": teacher.sentence,
            "folder": str(teacher.folder),
            "state": teacher.state(),
            "lines": [
                {"text": text, "drawing": {key: saved[text].get(key) for key in fields} if text in saved else None}
                for text in dict.fromkeys([*saved, *self.asked])
            ],
        }

    def save(self, body: bytes) -> int:
        """Save a line; how many there are. Raises `UserError` for a line that is none, and `ApiError` where the file
        cannot be written: then it is as it was."""
        drawing = parse(body)
        if drawing.text not in self.asked and drawing.text not in self.lines.read():
            raise UserError("its text is none of those to write.")
        try:
            return self.lines.save(drawing)
        except UserError as error:
            raise ApiError(507, str(error), code="not_saved") from None

    def specimen(self, hand: str) -> dict[str, Any]:
        """A picture: of the sentence `before` or `after` the lesson, or of an `own` line. Raises `UserError`."""
        if hand == "own":
            return self.teacher.own_line() or {}
        return {"text": self.teacher.sentence, "svg": self.teacher.specimen(hand)}

    def close(self) -> None:
        """Wait for a save that is under way, and end a lesson."""
        self.lines.close()
        self.teacher.close()


class Hands:
    """The desks of a studio. desk: name of a model → its desk; raises `UserError`."""

    def __init__(self, desk: Callable[[str], Desk]) -> None:
        self._make, self._desks, self._making = desk, dict[str, Desk](), threading.Lock()

    @property
    def brought(self) -> Brought:
        """Its paths."""
        paths: list[tuple[str, str, Answers]] = [
            ("GET", PATH, self._state),
            ("POST", PATH, self._save),
            ("GET", f"{PATH}/lesson", self._lesson),
            ("POST", f"{PATH}/lesson", self._begin),
            ("POST", f"{PATH}/lesson/stop", self._stop),
            ("GET", f"{PATH}/specimen", self._specimen),
        ]
        return Brought(paths, self.close)

    def close(self) -> None:
        """End what is under way."""
        for desk in self._desks.values():
            desk.close()

    def _desk(self, request: Request) -> Desk:
        name = request.query_params.get("model", "")
        with self._making:
            if name not in self._desks:
                self._desks[name] = self._make(name)
            return self._desks[name]

    async def _state(self, request: Request) -> Response:
        return Json(await asyncio.to_thread(lambda: self._desk(request).state()))

    async def _save(self, request: Request) -> Response:
        body = await _body(request)
        return Json({"saved": await asyncio.to_thread(lambda: self._desk(request).save(body))})

    async def _lesson(self, request: Request) -> Response:
        return Json(await asyncio.to_thread(lambda: self._desk(request).teacher.state()))

    async def _begin(self, request: Request) -> Response:
        minutes = bodies.parsed(await _body(request)).get("minutes")
        usable = isinstance(minutes, int | float) and not isinstance(minutes, bool)
        if minutes is not None and not (usable and MINUTES[0] <= minutes <= MINUTES[1]):
            raise ApiError(400, f"minutes: from {MINUTES[0]:g} to {MINUTES[1]:g}.", "minutes")

        def begin() -> dict[str, Any]:
            desk = self._desk(request)
            desk.teacher.start(minutes)
            return desk.teacher.state()

        return Json(await asyncio.to_thread(begin))

    async def _stop(self, request: Request) -> Response:
        await _body(request)

        def stop() -> dict[str, Any]:
            desk = self._desk(request)
            desk.teacher.stop()
            return desk.teacher.state()

        return Json(await asyncio.to_thread(stop))

    async def _specimen(self, request: Request) -> Response:
        hand = request.query_params.get("hand", "")
        return Json(await asyncio.to_thread(lambda: self._desk(request).specimen(hand)))


def hands(place: Place) -> Brought:
    """One hand for all models of a studio, in a file in its folder, and a model for each that learns it."""

    def desk(name: str) -> Desk:
        path = place.find(name)
        file = place.below / FOLDER / f"{HAND}{SUFFIX}"
        base = re.sub(r"[^\w.-]+", "-", path.parent.resolve().name)
        folder = place.below / MODELS / f"{base}-{HAND}"
        return Desk.of(RecordedLines(file), Teacher(file, str(path), folder))

    return Hands(desk).brought


def next_commands(teacher: Teacher) -> list[str]:
    """What to run when the lines are written, to do the same in the terminal."""
    given = [str(teacher.file), "-o", str(teacher.folder), "--from", teacher.base, "--minutes", f"{teacher.minutes:g}"]
    given += ["--overwrite"] * teacher.taught
    return [f"rhapsode train {shlex.join(given)}", teacher.command]


async def _body(request: Request) -> bytes:
    """JSON as it is. Raises `ApiError` for other kinds."""
    bodies.check(request.headers)
    return await request.body()
