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
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.guide import Ahead, Guide, along
from rhapsode.errors import UserError
from rhapsode.inference.builders import Builder, Piece, RecordBuilder, Sample, TextBuilder
from rhapsode.inference.reader import Precomputed, Reader, as_bytes
from rhapsode.nn.samplers import Randomness, Sampling

if TYPE_CHECKING:
    from rhapsode.inference.model import Model

Stops = bytes | str | Sequence[bytes | str] | None

LENGTH = 500
SLACK, SPARE = 2.5, 50
"""Times the steps that a text needs in the training data's mean, and steps more, after which a record is ended."""
ROWS_LIMIT = 65_536


def generate(
    model: Model,
    prompt: bytes | str = b"",
    *,
    length: int | None = None,
    samples: int = 1,
    seed: int | None = None,
    sampling: Sampling | None = None,
    stop: Stops = None,
    stop_after: Stops = None,
    ignore_end: bool = False,
    style: Any = None,
    outline: Any = None,
    particles: int = 1,
    row: int = 0,
) -> list[Sample]:
    """Draw `samples` continuations of the prompt at once, each of `length` steps, or up to a `stop` or the end.

    The end is that of a document, where the model was trained on many, and that of a line, if lines are its units.

        model.generate("It was", length=800, sampling=Sampling(temperature=0.8), seed=1)[0].text
        model.generate("any words", sampling=Sampling(bias=1))[0].record      # by a model of handwriting

    prompt: what to go on from. With a model whose steps go with texts, the text to be written; the sample ends with it.
    length: None for 500, or what the text should need at the most.
    stop:   ends a text, which is cut before it; one string or several, of which the first that is drawn whole counts
            (of several that end at the same place, the longest).
    stop_after: the same, but the text is cut after it.
    ignore_end: go on with another document (or line) where one has ended; of text.
    style:  a record to go on from, in its manner: its own text is put before the prompt (Graves 2013, section 5.5).
    outline: a record of which something is said and the rest is to be drawn (see `RecordCodec.guide`).
    particles: draw so many side by side, of each sample, and give one of those that fit the outline best.
    seed:   None for a fresh one, which the samples report.
    row:    the number of the first sample: sample 3 of a batch is `row=3` alone.
    Raises `UserError` for arguments that cannot be.
    """
    _whole("samples", samples, 1, ROWS_LIMIT)
    _whole("particles", particles, 1, ROWS_LIMIT)
    request = Request(model, prompt, length, seed, sampling, stop, stop_after, ignore_end, style, outline, row)
    if particles > 1:
        return [_filtered(request, row + n, particles) for n in range(samples)]
    builders = [request.builder(row + n) for n in range(samples)]
    if not _at_once(request, builders):
        _step_by_step(request, builders)
    for builder in builders:
        builder.finish()
    return [builder.sample() for builder in builders]


def _at_once(request: Request, builders: list[Builder]) -> bool:
    """Draw all steps in one call, if none depends on chance or on those before; whether that is so."""
    reader = request.reader
    if not isinstance(reader, Precomputed) or (request.guide is not None and request.guide.mask() is not None):
        return False
    found = request.head.drawn_at_once(request.head.distribution(reader.every[: request.length]), request.sampling)
    if found is None:
        return False
    for builder in builders:
        assert isinstance(builder, RecordBuilder)  # of text, steps are always read
        builder.take(*found)
    return True


def _step_by_step(request: Request, builders: list[Builder]) -> None:
    """Draw each step in all rows, given those before."""
    alive = builders
    reader = request.reader.repeat(len(builders))
    for step in range(request.length):
        for builder, distribution, attention in zip(
            alive, request.head.distribution(reader.parameters), reader.attention, strict=True
        ):
            builder.step(distribution, attention)
        going = [n for n, builder in enumerate(alive) if not builder.ended]
        if not going or step + 1 == request.length:
            break
        if len(going) < len(alive):  # what has stopped costs no more steps
            alive, reader = [alive[n] for n in going], reader.take(going)
        _read(reader, alive)


def _read(reader: Reader | Precomputed, builders: list[Builder]) -> None:
    """Each writer's last step."""
    steps, covariates = (
        np.array([builder.steps[-1] for builder in builders]),
        [builder.covariates for builder in builders],
    )
    if covariates[0] is None:
        reader.read(steps)
    else:
        reader.read(steps, np.array(covariates))


