"""What of a text is copied from the training text: exact spans, and how long they are in held-out text.

How much is copied says little alone: two texts of one kind share names and turns of phrase. What tells is how much of a
held-out text of equal length, by people, stands in the training text (after McCoy et al. 2023, "How much do language
models copy from their training data?").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rhapsode.data.text_index import Place, TextIndex
from rhapsode.inference.reader import as_bytes
from rhapsode.inference.trained import Trained

LONG = (20, 40)
"""Characters of spans that are no turn of phrase any more, for `Figures.in_spans`."""
GRAMS = (5, 10, 20)
"""Characters of the n-grams that are counted, for `Figures.seen`."""


@dataclass(frozen=True)
class Figures:
    """How much of a text stands in the training text.

    longest:  characters of the longest span.
    in_spans: length → the share of characters in spans of so many or more.
    seen:     n → the share of the text's n-grams of characters that stand in the training text; 0 if it has none.
    """

    longest: int
    in_spans: dict[int, float]
    seen: dict[int, float]


@dataclass(frozen=True)
class HeldOut:
    """The same of held-out text, in `windows` pieces of `chars` characters each: the median and the 95th percentile of
    each figure. Spans of more than 512 bytes count as 512."""

    windows: int
    chars: int
    half: Figures
    most: Figures


@dataclass(frozen=True)
class Span:
    """Characters in a row that stand in the training text.

    document: the number of the text that it is in, from 0. start: its first character in it, from 0. line: its line in
    it, from 1. place: where it stands in the training text (in one of perhaps several places). at: the same in bytes.
    """

    text: str
    chars: int
    document: int
    start: int
    line: int
    place: Place
    at: int


@dataclass(frozen=True, eq=False)
class Novelty:
    """What of some texts is copied. chars: of all of them. longest: the longest span; None if no character was seen.
    figures: of all of them. held_out: what to compare these with; None if the index has no held-out text.
    lengths: for each text, [N] int32: how long the longest span is in which each character stands, up to 512 bytes.
    """

    chars: int
    longest: Span | None
    figures: Figures
    held_out: HeldOut | None
    lengths: list[np.ndarray]


def novelty(model: Trained, text: bytes | str | Sequence[bytes | str]) -> Novelty:
    """What of a text, or of several texts together, is copied from the training text of the model.

        found = model.novelty(model.generate("It was", length=2000)[0].data)
        found.longest.text, str(found.longest.place)     # the longest span, and where it stands
        found.figures.seen[20], found.held_out.half.seen[20]

    It needs the training index beside the model, see `train`. Raises `UserError` if there is none.
    """
    return measured(model.index, [text] if isinstance(text, bytes | str) else text)


def measured(known: TextIndex, texts: Sequence[bytes | str]) -> Novelty:
    """What of some texts stands in the text of this index."""
    parts: list[np.ndarray] = []
    longest: Span | None = None
    for number, text in enumerate(texts):
        data = as_bytes(text, "text")
        found = known.matches(data)
        parts.append(found.lengths)
        if found.chars > (longest.chars if longest else 0):
            shown = data.decode("utf-8", "surrogateescape")
            span = shown[found.start : found.start + found.chars].encode("utf-8", "surrogateescape")
            line = 1 + shown.count("\n", 0, found.start)
            place = known.where(found.place)
            longest = Span(span.decode("utf-8", "replace"), found.chars, number, found.start, line, place, found.place)
    every = np.concatenate([np.zeros(0, np.int32), *parts])
    figures = replace(_Measures.of(every[None]).at(50), longest=longest.chars if longest else 0)
    held = known.arrays["held"]
    return Novelty(len(every), longest, figures, _held_out(held, len(every)), [_around(part) for part in parts])


class _Measures(NamedTuple):
    """The figures of several texts of equal length, [W] each, as in `Figures`."""

    longest: np.ndarray
    in_spans: dict[int, np.ndarray]
    seen: dict[int, np.ndarray]

    @staticmethod
    def of(lengths: np.ndarray) -> _Measures:
        """lengths: [W, N], how many characters from here on stand in the training text."""
        count, size = lengths.shape
        here = np.arange(size)
        lengths = np.minimum(lengths, size - here)
        spans, seen = dict[int, np.ndarray](), dict[int, np.ndarray]()
        for n in LONG:
            ends = np.maximum.accumulate(np.where(lengths >= n, here + lengths, 0), axis=1)
            spans[n] = (ends > here).sum(axis=1) / max(size, 1)
        for n in GRAMS:
            room = max(size - n + 1, 0)
            seen[n] = (lengths[:, :room] >= n).sum(axis=1) / max(room, 1)
        return _Measures(lengths.max(axis=1, initial=0), spans, seen)

    def at(self, percent: float) -> Figures:
        """The percentile of each."""

        def of(values: np.ndarray) -> float:
            return float(np.percentile(values, percent, method="inverted_cdf"))

        spans, seen = ({n: of(values) for n, values in some.items()} for some in (self.in_spans, self.seen))
        return Figures(int(of(self.longest)), spans, seen)


def _held_out(held: np.ndarray, chars: int) -> HeldOut | None:
    if not len(held) or not chars:
        return None
    size = min(chars, len(held))
    windows = len(held) // size
    found = _Measures.of(held[: windows * size].reshape(windows, size).astype(np.int64))
    return HeldOut(windows, size, found.at(50), found.at(95))


def _around(lengths: np.ndarray) -> np.ndarray:
    """[N] int32: how long the longest span is that covers each character, given how long those are that begin there."""
    found = np.zeros(len(lengths), np.int32)
    ends = np.arange(len(lengths)) + lengths
    begins = np.flatnonzero(np.diff(ends, prepend=0) > 0)  # of those that no other span covers
    for begin in begins[np.argsort(lengths[begins], kind="stable")].tolist():
        found[begin : ends[begin]] = lengths[begin]
    return found
