"""The base class of codecs of text: bytes ⇄ symbols, lossless for any bytes.

A codec of text is immutable. `fit` makes one from training data; `to_json` and `from_json` store it in the model file.
Every symbol adds a fixed number of bytes to the output (perhaps none: the first half of a spelled byte), and
`decode(encode(data)) == data` for every `data`.
"""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from rhapsode.data.codecs.codec import Codec
from rhapsode.data.codecs.output import EMPTY, LENGTH, NO_TEXT, Beginning, Made, Output, Piece, Prompt
from rhapsode.data.guide import Guide
from rhapsode.data.shallow import shallow
from rhapsode.errors import UserError
from rhapsode.steps.symbols import Symbols

SYMBOL_LIMIT = 2**20
"""No codec of text has more symbols than this, so that a damaged file cannot ask for a vast network."""


class Decoder(ABC):
    """Symbols → bytes, one at a time. It remembers only what the next symbol needs (half a byte)."""

    @abstractmethod
    def feed(self, symbol: int) -> bytes:
        """The bytes that this symbol adds to the output; may be empty."""

    def feed_all(self, symbols: Sequence[int]) -> bytes:
        """The bytes that all of these add. Override it where it can be faster."""
        return b"".join(map(self.feed, symbols))

    def copy(self) -> Self:
        """An independent copy."""
        return shallow(self)


class TextCodec(Codec):
    """Bytes ⇄ symbols. Subclasses are one file each in this package."""

    unit = "symbol"
    continuous = True
    rank: ClassVar[int | None] = None

    @classmethod
    @abstractmethod
    def fit(cls, chunks: Iterable[bytes], **options: Any) -> TextCodec:
        """Make the codec for this training data, which is read once, in pieces of any size.

        The boundaries of pieces make no difference. Raises `UserError` for an option that the codec does not have (see
        `options`), and for a value that is not allowed (see `limits`).
        """

    @property
    @abstractmethod
    def steps(self) -> Symbols:
        """The kind of step: how many symbols there are."""

    @abstractmethod
    def encode(self, data: bytes) -> np.ndarray:
        """`data` as symbols: [N] of `steps.dtype`. Never fails."""

    @abstractmethod
    def cut(self, data: bytes) -> int:
        """The largest n that is safe to split at: for all later bytes `more`,
        `encode(data + more)` == `encode(data[:n])` followed by `encode(data[n:] + more)`.

        0 where no place is safe; a codec bounds how long that can last.
        """

    @abstractmethod
    def decoder(self) -> Decoder:
        """A new decoder, for output that is written while it is generated."""

    def decode(self, symbols: np.ndarray) -> bytes:
        """Symbols as bytes. Any sequence decodes to something; `decode(encode(data)) == data`."""
        decoder = self.decoder()
        return b"".join(decoder.feed(symbol) for symbol in np.asarray(symbols).tolist())

    @property
    @abstractmethod
    def widths(self) -> np.ndarray:
        """[V] int64: how many bytes each symbol adds to the output when it follows from `encode`."""

    @property
    @abstractmethod
    def pieces(self) -> list[bytes]:
        """The bytes of each symbol; none of the halves of bytes, see `first_half`."""

    @property
    def first_half(self) -> int | None:
        """The first of 16 symbols for the high halves of bytes, which 16 for the low ones follow. None if bytes are not
        spelled. A high half adds nothing, a low half the byte, and a half without its other half is dropped."""
        return None

    @abstractmethod
    def label(self, symbol: int) -> str:
        """A short printable name of the symbol, for pictures and messages."""

    def tokens(self, data: bytes) -> list[tuple[str, int]] | None:
        """The tokens of `data`, and how many symbols each is: one, or more of a token that is not known and spelled by
        its characters. `data` is whole, see `cut`. None for codecs that have no such tokens."""
        return None

    def longer(self, token: str) -> np.ndarray:
        """[V] bool: the symbols of characters that make another token of a token, a longer one. Of a space, those of
        high halves of bytes, too."""
        raise NotImplementedError(f"codec {self.name} has no tokens")

    def encode_chunks(self, chunks: Iterable[bytes]) -> Iterator[np.ndarray]:
        """`encode` of the chunks joined, piece by piece, in memory bounded by the size of a chunk."""
        return map(self.encode, cut_safely(chunks, self.cut))

    def begin(self, prompt: Prompt, *, attends: bool, ends: bool, lines: bool) -> Beginning:
        if any(one is not None for one in (prompt.style, prompt.begun, prompt.outline)):
            raise UserError(
                "style and outline, and what was begun, are records; a model of text goes on from a prompt."
            )
        end = None if lines or prompt.ignore_end else self.end
        output = TextOutput(self.decoder(), prompt.stops, end, lines and not prompt.ignore_end)
        output.endings = np.zeros(self.steps.size, bool)
        if end is not None:
            output.endings[end] = True
        if lines and not prompt.ignore_end:
            output.endings |= [piece.endswith(b"\n") for piece in self.pieces]
        return Beginning(self.encode(prompt.data), NO_TEXT, Guide(), LENGTH, output)


