"""What codecs of text share: decoding by a table, cutting data into pieces, counting tokens, printable names."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from rhapsode.data.codecs.text import Decoder


class TableDecoder(Decoder):
    """Each symbol stands for the bytes `table[symbol]`, always the same."""

    def __init__(self, table: Sequence[bytes]) -> None:
        self._table = table

    def feed(self, symbol: int) -> bytes:
        return self._table[symbol]


def even(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of exactly `size`, but for the last. For speed and bounded memory,
    and so that nothing depends on how the data came."""
    held = bytearray()
    for chunk in chunks:
        view = memoryview(chunk)
        while len(held) + len(view) >= size:
            n = size - len(held)
            yield b"".join((held, view[:n]))
            held.clear()
            view = view[n:]
        held += view
    if held:
        yield bytes(held)


def space_cut(data: bytes, window: int = 4096) -> int:
    """The last place in the last `window` bytes that is after a newline, or between another byte and a space.

    Codecs whose tokens never continue after a newline and hold a space only among their leading
    spaces may cut there, whatever comes before and after. 0 where there is no such place.
    """
    start = max(0, len(data) - window)
    after_newline = data.rfind(b"\n", start) + 1
    space = data.rfind(b" ", start)
    before_space = start + len(data[start : space + 1].rstrip(b" ")) if space >= 0 else 0
    return max(after_newline, before_space if before_space > start else 0)


Token = TypeVar("Token", bound=Hashable)


def tally(batches: Iterable[list[Token]], limit: int = 2**19) -> Counter[Token]:
    """How often each token occurs. Memory is bounded: whenever more than `limit` distinct tokens
    have been counted, the rarer half is forgotten (so the counts of rare tokens may be too low)."""
    counts: Counter[Token] = Counter()
    for batch in batches:
        counts.update(batch)
        if len(counts) > limit:
            floor = sorted(counts.values())[len(counts) // 2]
            counts = Counter({token: n for token, n in counts.items() if n > floor})
    return counts


class Memo(dict[Token, bytes]):
    """Token → its symbols, as the bytes of their array. Made when first asked for, then remembered
    (the first 131,072 of them, so that memory is bounded)."""

    def __init__(self, known: dict[Token, bytes], make: Callable[[Token], bytes]) -> None:
        super().__init__(known)
        self._make = make
        self._limit = len(known) + 2**17

    def __missing__(self, token: Token) -> bytes:
        value = self._make(token)
        if len(self) < self._limit:
            self[token] = value
        return value


def printable(data: bytes) -> str:
    """`data` as short text that can be seen: an open box for a space, escapes for what does not print."""
    marks = {" ": "␣", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    text = data.decode("utf-8", "backslashreplace")
    shown = (marks.get(c) or (c if c.isprintable() else c.encode("unicode_escape").decode("ascii")) for c in text)
    return "".join(f"◌{c}" if unicodedata.combining(c[0]) else c for c in shown)