def _filtered(request: Request, row: int, count: int) -> Sample:
    """One sample, out of `count` particles; weights are by the model's own probabilities of what was allowed."""
    builders = [request.builder(row, n) for n in range(count)]
    random = Randomness(request.seed, row)
    alive, reader = list(range(count)), request.reader.repeat(count)
    for step in range(request.length):
        for n, distribution, attention in zip(
            alive, request.head.distribution(reader.parameters), reader.attention, strict=True
        ):
            builders[n].step(distribution, attention)
        places = {n: place for place, n in enumerate(alive)}
        weights = _shares(builders)
        if 1 / (weights**2).sum() < count / 2:
            # Systematic: each number of copies is the expected one, rounded up or down.
            points = (np.arange(count) + random.uniform()) / count
            parents = np.minimum(weights.cumsum().searchsorted(points, side="right"), count - 1).tolist()
            builders = [builders[n].become(builders[parent]) for n, parent in enumerate(parents)]
        else:
            parents = list(range(count))
        alive = [n for n in range(count) if not builders[n].ended]
        if not alive or step + 1 == request.length:
            break
        reader = reader.take([places[parents[n]] for n in alive])
        _read(reader, [builders[n] for n in alive])
    mass = _shares(builders).cumsum()
    chosen = builders[min(int(mass.searchsorted(random.uniform() * mass[-1], side="right")), count - 1)]
    chosen.finish()
    return chosen.sample()


def _shares(builders: list[Builder]) -> np.ndarray:
    """The particles' weights, which sum to 1."""
    logs = np.array([builder.log_weight for builder in builders])
    most = logs.max()
    shares = np.exp(logs - most) if most > -np.inf else np.ones(len(logs))
    return np.asarray(shares / shares.sum())


class Stream(Iterator[Piece]):
    """Pieces of one sample as they are drawn, one a step and a last one. Make one with `stream`.

    Joined, the pieces' `data` and `text` are those of the sample; what could yet become a stop
    string, or is part of an incomplete character, is held back until that is known.
    """

    def __init__(self, request: Request, row: int) -> None:
        self._request, self._writer = request, request.builder(row)
        self._pieces = self._run()
        self.seed = request.seed

    def __next__(self) -> Piece:
        return next(self._pieces)

    def sample(self) -> Sample:
        """What was drawn so far; all of it once the stream has ended."""
        return self._writer.sample()

    def _run(self) -> Iterator[Piece]:
        request, builder = self._request, self._writer
        for step in range(request.length):
            yield builder.step(request.head.distribution(request.reader.parameters)[0], request.reader.attention[0])
            if builder.ended or step + 1 == request.length:
                break
            _read(request.reader, [builder])
        yield builder.finish()


def stream(
    model: Model,
    prompt: bytes | str = b"",
    *,
    length: int | None = None,
    seed: int | None = None,
    sampling: Sampling | None = None,
    stop: Stops = None,
    stop_after: Stops = None,
    ignore_end: bool = False,
    style: Any = None,
    outline: Any = None,
    row: int = 0,
) -> Stream:
    """As `generate`, one sample, piece by piece. The arguments are checked at once, not at the first piece.

    for piece in model.stream("It was", seed=1):
        print(piece.text, end="", flush=True)
    """
    return Stream(
        Request(model, prompt, length, seed, sampling, stop, stop_after, ignore_end, style, outline, row), row
    )


