"""The codec `chars`: a step is a Unicode character; the rare ones are spelled.

A character that the codec does not know, and any byte that is not part of valid UTF-8, is written
byte by byte, and each byte as two *halves* of four bits, high half first. There are 16 high and 16
low halves: two sets, so that each symbol adds a fixed number of bytes (0 or 1), and so that output
cut off or drawn in the middle of a byte is in step again at the next symbol.

Why halves and not 256 bytes: what is rare in training is learnt badly, and 32 symbols are each seen
more often than 256. Why `min_count`: a character seen once or twice teaches the network nothing
about itself, but spelled it teaches how to spell, which is needed for characters never seen.

Symbols, with K known characters: 0 … K-1 the known ones by code point, K … K+15 the high halves,
K+16 … K+31 the low halves; V = K + 32.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rhapsode.data.characters import code_points, sizes_in_utf8
from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.text import SYMBOL_LIMIT, Decoder, TextCodec, cut_safely
from rhapsode.modalities.text.codecs._tokens import even, printable
from rhapsode.steps.symbols import Symbols

HALVES = 32
BLOCK = 2**16
"""Bytes encoded at a time: the arrays of a block stay in the processor's cache."""
CODE_POINTS = 0x110000


class Spelling(TextCodec):
    """What the codecs have in common that spell what they do not know.

    table: the bytes of each known piece. The 16 symbols after these are high halves of bytes, the next 16 low ones.
    first: as of `Symbols`.
    """

    def __init__(self, table: Sequence[bytes], first: int = 0) -> None:
        self._table, self._steps = table, Symbols(len(table) + HALVES, first)
        self._widths = spelled_widths(table)

    @property
    def steps(self) -> Symbols:
        return self._steps

    def decoder(self) -> Decoder:
        return SpellingDecoder(self._table)

    @property
    def widths(self) -> np.ndarray:
        return self._widths

    @property
    def pieces(self) -> list[bytes]:
        return [*self._table, *[b""] * HALVES]

    @property
    def first_half(self) -> int:
        return len(self._table)

    def label(self, symbol: int) -> str:
        return spelled_label(self._table, symbol)


class Chars(Spelling):
    """Known characters one symbol each, everything else spelled with halves of bytes.

    characters: the known ones, in order of their code points, none twice, no surrogates.
    """

    name = "chars"
    summary = "a step is a character; characters rare in training are spelled: for text and source code"
    keeps = "the characters that are not rare in it"
    rank = 0
    options = {"min_count": 4, "max_size": 20_000}
    limits = {"min_count": (1, 2**62), "max_size": (0, SYMBOL_LIMIT - HALVES)}
    meanings = {
        "min_count": "How often a character must be seen in training to be known; others are spelled.",
        "max_size": "How many are known at most: the most frequent, and of equally frequent ones those of lower code "
        "point.",
    }

    def __init__(self, characters: str) -> None:
        self.characters = characters
        super().__init__([c.encode() for c in characters])
        known = np.array([ord(c) for c in characters], np.int64)
        # code point → symbol; the first half for what is not known. The last entry stands for all above it.
        self._symbols = np.full(max(known.max(initial=0), 127) + 2, self.first_half, self._steps.dtype)
        self._symbols[known] = np.arange(len(known))

    @classmethod
    def fit(cls, chunks: Iterable[bytes], **options: Any) -> Chars:
        given = cls.checked(options)
        counts = np.zeros(CODE_POINTS, np.int64)
        for block in cut_safely(even(chunks, BLOCK), utf8_cut):
            count_characters(block, counts)
        return cls(frequent_characters(counts, **given))

    def encode(self, data: bytes) -> np.ndarray:
        blocks = [self._encode_block(block) for block in cut_safely(even([data], BLOCK), utf8_cut)]
        return np.concatenate(blocks) if blocks else np.empty(0, self._steps.dtype)

    def _encode_block(self, block: bytes) -> np.ndarray:
        """As `encode`, all at once; `block` is not empty."""
        codes = code_points(block)
        symbols = self._symbols.take(codes, mode="clip")
        spelled = symbols >= self.first_half
        if not spelled.any():
            return symbols
        sizes = sizes_in_utf8(codes)
        raw = np.frombuffer(block, np.uint8)[np.repeat(spelled, sizes)].astype(symbols.dtype)
        halves = np.stack([(raw >> 4) + self.first_half, (raw & 15) + (self.first_half + 16)], axis=1)
        symbols = np.repeat(symbols, np.where(spelled, 2 * sizes, 1))
        symbols[symbols >= self.first_half] = halves.ravel()
        return symbols

    def cut(self, data: bytes) -> int:
        """The end of the last complete character: at most 3 bytes are held back."""
        return utf8_cut(data)

    def to_json(self) -> dict[str, Any]:
        return {"characters": self.characters}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Chars:
        (characters,) = fields(cls, data, "characters")
        return cls(valid_characters(cls, characters))


