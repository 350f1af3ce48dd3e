"""Generation: the model is run forward, and each step drawn is fed back in.

The state is carried and each new step costs one step of the network, however much there was before.
A sample is a function of (model, prompt, sampling, seed, row) and of nothing else: it comes out the
same alone, in a batch of any size, and streamed.

What is known of the steps to come, a codec's *guide* says (`rhapsode.data.guide`): it can forbid values in drawing.
That alone does not look ahead: what was drawn freely may make what is fixed later on unlikely. With `particles`, many
are drawn side by side and those that fit what is fixed are multiplied: sequential Monte Carlo (Gordon, Salmond & Smith
1993), whose particles are the small states of an LSTM.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np

from rhapsode.data.codecs.output import Output, Piece, Prompt
from rhapsode.data.guide import Ahead, Guide, along
from rhapsode.errors import UserError
from rhapsode.inference.builders import Builder, Sample
from rhapsode.inference.reader import Precomputed, Reader, as_bytes
from rhapsode.inference.trained import Trained
from rhapsode.nn.heads._head import Head
from rhapsode.nn.samplers import Randomness, Sampling

Stops = bytes | str | Sequence[bytes | str] | None

ROWS_LIMIT = 65_536


class Options(TypedDict, total=False):
    """What can be asked for, of one sample or of many.

    length: steps; None for 500, or what the text should need at the most.
    seed:   None for a fresh one, which the samples report.
    sampling: how each step is drawn; None for the model's own distribution.
    stop:   ends a text, which is cut before it; one string or several, of which the first that is drawn whole counts
            (of several that end at the same place, the longest).
    stop_after: the same, but the text is cut after it.
    ignore_end: go on with another document (or line) where one has ended; of text.
    style:  a record to go on from, in its manner: its own text is put before the prompt (Graves 2013, section 5.5).
    outline: a record of which something is said and the rest is to be drawn (see `RecordCodec.guide`).
    row:    the number of the first sample: sample 3 of a batch is `row=3` alone.
    """

    length: int | None
    seed: int | None
    sampling: Sampling | None
    stop: Stops
    stop_after: Stops
    ignore_end: bool
    style: Any
    outline: Any
    row: int


@dataclass(frozen=True)
class Request:
    """The options, checked. length: None for what is usual."""

    prompt: Prompt
    length: int | None
    seed: int
    sampling: Sampling
    row: int


@dataclass(frozen=True)
class Start:
    """All that the samples of a request share.

    length: of steps to be drawn, at the most. guide, output: each sample has a copy. reader: stands behind the prompt.
    recent: the prompt's last steps, as far as the sampling looks back.
    """

    request: Request
    head: Head[Any]
    length: int
    guide: Guide
    output: Output
    recent: list[Any]
    reader: Reader | Precomputed

    def builder(self, row: int, particle: int | None = None) -> Builder:
        """What draws one sample, or one of its particles."""
        request = self.request
        randomness = Randomness(request.seed, row, particle=particle)
        guide, output = self.guide.copy(), self.output.copy()
        return Builder(self.head, request.sampling, randomness, guide, output, self.recent)


def generate(
    model: Trained,
    prompt: bytes | str = b"",
    *,
    samples: int = 1,
    particles: int = 1,
    **options: Unpack[Options],
) -> list[Sample]:
    """Draw `samples` continuations of the prompt at once, each of `length` steps, or up to a `stop` or the end.

    The end is that of a document, where the model was trained on many, and that of a line, if lines are its units.

        model.generate("It was", length=800, sampling=Sampling(temperature=0.8), seed=1)[0].text
        model.generate("any words", sampling=Sampling(bias=1))[0].record      # by a model of handwriting

    prompt: what to go on from. With a model whose steps go with texts, the text to be written; the sample ends with it.
    particles: draw so many side by side, of each sample, and give one of those that fit the outline best.
    options: `length`, `seed`, `sampling`, `stop`, `stop_after`, `ignore_end`, `style`, `outline`, `row`: see `Options`.
    Raises `UserError` for arguments that cannot be.
    """
    _whole("samples", samples, 1, ROWS_LIMIT)
    _whole("particles", particles, 1, ROWS_LIMIT)
    start = _start(model, _request(prompt, options))
    rows = range(start.request.row, start.request.row + samples)
    if particles > 1:
        return [_best_fitting(start, row, particles) for row in rows]
    builders = [start.builder(row) for row in rows]
    for _ in _draw(start, builders):
        pass
    return [_finished(builder) for builder in builders]


def stream(model: Trained, prompt: bytes | str = b"", **options: Unpack[Options]) -> Stream:
    """As `generate`, one sample, piece by piece. The arguments are checked at once, not at the first piece.

    for piece in model.stream("It was", seed=1):
        print(piece.text, end="", flush=True)
    """
    return Stream(_start(model, _request(prompt, options)))


class Stream(Iterator[Piece]):
    """Pieces of one sample as they are drawn, one a step and a last one. Make one with `stream`.

    Joined, the pieces' `data` and `text` are those of the sample; what could yet become a stop
    string, or is part of an incomplete character, is held back until that is known.
    """

    def __init__(self, start: Start) -> None:
        self.seed = start.request.seed
        self._builder = start.builder(start.request.row)
        self._pieces = self._drawn(start)

    def __next__(self) -> Piece:
        return next(self._pieces)

    def sample(self) -> Sample:
        """What was drawn so far; all of it once the stream has ended."""
        return self._builder.sample()

    def _drawn(self, start: Start) -> Iterator[Piece]:
        for pieces in _draw(start, [self._builder]):
            yield from pieces
        yield self._builder.finish()


def _draw(
    start: Start, builders: list[Builder], resample: Callable[[list[Builder]], Sequence[int]] | None = None
) -> Iterator[list[Piece]]:
    """Draw each step in all rows, given those before; yields what each step adds to the rows that go on.

    resample: says after each step which row stands where each row is to go on; `builders` is changed accordingly.
    """
    if (at_once := _at_once(start)) is not None:
        for builder in builders:
            builder.take(*at_once)
        return
    count = len(builders)
    alive, reader = list(range(count)), start.reader.repeat(count)
    for left in reversed(range(start.length)):
        distributions = start.head.distribution(reader.parameters)
        yield [
            builders[n].step(distribution, attention)
            for n, distribution, attention in zip(alive, distributions, reader.attention, strict=True)
        ]
        parents: Sequence[int] = range(count)
        if resample is not None:
            parents = resample(builders)
            if parents != range(count):
                builders[:] = [builders[n].become(builders[parent]) for n, parent in enumerate(parents)]
        places = {n: place for place, n in enumerate(alive)}
        alive = [n for n in range(count) if not builders[n].ended]
        if not alive or not left:
            break
        chosen = [places[parents[n]] for n in alive]
        if chosen != list(range(reader.rows)):  # what has stopped costs no more steps
            reader = reader.take(chosen)
        reader.read(np.array([builders[n].steps[-1] for n in alive]), np.array([builders[n].covariates for n in alive]))


def _at_once(start: Start) -> tuple[np.ndarray, np.ndarray] | None:
    """All steps [N, *S] and log p [N] of each, if none depends on chance or on those before; else None."""
    reader = start.reader
    if not isinstance(reader, Precomputed) or start.guide.mask() is not None:
        return None
    distribution = start.head.distribution(reader.every[: start.length])
    return start.head.drawn_at_once(distribution, start.request.sampling)


def _finished(builder: Builder) -> Sample:
    builder.finish()
    return builder.sample()


def _best_fitting(start: Start, row: int, count: int) -> Sample:
    """One sample, out of `count` particles; weights are by the model's own probabilities of what was allowed."""
    builders = [start.builder(row, n) for n in range(count)]
    random = Randomness(start.request.seed, row)

    def resample(builders: list[Builder]) -> Sequence[int]:
        weights = _weights(builders)
        if 1 / (weights**2).sum() >= count / 2:
            return range(count)
        # Systematic: each number of copies is the expected one, rounded up or down.
        points = (np.arange(count) + random.uniform()) / count
        chosen: list[int] = np.minimum(weights.cumsum().searchsorted(points, side="right"), count - 1).tolist()
        return chosen

    for _ in _draw(start, builders, resample):
        pass
    mass = _weights(builders).cumsum()
    return _finished(builders[min(int(mass.searchsorted(random.uniform() * mass[-1], side="right")), count - 1)])


