"""Generation: the model is run forward, and each sampled step is fed back in.

The state is carried, so each new step costs one step of the network, however many there were before. A sample is a
function of (model, prompt, sampling, seed, row) and of nothing else. So it is the same alone, in a batch of any size,
and streamed.

A codec's *guide* (`rhapsode.data.guide`) says what is known about the steps to come, and can forbid values. It does not
look
ahead: free steps may make steps improbable that are fixed later. With `particles`, many samples are drawn in parallel,
and those that fit the fixed steps are multiplied: sequential Monte Carlo (Gordon, Salmond & Smith 1993). A particle is
the small state of an LSTM.

A guide that judges, such as the constraints of a text, is served by `rhapsode.inference.rewinding`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypedDict, TypeVar, Unpack, cast

import numpy as np

from rhapsode.arithmetic.randomness import Randomness
from rhapsode.arithmetic.sampling import Sampling
from rhapsode.data.codecs.output import Piece, Prompt
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.constrained import Constrained, Valid, constraints_of
from rhapsode.data.guide import Ahead, Guide, along
from rhapsode.data.uncopied import Uncopied
from rhapsode.errors import UserError
from rhapsode.inference import rewinding
from rhapsode.inference.builders import Builder, Prepared, Sample, Start
from rhapsode.inference.loops import Loops, reader_of
from rhapsode.inference.particles import Particles
from rhapsode.inference.precomputed import Precomputed
from rhapsode.inference.reader import NONE, Reader, as_bytes
from rhapsode.inference.trained import Trained

Stops = bytes | str | Sequence[bytes | str] | None

Begun = bytes | str | np.ndarray
"""What a text goes on from: a text, or symbols [N] of any integer type. These are read as they are, even if their text
has another encoding."""

R = TypeVar("R", bound=Reader | Precomputed)

ROWS_LIMIT = 65_536
SHORT, LONGEST = 16, 256
"""The most steps drawn at a time, where an engine draws by itself: after the text has begun a unit, and ever. The first
time it is one."""
LONG = 0.1
"""No more steps are drawn at a time once this takes so many seconds: a signal waits until they are drawn."""
AT_ONCE = 16
"""The most if somebody may see each step as it is drawn."""


class Request(TypedDict, total=False):
    """What is to be generated: the options of one sample, or of many.

    length: the number of steps; None for 500, or for the most that the text should need.
    seed:   None for a new one, which the samples report.
    sampling: how each step is sampled; None for the model's own distribution.
    stop:   one string or several that end a text, which is cut before it. The first complete one counts; of several
            that end at the same place, the longest.
    stop_after: the same, but the text is cut after it.
    ignore_end: for text: go on with another document (or line) after the end of one.
    style:  a record to go on from, in its style. Its text is put before the prompt (Graves 2013, section 5.5).
    outline: a record of which some parts are given, and the others are to be generated (see `RecordCodec.guide`).
    valid:  what the text must be, prompt included: the name of a constraint, `NAME:ARGUMENT`, a `Constraint`, or
            several, which must all hold. Then the sample is valid, and not longer than `length`.
    max_copy: for text: so many characters in a row may stand in the training text, not more. What is copied is drawn
            again as it happens. It needs the training index beside the model.
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
    valid: Valid
    max_copy: int | None
    row: int


def generate(
    model: Trained, prompt: Begun = b"", *, samples: int = 1, particles: int = 1, **request: Unpack[Request]
) -> list[Sample]:
    """Draw `samples` continuations of the prompt at once, each of `length` steps, or up to a `stop` or the end.

    The end is that of a document, where the model was trained on many, and that of a line, if lines are its units.

        model.generate("It was", length=800, sampling=Sampling(temperature=0.8), seed=1)[0].text
        model.generate("any words", sampling=Sampling(bias=1))[0].record      # by a model of handwriting

    prompt: what to go on from: a text, or its symbols [N], which are read as they are. With a model whose steps go with
    texts, the text to be written; the sample ends with it.
    particles: draw so many side by side, of each sample, and give one of those that fit the outline best.
    request: `length`, `seed`, `sampling`, `stop`, `stop_after`, `ignore_end`, `style`, `outline`, `valid`, `max_copy`,
    `row`: see `Request`.
    Raises `UserError` for arguments that cannot be, and where no text was found that is `valid`.
    """
    _whole("samples", samples, 1, ROWS_LIMIT)
    _whole("particles", particles, 1, ROWS_LIMIT)
    start, first = _start(model, prompt, request), request.get("row", 0)
    numbers = range(first, first + samples)
    if particles > 1:
        if start.guide.judges:
            raise UserError("particles do not go back, as they must for what is to be valid: one of the two must go.")
        rows = [_best_fitting(start, number, particles) for number in numbers]
    else:
        rows = [start.builder(number) for number in numbers]
        for _ in _draw(start, rows):
            pass
    for row in rows:
        row.finish()
    return [row.sample() for row in rows]


