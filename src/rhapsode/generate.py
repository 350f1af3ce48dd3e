"""Generation: the model is run forward, and each symbol drawn is fed back in.

The state is carried and each new symbol costs one step of the network, however much there was before.
A sample is a function of (model, prompt, sampling, seed, row) and of nothing else: it comes out the
same alone, in a batch of any size, and streamed.
"""

from __future__ import annotations

import codecs
import io
import secrets
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from rhapsode.errors import UserError
from rhapsode.reader import as_bytes
from rhapsode.samplers import Randomness, Sampling, adjust, draw

if TYPE_CHECKING:
    from rhapsode.model import Model

LENGTH = 500
ROWS_LIMIT = 65_536

Stopped = Literal["length", "stop", "unfinished"]


@dataclass(frozen=True)
class Sample:
    """What was drawn after the prompt.

    data:      the bytes; cut before the stop string if that is what ended it.
    text:      the same as text, U+FFFD for what is not UTF-8.
    symbols:   [N] int64, every symbol drawn, those of the stop string included.
    log_probs: [N] float64, nats: what the model itself gives each symbol, whatever the sampling. The
               numbers are those that scoring gives, to the last bit.
    seed, row: with these it can be drawn again.
    stopped:   `length`: all steps asked for were drawn; `stop`: the stop string was;
               `unfinished`: a stream was asked before its end.
    """

    data: bytes
    text: str
    symbols: np.ndarray
    log_probs: np.ndarray
    seed: int
    row: int
    stopped: Stopped


@dataclass(frozen=True)
class Piece:
    """What one step of a stream adds: to the bytes, and to the characters that are complete. Either may be empty."""

    data: bytes
    text: str


def generate(
    model: Model,
    prompt: bytes | str = b"",
    *,
    length: int = LENGTH,
    samples: int = 1,
    seed: int | None = None,
    sampling: Sampling | None = None,
    stop: bytes | str | None = None,
    row: int = 0,
) -> list[Sample]:
    """Draw `samples` continuations of the prompt at once, each of `length` steps or up to `stop`.

        model.generate("It was", length=800, sampling=Sampling(temperature=0.8), seed=1)[0].text

    seed: None for a fresh one, which the samples report.
    row:  the number of the first sample: sample 3 of a batch is `row=3` alone.
    Raises `UserError` for arguments that cannot be.
    """
    _whole("samples", samples, 1, ROWS_LIMIT)
    task = _Task(model, prompt, length, seed, sampling, stop, row)
    writers = [_Writer(task, row + n) for n in range(samples)]
    alive = writers
    reader = task.reader.repeat(samples)
    for step in range(length):
        log_probs = task.head.log_probs(reader.parameters)
        symbols = np.array([writer.step(row)[0] for writer, row in zip(alive, log_probs, strict=True)])
        going = [n for n, writer in enumerate(alive) if not writer.ended]
        if not going or step + 1 == length:
            break
        if len(going) < len(alive):  # what has stopped costs no more steps
            alive, symbols, reader = [alive[n] for n in going], symbols[going], reader.take(going)
        reader.read(symbols)
    for writer in writers:
        writer.finish()
    return [writer.sample() for writer in writers]


class Stream(Iterator[Piece]):
    """Pieces of one sample as they are drawn, one a step and a last one. Make one with `stream`.

    Joined, the pieces' `data` and `text` are those of the sample; what could yet become the stop
    string, or is part of an incomplete character, is held back until that is known.
    """

    def __init__(self, task: _Task, row: int) -> None:
        self._task, self._writer = task, _Writer(task, row)
        self._pieces = self._run()
        self.seed = task.seed

    def __next__(self) -> Piece:
        return next(self._pieces)

    def sample(self) -> Sample:
        """What was drawn so far; all of it once the stream has ended."""
        return self._writer.sample()

    def _run(self) -> Iterator[Piece]:
        task, writer = self._task, self._writer
        for step in range(task.length):
            symbol, piece = writer.step(task.head.log_probs(task.reader.parameters)[0])
            yield piece
            if writer.ended or step + 1 == task.length:
                break
            task.reader.read(np.array([symbol]))
        yield writer.finish()


