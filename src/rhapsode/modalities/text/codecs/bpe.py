"""The codec `bpe`: a step is a frequent string of bytes, found by merging frequent pairs.

Byte-pair encoding (Gage 1994; Sennrich et al. 2016): begin with the 256 bytes, then again and again
make the most frequent pair of neighbours a symbol of its own. To encode, do the same merges in the
same order. Merges never cross the borders of pieces: words with the space before them, numbers of
up to three digits, marks, runs of spaces, single newlines (`PIECE`).

The merges are learnt by the library `tokenizers` (Rust; `pip install rhapsode[bpe]`). Only `fit`
needs it: encoding is a loop over one piece, and each distinct piece is encoded once, so a model can
be used where the library is not installed, and no version of it can change how a model encodes.

Symbols: 0 … 255 the bytes, then the results of the merges in order. Two merges may have the same
result; it is one symbol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise, repeat
from typing import Any

import numpy as np

from rhapsode.data.codecs.codec import damaged, fields
from rhapsode.data.codecs.text import SYMBOL_LIMIT, Decoder, TextCodec, cut_safely
from rhapsode.errors import UserError
from rhapsode.modalities.text.codecs._tokens import Memo, TableDecoder, even, printable, space_cut, tally
from rhapsode.steps.symbols import Symbols

LONGEST = 48
"""Bytes in a piece, less one for the space. A run of characters of 2, 3 or 4 bytes is not cut inside one."""
BLOCK = 2**18
TRAINING_PIECES = 2**22
"""How many pieces the library sees at most: counts are scaled down to this, so that training ends soon."""

PIECE = re.compile(
    rb" ?(?:[A-Za-z\x80-\xff]{1,%(n)d}|[0-9]{1,3}|[!-/:-@[-`{-~]{1,%(n)d})| {1,%(n)d}|\t{1,%(n)d}|." % {b"n": LONGEST},
    re.DOTALL,
)


def cut(data: bytes) -> int:
    """A place where a piece ends whatever follows; at most 49 bytes are held back.

    All pieces but the last are certain: each ended because of the byte that follows it, or because
    it could not be longer. `PIECE` never looks back, nor more than one byte ahead.
    """
    n = space_cut(data)
    if n:
        return n
    for match in PIECE.finditer(data):
        n = match.start()
    return n


class Bpe(TextCodec):
    """Byte-pair encoding with these merges: pairs of earlier symbols, in the order they are done."""

    name = "bpe"
    summary = "a step is a frequent string of bytes: for large texts when steps are dear"
    keeps = "the frequent strings of bytes in it"
    options = {"size": 4096, "min_count": 2}
    limits = {"size": (256, SYMBOL_LIMIT), "min_count": (1, 2**62)}
    meanings = {
        "size": "How many symbols there are at most, the 256 bytes included.",
        "min_count": "How often a pair must be seen to be merged.",
    }

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        self.merges = tuple(merges)
        self._table = [bytes([b]) for b in range(256)]
        ids = {piece: symbol for symbol, piece in enumerate(self._table)}
        self._ranks: dict[tuple[int, int], tuple[int, int]] = {}  # pair → (when it is merged, the result)
        for rank, (a, b) in enumerate(merges):
            piece = self._table[a] + self._table[b]
            if piece not in ids:
                ids[piece] = len(ids)
                self._table.append(piece)
            self._ranks[a, b] = rank, ids[piece]
        self._steps = Symbols(len(self._table))
        self._widths = np.array([len(piece) for piece in self._table], np.int64)
        self._symbols: Memo[bytes] = Memo({}, self._merge)

    def _merge(self, piece: bytes) -> bytes:
        """The symbols of one piece, as the bytes of their array."""
        symbols = list(piece)
        never = (len(self.merges), -1)
        while len(symbols) > 1:
            rank, result = min(self._ranks.get(pair, never) for pair in pairwise(symbols))
            if result < 0:
                break
            pair = self.merges[rank]
            merged = []
            i = 0
            while i < len(symbols):
                found = (symbols[i], symbols[i + 1] if i + 1 < len(symbols) else -1) == pair
                merged.append(result if found else symbols[i])
                i += 1 + found
            symbols = merged
        return np.array(symbols, self._steps.dtype).tobytes()

    @classmethod
    def fit(cls, chunks: Iterable[bytes], **options: Any) -> Bpe:
        """Learn the merges. Raises `UserError` when the library `tokenizers` is not there."""
        given = cls.checked(options)
        counts = tally(PIECE.findall(block) for block in cut_safely(even(chunks, BLOCK), cut))
        scale = -(-counts.total() // TRAINING_PIECES) or 1
        seen = ((piece.decode("latin-1"), -(-n // scale)) for piece, n in sorted(counts.items()))
        least = max(1, given["min_count"] // scale)
        return cls(learn(chain.from_iterable(repeat(*pair) for pair in seen), given["size"], least))

    @property
    def steps(self) -> Symbols:
        return self._steps

    def encode(self, data: bytes) -> np.ndarray:
        symbols = bytearray()
        for block in cut_safely(even([data], BLOCK), cut):
            symbols += b"".join(map(self._symbols.__getitem__, PIECE.findall(block)))
        return np.frombuffer(symbols, self._steps.dtype)

    def cut(self, data: bytes) -> int:
        return cut(data)

    def decoder(self) -> Decoder:
        return TableDecoder(self._table)

    @property
    def widths(self) -> np.ndarray:
        return self._widths

    @property
    def pieces(self) -> list[bytes]:
        return list(self._table)

    def label(self, symbol: int) -> str:
        return printable(self._table[symbol])

    def to_json(self) -> dict[str, Any]:
        return {"merges": [list(pair) for pair in self.merges]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Bpe:
        (merges,) = fields(cls, data, "merges")
        if not isinstance(merges, list) or len(merges) > SYMBOL_LIMIT - 256:
            raise damaged(cls, f"the merges must be a list of at most {SYMBOL_LIMIT - 256} pairs")
        pieces = [bytes([b]) for b in range(256)]
        results = set(pieces)
        pairs = set()
        for merge in merges:
            if not isinstance(merge, list) or len(merge) != 2 or not all(type(part) is int for part in merge):
                raise damaged(cls, f"a merge is not a pair of numbers: {str(merge)[:40]}")
            a, b = merge
            if not (0 <= a < len(pieces) and 0 <= b < len(pieces)):
                raise damaged(cls, f"the merge {merge} names a symbol that is not there yet")
            piece = pieces[a] + pieces[b]
            if len(piece) > LONGEST + 1:
                raise damaged(cls, f"the merge {merge} makes a symbol of more than {LONGEST + 1} bytes")
            if (a, b) in pairs:
                raise damaged(cls, f"the merge {merge} is there twice")
            pairs.add((a, b))
            if piece not in results:
                results.add(piece)
                pieces.append(piece)
        return cls([(a, b) for a, b in merges])


def learn(pieces: Iterable[str], size: int, least: int) -> list[tuple[int, int]]:
    """The merges for these pieces (bytes as Latin-1 characters), as pairs of symbols."""
    try:
        from tokenizers import Tokenizer, models, trainers
    except ImportError:
        raise UserError(
            "codec bpe: to train it, the library `tokenizers` is needed. Install it with: pip install rhapsode[bpe]"
        ) from None
    tokenizer = Tokenizer(models.BPE())
    alphabet = [chr(b) for b in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=size, min_frequency=least, initial_alphabet=alphabet, special_tokens=[], show_progress=False
    )
    tokenizer.train_from_iterator(pieces, trainer)
    merges = []
    ids = {character: symbol for symbol, character in enumerate(alphabet)}
    for a, b in json.loads(tokenizer.to_str())["model"]["merges"]:
        merges.append((ids[a], ids[b]))
        ids.setdefault(a + b, len(ids))
    return merges
