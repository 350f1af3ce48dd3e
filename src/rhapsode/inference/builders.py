"""Rows of generation: each draws its steps and turns them into output."""

from __future__ import annotations

import codecs
import copy
import io
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rhapsode.nn.samplers import Randomness

if TYPE_CHECKING:
    from rhapsode.inference.generate import Request

TRIES = 64
"""Draws of a step, at most, until it is one that encoding writes."""
Stopped = Literal["length", "stop", "end", "unfinished"]


@dataclass(frozen=True)
class Sample:
    """What was drawn after the prompt.

    data:      the bytes; cut before the stop string, or after it, if that is what ended it. Of a record: a file in its
               own format.
    text:      the same as text, U+FFFD for what is not UTF-8. Of a record: the text that goes with it.
    steps:     [N, *shape of a step], every step drawn, those of the stop string and the end included; symbols are
               int64.
    log_probs: [N] float64, nats: what the model itself gives each step, whatever the sampling. The
               numbers are those that scoring gives, to the last bit.
    seed, row: with these it can be drawn again.
    stopped:   `length`: all steps asked for were drawn; `stop`: a stop string was; `end`: the document ended, or the
               line where lines are units, or the record; `unfinished`: a stream was asked before its end.
    record:    what the codec makes of the steps, e.g. a `Drawing`; None for text.
    attention: [N, U] float32: how much of each symbol of its text was seen at each step; U is 0 without a text.
    """

    data: bytes
    text: str
    steps: np.ndarray
    log_probs: np.ndarray
    seed: int
    row: int
    stopped: Stopped
    record: Any = None
    attention: np.ndarray | None = None


@dataclass(frozen=True)
class Piece:
    """What one step of a stream adds: to the bytes, and to the characters that are complete. Either may be empty."""

    data: bytes
    text: str


class Builder(ABC):
    """One row: draws its steps and turns them into output."""

    log_weight = 0.0
    """As a particle: log p of what its guide allowed, of all steps together."""

    def __init__(self, request: Request, row: int, randomness: Randomness) -> None:
        self._request, self._row, self._randomness = request, row, randomness
        self._guide = None if request.guide is None else request.guide.copy()
        self._recent = deque(request.recent, request.sampling.repetition_window)
        self.steps: list[Any] = []
        self._log_probs: list[float] = []
        self._stopped: Stopped = "unfinished"

    @property
    def ended(self) -> bool:
        return self._stopped != "unfinished"

    @property
    def covariates(self) -> np.ndarray | None:
        """What is given with the next step."""
        return self._guide.covariates() if self._guide is not None and self._request.model.codec.covariates else None

    def become(self, other: Builder) -> Builder:
        """A particle that stands where the other one does, and goes on by its own random numbers."""
        new = copy.copy(other)
        new._randomness, new.log_weight = self._randomness, 0.0
        new._recent, new.steps, new._log_probs = other._recent.copy(), other.steps.copy(), other._log_probs.copy()
        new._guide = None if other._guide is None else other._guide.copy()
        return new

    def step(self, distribution: np.ndarray, attention: np.ndarray) -> Piece:
        """Draw the next step from the model's distribution [Q], made while it saw `attention` [U]; what that adds.

        Nothing is drawn if the steps before it were all.
        """
        if self._complete(attention):
            self._stopped = "end"
            return Piece(b"", "")
        request, guide = self._request, self._guide
        mask = guide.mask() if guide else None
        for _ in range(TRIES):
            step, log_prob, log_mass = request.head.draw(
                distribution, request.sampling, self._randomness, self._recent, mask
            )
            if guide is None or guide.canonical(step):
                break
        if guide:
            guide.read(step)
            self.log_weight += log_mass
        self._recent.append(step)
        self.steps.append(step)
        self._log_probs.append(log_prob)
        return self._add(step, attention)

    def _complete(self, attention: np.ndarray) -> bool:
        """Whether what was drawn so far is all, as the model now sees it."""
        return False

    def finish(self) -> Piece:
        """No more steps will come: what was held back."""
        if not self.ended:
            self._stopped = "length"
        return self._rest()

    @abstractmethod
    def _add(self, step: Any, attention: np.ndarray) -> Piece:
        """Take the step in; sets `_stopped` if it is the last one."""

    @abstractmethod
    def _rest(self) -> Piece:
        """What is left to give when all steps were taken in."""

    @abstractmethod
    def sample(self) -> Sample:
        """What was drawn so far."""