class Request:
    """Arguments checked and the prompt read: all that the rows share."""

    def __init__(
        self,
        model: Model,
        prompt: bytes | str,
        length: int | None,
        seed: int | None,
        sampling: Sampling | None,
        stop: Stops,
        stop_after: Stops,
        ignore_end: bool,
        style: Any,
        outline: Any,
        row: int,
    ) -> None:
        if length is not None:
            _whole("length", length, 0)
        _whole("row", row, 0)
        if seed is not None:
            _whole("seed", seed, 0)
        self.stops = _stops(stop, stop_after)
        self.ignore_end = ignore_end
        self.model, self.head = model, model.head
        self.seed = secrets.randbits(32) if seed is None else seed
        self.sampling = sampling or Sampling()
        self.head.check(self.sampling)
        self.prompt = as_bytes(prompt, "prompt")
        self.style = style
        self.guide: Guide | None = None
        self.outline: Any = None
        symbols = None
        if isinstance(model.codec, RecordCodec):
            if self.stops:
                raise UserError(f"stop is for text; a {model.codec.record} ends with its text, or by length.")
            if ignore_end:
                raise UserError(f"ignore_end is for text; after the end of a {model.codec.record} there is no other.")
            before, symbols = self._record(model.codec)
            kind = model.text
            needed = (
                LENGTH if kind is None else round(SLACK * len(() if symbols is None else symbols) / kind.pace) + SPARE
            )
        else:
            if style is not None or outline is not None:
                raise UserError("style and outline are records; a model of text goes on from a prompt.")
            before, needed = model.text_codec.encode(self.prompt), LENGTH
        self.recent = before[-self.sampling.repetition_window :].tolist()
        if isinstance(model.codec, RecordCodec):
            self.outline = model.codec.outline() if outline is None else outline
            self.guide = self._encoded(model.codec.guide(self.outline))
        known = None if self.guide is None else along(self.guide, before)
        most = None if self.guide is None else self.guide.most()
        needed = needed if most is None else most
        self.length = needed if length is None else length if most is None else min(length, most)
        self.reader = self._begun(before, known, symbols)

    def _begun(self, before: np.ndarray, known: np.ndarray | None, symbols: np.ndarray | None) -> Reader | Precomputed:
        """The place after the steps `before`, with which `known` was given."""
        model, guide = self.model, self.guide
        ahead = None if guide is None or model.network.config.reads else guide.ahead()
        if ahead is not None and len(ahead):
            return Precomputed(model, ahead)
        first = covariates = None
        if guide is not None and known is not None and model.codec.covariates:
            every = np.concatenate([known, guide.covariates()[None]])
            first, covariates = every[0], every[1:]
        reader = model.reader(text=symbols, covariates=first)
        for _ in reader.read_all(before, covariates):
            pass
        return reader

    def _record(self, codec: RecordCodec) -> tuple[np.ndarray, np.ndarray | None]:
        """The steps to go on from, and the text that goes with all steps."""
        text = self.prompt.decode("utf-8", "replace")
        before = np.empty((0, *codec.steps.shape), codec.steps.dtype)
        known = self.model.text is not None
        if text and not known:
            raise UserError(
                f"this model was trained without texts, so it cannot write {text[:40]!r}. Leave the text out, or train "
                f"on {codec.record}s whose text is known."
            )
        if known and not text.strip():
            raise UserError('nothing to write: give a text, e.g. rhapsode generate MODEL "any words" -o words.svg')
        if self.style is not None:
            if codec.text is None and (reason := codec.refusal(self.style)):
                raise UserError(
                    f"style: a {codec.record} {reason}: the model cannot go on from it. Choose another one."
                )
            before = codec.encode(self.style, whole=False)
            if known:
                before_text = codec.text_of(self.style)
                if not before_text:
                    raise UserError("style: its text is not known, and the model needs it. Choose one with a text.")
                text = before_text + (" " if " " in codec.alphabet else "") + text
        return before, codec.encode_text(text) if known else None

    def _encoded(self, guide: Guide | None) -> Guide | None:
        """The guide, giving what the network's context makes of what it gives."""
        if guide is None or not self.model.network.context:
            return guide
        rows = guide.ahead()
        if rows is None:
            raise UserError(
                f"codec {self.model.codec.name}: what is given with steps depends on those before, so it cannot be "
                "read ahead, as the model does. Train it with dense = 0 and both = 0."
            )
        return Ahead(self.model.encoded(rows))

    def builder(self, row: int, particle: int | None = None) -> Builder:
        """What turns the steps of one row, or of one of its particles, into a sample."""
        randomness = Randomness(self.seed, row, particle=particle)
        return (RecordBuilder if isinstance(self.model.codec, RecordCodec) else TextBuilder)(self, row, randomness)


def _stops(before: Stops, after: Stops) -> dict[bytes, bool]:
    """Strings that end a text → whether they stay in it. Raises `UserError`."""
    found: dict[bytes, bool] = {}
    for what, texts in (("stop", before), ("stop_after", after)):
        single = isinstance(texts, bytes | str) or not isinstance(texts, Iterable)
        for each in () if texts is None else (texts,) if single else texts:
            if not isinstance(each, bytes | str):
                raise UserError(f"{what}: {each!r} is not allowed. Allowed: a string, bytes, or a list of these.")
            data = as_bytes(each, what)
            if not data:
                raise UserError(
                    f"{what}: the empty string would end the text before it begins. Give what should end it."
                )
            if found.setdefault(data, what != "stop") != (what != "stop"):
                raise UserError(f"stop and stop_after: {each!r} was given as both; one of them must go.")
    return found


def _whole(what: str, value: int, low: int, high: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        top = "" if high is None else f" to {high:,}"
        raise UserError(f"{what}: {value!r} is not allowed. Allowed: whole numbers from {low}{top}.")