class TextOutput(Output):
    """Symbols → bytes and characters, up to a stop string or the end of a document or a line.

    Bytes that may be the beginning of a stop string, or of a character, are held back until that is known.
    """

    def __init__(self, decoder: Decoder, stops: Mapping[bytes, bool], end: int | None, lines: bool) -> None:
        """stops: string → whether it stays in the text. end: the symbol that ends a document. lines: a newline does."""
        self._decoder, self._stops, self._end, self._lines = decoder, stops, end, lines
        self._fresh = decoder.copy()
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = b""
        # All pieces so far. Copies share the list, so that they cost nothing; the one that adds behind the end of its
        # own pieces, where another has added, gets a list of its own.
        self._pieces: list[Piece] = []
        self._count = 0

    def add(self, step: int) -> Piece:
        data = self._decoder.feed(step)
        piece = self._before_stop(data) if self._stops else self._out(data)
        if self.stopped == "unfinished" and (step == self._end or (self._lines and data.endswith(b"\n"))):
            self.stopped = "end"
        return piece

    def extend(self, steps: Sequence[int]) -> int:
        return self.added(steps)[0]

    def added(self, steps: Sequence[int]) -> tuple[int, Piece]:
        decoder = self._decoder.copy()
        data = decoder.feed_all(steps)
        ends = self._end in steps or (self._lines and b"\n" in data)
        if ends or any(stop in self._held + data for stop in self._stops):
            return super().added(steps)
        self._decoder = decoder
        return len(steps), (self._before_stop if self._stops else self._out)(data)

    def _before_stop(self, data: bytes) -> Piece:
        data = self._held + data
        found = [(at + len(stop), at, kept) for stop, kept in self._stops.items() if (at := data.find(stop)) >= 0]
        if found:  # the first that is whole; of several that end there, the longest
            end, at, kept = min(found)
            self.stopped, self._held = "stop", b""
            return self._out(data[: end if kept else at])
        sure = len(data) - max(_overlap(data, stop) for stop in self._stops)
        self._held = data[sure:]
        return self._out(data[:sure])

    def whole(self, steps: Sequence[int]) -> tuple[int, bytes]:
        if self.stopped != "stop":
            return len(steps), b""
        decoder, left = self._fresh.copy(), sum(len(piece.data) for piece in self._pieces[: self._count])
        count = 0
        for at, step in enumerate(steps, start=1):
            data = decoder.feed(step)
            if len(data) > left:
                return count, data[:left]
            if data:  # half a byte whose other half is cut off counts for nothing
                count, left = at, left - len(data)
        return count, b""

    def close(self) -> Piece:
        held, self._held, self._stops = self._held, b"", {}
        return self._out(held)

    def finish(self, steps: Sequence[int]) -> Piece:
        held, self._held = self._held, b""
        return self._out(held, final=True)

    def _out(self, data: bytes, final: bool = False) -> Piece:
        piece = Piece(data, self._characters.decode(data, final))
        if piece != EMPTY:
            if len(self._pieces) != self._count:
                self._pieces = self._pieces[: self._count]
            self._pieces.append(piece)
            self._count += 1
        return piece

    def made(self, steps: Sequence[int]) -> Made:
        pieces = self._pieces[: self._count]
        data, text = b"".join(piece.data for piece in pieces), "".join(piece.text for piece in pieces)
        return Made(np.array(steps, np.int64), data, text, None)

    def copy(self) -> Self:
        other = shallow(self)
        other._decoder, other._characters = self._decoder.copy(), shallow(self._characters)
        return other


def _overlap(data: bytes, stop: bytes) -> int:
    """How many of the last bytes of `data` are the first bytes of `stop`."""
    for n in range(min(len(data), len(stop) - 1), 0, -1):
        if data.endswith(stop[:n]):
            return n
    return 0


def cut_safely(chunks: Iterable[bytes], cut: Callable[[bytes], int]) -> Iterator[bytes]:
    """The same bytes in other pieces, none of them empty: each piece but the last ends where `cut` allows it."""
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        n = cut(data)
        if n:
            yield data[:n]
        rest = data[n:]
    if rest:
        yield rest