def _weights(builders: list[Builder]) -> np.ndarray:
    """The particles' weights, which sum to 1."""
    logs = np.array([builder.log_weight for builder in builders])
    most = logs.max()
    weights = np.exp(logs - most) if most > -np.inf else np.ones(len(logs))
    return np.asarray(weights / weights.sum())


def _start(model: Trained, request: Request) -> Start:
    """Read the prompt."""
    model.head.check(request.sampling)
    begun = model.codec.begin(
        request.prompt, attends=model.text is not None, ends=model.head.ends, lines=model.policy.lines
    )
    guide = _encoded(model, begun.guide)
    covariates = along(guide, begun.steps)
    most = guide.most()
    usual = begun.length if most is None else most
    length = usual if request.length is None else request.length if most is None else min(request.length, most)
    recent = begun.steps[-request.sampling.repetition_window :].tolist()
    reader = _read(model, begun.steps, begun.text, guide, covariates)
    return Start(request, model.head, length, guide, begun.output, recent, reader)


def _read(
    model: Trained, steps: np.ndarray, text: np.ndarray, guide: Guide, covariates: np.ndarray
) -> Reader | Precomputed:
    """The place after these steps, which have these covariates. guide: stands there."""
    ahead = None if model.network.config.autoregressive else guide.ahead()
    if ahead is not None and len(ahead):
        return Precomputed(model, ahead)
    covariates = np.concatenate([covariates, guide.covariates()[None]])
    reader = Reader(model, text=text, covariates=covariates[0])
    for _ in reader.read_all(steps, covariates[1:]):
        pass
    return reader


