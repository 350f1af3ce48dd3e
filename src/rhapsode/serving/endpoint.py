"""What a modality brings to the server: one path, which does what its command does.

The command and the path call the same function. It draws with `model.generate`; the model that the path gives it is a
`Shared` one, whose samples the batcher draws, beside those of other requests.
"""

from __future__ import annotations

import base64
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, TypeVar, Unpack

import numpy as np
from pydantic import Field

from rhapsode.inference.batching import Batcher, Cancelled, Full, Job, Part
from rhapsode.inference.builders import Sample
from rhapsode.inference.generate import Begun, Request, generate
from rhapsode.inference.model import Model
from rhapsode.report import Report
from rhapsode.serving.requests import Asked, Name

SAMPLES = 16
"""The most samples of a request."""
STEPS = 20_000
"""The most steps of a sample."""
RETRY = 0.02
"""Seconds, after which a request that was begun asks for a place again."""
SIDE_BY_SIDE = 64
"""So many samples of a request are with the batcher at a time."""

Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Steps = Annotated[int, Field(ge=1, le=STEPS)]


class Sampled(Asked):
    """What all of these requests have. With the same seed, an answer is the same, and what the command gives."""

    model: Name | None = None
    n: Annotated[int, Field(ge=1, le=SAMPLES)] = 1
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    stream: bool = False
    """Server-sent events: what was drawn as it is drawn, then the answer, then `[DONE]`."""
    sampled: ClassVar[tuple[str, ...]] = ()
    """Its fields that are options of sampling."""

    @property
    def chosen(self) -> int:
        """The seed, or a new one."""
        return secrets.randbits(32) if self.seed is None else self.seed

    @property
    def how(self) -> dict[str, Any]:
        """The options of sampling."""
        return {name: getattr(self, name) for name in self.sampled}


class Heard(Report):
    """Keeps what is said of a request, for its answer."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.notes.append(text)


@dataclass(frozen=True)
class Given:
    """An answer.

    seed:    with which it is drawn again; None where nothing depended on chance.
    fields:  of the answer as JSON, `samples` among them; made only if that is asked for.
    content: a file, or its parts as they are made; None for JSON.
    media:   the type of the file, and what it is called.
    """

    seed: int | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | Iterator[bytes] | None = None
    media: str = ""
    name: str = ""


def embedded(files: Mapping[str, bytes]) -> dict[str, str]:
    """Files as an answer in JSON has them, in base64."""
    return {name: base64.b64encode(content).decode() for name, content in files.items()}


A = TypeVar("A", bound=Sampled)
B = TypeVar("B")

Follow = Callable[[Sequence[Any]], Mapping[str, Any] | None]
"""All steps of a sample so far → what is new since the last call, for an event."""


@dataclass(frozen=True)
class Endpoint(Generic[A, B]):
    """The path of a modality's verb.

    request: the model of its body.
    beside:  what lies beside a model on the disk and is needed, too; loaded once. Raises `UserError`.
    about:   what clients should know of a model before they ask, for `/v1/models`.
    answer:  (model, what lies beside it, request, what hears notes and warnings) → the answer. It runs in a thread of
             its own, draws with `model.generate` alone, and raises `UserError` with the names of the command's options.
    media:   types of answers that are files.
    example: model → the fields of a request whose answer as SVG is a picture of what the model makes; None: there is
             none.
    follow:  (model, prompt, request for samples) → for one sample, see `Follow`; None: nothing is told on the way.
    """

    path: str
    summary: str
    request: type[A]
    answer: Callable[[Model, B, A, Report], Given]
    media: tuple[str, ...] = ()
    beside: Callable[[Model], B | None] = lambda model: None
    about: Callable[[Model], Mapping[str, Any]] = lambda model: {}
    follow: Callable[[Model, str, Request], Follow] | None = None
    example: Callable[[Model], Mapping[str, Any]] | None = None


class Trace:
    """One sample as it is drawn: all steps so far, and what is told of them."""

    def __init__(self, row: int, text: str, follow: Follow) -> None:
        self._head = {"row": row, **({"text": text} if text else {})}
        self._follow, self._steps = follow, list[Any]()

    def event(self, steps: Sequence[Any]) -> dict[str, Any] | None:
        """What these further steps bring; None if that is nothing yet."""
        self._steps += steps
        found = self._follow(self._steps) if self._steps else None
        return None if found is None else {**self._head, **found}


Told = Callable[[Trace, Sequence[Any]], None]
"""Hears that further steps of a sample were drawn, in the engine's thread: it must only note them."""


