"""Languages that say which symbols may come next: the common part of `regex`, `schema` and `grammar`.

The library llguidance (Rust; `pip install 'rhapsode[valid]'`) walks along the bytes of the text with the derivatives of
regular expressions and an Earley parser, and says which strings of bytes may follow. Here, these strings are the pieces
of a codec, and all single bytes beside them, because any byte may have to be spelled.

The byte 0xFF, which is in no UTF-8, begins a mark in this library. No text with it is in any of these languages.
"""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self
from weakref import WeakKeyDictionary

import numpy as np

from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.constraint import Constraint, Verdict
from rhapsode.data.shallow import shallow
from rhapsode.errors import UserError
from rhapsode.files.source import of_file, reading
from rhapsode.modalities.text.constraints._closing import KINDS, MARK, bytes_of, shortest

LIMIT = 1 << 20
"""Bytes of a file with a schema or a grammar, at most."""
REMEMBERED = 256
"""So many closings are remembered."""
GRAMMARS = 8
"""Of so many grammars."""
UNFORCED = '%llguidance {"no_forcing": true}'
"""Else, where only one string can follow, one way to cut it into tokens would be allowed."""
NOTHING = "NoExtension"
"""What llguidance's errors begin with where nothing can follow."""


@dataclass(frozen=True)
class Tokens:
    """What llguidance calls a tokenizer, and what each symbol of a codec is there.

    library: its tokenizer. count: of its tokens; the first 256 are the bytes, the last one is the end.
    symbols: [V] int64, the token of each symbol; `count` for those that add no bytes, or the mark.
    first_half, end: as in `TextCodec`. begun: grammars that were used last, and matchers at their beginning: to make
    one takes milliseconds.
    """

    library: Any
    count: int
    symbols: np.ndarray
    first_half: int | None
    end: int | None
    begun: dict[str, Any] = field(default_factory=dict)