class SpellingDecoder(Decoder):
    """Symbols below len(table) stand for `table[symbol]`; the next 16 are high, the next 16 low halves.

    A high half that no low half follows is dropped, and so is a low half that follows no high half.
    """

    def __init__(self, table: Sequence[bytes]) -> None:
        self._table = table
        self._high: int | None = None

    def feed(self, symbol: int) -> bytes:
        high, self._high = self._high, None
        half = symbol - len(self._table)
        if half < 0:
            return self._table[symbol]
        if half < 16:
            self._high = half
            return b""
        return b"" if high is None else bytes([high << 4 | half - 16])

    def feed_all(self, symbols: Sequence[int]) -> bytes:
        table, known = self._table, len(self._table)
        if max(symbols, default=known) < known:
            self._high = None
            return b"".join(map(table.__getitem__, symbols))
        high, found = self._high, list[bytes]()
        for symbol in symbols:
            half = symbol - known
            if half < 0:
                found.append(table[symbol])
            elif half >= 16 and high is not None:
                found.append(bytes([high << 4 | half - 16]))
            high = half if 0 <= half < 16 else None
        self._high = high
        return b"".join(found)


def spelled_widths(table: Sequence[bytes]) -> np.ndarray:
    """[len(table) + 32] int64: the bytes that each symbol of a `SpellingDecoder` adds."""
    return np.array([len(piece) for piece in table] + [0] * 16 + [1] * 16, np.int64)


def spelled_label(table: Sequence[bytes], symbol: int) -> str:
    """The printable name of a symbol of a `SpellingDecoder`; `½A·` and `½·A` for halves."""
    half = symbol - len(table)
    if half < 0:
        return printable(table[symbol])
    return f"½{half:X}·" if half < 16 else f"½·{half - 16:X}"


def valid_characters(codec: type[TextCodec], characters: object) -> str:
    """`characters` from a model file, if `Chars` can have them. Raises `UserError`."""
    if not isinstance(characters, str):
        raise damaged(codec, f"the characters must be a string, found {type(characters).__name__}")
    if len(characters) > SYMBOL_LIMIT - HALVES:
        raise damaged(codec, f"{len(characters)} characters are too many")
    codes = [ord(c) for c in characters]
    if any(a >= b for a, b in zip(codes, codes[1:], strict=False)):
        raise damaged(codec, "the characters are not in order, or one is there twice")
    if any(0xD800 <= code < 0xE000 for code in codes):
        raise damaged(codec, "one of the characters is a surrogate")
    return characters


def count_characters(data: bytes, counts: np.ndarray) -> None:
    """Add to `counts` [0x110000] int64 how often each character occurs in `data`; bytes that are not UTF-8 do not."""
    codes = code_points(data)
    if codes.dtype == np.uint8:
        counts[:256] += np.bincount(codes, minlength=256)
    else:
        np.add.at(counts, codes, 1)
        counts[0xD800:0xE000] = 0


def frequent_characters(counts: np.ndarray, min_count: int, max_size: int) -> str:
    """The characters counted at least `min_count` times, `max_size` of them at most, by code point."""
    known = np.flatnonzero(counts >= min_count)
    if len(known) > max_size:
        known = np.sort(known[np.argsort(-counts[known], kind="stable")[:max_size]])
    return "".join(map(chr, known.tolist()))


def utf8_cut(data: bytes) -> int:
    """The end of the last character that is complete: bytes that may yet become one (3 at most) are not."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:  # the first byte of a character: Python knows whether it lacks something
            return len(data) - back + codecs.utf_8_decode(data[-back:], "surrogateescape", False)[1]
        if byte < 0x80:
            break
    return len(data)