class Shared(Model):
    """A model for one request: others' samples are drawn beside its own, and what it draws can be told and ended."""

    def __init__(
        self,
        model: Model,
        batcher: Batcher,
        alone: threading.Lock,
        told: Told | None = None,
        follow: Callable[[Model, str, Request], Follow] | None = None,
    ) -> None:
        """alone: held where something is drawn without the batcher. told: hears of steps as they are drawn, which
        `follow` makes events of."""
        vars(self).update(vars(model))
        self._batcher, self._alone, self._told, self._follow = batcher, alone, told, follow
        self._jobs: dict[Job, threading.Event] = {}
        """Those that have not ended, and what says that all of one was told."""
        self._changed, self._cancelled, self._begun = threading.Lock(), False, False

    def cancel(self) -> None:
        """End what is being drawn, and draw nothing more: `generate` raises `Cancelled`."""
        with self._changed:
            self._cancelled = True
            jobs = list(self._jobs)
        for job in jobs:
            job.cancel()

    def generate(
        self, prompt: Begun = b"", *, samples: int = 1, particles: int = 1, **request: Unpack[Request]
    ) -> list[Sample]:
        """As `Model.generate`, to the last bit."""
        if particles > 1 or not self.network.config.autoregressive:
            with self._alone:
                self._check()
                return generate(self, prompt, samples=samples, particles=particles, **request)
        first, found = request.get("row", 0), list[Sample]()
        waiting = deque[Job]()
        try:
            for row in range(first, first + samples):
                if len(waiting) == SIDE_BY_SIDE:
                    found.append(self._ended(waiting.popleft()))
                while True:
                    try:
                        waiting.append(self._submitted(prompt, row, request))
                        break
                    except Full:
                        if waiting:
                            found.append(self._ended(waiting.popleft()))
                        elif self._begun:  # what was drawn for this request would be lost
                            time.sleep(RETRY)
                        else:
                            raise
            while waiting:
                found.append(self._ended(waiting.popleft()))
        finally:
            for job in waiting:
                job.cancel()
        return found

    def _submitted(self, prompt: Begun, row: int, request: Request) -> Job:
        self._check()
        receive: Callable[[Part], None] | None = None
        done = threading.Event()
        if self._told is not None and self._follow is not None:
            assert not isinstance(prompt, np.ndarray)  # which is for texts
            told, text = self._told, prompt.decode() if isinstance(prompt, bytes) else prompt
            trace = Trace(row, text, self._follow(self, text, request))

            def receive(part: Part) -> None:
                try:
                    told(trace, part.steps)
                finally:
                    if part.last:
                        done.set()

        options: Request = {**request, "row": row}
        job = self._batcher.submit(prompt, receive=receive, stream=receive is not None, **options)
        with self._changed:
            self._jobs[job], self._begun = done, True
            late = self._cancelled
        if late:
            job.cancel()
        return job

    def _ended(self, job: Job) -> Sample:
        try:
            sample = job.result()
            if self._told is not None and self._follow is not None:
                self._jobs[job].wait()
            return sample
        finally:
            with self._changed:
                self._jobs.pop(job, None)

    def _check(self) -> None:
        if self._cancelled:
            raise Cancelled("the request was cancelled")


def as_fields(text: str, names: Sequence[str]) -> str:
    """A message with fields of a request in the place of options of a command: `in_key` for `--in-key`."""

    def field_of(found: re.Match[str]) -> str:
        name = found[1].replace("-", "_")
        name = {"samples": "n"}.get(name, name)
        return name if name in names else found[0]

    return re.sub(r"--([a-z][a-z0-9-]*)", field_of, text)
