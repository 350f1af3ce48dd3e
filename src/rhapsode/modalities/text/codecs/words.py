"""The codec `words`: a step is a word with the space before it, a punctuation mark, or a run of spaces.

Text is cut into tokens by one regular expression, from left to right (`TOKEN`). A space belongs to
the word or mark that follows it, because otherwise every second step would be a space. A newline is
always a token of its own, so lines, paragraphs and documents begin with a new token. No token is
longer than 33 characters, so that what is not yet certain at the end of a chunk is always short.

The most frequent tokens are symbols. All others are spelled: character by character as in the codec
`chars`, and characters that are not known either with halves of bytes. Nothing is ever lost.

Symbols, with W words and K characters: 0 … W-1 the words, the most frequent first; W … W+K-1 the
characters by code point; then 16 high and 16 low halves; V = W + K + 32. (In models of before, the
words are sorted.)

What counts as a letter is Python's opinion and may change with its version for characters new to
Unicode: a model then splits them otherwise than in training, but decodes all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.text import SYMBOL_LIMIT, cut_safely
from rhapsode.modalities.text.codecs._tokens import Memo, even, space_cut, tally
from rhapsode.modalities.text.codecs.chars import (
    CODE_POINTS,
    HALVES,
    Chars,
    Spelling,
    count_characters,
    frequent_characters,
    utf8_cut,
    valid_characters,
)

LONGEST = 32
BLOCK = 2**18
MANY = 4096
"""With as many symbols or more, the head is adaptive softmax, if the user names none: an update takes less than half of
the time (benchmarks/tokens.py), but a word that the model writes ten times as long."""
MARKS = r"\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0966-\u109f\u200c\u200d"
"""Accents and vowel signs (and joiners) that Python does not count as part of a word, but readers do."""

TOKEN = re.compile(
    rf" ?(?:[\w{MARKS}]{{1,{LONGEST}}}|[^\w\s])"  # a word, number or identifier, or a mark; with one space before
    rf"| {{1,{LONGEST}}}|\t{{1,{LONGEST}}}|.",  # spaces; tabs; any other space, and newlines, one by one
    re.DOTALL,
)


LETTER = re.compile(rf"[\w{MARKS}]")


def cut(data: bytes) -> int:
    """A place where a token ends whatever follows. At most 33 characters and 3 bytes are held back.

    All tokens but the last are certain: each ended because of the character that follows it, or
    because it could not be longer. `TOKEN` never looks back, nor more than one character ahead.
    """
    n = space_cut(data)
    if n:
        return n
    n = utf8_cut(data)
    last = ""
    for match in TOKEN.finditer(data[:n].decode("utf-8", "surrogateescape")):
        last = match.group()
    return n - len(last.encode("utf-8", "surrogateescape"))


def split(data: bytes) -> list[str]:
    """The tokens of `data`; bytes that are not UTF-8 are lone surrogates."""
    return TOKEN.findall(data.decode("utf-8", "surrogateescape"))


class Words(Spelling):
    """Known words one symbol each; other tokens spelled with characters and halves of bytes.

    words:      tokens of 2 to 33 characters, none twice, no surrogates.
    characters: as for `Chars`.
    """

    name = "words"
    summary = "a step is a word, number or mark; rare ones are spelled: for prose when steps are dear"
    keeps = "the words and characters that are not rare in it"
    options = {"min_count": 3, "max_size": 10_000}
    limits = {"min_count": (1, 2**62), "max_size": (0, SYMBOL_LIMIT // 2 - HALVES)}
    meanings = {
        "min_count": "How often a word, or a character that others are spelled with, must be seen to be known.",
        "max_size": "How many words are known at most, and how many characters: the most frequent.",
    }

    def __init__(self, words: Sequence[str], characters: str) -> None:
        self.words = tuple(words)
        self._chars = Chars(characters)
        # Characters, with which all is spelled, and marks among them, are as frequent as the first words.
        super().__init__([piece.encode() for piece in (*words, *characters)], first=len(words))
        symbols = np.arange(len(words)).astype(self._steps.dtype)
        known = {word: symbol.tobytes() for word, symbol in zip(words, symbols, strict=True)}
        self._spelled: Memo[str] = Memo({}, self._spell_character)
        self._symbols: Memo[str] = Memo(known, self._spell)
        self._longer: dict[str, np.ndarray] = {}

    def _spell_character(self, character: str) -> bytes:
        symbols = self._chars.encode(character.encode("utf-8", "surrogateescape"))
        return (symbols.astype(self._steps.dtype) + len(self.words)).astype(self._steps.dtype).tobytes()

    def _spell(self, token: str) -> bytes:
        return b"".join(map(self._spelled.__getitem__, token))

    @classmethod
    def fit(cls, chunks: Iterable[bytes], **options: Any) -> Words:
        given = cls.checked(options)
        counts = np.zeros(CODE_POINTS, np.int64)

        def batches() -> Iterator[list[str]]:
            for block in cut_safely(even(chunks, BLOCK), cut):
                count_characters(block, counts)
                yield split(block)

        found = tally(batches()).items()
        ranked = sorted(
            (-n, token) for token, n in found if n >= given["min_count"] and len(token) > 1 and not surrogates(token)
        )
        words = [token for _, token in ranked[: given["max_size"]]]
        return cls(words, frequent_characters(counts, **given))

    @property
    def network(self) -> dict[str, Any]:
        return {"head": "adaptive" if self._steps.size >= MANY else self.head}

    def encode(self, data: bytes) -> np.ndarray:
        symbols = bytearray()
        for block in cut_safely(even([data], BLOCK), cut):
            symbols += b"".join(map(self._symbols.__getitem__, split(block)))
        return np.frombuffer(symbols, self._steps.dtype)

    def cut(self, data: bytes) -> int:
        return cut(data)

    def tokens(self, data: bytes) -> list[tuple[str, int]]:
        size = self._steps.dtype.itemsize
        return [(token, len(self._symbols[token]) // size) for token in split(data)]

    def longer(self, token: str) -> np.ndarray:
        like = LETTER.sub("a", token)  # to `TOKEN`, all letters are alike
        if like[-1] not in "a \t":
            like = "."  # nothing is
        if like not in self._longer:
            found = self._longer[like] = np.zeros(self._steps.size, bool)
            known = slice(len(self.words), self.first_half)
            found[known] = [TOKEN.fullmatch(like + character) is not None for character in self._chars.characters]
            found[self.first_half : self.first_half + 16] = like == " "
        return self._longer[like]

    def to_json(self) -> dict[str, Any]:
        return {"words": list(self.words), "characters": self._chars.characters}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Words:
        words, characters = fields(cls, data, "words", "characters")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise damaged(cls, "the words must be a list of strings")
        characters = valid_characters(cls, characters)
        if len(words) + len(characters) > SYMBOL_LIMIT - HALVES:
            raise damaged(cls, f"{len(words)} words and {len(characters)} characters are too many")
        for word in words:
            if not 2 <= len(word) <= LONGEST + 1 or surrogates(word):
                raise damaged(cls, f"{word[: LONGEST + 1]!a} cannot be a word")
        if len(set(words)) != len(words):
            raise damaged(cls, "one of the words is there twice")
        return cls(words, characters)


def surrogates(text: str) -> bool:
    """Whether there are lone surrogates in the text: it came from bytes that are not UTF-8."""
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)
