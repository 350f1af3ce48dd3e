"""The codec `bytes`: a step is a byte."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import fields
from rhapsode.data.codecs.text import Decoder, TextCodec
from rhapsode.modalities.text.codecs._tokens import TableDecoder, printable
from rhapsode.steps.symbols import Symbols

TABLE = [bytes([b]) for b in range(256)]


class Bytes(TextCodec):
    """Symbols 0 … 255 are the bytes. Nothing is learnt from the data, so any model fits any file."""

    name = "bytes"
    summary = "a step is a byte: for any file at all, text or not"
    keeps = "nothing"

    @classmethod
    def fit(cls, chunks: Iterable[bytes], **options: Any) -> Bytes:
        """The codec; reads nothing of `chunks`."""
        cls.checked(options)
        return cls()

    @property
    def steps(self) -> Symbols:
        return Symbols(256)

    def encode(self, data: bytes) -> np.ndarray:
        """[N] uint8, one symbol for each byte."""
        return np.frombuffer(data, np.uint8).copy()  # a copy, because `data` cannot be written to

    def cut(self, data: bytes) -> int:
        """Anywhere is safe."""
        return len(data)

    def decoder(self) -> Decoder:
        return TableDecoder(TABLE)

    @property
    def widths(self) -> np.ndarray:
        return np.ones(256, np.int64)

    @property
    def pieces(self) -> list[bytes]:
        return list(TABLE)

    def label(self, symbol: int) -> str:
        return printable(TABLE[symbol])

    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Bytes:
        fields(cls, data)
        return cls()