def stream(model: Trained, prompt: Begun = b"", **request: Unpack[Request]) -> Stream:
    """As `generate`, one sample, piece by piece. The arguments are checked at once, not at the first piece.

    for piece in model.stream("It was", seed=1):
        print(piece.text, end="", flush=True)
    """
    return Stream(_start(model, prompt, request), request.get("row", 0))


class Stream(Iterator[Piece]):
    """Pieces of one sample as they are drawn, one a step and a last one. Make one with `stream`.

    Joined, the pieces' `data` and `text` are those of the sample; what could yet become a stop
    string, or is part of an incomplete character, is held back until that is known. So is what may be taken back, where
    the text must be valid: a few lines.
    """

    def __init__(self, start: Start, row: int) -> None:
        self.seed = start.seed
        self._builder = start.builder(row)
        self._pieces = self._drawn(start)

    def __next__(self) -> Piece:
        return next(self._pieces)

    def sample(self) -> Sample:
        """What was drawn so far; all of it once the stream has ended."""
        return self._builder.sample()

    def _drawn(self, start: Start) -> Iterator[Piece]:
        yield from _draw(start, [self._builder], pieces=True)
        yield self._builder.finish()


def _unended(rows: list[Builder]) -> tuple[list[Builder], list[int]]:
    """The rows that go on, and where they stand among all."""
    places = [place for place, row in enumerate(rows) if not row.ended]
    return [rows[place] for place in places], places


Going = Callable[[list[Builder]], tuple[list[Builder], list[int]]]
"""Says after a step which rows go on, and at the places of which rows."""


def _draw(start: Start, rows: list[Builder], going: Going = _unended, pieces: bool = False) -> Iterator[Piece]:
    """Draw each step in all rows, given those before; yields what it adds to each row, one after another.

    pieces: all that is added is yielded, soon after it is drawn. Else, not all is, and more is drawn at a time.
    """
    if start.guide.judges:
        yield from rewinding.draw(start, rows, pieces)
        return
    if (at_once := _at_once(start)) is not None:
        for row in rows:
            row.extend(list(at_once[0]), at_once[1].tolist())
        return
    reader = start.reader.repeat(len(rows))
    if not isinstance(reader, Loops) or type(start.guide) is not Guide or going is not _unended:
        yield from _steps(start, reader, rows, start.length, going)
        return
    left, size = start.length, 1
    while rows and left:
        count = min(size, left)
        begun = time.perf_counter()
        drawn = reader.draw(count, [row.how() for row in rows], start.output.endings)
        for row, symbols, log_probs, ended in zip(rows, *(part.T.tolist() for part in drawn), strict=True):
            if pieces:
                yield from row.pieces(symbols[:ended], log_probs[:ended])
            else:
                row.extend(symbols[:ended], log_probs[:ended])
        rows, places = going(rows)
        if len(places) < reader.rows:
            reader = reader.take(places)
        left -= len(drawn[0])
        if len(drawn[0]) < count and rows:
            left -= 1
            reader, rows = yield from _steps(start, reader, rows, 1, going, more=left > 0)
            size = min(size, SHORT)
        elif time.perf_counter() - begun < LONG:
            size = min(2 * size, AT_ONCE if pieces else LONGEST)


def _steps(
    start: Start, reader: R, rows: list[Builder], count: int, going: Going, more: bool = False
) -> Generator[Piece, None, tuple[R, list[Builder]]]:
    """Draw so many steps in all rows, one by one; the rows that go on, and their reader. more: further steps follow, so
    the last one is read, too."""
    for left in reversed(range(count)):
        parameters, attention = reader.parameters, reader.attention
        complete = [row.complete(seen) for row, seen in zip(rows, attention, strict=True)]
        drawing = rows
        if any(complete):
            some = ~np.array(complete)
            drawing, parameters, attention = [rows[n] for n in np.flatnonzero(some)], parameters[some], attention[some]
        if drawing:
            distributions, hows = start.head.distribution(parameters), [row.how() for row in drawing]
            steps = start.head.draw_rows(distributions, hows)
            for row, *drawn in zip(drawing, steps, hows, distributions, attention, strict=True):
                yield row.step(*drawn)
        rows, places = going(rows)
        if not rows or not (left or more):
            break
        if places != list(range(reader.rows)):  # what has stopped costs no more steps
            reader = cast(R, reader.take(places))
        covariates = np.array([row.covariates for row in rows]) if start.covariates else NONE
        reader.read(np.array([row.steps[-1] for row in rows]), covariates)
    return reader, rows