def _encoded(model: Trained, guide: Guide) -> Guide:
    """The guide, giving what the network's encoder makes of its covariates."""
    if not model.network.encoder:
        return guide
    rows = guide.ahead()
    if rows is None:
        raise UserError(
            f"codec {model.codec.name}: what is given with steps depends on those before, so it cannot be read ahead, "
            "as the model's encoder does. Train it without an encoder."
        )
    return Ahead(model.encoded(rows))


def _request(prompt: bytes | str, options: Options) -> Request:
    """Raises `UserError` for options that cannot be."""
    for name in options.keys() - Options.__annotations__.keys():
        raise TypeError(f"generation has no option {name!r}")
    length, seed, row = options.get("length"), options.get("seed"), options.get("row", 0)
    for what, value in (("length", length), ("row", row), ("seed", seed)):
        if value is not None:
            _whole(what, value, 0)
    wanted = Prompt(
        as_bytes(prompt, "prompt"),
        options.get("style"),
        options.get("outline"),
        _stops(options.get("stop"), options.get("stop_after")),
        options.get("ignore_end", False),
    )
    sampling = options.get("sampling") or Sampling()
    return Request(wanted, length, secrets.randbits(32) if seed is None else seed, sampling, row)


def _stops(before: Stops, after: Stops) -> dict[bytes, bool]:
    """Strings that end a text → whether they stay in it. Raises `UserError`."""
    stops: dict[bytes, bool] = {}
    for what, texts in (("stop", before), ("stop_after", after)):
        single = isinstance(texts, bytes | str) or not isinstance(texts, Iterable)
        for text in () if texts is None else (texts,) if single else texts:
            if not isinstance(text, bytes | str):
                raise UserError(f"{what}: {text!r} is not allowed. Allowed: a string, bytes, or a list of these.")
            data = as_bytes(text, what)
            if not data:
                raise UserError(
                    f"{what}: the empty string would end the text before it begins. Give what should end it."
                )
            if stops.setdefault(data, what != "stop") != (what != "stop"):
                raise UserError(f"stop and stop_after: {text!r} was given as both; one of them must go.")
    return stops


def _whole(what: str, value: int, low: int, high: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        top = "" if high is None else f" to {high:,}"
        raise UserError(f"{what}: {value!r} is not allowed. Allowed: whole numbers from {low}{top}.")
