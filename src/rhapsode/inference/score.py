"""Scoring of texts: the exact log-likelihood.

Three evaluations, which show the network what came before each step in different ways:

    carried   All that came before, as the model's reset policy and framing allow (`rhapsode.inference.evaluation`).
    cold      A window of n steps from zero state (`rhapsode.inference.cold`).
    dynamic   As carried, and the weights learn from each segment once it is scored (`rhapsode.inference.dynamic`).

Numbers of different evaluations must not be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from rhapsode.data.encode import Tally
from rhapsode.errors import UserError
from rhapsode.inference.cold import Cold
from rhapsode.inference.dynamic import Dynamic
from rhapsode.inference.evaluation import Carried, Evaluation
from rhapsode.inference.reader import as_bytes
from rhapsode.inference.trained import Trained
from rhapsode.report import Report

CHUNK = 1 << 16
"""Bytes encoded at a time."""


@dataclass(frozen=True)
class Surprise:
    """One step: its printable name, the bytes it adds to the text, and -log p, in nats."""

    label: str
    data: bytes
    nats: float


@dataclass(frozen=True)
class Score:
    """-log p of a text, in nats, and what it is divided by. Scores of several texts can be added.

    chars:     characters; each byte that is not UTF-8 counts as one.
    surprises: the steps one by one, if they were asked for.
    words:     what stands between white space.

    The ratios are 0 for an empty text.
    """

    nats: float
    steps: int
    chars: int
    bytes: int
    surprises: tuple[Surprise, ...] | None = None
    words: int = 0

    @property
    def nats_per_step(self) -> float:
        return self.nats / max(self.steps, 1)

    @property
    def nats_per_char(self) -> float:
        return self.nats / max(self.chars, 1)

    @property
    def bits_per_char(self) -> float:
        return self.nats_per_char / math.log(2)

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / max(self.bytes, 1)

    @property
    def perplexity_per_step(self) -> float:
        """e to the nats per step. A step is a token, if the codec is one of words or of parts of words."""
        return perplexity(self.nats, self.steps)

    @property
    def perplexity_per_word(self) -> float:
        """e to the nats per word: all that stands between words (spaces, line ends, the document's end) is paid for,
        and does not count as words. So models of any codec can be compared."""
        return perplexity(self.nats, self.words)

    def __add__(self, other: Score) -> Score:
        surprises = None
        if self.surprises is not None and other.surprises is not None:
            surprises = self.surprises + other.surprises
        return Score(
            self.nats + other.nats,
            self.steps + other.steps,
            self.chars + other.chars,
            self.bytes + other.bytes,
            surprises,
            self.words + other.words,
        )


def perplexity(nats: float, count: int) -> float:
    """e to the nats per each of `count`; infinite where there is none, or for what no number can hold."""
    try:
        return math.exp(nats / count) if count else math.inf if nats else 1.0
    except OverflowError:
        return math.inf


def score(
    model: Trained,
    data: bytes | str | Iterable[bytes],
    *,
    prompt: bytes | str = b"",
    end: bool = True,
    cold: int | None = None,
    dynamic: bool = False,
    per_step: bool = False,
    report: Report | None = None,
) -> Score:
    """The log-likelihood of one text; an iterable of its pieces is scored in bounded memory.

        model.score("How likely is this?").bits_per_char

    prompt:   text that comes before it, read but not scored.
    end:      the text is a whole document: that it ends here is scored, too, by models that know where documents end.
    cold:     steps in a cold window; None for carried state.
    dynamic:  let (a copy of) the weights learn from the text on the way.
    per_step: keep every step's surprise (memory grows with the text).
    Raises `UserError` for arguments that cannot be.
    """
    surprises: list[Surprise] = []
    on_step = surprises.append if per_step else None
    scorer = Scorer(model, prompt=prompt, cold=cold, dynamic=dynamic)
    scored = scorer.score(data, end=end, on_step=on_step, report=report)
    return replace(scored, surprises=tuple(surprises)) if per_step else scored


class Scorer:
    """Scores texts one after another, as training saw documents.

    Each begins from a zero state, unless the model's reset policy is `never`: then it goes on from the one before. With
    a prompt, each is scored as what comes after that, whatever the policy. What dynamic evaluation has learnt from one
    stays for the next, unless there is a prompt.
    """

    def __init__(
        self, model: Trained, *, prompt: bytes | str = b"", cold: int | None = None, dynamic: bool = False
    ) -> None:
        """As for `score`. Raises `UserError`."""
        if cold is not None and dynamic:
            raise UserError("cold windows and dynamic evaluation do not go together; one of them must go.")
        self._model, self._codec = model, model.text_codec
        before = self._codec.encode(as_bytes(prompt, "prompt"))
        self._evaluation: Evaluation
        if cold is not None:
            self._evaluation = Cold(model, before, cold)
        else:
            self._evaluation = (Dynamic if dynamic else Carried)(model, before)
        self._afresh = bool(len(before)) or model.policy.documents
        self._begun = False

    def score(
        self,
        data: bytes | str | Iterable[bytes],
        *,
        end: bool = True,
        on_step: Callable[[Surprise], None] | None = None,
        report: Report | None = None,
    ) -> Score:
        """The log-likelihood of the next text, in bounded memory. on_step: is called with the surprise of each step."""
        if self._begun and self._afresh:
            self._evaluation.reset()
        self._begun = True
        model, codec = self._model, self._codec
        text, decoder = _Text(data, report or Report()), codec.decoder()
        pieces = chain(codec.encode_chunks(text), [] if model.end is None or not end else [np.array([model.end])])
        total, steps = 0.0, 0
        for symbols, nats in self._evaluation.scored(pieces):
            total += math.fsum(nats)
            steps += len(nats)
            if on_step is not None:
                for symbol, surprise in zip(symbols.tolist(), nats.tolist(), strict=True):
                    on_step(Surprise(codec.label(symbol), decoder.feed(symbol), surprise))
        tally = text.tally
        return Score(total, steps, tally.chars, tally.bytes, None, tally.words)


class _Text(Iterable[bytes]):
    """The text in pieces of bounded size, counted as it is read."""

    def __init__(self, data: bytes | str | Iterable[bytes], report: Report) -> None:
        self._data = data
        self._report = report
        self.tally = Tally()

    def __iter__(self) -> Iterator[bytes]:
        total, chunks = None, self._data
        if isinstance(chunks, bytes | str):
            data = as_bytes(chunks, "text")
            total = max(len(data), 1)
            chunks = (data[at : at + CHUNK] for at in range(0, len(data), CHUNK))
        for chunk in chunks:
            self._report.stage("scoring", self.tally.bytes / total if total else None)
            yield chunk
            self.tally.feed(chunk)
        self.tally.feed(b"", ends=True)
        self._report.stage("scoring", 1.0)
