"""One model that is served: its engine, and its tokens as clients see them."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import numpy as np

from rhapsode.data.codecs.text import TextCodec
from rhapsode.errors import UserError
from rhapsode.inference.batching import Batcher
from rhapsode.inference.model import Model
from rhapsode.inference.reader import as_bytes
from rhapsode.inference.states import States

START, END = "<|start|>", "<|end|>"
"""The tokens of the beginning of a text, which may be the first of a prompt and means nothing there, and of its end."""

PIECE = 1 << 15
"""So many bytes, or symbols, of a long text are encoded, or decoded, at a time."""


class Served:
    """A model of text under a name. Raises `UserError` for models that cannot be served."""

    def __init__(self, name: str, model: Model, rows: int, waiting: int, states: States) -> None:
        if not isinstance(model.codec, TextCodec):
            raise UserError(f"{name}: only models of text are served yet; this one has codec {model.codec.name}.")
        self.name, self.model, self.created = name, model, int(time.time())
        self.codec: TextCodec = model.codec
        self.states = states
        self.batcher = Batcher(model, rows=rows, waiting=waiting, states=states)

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