def _at_once(start: Start) -> tuple[np.ndarray, np.ndarray] | None:
    """All steps [N, *S] and log p [N] of each, if none depends on chance or on those before; else None."""
    reader = start.reader
    if not isinstance(reader, Precomputed) or start.guide.mask() is not None:
        return None
    distribution = start.head.distribution(reader.all_parameters[: start.length])
    return start.head.drawn_at_once(distribution, start.sampling)


def _best_fitting(start: Start, row: int, count: int) -> Builder:
    """Of so many particles, one that fits."""
    rows = [start.builder(row, n) for n in range(count)]
    particles = Particles(rows, Randomness(start.seed, row))
    for _ in _draw(start, rows, particles.going):
        pass
    return particles.chosen()


def _start(model: Trained, prompt: Begun, request: Request) -> Start:
    """Check the request and read the prompt. Raises `UserError` for impossible requests."""
    found = prepared(model, prompt, request)
    return found.start(_read(model, found))


def prepared(model: Trained, prompt: Begun, request: Request) -> Prepared:
    """Check the request: all but reading the prompt. Raises `UserError` for impossible requests."""
    for name in request.keys() - Request.__annotations__.keys():
        raise TypeError(f"generation has no option {name!r}")
    length, seed, row = request.get("length"), request.get("seed"), request.get("row", 0)
    for what, value in (("length", length), ("row", row), ("seed", seed)):
        if value is not None:
            _whole(what, value, 0)
    symbols = _symbols(model, prompt) if isinstance(prompt, np.ndarray) else None
    wanted = Prompt(
        b"" if isinstance(prompt, np.ndarray) else as_bytes(prompt, "prompt"),
        symbols,
        request.get("style"),
        request.get("outline"),
        _stops(request.get("stop"), request.get("stop_after")),
        request.get("ignore_end", False),
    )
    sampling = request.get("sampling") or Sampling()
    model.head.check(sampling)
    begun = model.codec.begin(wanted, attends=model.text is not None, ends=model.head.ends, lines=model.policy.lines)
    guide = _encoded(model, begun.guide)
    covariates = along(guide, begun.steps)
    constraints = constraints_of(request.get("valid"))
    if (most := request.get("max_copy")) is not None:
        _whole("max_copy", most, 1)
        constraints.append(Uncopied(model.index, most))
    if constraints:
        if not isinstance(model.codec, TextCodec):
            raise UserError(f"valid: constraints are for texts; the codec of this model is {model.codec.name!r}.")
        guide = Constrained(constraints, model.codec, lines=model.policy.lines and not wanted.ignore_end)
        guide.prompted(wanted.data if symbols is None else model.text_codec.decode(symbols))
    if (most := guide.most()) is not None:
        length = most if length is None else min(length, most)
    return Prepared(
        sampling,
        secrets.randbits(32) if seed is None else seed,
        begun.length if length is None else length,
        guide,
        begun.output,
        begun.steps,
        begun.text,
        np.concatenate([covariates, guide.covariates()[None]]),
        model.head,
        model.codec.covariates > 0,
    )


def _read(model: Trained, prepared: Prepared) -> Reader | Precomputed:
    """The place behind the prompt."""
    ahead = None if model.network.config.autoregressive else prepared.guide.ahead()
    if ahead is not None and len(ahead):
        return Precomputed(model, ahead)
    reader = reader_of(model, prepared.text, prepared.covariates[0])
    for _ in reader.read_all(prepared.steps, prepared.covariates[1:]):
        pass
    return reader


def _encoded(model: Trained, guide: Guide) -> Guide:
    """The guide, but with the encoder's output instead of its covariates."""
    if not model.network.encoder:
        return guide
    rows = guide.ahead()
    if rows is None:
        raise UserError(
            f"codec {model.codec.name}: what is given with steps depends on those before, so it cannot be read ahead, "
            "as the model's encoder does. Train it without an encoder."
        )
    return Ahead(model.encoded(rows))


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


def _symbols(model: Trained, symbols: np.ndarray) -> np.ndarray:
    """Symbols of a prompt [N]. Raises `UserError` for what is none."""
    size = model.text_codec.steps.size
    if symbols.ndim != 1 or (len(symbols) and symbols.dtype.kind not in "iu"):
        raise UserError(f"prompt: symbols are an array [N] of whole numbers; this is {symbols.dtype} {symbols.shape}.")
    if len(wrong := symbols[(symbols < 0) | (symbols >= size)]):
        raise UserError(f"prompt: there is no symbol {wrong[0]}; they go from 0 to {size - 1}.")
    return symbols


def _whole(what: str, value: int, low: int, high: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        top = "" if high is None else f" to {high:,}"
        raise UserError(f"{what}: {value!r} is not allowed. Allowed: whole numbers from {low}{top}.")
