"""The end of a document as a symbol of its own, for any codec of text."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Self

import numpy as np

from rhapsode.data.codecs.text import Decoder, TextCodec
from rhapsode.steps.symbols import Symbols

LABEL = "<end>"


class Ending(TextCodec):
    """Another codec of text with one more symbol, the last one: the end of a document. It adds no bytes.

    Data of many documents gets such a codec (see `corpus`), so that a model learns where documents end.
    """

    def __init__(self, inner: TextCodec) -> None:
        self.inner = inner
        # Not the class's: those within.
        self.name, self.summary, self.keeps = inner.name, inner.summary, inner.keeps  # type: ignore[misc]
        self.end = inner.steps.size
        self._steps = replace(inner.steps, size=inner.steps.size + 1)
        self._widths = np.append(inner.widths, 0)

    @classmethod
    def fit(cls, chunks: Iterable[bytes], **options: Any) -> TextCodec:
        raise NotImplementedError("fit the codec within")

    @property
    def network(self) -> dict[str, Any]:
        return self.inner.network

    @property
    def steps(self) -> Symbols:
        return self._steps

    def encode(self, data: bytes) -> np.ndarray:
        """As the inner codec: a document, or a part of one, without its end."""
        return self.inner.encode(data).astype(self._steps.dtype, copy=False)

    def cut(self, data: bytes) -> int:
        return self.inner.cut(data)

    def decoder(self) -> Decoder:
        return _EndingDecoder(self.inner)

    @property
    def widths(self) -> np.ndarray:
        return self._widths

    @property
    def pieces(self) -> list[bytes]:
        return [*self.inner.pieces, b""]

    @property
    def first_half(self) -> int | None:
        return self.inner.first_half

    def tokens(self, data: bytes) -> list[tuple[str, int]] | None:
        return self.inner.tokens(data)

    def longer(self, token: str) -> np.ndarray:
        return np.append(self.inner.longer(token), False)

    def label(self, symbol: int) -> str:
        return LABEL if symbol == self.end else self.inner.label(symbol)

    def to_json(self) -> dict[str, Any]:
        return {**self.inner.to_json(), "end": True}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TextCodec:
        raise NotImplementedError("see `codecs._stored`")


class _EndingDecoder(Decoder):
    def __init__(self, inner: TextCodec) -> None:
        self._codec, self._decoder, self._end = inner, inner.decoder(), inner.steps.size

    def feed(self, symbol: int) -> bytes:
        if symbol == self._end:
            self._decoder = self._codec.decoder()  # half a byte does not go on in the next document
            return b""
        return self._decoder.feed(symbol)

    def copy(self) -> Self:
        other = copy.copy(self)
        other._decoder = self._decoder.copy()
        return other
