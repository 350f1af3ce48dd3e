"""`/v1/completions`: requests become jobs of the batcher, and their parts answers, whole or as events."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rhapsode import registry
from rhapsode.inference.batching import Job, Part
from rhapsode.serving.errors import ApiError, of
from rhapsode.serving.requests import Completion
from rhapsode.serving.served import Served

UNREAD = 64 << 10
"""Bytes that a client has not read yet: with more, its rows pause."""
TOKEN = 40
"""About so many bytes a token and its log-probability take in an answer."""


@dataclass
class Choice:
    """One choice of an answer as it grows."""

    index: int
    prompt: bytes
    job: Job | None = None
    steps: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    tops: list[Any] = field(default_factory=list)
    given: int = 0
    """Steps of which clients were told."""
    offset: int = 0
    """Where the next token begins, in characters."""


class Answer:
    """The jobs of one request, and what they have given. It belongs to one event loop."""

    def __init__(self, served: Served, asked: Completion) -> None:
        """Raises `UserError` and `ApiError` for what cannot be; then nothing was begun."""
        self.served, self.asked = served, asked
        self._labelled = asked.logprobs is not None
        self.seed = secrets.randbits(48) if asked.seed is None else asked.seed
        self._drawn = 0
        self._head = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": served.name,
            "system_fingerprint": served.fingerprint,
        }
        self._begins = json.dumps(self._head)[:-1] + ', "choices": ['
        self._parts: deque[tuple[Choice, Part]] = deque()
        self._came = asyncio.Event()
        self._unread, self._resting = 0, False
        served.post.loop = asyncio.get_running_loop()
        valid = [asked.valid] if isinstance(asked.valid, str) else asked.valid
        for one in valid:
            if registry.get("constraint", one.partition(":")[0]).local:
                raise ApiError(400, "valid: constraints that use files or programs are not served.", "valid")
        self.choices: list[Choice] = []
        try:
            for prompt in asked.prompts:
                data = served.text(prompt)
                for row in range(asked.n):
                    self._begin(data, row, valid)
        except BaseException:
            self.cancel()
            raise
        self._left = len(self.choices)

    def _begin(self, data: bytes, row: int, valid: list[str]) -> None:
        asked = self.asked
        choice = Choice(len(self.choices), data)
        self.choices.append(choice)

        choice.job = self.served.batcher.submit(
            data,
            receive=partial(self._take, choice),
            echo=asked.echo and self._labelled,
            alternatives=asked.logprobs or 0,
            stream=asked.stream,
            length=asked.max_tokens,
            seed=self.seed,
            row=row,
            sampling=asked.sampling,
            stop=asked.stops or None,
            valid=valid or None,
        )

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
        for job in self._alive:
            job.cancel()

    @property
    def _alive(self) -> list[Job]:
        """The jobs that have not ended."""
        return [choice.job for choice in self.choices if choice.job is not None and not choice.job.ended]

    @property
    def usage(self) -> dict[str, int]:
        read = sum(choice.job.prompted for choice in self.choices[:: self.asked.n] if choice.job)
        return {"prompt_tokens": read, "completion_tokens": self._drawn, "total_tokens": read + self._drawn}

    async def whole(self) -> dict[str, Any]:
        """The answer, when all is drawn."""
        texts = {choice.index: [self._echo(choice)] for choice in self.choices}
        reasons: dict[int, str] = {}
        while self._left:
            choice, part = await self._next()
            texts[choice.index].append(self._added(choice, part))
            if part.last:
                reasons[choice.index] = self._reason(part)
        choices = [self._choice(choice, "".join(texts[choice.index]), reasons[choice.index]) for choice in self.choices]
        return {**self._head, "choices": choices, "usage": self.usage}

    async def events(self) -> AsyncIterator[str]:
        """The answer in pieces, as server-sent events: those that are there, together."""
        try:
            if self.asked.echo and not self._labelled:
                yield "".join(self._event(choice, self._echo(choice), None) for choice in self.choices)
            while self._left:
                found = [self._told(*await self._next())]
                while self._parts:
                    found.append(self._told(*await self._next()))
                if told := "".join(found):
                    yield told
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
        before = self._echo(choice) if part.echo and not choice.given else ""
        text = before + self._added(choice, part)
        reason = self._reason(part) if part.last else None
        if text or reason or len(choice.steps) > choice.given:
            return self._event(choice, text, reason)
        return ""

    def _event(self, choice: Choice, text: str, reason: str | None) -> str:
        return f"data: {self._begins}{json.dumps(self._choice(choice, text, reason))}]}}\n\n"

    def _echo(self, choice: Choice) -> str:
        return choice.prompt.decode("utf-8", "replace") if self.asked.echo else ""

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
        return part.text

    def _reason(self, part: Part) -> str:
        return "stop" if part.sample is not None and part.sample.stopped in ("stop", "end") else "length"

    def _choice(self, choice: Choice, text: str, reason: str | None) -> dict[str, Any]:
        log_probs = None
        if self._labelled:
            labels, begin = self.served.labels, choice.given
            tokens = [labels[step] for step in choice.steps[begin:]]
            offsets = []
            for step in choice.steps[begin:]:
                offsets.append(choice.offset)
                choice.offset += len(self.served.shown[step])
            tops = []
            for step, log_prob, top in zip(
                choice.steps[begin:], choice.log_probs[begin:], choice.tops[begin:], strict=True
            ):
                tops.append({labels[other]: value for other, value in top} | {labels[step]: log_prob})
            choice.given = len(choice.steps)
            log_probs = {
                "tokens": tokens,
                "token_logprobs": choice.log_probs[begin:],
                "top_logprobs": tops,
                "text_offset": offsets,
            }
        return {"index": choice.index, "text": text, "logprobs": log_probs, "finish_reason": reason}
