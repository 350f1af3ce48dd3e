"""Scoring: the exact log-likelihood of a text.

Three ways to present the past:

    carried   Each step is predicted from all that came before it, as the model's reset policy and
              framing allow. This is the model's likelihood of the text, and what `compress` pays.
    cold      Each window of n steps from zero state and one symbol of context, the one before the
              window (`start` at the beginning of the text): what systems without a state report,
              e.g. nanoGPT with its windows of 256. Units begin within a window as ever.
    dynamic   As carried, and the weights learn from each segment once it is scored (Graves 2013,
              Krause et al. 2018): still the likelihood of the text, but of a model that goes on
              learning. It needs torch, and its arithmetic is not that of `compress`.

Each way (`Carried`, `Cold`, `Learning`) turns a text's symbols, piece by piece, into their nats, piece by piece.
Numbers of different ways must not be compared. A `Scorer` scores documents one after another, as training saw them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.data.datasets import cache_folder
from rhapsode.data.encode import Tally
from rhapsode.data.guide import along
from rhapsode.errors import UserError
from rhapsode.files.cache import Cache
from rhapsode.files.refusals import Refusals
from rhapsode.inference.reader import Reader, Units, as_bytes
from rhapsode.report import Report

if TYPE_CHECKING:
    from rhapsode.inference.model import Model

CHUNK = 1 << 16
"""Bytes encoded at a time."""
ROWS = 32
"""Cold windows run side by side."""
GROUP = 1 << 14
"""Steps of cold windows gathered before they are run, at least: a choice of windows of like length."""
COLD_LIMIT = 65_536
SEGMENT = 32
"""Steps after which dynamic evaluation learns."""
RATE = 1e-3
"""Of dynamic evaluation's learning (Adam)."""
RETURN = 0.003
"""Part of the way back to the trained weights that dynamic evaluation goes after each segment."""
NUMBERS = 1 << 22
"""Parameters computed at a time in cold windows, about: bounds memory whatever the vocabulary."""


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
        both = None
        if self.surprises is not None and other.surprises is not None:
            both = self.surprises + other.surprises
        return Score(
            self.nats + other.nats,
            self.steps + other.steps,
            self.chars + other.chars,
            self.bytes + other.bytes,
            both,
            self.words + other.words,
        )


def perplexity(nats: float, count: int) -> float:
    """e to the nats per each of `count`; infinite where there is none, or for what no number can hold."""
    try:
        return math.exp(nats / count) if count else math.inf if nats else 1.0
    except OverflowError:
        return math.inf