class TextBuilder(Builder):
    """Symbols → bytes and text."""

    def __init__(self, request: Request, row: int, randomness: Randomness) -> None:
        super().__init__(request, row, randomness)
        self._decoder = request.model.text_codec.decoder()
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = b""  # bytes that may turn out to begin a stop string
        self._data, self._text = bytearray(), io.StringIO()

    def _add(self, step: int, attention: np.ndarray) -> Piece:
        data = self._decoder.feed(step)
        piece = self._before_stop(data)
        if not self.ended and not self._request.ignore_end and self._ends(step, data):
            self._stopped = "end"
        return piece

    def _ends(self, step: int, data: bytes) -> bool:
        """Whether a document ends with this step, or a line if lines are wholes by themselves."""
        model = self._request.model
        return step == model.end or (model.policy.lines and data.endswith(b"\n"))

    def _before_stop(self, data: bytes) -> Piece:
        stops, data = self._request.stops, self._held + data
        found = [(at + len(stop), at, kept) for stop, kept in stops.items() if (at := data.find(stop)) >= 0]
        if found:  # the first that is whole; of several that end there, the longest
            end, at, kept = min(found)
            self._stopped, self._held = "stop", b""
            return self._out(data[: end if kept else at])
        sure = len(data) - max((_overlap(data, stop) for stop in stops), default=0)
        self._held = data[sure:]
        return self._out(data[:sure])

    def _rest(self) -> Piece:
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
            np.array(self.steps, np.int64),
            np.array(self._log_probs, np.float64),
            self._request.seed,
            self._row,
            self._stopped,
        )


class RecordBuilder(Builder):
    """Steps → a record, which is only given whole."""

    def __init__(self, request: Request, row: int, randomness: Randomness) -> None:
        super().__init__(request, row, randomness)
        self._codec = request.model.record_codec
        self._seen: list[np.ndarray] = []
        self._whole: Sample | None = None

    def take(self, steps: np.ndarray, log_probs: np.ndarray) -> None:
        """Steps that were drawn elsewhere, with what the model gives each, up to one that is the last."""
        last = next((n for n, step in enumerate(steps) if self._codec.ends(step)), None)
        if last is not None:
            self._stopped = "end"
            steps, log_probs = steps[: last + 1], log_probs[: last + 1]
        self.steps, self._log_probs, self._seen = [*steps], log_probs.tolist(), [np.empty(0, np.float32)] * len(steps)

    def _complete(self, attention: np.ndarray) -> bool:
        if self._request.head.ends:
            return False
        # Graves's rule, section 5.3: the window stands behind the last character. And what was begun is finished.
        passed = len(attention) > 0 and attention[:-1].max(initial=0) < attention[-1]
        return bool(passed and self.steps and self._codec.may_end(self.steps[-1]))

    def become(self, other: Builder) -> Builder:
        new = super().become(other)
        assert isinstance(new, RecordBuilder)
        new._seen = new._seen.copy()
        return new

    def _add(self, step: Any, attention: np.ndarray) -> Piece:
        self._seen.append(attention)
        if self._codec.ends(step):
            self._stopped = "end"
        return Piece(b"", "")

    def _rest(self) -> Piece:
        self._whole = self._made()
        return Piece(self._whole.data, "")

    def sample(self) -> Sample:
        return self._whole or self._made()

    def _made(self) -> Sample:
        codec, request = self._codec, self._request
        steps = np.array(self.steps, codec.steps.dtype).reshape(-1, *codec.steps.shape)
        text = request.prompt.decode("utf-8", "replace")
        known = text if request.model.text else None
        record = codec.decode(steps, known, begun=request.style is not None, outline=request.outline)
        return Sample(
            codec.dump(record),
            text,
            steps,
            np.array(self._log_probs, np.float64),
            request.seed,
            self._row,
            self._stopped,
            record,
            np.array(self._seen).reshape(len(steps), -1),
        )


def _overlap(data: bytes, stop: bytes) -> int:
    """How many of the last bytes of `data` are the first ones of `stop`."""
    for n in range(min(len(data), len(stop) - 1), 0, -1):
        if data.endswith(stop[:n]):
            return n
    return 0
