"""One model that is served: its engine, and its tokens as clients see them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import cached_property
from typing import Any

import numpy as np

from rhapsode.data.codecs.text import TextCodec
from rhapsode.errors import UserError
from rhapsode.inference.batching import Batcher, Given
from rhapsode.inference.model import Model
from rhapsode.inference.reader import as_bytes
from rhapsode.inference.states import States

START, END = "<|start|>", "<|end|>"
"""The tokens of the beginning of a text, which may be the first of a prompt and means nothing there, and of its end."""


class Post:
    """Brings what an engine's thread gives to the event loop, which is woken once for all parts of a tick."""

    loop: asyncio.AbstractEventLoop | None = None
    """Of the requests. While it is not known, parts are received in the engine's thread."""

    def __call__(self, given: list[Given]) -> None:
        if self.loop is None:
            _receive(given)
            return
        with contextlib.suppress(RuntimeError):  # it is closed: nobody waits any more
            self.loop.call_soon_threadsafe(_receive, given)


def _receive(given: list[Given]) -> None:
    for receive, part in given:
        try:
            receive(part)
        except Exception:  # it is of one request, and must end nothing else
            logging.getLogger("uvicorn.error").exception("a part of an answer was lost")


class Served:
    """A model of text under a name. Raises `UserError` for models that cannot be served."""

    def __init__(self, name: str, model: Model, rows: int, waiting: int, states: States) -> None:
        if not isinstance(model.codec, TextCodec):
            raise UserError(f"{name}: only models of text are served yet; this one has codec {model.codec.name}.")
        self.name, self.model, self.created = name, model, int(time.time())
        self.codec: TextCodec = model.codec
        self.post = Post()
        self.batcher = Batcher(model, rows=rows, waiting=waiting, states=states, deliver=self.post)

    @property
    def fingerprint(self) -> str:
        """The model and its arithmetic: with the same, and the same seed, answers are the same."""
        return f"fp_{self.model.digest[:16]}_{self.model.config.arithmetic}"

    @property
    def about(self) -> dict[str, Any]:
        return {"id": self.name, "object": "model", "created": self.created, "owned_by": "rhapsode"}

    @property
    def start(self) -> int:
        """The number of the token `START`."""
        return self.codec.steps.size

    def text(self, prompt: str | list[int]) -> bytes:
        """The bytes of a prompt. Raises `UserError` for tokens that are none, or that no text gives."""
        if isinstance(prompt, str):
            return as_bytes(prompt, "prompt")
        tokens = prompt[1:] if prompt[:1] == [self.start] else prompt
        if wrong := [token for token in tokens if token >= self.start]:
            raise UserError(
                f"prompt: token {wrong[0]} does not exist; they go from 0 to {self.start - 1}. {self.start} ({START}) "
                "may only be the first."
            )
        data = self.codec.decode(np.array(tokens, np.int64))
        if self.codec.encode(data).tolist() != tokens:
            raise UserError("prompt: these tokens are not those of their text (see /tokenize). Send the text.")
        return data

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, or of `START`."""
        if text == START:
            return [self.start]
        found: list[int] = self.codec.encode(as_bytes(text, "prompt")).tolist()
        return found

    @cached_property
    def shown(self) -> list[str]:
        """What each token adds to a text, U+FFFD for what is no character alone."""
        return [piece.decode("utf-8", "replace") for piece in self.codec.pieces] + [""]

    @cached_property
    def labels(self) -> list[str]:
        """See `labels_of`."""
        return labels_of(self.codec)


def labels_of(codec: TextCodec) -> list[str]:
    """A name for each token, all different: its text; `bytes:` and its bytes, where they are no text alone; and last
    `START`."""
    found: dict[str, None] = {}
    for token, piece in enumerate(codec.pieces):
        try:
            label = END if token == codec.end else piece.decode() if piece else f"bytes:{codec.label(token)}"
        except UnicodeDecodeError:
            label = "bytes:" + "".join(f"\\x{byte:02x}" for byte in piece)
        found[label if label not in found else f"{label}#{token}"] = None
    return [*found, START]