def score(
    model: Model,
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
    kept: list[Surprise] = []
    one = Scorer(model, prompt=prompt, cold=cold, dynamic=dynamic).score(
        data, end=end, hear=kept.append if per_step else None, report=report
    )
    return replace(one, surprises=tuple(kept)) if per_step else one


class Scorer:
    """Scores texts one after another, as training saw documents.

    Each begins from a zero state, unless the model's reset policy is `never`: then it goes on from the one before. With
    a prompt, each is scored as what comes after that, whatever the policy. What dynamic evaluation has learnt from one
    stays for the next, unless there is a prompt.
    """

    def __init__(
        self, model: Model, *, prompt: bytes | str = b"", cold: int | None = None, dynamic: bool = False
    ) -> None:
        """As for `score`. Raises `UserError`."""
        _check(model, cold, dynamic)
        self._model, self._codec = model, model.text_codec
        before = self._codec.encode(as_bytes(prompt, "prompt"))
        self._way: Way
        if cold is not None:
            self._way = Cold(model, before, cold)
        else:
            self._way = (Learning if dynamic else Carried)(model, before)
        self._afresh = bool(len(before)) or model.policy.documents
        self._begun = False

    def score(
        self,
        data: bytes | str | Iterable[bytes],
        *,
        end: bool = True,
        hear: Callable[[Surprise], None] | None = None,
        report: Report | None = None,
    ) -> Score:
        """The log-likelihood of the next text, in bounded memory. hear: is given every step."""
        if self._begun and self._afresh:
            self._way.reset()
        self._begun = True
        model, codec = self._model, self._codec
        text, decoder = _Text(data, report or Report()), codec.decoder()
        pieces = chain(codec.encode_chunks(text), [] if model.end is None or not end else [np.array([model.end])])
        nats, steps = 0.0, 0
        for symbols, block in self._way.scored(pieces):
            nats += math.fsum(block)
            steps += len(block)
            if hear is not None:
                for symbol, one in zip(symbols.tolist(), block.tolist(), strict=True):
                    hear(Surprise(codec.label(symbol), decoder.feed(symbol), one))
        found = text.tally
        return Score(nats, steps, found.chars, found.bytes, None, found.words)


def _check(model: Model, cold: int | None, dynamic: bool) -> None:
    """Raises `UserError` for ways that cannot be."""
    if cold is not None:
        if isinstance(cold, bool) or not isinstance(cold, int) or not 1 <= cold <= COLD_LIMIT:
            raise UserError(f"cold: {cold!r} is not allowed. Allowed: windows of 1 to {COLD_LIMIT:,} steps.")
        if dynamic:
            raise UserError("cold windows and dynamic evaluation do not go together; one of them must go.")
        if model.config.framing.name != "stream":
            raise UserError(
                f"cold windows compare models that carry their state; with framing {model.config.framing.name} "
                "this model's state starts from zero by itself. Score it without them."
            )
    if dynamic and model.config.framing.name != "stream":
        raise UserError(
            f"dynamic evaluation is for models that carry their state; this one's framing is "
            f"{model.config.framing.name}. Score it without."
        )


Scored = Iterator[tuple[np.ndarray, np.ndarray]]
"""Steps [n] and the nats [n] float64 of each, piece by piece."""


@dataclass(frozen=True)
class RecordScore:
    """-log p of one record, in nats of normalised units: a density, where steps are.

    raw: the same in units of the data. chars: those of its text.
    """

    name: str
    nats: float
    raw: float
    steps: int
    chars: int

    @property
    def nats_per_step(self) -> float:
        return self.nats / max(self.steps, 1)


def score_records(
    model: Model, records: Iterable[Any], *, report: Report | None = None, refused: Refusals | None = None
) -> Iterator[RecordScore]:
    """The log-likelihood of each record, given its text if the model has texts; of recordings, without those that
    training would leave out, too. Raises `UserError`.

    refused: counts the records that the model cannot read; without it, one of them is an error.

    Steps are presented as in validation: with noise of the width of the data's grid, the same each time; those that a
    model drew as they are, so that they have the nats that they were drawn with.
    """
    codec, report = model.record_codec, report or Report()
    if codec.prepares:
        found = codec.prepared(list(records), Cache(cache_folder(), report.note), report.stage, **codec.settings)
        records = [one for one in found.records if one is not None]
        for note in found.left_out:  # the other notes are for training
            report.note(note)
    for number, record in enumerate(records):
        text = codec.spelling(record)
        symbols = codec.encode_text(text) if model.text else None
        # Of texts, `encode_text` has said it; and those that the model does not attend to do not matter.
        if codec.text is None and (reason := codec.refusal(record)):
            name = getattr(record, "name", "") or f"number {number + 1}"
            if refused is not None:
                refused.skip(f"a {codec.record} {reason}", name)
                continue
            raise UserError(f"{name}: a {codec.record} {reason}: the model cannot read it. Leave it out.")
        steps = codec.encode(record)
        if codec.drawn(record):
            shown = codec.steps.inputs(steps)
        else:
            n = np.arange(len(steps))
            shown = codec.steps.augmented(steps, n + (number << 32), np.zeros_like(n), np.full_like(n, -1))
        guide = codec.guide(record) if codec.covariates else None
        covariates = None if guide is None else model.encoded(along(guide, steps))
        nats = math.fsum(one for _, block in carried(model, shown[:0], [shown], symbols, covariates) for one in block)
        yield RecordScore(
            getattr(record, "name", ""), nats, nats + len(steps) * codec.steps.nats, len(steps), len(text)
        )


def carried(
    model: Model,
    prompt: np.ndarray,
    pieces: Iterable[np.ndarray],
    text: np.ndarray | None = None,
    covariates: np.ndarray | None = None,
) -> Scored:
    """Each step given everything before it, and the text that goes with it. prompt and pieces: [n] steps.

    covariates: [N, D] of all steps, of which there is one piece then, and no prompt.
    """
    reader = model.reader(text=text, covariates=None if covariates is None else covariates[0])
    for _ in reader.read_all(prompt):
        pass
    return _read(model, reader, pieces, covariates)


def _read(model: Model, reader: Reader, pieces: Iterable[np.ndarray], covariates: np.ndarray | None = None) -> Scored:
    """What a reader expects of each step, before it reads it."""
    for piece in pieces:
        at = 0
        # The last step's reading predicts a step that is not there: anything may be given with that.
        for parameters in reader.read_all(piece, None if covariates is None else np.roll(covariates, -1, axis=0)):
            steps = piece[at : at + len(parameters)]
            at += len(parameters)
            yield steps, -model.head.log_prob(parameters, steps)


class Way(ABC):
    """How the past of each step is presented: a place in a text. Each call of `scored` goes on from there."""

    @abstractmethod
    def reset(self) -> None:
        """Go back to where the prompt has just been read."""

    @abstractmethod
    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        """The steps that come next [n], piece by piece."""


class Carried(Way):
    """Each step given everything before it."""

    def __init__(self, model: Model, prompt: np.ndarray) -> None:
        self._model, self._begin = model, model.reader()
        for _ in self._begin.read_all(prompt):
            pass
        self.reset()

    def reset(self) -> None:
        self._reader = self._begin.copy()

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        return _read(self._model, self._reader, pieces)


class Cold(Way):
    """Each step given the window of n steps it is in, and the one step before the window."""

    def __init__(self, model: Model, prompt: np.ndarray, n: int) -> None:
        self._model, self._n, self._start = model, n, model.codec.steps.start
        units, last = Units(model), self._start
        for symbol in prompt.tolist():
            last = self._start if units.read(symbol) else symbol
        self._begin = units, last
        self.reset()

    def reset(self) -> None:
        self._units, self._last = self._begin[0].copy(), self._begin[1]

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        n = self._n
        for block in _regroup(pieces, n * max(ROWS, GROUP // n)):
            begins = np.array([self._units.read(symbol) for symbol in block.tolist()])
            inputs = np.append(self._last, np.where(begins, self._start, block))
            self._last = inputs[-1]
            # Where the state is zero: windows and units begin. (A unit that begins after the block begins with the
            # next.)
            zeros = np.union1d(np.arange(0, len(block), n), np.flatnonzero(begins[:-1]) + 1)
            yield block, _from_zero(self._model, inputs[:-1], block, zeros)


class Learning(Way):
    """Each step given everything before it, by weights that have learnt from all but the last segment of it."""

    def __init__(self, model: Model, prompt: np.ndarray) -> None:
        import torch

        self._model, self._prompt = model, prompt
        self._trained = {name: torch.tensor(w) for name, w in model.weights.items()}
        self._learn_anew()
        self.reset()

    def _learn_anew(self) -> None:
        import torch

        self._weights = {name: w.clone().requires_grad_() for name, w in self._trained.items()}
        self._optimizer = torch.optim.Adam(self._weights.values(), lr=RATE, betas=(0.0, 0.999), fused=True)

    def reset(self) -> None:
        """What was learnt stays, unless there is a prompt."""
        self._state = self._model.network.zeros(1, self._trained["output.bias"])
        self._units, self._last = Units(self._model), self._model.codec.steps.start
        if len(self._prompt):
            self._learn_anew()
            for _ in self.scored([self._prompt]):
                pass

    def scored(self, pieces: Iterable[np.ndarray]) -> Scored:
        import torch

        network, weights, start = self._model.network, self._weights, self._model.codec.steps.start
        for block in _regroup(pieces, SEGMENT):
            begins = np.array([self._units.read(symbol) for symbol in block.tolist()])
            inputs = np.append(self._last, np.where(begins, start, block))
            self._last = inputs[-1]
            after = np.flatnonzero(begins) + 1  # a reset step stands after the last step of a unit, see `framing`
            reset = np.insert(np.zeros(len(block), bool), after, True)
            x, y = np.insert(inputs[:-1], after, start), np.insert(block, after, 0)
            flag = torch.from_numpy(reset)[:, None] if len(after) else None
            parameters, new = network.run(weights, torch.from_numpy(x)[:, None], self._state, flag)
            nats = network.nll(weights, parameters, torch.from_numpy(y)[:, None])[torch.from_numpy(~reset), 0]
            nats.mean().backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._optimizer.zero_grad()
            with torch.no_grad():
                torch._foreach_lerp_(list(weights.values()), list(self._trained.values()), RETURN)
            self._state = tuple(part.detach() for part in new)
            yield block, nats.detach().double().numpy()


def _from_zero(model: Model, inputs: np.ndarray, targets: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Nats [N] of the targets [N] given the inputs [N], the state being zero at each of `starts`."""
    nats = np.empty(len(targets))
    lengths = np.diff(starts, append=len(targets))
    order = np.argsort(-lengths, kind="stable")  # rows of like length run together: little is run in vain
    span = max(1, NUMBERS // (ROWS * model.head.width))
    for at in range(0, len(order), ROWS):
        rows = order[at : at + ROWS]
        state = model.engine.zeros(len(rows))
        for t in range(0, lengths[rows[0]], span):
            into = np.arange(t, min(t + span, lengths[rows[0]]))[:, None]
            live = into < lengths[rows]
            index = np.minimum(starts[rows] + into, len(targets) - 1)  # a row that has ended reads on, unheard
            parameters, state = model.engine.run(inputs[index], state)
            heard = index[live]
            nats[heard] = -model.head.log_prob(parameters[live], targets[heard])
    return nats


def _regroup(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same symbols as int64 arrays of exactly `size`, and the rest."""
    held: list[np.ndarray] = []
    count = 0
    for piece in pieces:
        held.append(piece.astype(np.int64))
        count += len(piece)
        if count >= size:
            joined = np.concatenate(held)
            whole = count - count % size
            yield from joined[:whole].reshape(-1, size)
            held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)


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
