"""Scoring of texts: the exact log-likelihood.

There are three evaluations. They differ in what the network sees before it predicts a step:

    carried   everything before it, as far as the model's reset policy and framing allow (`evaluation`)
    cold      a window of n steps, from a zero state (`cold`)
    dynamic   as carried, and the weights learn from each segment after it was scored (`dynamic`)

The predictions of carried and dynamic evaluation can be mixed with a cache of the text (`cache`). Scores of different
evaluations must not be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from rhapsode.data.encode import Tally
from rhapsode.errors import UserError
from rhapsode.inference.cache import Cached
from rhapsode.inference.cold import Cold
from rhapsode.inference.dynamic import Dynamic, Rule
from rhapsode.inference.evaluation import Carried, Evaluation
from rhapsode.inference.reader import as_bytes
from rhapsode.inference.trained import Trained
from rhapsode.inference.unknown import AsUnknown, Unknown
from rhapsode.report import Report

CHUNK = 1 << 16
"""Bytes encoded at a time."""
GROUP = 4096
"""Nats added up at a time."""


@dataclass(frozen=True)
class Surprise:
    """One step: its printable name, the bytes that it adds to the text, and its -log p in nats."""

    label: str
    data: bytes
    nats: float


@dataclass(frozen=True)
class Score:
    """-log p of a text, in nats, and the counts for its ratios. Scores of several texts can be added.

    chars:     characters; each byte that is not UTF-8 counts as one.
    surprises: the steps one by one, if they were asked for.
    words:     parts between white space.
    lines:     line ends.
    unknown:   what changes if each word that is spelled is one symbol `<unk>`, if that was asked for.

    The ratios are 0 for an empty text.
    """

    nats: float
    steps: int
    chars: int
    bytes: int
    surprises: tuple[Surprise, ...] | None = None
    words: int = 0
    lines: int = 0
    unknown: Unknown | None = None

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
        """e to the power of nats per word. Everything between words (spaces, line ends, the document's end) is included
        in the nats, but does not count as a word. So models with any codec can be compared."""
        return perplexity(self.nats, self.words)

    @property
    def perplexity_per_word_and_line(self) -> float:
        """e to the power of nats per word or line end, which the literature counts as a word (Mikolov et al. 2010, and
        all that use its Penn Treebank). Words that are spelled count in full; a text with `<unk>` in it has it as a
        word."""
        return perplexity(self.nats, self.words + self.lines)

    @property
    def unknown_words(self) -> int:
        """How many words were spelled, if `unknown` was asked for."""
        return self.unknown.count if self.unknown else 0

    @property
    def perplexity_with_unk(self) -> float:
        """As `perplexity_per_word_and_line`, if each word that is spelled is one symbol `<unk>`, as the literature has
        it: see `rhapsode.inference.unknown`. The same, if `unknown` was not asked for."""
        return perplexity(self.unknown.nats if self.unknown else self.nats, self.words + self.lines)

    def __add__(self, other: Score) -> Score:
        surprises = None
        if self.surprises is not None and other.surprises is not None:
            surprises = self.surprises + other.surprises
        unknown = self.unknown + other.unknown if self.unknown and other.unknown else self.unknown or other.unknown
        return Score(
            self.nats + other.nats,
            self.steps + other.steps,
            self.chars + other.chars,
            self.bytes + other.bytes,
            surprises,
            self.words + other.words,
            self.lines + other.lines,
            unknown,
        )


def perplexity(nats: float, count: int) -> float:
    """e to the power of nats / count. Infinite if the count is 0, or if the number is too large."""
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
    dynamic: bool | Rule = False,
    unknown: bool = False,
    cache: bool = False,
    per_step: bool = False,
    report: Report | None = None,
) -> Score:
    """The log-likelihood of one text. Instead of the text, it may be an iterable of its pieces; memory is bounded then.

        model.score("How likely is this?").bits_per_char

    prompt:   a text that comes before it, which is read but not scored.
    end:      the text is a complete document. Models that know where documents end score its end, too.
    cold:     the steps of a cold window; None for carried state.
    dynamic:  a copy of the weights learns from the text as it is scored, by Adam or by the rule given (`Rms.of`).
    unknown:  also what papers have, where each word that is spelled is one symbol `<unk>`: `Score.unknown`.
    cache:    predictions are mixed with what followed the last steps earlier in the text (`rhapsode.inference.cache`).
    per_step: keep the surprise of each step. Memory grows with the text then.
    Raises `UserError` for impossible arguments.
    """
    surprises: list[Surprise] = []
    on_step = surprises.append if per_step else None
    scorer = Scorer(model, prompt=prompt, cold=cold, dynamic=dynamic, unknown=unknown, cache=cache)
    scored = scorer.score(data, end=end, on_step=on_step, report=report)
    return replace(scored, surprises=tuple(surprises)) if per_step else scored


class Scorer:
    """Scores texts one after another, as training saw documents.

    Each text begins with a zero state; if the model's reset policy is `never`, with the state after the text before.
    With a prompt, each is scored as the continuation of the prompt, whatever the policy is. Weights that dynamic
    evaluation has changed stay changed for the next text, and a cache keeps what it knows, unless there is a prompt.
    """

    def __init__(
        self,
        model: Trained,
        *,
        prompt: bytes | str = b"",
        cold: int | None = None,
        dynamic: bool | Rule = False,
        unknown: bool = False,
        cache: bool = False,
    ) -> None:
        """As for `score`. Raises `UserError`."""
        for asked, what in ((dynamic, "dynamic evaluation"), (cache, "a cache")):
            if cold is not None and asked:
                raise UserError(f"cold windows and {what} do not go together; one of them must go.")
        if unknown and (cold is not None or dynamic or cache):
            raise UserError(
                "perplexity with <unk> is for carried state: cold windows, dynamic evaluation and a cache must go."
            )
        self._model, self._codec = model, model.text_codec
        before = self._codec.encode(as_bytes(prompt, "prompt"))
        self._evaluation: Evaluation
        self._as_unknown = AsUnknown(model, before) if unknown else None
        if self._as_unknown:
            self._evaluation = self._as_unknown
        elif cold is not None:
            self._evaluation = Cold(model, before, cold)
        else:
            rule = dynamic if isinstance(dynamic, Rule) else None
            self._evaluation = Dynamic(model, before, rule) if dynamic else Carried(model, before)
            if cache:
                self._evaluation = Cached(self._evaluation, before, model.codec.steps.dtype.itemsize)
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
        total, steps, rest = 0.0, 0, np.zeros(0)
        for symbols, nats in self._evaluation.scored(pieces):
            steps += len(nats)
            # Added up in groups of one size, the sum does not depend on how many steps an engine takes at a time.
            rest = np.append(rest, nats)
            while len(rest) >= GROUP:
                total, rest = total + math.fsum(rest[:GROUP]), rest[GROUP:]
            if on_step is not None:
                for symbol, surprise in zip(symbols.tolist(), nats.tolist(), strict=True):
                    on_step(Surprise(codec.label(symbol), decoder.feed(symbol), surprise))
        tally, whole = text.tally, total + math.fsum(rest)
        taken = self._as_unknown.taken(whole) if self._as_unknown else None
        return Score(whole, steps, tally.chars, tally.bytes, None, tally.words, tally.lines, taken)


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