class Masked(Constraint):
    """A place in a text of a language that llguidance knows. `bound` to a codec, it has masks."""

    what: ClassVar[str]
    """What the argument is, for messages."""

    def __init__(self, argument: str = "") -> None:
        super().__init__(argument)
        if not argument:
            raise UserError(f"{self.name}: {self.what} is missing. Give it so: {self.name}:{self.argument}")
        self._library = _library(self.name)
        first, *others = self.grammars(argument)
        first = {**first, "lark_grammar": f"{first['lark_grammar']}\n{UNFORCED}\n"}
        self._grammar = json.dumps({"grammars": [first, *others]})
        self._tokens = _byte_tokens(self._library)
        self._matcher = self._begun()
        self._text = b""
        self._closings: dict[bytes, bytes | None] = {}
        """What was found behind a text. Copies share it: the places of many samples are the same at first."""
        self._verdict = self._judged()

    @abstractmethod
    def grammars(self, argument: str) -> list[dict[str, Any]]:
        """The language in the form that llguidance wants: grammars, the first of them in Lark's notation. Raises
        `UserError`."""

    @property
    @abstractmethod
    def subject(self) -> str:
        """What is wrong if the language cannot be used, for messages."""

    @property
    @abstractmethod
    def advice(self) -> str:
        """What to do about it, for messages."""

    def why(self, matcher: Any) -> str:
        """llguidance's reason, for messages."""
        where, first, detail = reason_of(matcher)
        return where + ": ".join(part for part in (first, detail) if part)

    def _begun(self) -> Any:
        """A matcher at the beginning. Raises `UserError`."""
        begun = self._tokens.begun
        if self._grammar not in begun:
            matcher = self._library.LLMatcher(self._tokens.library, self._grammar, log_level=0)
            if matcher.is_error():
                raise UserError(f"{self.name}: {self.subject} cannot be used: {self.why(matcher)}. {self.advice}")
            if len(begun) == GRAMMARS:
                begun.clear()
            begun[self._grammar] = matcher
        return begun[self._grammar].deep_copy()

    def bound(self, codec: TextCodec) -> Self:
        if self._text:
            raise ValueError("bind a constraint before it reads")
        other = shallow(self)
        other._tokens = _tokens(self._library, codec)
        other._matcher, other._closings = other._begun(), {}
        return other

    @property
    def verdict(self) -> Verdict:
        return self._verdict

    @property
    def settled(self) -> bool:
        """A mask can go on from every place, so only one inside of a character is none to come back to."""
        return self._verdict is not Verdict.IMPOSSIBLE and _whole(self._text[-4:])

    @property
    def place(self) -> str:
        """Where the text stands, for messages."""
        line = self._text.rpartition(b"\n")[2]
        column = 1 + sum(byte & 0xC0 != 0x80 for byte in line)
        return f"line {1 + self._text.count(10)}, character {column}"

    def read(self, data: bytes) -> Verdict:
        """See `Constraint`. Raises `UserError` if llguidance gives up."""
        if self._verdict is Verdict.IMPOSSIBLE or not data:
            return self._verdict
        known = data.partition(bytes([MARK]))[0]
        count = self._matcher.try_consume_tokens(list(known))
        self._text += known[:count]
        if count == len(data):
            self._verdict = self._judged()
            return self._verdict
        self._check()
        self._verdict, self._refused = Verdict.IMPOSSIBLE, data[count : count + 4]
        return self._verdict

    def _judged(self) -> Verdict:
        return Verdict.VALID if self._matcher.is_accepting() else Verdict.INCOMPLETE

    def _check(self) -> None:
        """Raises `UserError` if llguidance has given up."""
        if self._matcher.is_error():
            why = self.why(self._matcher)
            raise UserError(f"{self.name}: {self.place}: llguidance gave up on {self.subject}: {why}. {self.advice}")

    @property
    def reason(self) -> str:  # type: ignore[override]
        """Made only if it is asked for: most refused symbols are drawn again without a word."""
        if self._verdict is not Verdict.IMPOSSIBLE:
            return ""
        wanted = ", ".join(_ranges(bytes_of(self._matcher.compute_bitmask()))) or "the end"
        found = repr(text[:1]) if (text := self._refused.decode("utf-8", "ignore")) else f"byte {self._refused[0]:#04x}"
        return f"{self.place}: {found} cannot stand here. Wanted: {wanted}."

    def mask(self) -> np.ndarray:
        """See `Constraint`; the halves of bytes are those of the bytes that may follow. Raises `UserError` if nothing
        may follow, and the text may not end either."""
        tokens = self._tokens
        allowed = self._allowed()
        if not allowed[:-1].any() and self._verdict is not Verdict.VALID:
            if not self._matcher.get_error().startswith(NOTHING):
                self._check()
            raise UserError(
                f"{self.name}: {self.place}: nothing can follow, and the text may not end here: {self.subject} leads "
                f"to a place from which there is no way on. {self.advice}"
            )
        mask: np.ndarray = np.append(allowed, False)[tokens.symbols]
        if tokens.first_half is not None:
            mask[tokens.first_half : tokens.first_half + 16] = allowed[:256].reshape(16, 16).any(axis=1)
        if tokens.end is not None:
            mask[tokens.end] = self._verdict is Verdict.VALID
        return mask

    def _allowed(self) -> np.ndarray:
        """[tokens] bool."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(bits, count=self._tokens.count, bitorder="little").astype(bool)
        allowed[MARK] = False
        return allowed

    def closing(self) -> bytes | None:
        """The shortest text that ends in a valid one, as far as a search can find it that knows places by what may
        follow them."""
        if self._verdict is not Verdict.INCOMPLETE:
            return b"" if self._verdict is Verdict.VALID else None
        if self._text not in self._closings:
            if len(self._closings) == REMEMBERED:
                self._closings.clear()
            self._closings[self._text] = shortest(self._matcher)
        return self._closings[self._text]

    def copy(self) -> Self:
        other = shallow(self)
        other._matcher = self._matcher.deep_copy()
        return other


def _library(name: str) -> Any:
    try:
        import llguidance
    except ImportError:
        raise UserError(
            f"{name}: this needs the library `llguidance`. Install it with: pip install 'rhapsode[valid]'"
        ) from None
    return llguidance


class _Tokenizer:
    """What llguidance asks of a tokenizer."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(self, tokens: list[bytes]) -> None:
        """tokens: the last one is the end."""
        self.tokens, self.eos_token_id = tokens, len(tokens) - 1
        self.special_token_ids = [self.eos_token_id]

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


