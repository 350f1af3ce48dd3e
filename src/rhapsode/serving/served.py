"""One model that is served: its engine, and its tokens as clients see them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from functools import cached_property
from typing import Any

import numpy as np

from rhapsode.console.brought import modality_of
from rhapsode.data.codecs.text import TextCodec
from rhapsode.errors import UserError
from rhapsode.inference.batching import Batcher, Given
from rhapsode.inference.model import Model
from rhapsode.inference.reader import as_bytes
from rhapsode.inference.states import States
from rhapsode.serving.errors import ApiError

TEXTS = "/v1/completions"
"""The path of models of text."""
START, END = "<|start|>", "<|end|>"
"""The tokens of the beginning of a text, which may be the first of a prompt and means nothing there, and of its end."""

PIECE = 1 << 15
"""So many bytes, or symbols, of a long text are encoded, or decoded, at a time."""


class Post:
    """Brings what an engine's thread gives to the event loop, which is woken once for all parts of a tick."""

    loop: asyncio.AbstractEventLoop | None = None
    """Of all requests. While it is not known, parts are received in the engine's thread."""

    def listen(self) -> None:
        """The loop of all requests is the one that runs, unless it is known already."""
        if self.loop is None:
            self.loop = asyncio.get_running_loop()

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
    """A model under a name. Raises `UserError` for one that no path is for."""

    def __init__(self, name: str, model: Model, rows: int, waiting: int, states: States) -> None:
        self.name, self.model, self.created = name, model, int(time.time())
        modality = modality_of(model.codec.name)
        endpoint = modality.endpoint()
        self.noun, self.verb = modality.noun, modality.verb
        if endpoint is None and not isinstance(model.codec, TextCodec):
            raise UserError(f"{name}: models of {self.noun} are not served: their modality has no endpoint.")
        self.path = TEXTS if endpoint is None else endpoint.path
        self.post, self.states = Post(), states
        self.batcher = Batcher(model, rows=rows, waiting=waiting, states=states, deliver=self.post)
        self.alone = threading.Lock()
        """Held where something is drawn without the batcher."""
        self.beside = None if endpoint is None else endpoint.beside(model)
        """What lies beside the model, and its endpoint needs."""
        self._about = {} if endpoint is None else endpoint.about(model)

    @property
    def codec(self) -> TextCodec:
        """Raises `ApiError` for a model of anything but text."""
        if not isinstance(self.model.codec, TextCodec):
            raise ApiError(
                400, f"{self.name} is a model of {self.noun}: ask it at {self.path}.", "model", "unsupported_endpoint"
            )
        return self.model.codec

    @property
    def fingerprint(self) -> str:
        """The model and its arithmetic: with the same, and the same seed, answers are the same."""
        return f"fp_{self.model.digest[:16]}_{self.model.config.arithmetic}"

    @property
    def about(self) -> dict[str, Any]:
        about = {"id": self.name, "object": "model", "created": self.created, "owned_by": "rhapsode"}
        return {**about, "modality": self.noun, "endpoint": self.path, **self._about}

    @property
    def start(self) -> int:
        """The number of the token `START`."""
        return self.codec.steps.size

    def symbols(self, prompt: str | list[int]) -> np.ndarray:
        """The symbols of a prompt [N]: of tokens these, even if their text has others. Raises `UserError` for tokens
        that are none."""
        if isinstance(prompt, str):
            return self.encoded(as_bytes(prompt, "prompt"))
        tokens = np.array(prompt[1:] if prompt[:1] == [self.start] else prompt, np.int64)
        if len(wrong := tokens[tokens >= self.start]):
            raise UserError(
                f"prompt: token {wrong[0]} does not exist; they go from 0 to {self.start - 1}. {self.start} ({START}) "
                "may only be the first."
            )
        return tokens.astype(self.codec.steps.dtype)

    def encoded(self, data: bytes) -> np.ndarray:
        """As the codec encodes it. Long texts are encoded in pieces, between which other threads may go on."""
        pieces = (data[at : at + PIECE] for at in range(0, len(data), PIECE))
        return self.codec.encode(data) if len(data) <= PIECE else np.concatenate(list(self.codec.encode_chunks(pieces)))

    def decoded(self, symbols: np.ndarray) -> bytes:
        """As the codec decodes them, in pieces."""
        decoder = self.codec.decoder()
        return b"".join(decoder.feed_all(symbols[at : at + PIECE].tolist()) for at in range(0, len(symbols), PIECE))

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, or of `START`."""
        return [self.start] if text == START else self.symbols(text).tolist()

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