def stream(
    model: Model,
    prompt: bytes | str = b"",
    *,
    length: int = LENGTH,
    seed: int | None = None,
    sampling: Sampling | None = None,
    stop: bytes | str | None = None,
    row: int = 0,
) -> Stream:
    """As `generate`, one sample, piece by piece. The arguments are checked at once, not at the first piece.

    for piece in model.stream("It was", seed=1):
        print(piece.text, end="", flush=True)
    """
    return Stream(_Task(model, prompt, length, seed, sampling, stop, row), row)


class _Task:
    """Arguments checked and the prompt read: all that the rows share."""

    def __init__(
        self,
        model: Model,
        prompt: bytes | str,
        length: int,
        seed: int | None,
        sampling: Sampling | None,
        stop: bytes | str | None,
        row: int,
    ) -> None:
        _whole("length", length, 0)
        _whole("row", row, 0)
        if seed is not None:
            _whole("seed", seed, 0)
        self.stop = None if stop is None else as_bytes(stop, "stop")
        if self.stop == b"":
            raise UserError("stop: the empty string would end the text before it begins. Give what should end it.")
        self.model, self.length = model, length
        self.seed = secrets.randbits(32) if seed is None else seed
        self.sampling = sampling or Sampling()
        self.head = model.categorical
        symbols = model.codec.encode(as_bytes(prompt, "prompt"))
        self.recent = symbols[-self.sampling.repetition_window :].tolist()
        self.reader = model.reader()
        for _ in self.reader.read_all(symbols):
            pass


class _Writer:
    """One row: draws its symbols and turns them into bytes and text."""

    def __init__(self, task: _Task, row: int) -> None:
        self._task, self._row = task, row
        self._randomness = Randomness(task.seed, row)
        self._decoder = task.model.codec.decoder()
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = b""  # bytes that may turn out to begin the stop string
        self._recent = deque(task.recent, task.sampling.repetition_window)
        self._symbols: list[int] = []
        self._log_probs: list[float] = []
        self._data, self._text = bytearray(), io.StringIO()
        self._stopped: Stopped = "unfinished"

    @property
    def ended(self) -> bool:
        return self._stopped != "unfinished"

    def step(self, log_probs: np.ndarray) -> tuple[int, Piece]:
        """Draw the next symbol from the model's [V] log-probabilities; the symbol and what it adds to the output."""
        sampling = self._task.sampling
        # Only the penalty reads `recent`, so it is not made an array for nothing.
        recent = () if sampling.repetition_penalty == 1 else tuple(self._recent)
        symbol = draw(adjust(log_probs, sampling, recent), self._randomness.uniform())
        self._recent.append(symbol)
        self._symbols.append(symbol)
        self._log_probs.append(log_probs.item(symbol))
        return symbol, self._add(self._decoder.feed(symbol))

    def _add(self, data: bytes) -> Piece:
        stop = self._task.stop
        if stop is None:
            return self._out(data)
        data = self._held + data
        at = data.find(stop)
        if at >= 0:
            self._stopped, self._held = "stop", b""
            return self._out(data[:at])
        sure = len(data) - _overlap(data, stop)
        self._held = data[sure:]
        return self._out(data[:sure])

    def finish(self) -> Piece:
        """No more symbols will come: what was held back."""
        if not self.ended:
            self._stopped = "length"
        held, self._held = self._held, b""
        return self._out(held, final=True)

    def _out(self, data: bytes, final: bool = False) -> Piece:
        piece = Piece(data, self._characters.decode(data, final))
        self._data += piece.data
        self._text.write(piece.text)
        return piece

    def sample(self) -> Sample:
        return Sample(
            bytes(self._data),
            self._text.getvalue(),
            np.array(self._symbols, np.int64),
            np.array(self._log_probs, np.float64),
            self._task.seed,
            self._row,
            self._stopped,
        )


def _overlap(data: bytes, stop: bytes) -> int:
    """How many of the last bytes of `data` are the first ones of `stop`."""
    for n in range(min(len(data), len(stop) - 1), 0, -1):
        if data.endswith(stop[:n]):
            return n
    return 0


def _whole(what: str, value: int, low: int, high: int | None = None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        top = "" if high is None else f" to {high:,}"
        raise UserError(f"{what}: {value!r} is not allowed. Allowed: whole numbers from {low}{top}.")