_TOKENS: WeakKeyDictionary[TextCodec, Tokens] = WeakKeyDictionary()
"""Tokens of codecs. To make them takes milliseconds, as long as to draw a hundred characters."""


def _tokens(library: Any, codec: TextCodec) -> Tokens:
    """The tokens for a codec's texts."""
    if codec not in _TOKENS:
        numbers = {bytes([byte]): byte for byte in range(256)}
        for piece in codec.pieces:
            if piece and MARK not in piece:
                numbers.setdefault(piece, len(numbers))
        tokens = [*numbers, b""]
        symbols = np.array([numbers.get(piece, len(tokens)) for piece in codec.pieces], np.int64)
        symbols[[MARK in piece for piece in codec.pieces]] = len(tokens)
        made = library.LLTokenizer(_Tokenizer(tokens))
        _TOKENS[codec] = Tokens(made, len(tokens), symbols, codec.first_half, codec.end)
    return _TOKENS[codec]


@lru_cache(maxsize=1)
def _byte_tokens(library: Any) -> Tokens:
    """The tokens for texts of no codec: single bytes."""
    tokens = [*(bytes([byte]) for byte in range(256)), b""]
    return Tokens(library.LLTokenizer(_Tokenizer(tokens)), len(tokens), np.zeros(0, np.int64), None, None)


def _ranges(allowed: list[int]) -> Iterator[str]:
    """Bytes in words: `'0' to '9'`."""
    shown = [byte for byte in allowed if KINDS[byte] != "other"]
    runs: list[list[int]] = []
    for byte in shown:
        if runs and byte == runs[-1][-1] + 1:
            runs[-1].append(byte)
        else:
            runs.append([byte])
    for run in runs:
        yield repr(chr(run[0])) + (f" to {chr(run[-1])!r}" if len(run) > 1 else "")
    if len(shown) < len(allowed):
        yield "other characters"


def _whole(data: bytes) -> bool:
    """Whether no character of UTF-8 is left unfinished. data: the last four bytes, or all."""
    for back, byte in enumerate(reversed(data), start=1):
        if byte & 0xC0 != 0x80:
            return back >= (1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4)
    return True


def reason_of(matcher: Any) -> tuple[str, str, str]:
    """llguidance's reason: the place in what the user gave, the reason, and what is wrong with a regular expression."""
    text = re.split(r"<(?:state|backtrace)>", matcher.get_error())[0].strip()
    if not text or text.startswith(NOTHING):
        return "", "no text is in it", ""
    place = re.match(r"(?:at )?(\d+)\((\d+)\): ", text)
    where = f"line {place[1]}, column {place[2]}: " if place else ""
    first = text[place.end() if place else 0 :].partition("\n")[0].removesuffix(".")
    first, _, rest = first.partition(" (in regex): ")
    detail = re.search(r"^error: (.*)$", text, re.MULTILINE)
    return where, first.removesuffix("regex parse error:"), detail[1] if detail else rest


def contents(name: str, what: str) -> str:
    """The text of a small file. Raises `UserError`."""
    source = of_file(Path(name), name)
    with reading(name), source.open() as file:
        data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise UserError(f"{name}: larger than {LIMIT >> 20} MiB, so it is no {what}. Give a smaller file.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: byte {error.start} is not UTF-8, so it is no {what}. Save it as UTF-8.") from None
