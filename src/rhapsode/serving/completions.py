"""`/v1/completions`: requests become jobs of the batcher, and their parts answers, whole or as events."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from rhapsode import registry
from rhapsode.inference.batching import Job, Part
from rhapsode.inference.builders import Sample
from rhapsode.serving.errors import ApiError, of
from rhapsode.serving.rendering import LARGE, beside
from rhapsode.serving.requests import Continuation
from rhapsode.serving.served import Served

NUMBERS = 2_000_000
"""The most log-probabilities of an answer that is no stream."""
CHARACTERS = 64
"""So many characters of a text take as long as one other element of an answer."""
UNREAD = 64 << 10
"""Bytes that a client has not read yet: with more, its rows pause."""
TOKEN = 40
"""About so many bytes a token and its log-probability take in an answer."""


@dataclass
class Choice:
    """One choice of an answer as it grows."""

    index: int
    prompt: str
    """Its text, if it is echoed."""
    job: Job | None = None
    sample: Sample | None = None
    """What was drawn, at the end."""
    steps: list[int] = field(default_factory=list)
    """Those of which clients were not told yet; and more of them."""
    log_probs: list[float | None] = field(default_factory=list)
    tops: list[Any] = field(default_factory=list)
    given: int = 0
    """So many steps clients were told of."""
    offset: int = 0
    """Where the next token begins, in characters."""


class Answer:
    """The jobs of one request, and what they have given. It belongs to one event loop."""

    def __init__(
        self, served: Served, asked: Continuation, prompts: Sequence[str | list[int] | np.ndarray], echo: bool = False
    ) -> None:
        """prompts: texts, tokens, or symbols. Nothing is begun before `begin`. Raises `UserError` and `ApiError` for
        what cannot be."""
        self.served, self.asked, self._prompts, self._echoes = served, asked, prompts, echo
        self._labelled = asked.logprobs is not None
        self.seed = secrets.randbits(48) if asked.seed is None else asked.seed
        self._drawn = self._begun = 0
        self._head = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": served.name,
            "system_fingerprint": served.fingerprint,
            **({"usage": None} if asked.stream_options.include_usage else {}),
        }
        self._begins = json.dumps(self._head)[:-1] + ', "choices": ['
        self._parts: deque[tuple[Choice, Part]] = deque()
        self._came = asyncio.Event()
        self._unread, self._resting = 0, False
        self._left, self._cancelled = 0, False
        self.size = 0
        """About so many elements the whole answer has, once it is there."""
        self._valid = [asked.valid] if isinstance(asked.valid, str) else asked.valid
        for one in self._valid:
            if registry.get("constraint", one.partition(":")[0]).local:
                raise ApiError(400, "valid: constraints that use files or programs are not served.", "valid")
        self.choices: list[Choice] = []

    async def begin(self) -> None:
        """Submit all jobs. Raises `UserError` and `ApiError` for what cannot be; then nothing goes on."""
        size = sum(map(len, self._prompts)) * self.asked.n
        try:
            await beside(max(size, LARGE + 1) if self._valid else size, self._begin_all)
        except BaseException:
            self.cancel()
            raise
        self._left = len(self.choices)

    def _begin_all(self) -> None:
        asked, most = self.asked, 0
        for prompt in self._prompts:
            symbols = prompt if isinstance(prompt, np.ndarray) else self.served.symbols(prompt)
            most += asked.n * (asked.max_tokens + len(symbols) * self._echoes) * (1 + (asked.logprobs or 0))
            if self._labelled and not asked.stream and most > NUMBERS:
                raise ApiError(
                    400,
                    f"logprobs: the answer might have {most:,} log-probabilities, and {NUMBERS:,} are allowed. Ask for "
                    "less, or for a stream.",
                    "logprobs",
                    "too_large",
                )
            echo = self.served.decoded(symbols).decode("utf-8", "replace") if self._echoes else ""
            begun = isinstance(prompt, list) and prompt[:1] == [self.served.start]
            self._begun += begun
            for row in range(asked.n):
                self._begin(symbols, row, echo, begun)

    def _begin(self, symbols: np.ndarray, row: int, echo: str, begun: bool) -> None:
        """begun: the prompt's first token is `START`. It is echoed as other tokens are; there was no chance of it."""
        asked = self.asked
        choice = Choice(len(self.choices), echo)
        self.choices.append(choice)
        if begun and self._echoes and self._labelled:
            choice.steps, choice.log_probs, choice.tops = [self.served.start], [None], [None]

        choice.job = self.served.batcher.submit(
            symbols,
            receive=partial(self._take, choice),
            echo=self._echoes and self._labelled,
            alternatives=asked.logprobs or 0,
            stream=asked.stream,
            length=asked.max_tokens,
            seed=self.seed,
            row=row,
            sampling=asked.sampling,
            stop=asked.stops or None,
            valid=self._valid or None,
        )
        if self._cancelled:
            choice.job.cancel()

    def _take(self, choice: Choice, part: Part) -> None:
        self._parts.append((choice, part))
        self._came.set()
        self._unread += self._size(part)
        if self._unread > UNREAD and not self._resting:
            self._resting = True
            for job in self._alive:
                job.pause()

    def _size(self, part: Part) -> int:
        """About so many bytes will be sent of a part."""
        return len(part.data) + self._labelled * len(part.steps) * TOKEN * (1 + (self.asked.logprobs or 0))

    async def _next(self) -> tuple[Choice, Part]:
        while not self._parts:
            self._came.clear()
            await self._came.wait()
        choice, part = self._parts.popleft()
        self._unread -= self._size(part)
        if self._resting and self._unread <= UNREAD // 2:
            self._resting = False
            for job in self._alive:
                job.resume()
        return choice, part

    def cancel(self) -> None:
        """End all that has not ended."""
        self._cancelled = True
        for job in self._alive:
            job.cancel()

    @property
    def _alive(self) -> list[Job]:
        """The jobs that have not ended."""
        return [choice.job for choice in self.choices if choice.job is not None and not choice.job.ended]

    @property
    def usage(self) -> dict[str, int]:
        read = self._begun + sum(choice.job.prompted for choice in self.choices[:: self.asked.n] if choice.job)
        return {"prompt_tokens": read, "completion_tokens": self._drawn, "total_tokens": read + self._drawn}

    async def whole(self) -> dict[str, Any]:
        """The answer, when all is drawn."""
        texts = {choice.index: [choice.prompt] for choice in self.choices}
        reasons: dict[int, str] = {}
        while self._left:
            choice, part = await self._next()
            texts[choice.index].append(self._added(choice, part))
            if part.last:
                reasons[choice.index] = self._reason(part)
        self.size = sum(len(one.steps) * (2 + (self.asked.logprobs or 0)) for one in self.choices)
        self.size += sum(map(len, chain.from_iterable(texts.values()))) // CHARACTERS
        more = await self.ended()

        def made() -> list[dict[str, Any]]:
            return [self._choice(one, "".join(texts[one.index]), reasons[one.index]) for one in self.choices]

        return {**self._head, "choices": await beside(self.size, made), "usage": self.usage, **more}

    async def ended(self) -> dict[str, Any]:
        """Called once all is drawn: what else is told."""
        return {}

    async def events(self) -> AsyncIterator[str]:
        """The answer in pieces, as server-sent events: those that are there, together."""
        try:
            if self._echoes and not self._labelled:
                yield "".join(self._event(choice, choice.prompt, None) for choice in self.choices)
            while self._left:
                found = [self._told(*await self._next())]
                while self._parts:
                    found.append(self._told(*await self._next()))
                if told := "".join(found):
                    yield told
            if more := await self.ended():
                yield f"data: {json.dumps({**self._head, 'choices': [], **more})}\n\n"
            if self.asked.stream_options.include_usage:
                yield f"data: {json.dumps({**self._head, 'choices': [], 'usage': self.usage})}\n\n"
        except Exception as error:
            told_of = of(error)
            if told_of.status == 500:
                raise
            yield f"data: {json.dumps(told_of.body)}\n\n"
        yield "data: [DONE]\n\n"

    def _told(self, choice: Choice, part: Part) -> str:
        """The event of a part; empty if there is nothing to tell."""
        before = choice.prompt if part.echo and not choice.given else ""
        text = before + self._added(choice, part)
        reason = self._reason(part) if part.last else None
        if text or reason or choice.steps:
            return self._event(choice, text, reason)
        return ""

    def _event(self, choice: Choice, text: str, reason: str | None) -> str:
        return f"data: {self._begins}{json.dumps(self._choice(choice, text, reason))}]}}\n\n"

    def _added(self, choice: Choice, part: Part) -> str:
        """Take a part: the text that it adds. Raises the job's error."""
        if part.error is not None:
            raise part.error
        if not part.echo:
            self._drawn += len(part.steps)
        if self._labelled:
            choice.steps += [int(step) for step in part.steps]
            choice.log_probs += [float(log_prob) for log_prob in part.log_probs]
            choice.tops += list(part.tops) or [()] * len(part.steps)
        if part.last:
            self._left -= 1
            choice.sample = part.sample
        return part.text

    def _reason(self, part: Part) -> str:
        return "stop" if part.sample is not None and part.sample.stopped in ("stop", "end") else "length"

    def _choice(self, choice: Choice, text: str, reason: str | None) -> dict[str, Any]:
        log_probs = None
        if self._labelled:
            labels = self.served.labels
            tokens = [labels[step] for step in choice.steps]
            offsets = []
            for step in choice.steps:
                offsets.append(choice.offset)
                choice.offset += len(self.served.shown[step])
            tops: list[dict[str, float] | None] = []
            for step, log_prob, top in zip(choice.steps, choice.log_probs, choice.tops, strict=True):
                chosen = {} if log_prob is None else {labels[step]: log_prob}
                tops.append(None if top is None else {labels[other]: value for other, value in top} | chosen)
            log_probs = {
                "tokens": tokens,
                "token_logprobs": choice.log_probs,
                "top_logprobs": tops,
                "text_offset": offsets,
            }
            choice.given += len(choice.steps)
            choice.steps, choice.log_probs, choice.tops = [], [], []
        return {"index": choice.index, "text": text, "logprobs": log_probs, "finish_reason": reason}
