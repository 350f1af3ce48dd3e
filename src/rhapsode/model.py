"""A trained model, ready to be read with: codec, network, reset policy and framing in one place.

Needs no torch. `Model` is the immutable whole; a `Reader` is a place in sequences being read: the
explicit state, which can be copied and forked. Scoring, generation and compression are all loops
around a reader, so none of them knows of resets, framings or kinds of step.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from rhapsode import checkpoint, registry
from rhapsode.codecs._text import Decoder, TextCodec
from rhapsode.config import ModelConfig, make
from rhapsode.engine import Engine, State
from rhapsode.errors import UserError
from rhapsode.heads.categorical import Categorical
from rhapsode.network import Network
from rhapsode.resets import ResetPolicy, Scanner

BLOCK = 256
"""Steps per call of the engine when a known sequence is read."""


class Model:
    """What a model file holds. Make one with `Model.load`."""

    def __init__(self, config: ModelConfig, weights: Mapping[str, np.ndarray], digest: str, path: Path | None = None):
        self.config = config
        self.weights = weights
        self.digest = digest
        self.path = path
        self.codec = codec_from_json(config.codec)
        self.network = Network(config.network, self.codec.steps)
        self.head = self.network.head
        self.policy = ResetPolicy.parse(config.reset)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Model:
        """The model in a folder or file. Raises `UserError` for anything else."""
        file = checkpoint.locate(path)
        info, digest, _ = checkpoint.load_info(file)
        config = make(ModelConfig, info, f"{file}: its configuration")
        network = Network(config.network, codec_from_json(config.codec).steps)
        weights = checkpoint.load_tensors(file, network.shapes, digest)
        for name, value in weights.items():
            if value.dtype != np.float32 or not np.isfinite(value).all():
                raise UserError(f"{file}: weight {name!r} is not made of finite float32 numbers. Train again.")
        return Model(config, weights, digest, file)

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.network.graph(self.weights))

    @property
    def categorical(self) -> Categorical:
        """The head, if it gives every symbol a probability. Raises `UserError`."""
        if not isinstance(self.head, Categorical):
            raise UserError(f"this needs a model of symbols; the steps of this one have head {self.head.name!r}.")
        return self.head

    def reader(self, rows: int = 1) -> Reader:
        """A reader of `rows` sequences at once that has read nothing yet."""
        return Reader(self, rows)


def codec_from_json(data: Mapping[str, Any]) -> TextCodec:
    """The codec in a model file: `{"name": ..., ...}`. Raises `UserError`."""
    rest = dict(data)
    name = rest.pop("name", None)
    if not isinstance(name, str):
        raise UserError("the model's configuration names no codec: the file is damaged or not Rhapsode's.")
    kind: type[TextCodec] = registry.get("codec", name)
    return kind.from_json(rest)


def codec_to_json(codec: TextCodec) -> dict[str, Any]:
    """The inverse of `codec_from_json`."""
    return {"name": codec.name, **codec.to_json()}


def as_bytes(text: bytes | str, what: str) -> bytes:
    """Text as UTF-8. Bytes that the command line could not decode (lone U+DC80 to U+DCFF) come out as they were.

    Raises `UserError`, which calls the text `what`, for other halves of surrogate pairs.
    """
    if isinstance(text, bytes):
        return text
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UserError(
            f"{what}: character {error.start} is U+{ord(text[error.start]):04X}, half of a surrogate pair: it has "
            "no UTF-8. Repair the text, or give it as bytes."
        ) from None


class Reader:
    """A place in `rows` sequences: everything read so far, as the network remembers it.

    `parameters` [rows, P] float32 are those of the distribution of the next step. The numbers are
    the same, bit for bit, however the steps were given: one by one, all at once, alone or among
    other rows. (A test holds ONNX Runtime to that.)
    """

    parameters: np.ndarray

    def __init__(self, model: Model, rows: int = 1) -> None:
        self._model = model
        self._rows = [_Row(model) for _ in range(rows)]
        self._state: State = model.engine.zeros(rows)
        self._feed(np.full(rows, model.codec.steps.start))

    @property
    def rows(self) -> int:
        return len(self._rows)

    def copy(self) -> Reader:
        """The same place once more. Arrays are shared: a step makes new ones."""
        other = copy.copy(self)
        other._rows = [row.copy() for row in self._rows]
        return other

    def repeat(self, rows: int) -> Reader:
        """`rows` rows at the place of this reader's only row."""
        if self.rows != 1:
            raise ValueError("only a reader of one row can be repeated")
        return self.take([0] * rows)

    def take(self, index: Sequence[int]) -> Reader:
        """Some rows of this reader, in the order given; a row may be taken more than once."""
        other = copy.copy(self)
        other._rows = [self._rows[n].copy() for n in index]
        other._state = tuple(part[index] for part in self._state)
        other.parameters = self.parameters[index]
        return other

    def read(self, symbols: np.ndarray) -> None:
        """Read one step in each row: [rows] integers."""
        framing = self._model.config.framing
        # `start` may not fit the symbols' own type (256 in uint8): numpy would make it 0.
        inputs = symbols.astype(np.int64)
        # Lists, not arrays: this runs once a step, mostly for one row, and then numpy costs more than it does.
        begins = [row.read(symbol) for row, symbol in zip(self._rows, inputs.tolist(), strict=True)]
        if any(begins):
            inputs[begins] = self._model.codec.steps.start
        if framing.name == "many-to-one":
            self._read_windows(inputs, begins)
            return
        fresh = begins
        if framing.name == "one-to-one":
            fresh = [True] * self.rows
        elif framing.name == "one-to-many":
            fresh = [begin or row.predicted >= framing.length for row, begin in zip(self._rows, begins, strict=True)]
        if any(fresh):
            for row, is_fresh in zip(self._rows, fresh, strict=True):
                if is_fresh:
                    row.predicted = 0
            keep = ~np.array(fresh)[:, None]
            self._state = tuple(part * keep for part in self._state)
        self._feed(inputs)

    def _feed(self, inputs: np.ndarray) -> None:
        out, self._state = self._model.engine.run(inputs[None], self._state)
        self.parameters = out[0]

    def _read_windows(self, inputs: np.ndarray, begins: list[bool]) -> None:
        """many-to-one: the window before the next step, from zero state, once more for each step."""
        out = []
        for row, symbol, begin in zip(self._rows, inputs, begins, strict=True):
            row.window = [int(symbol)] if begin else [*row.window, int(symbol)][-self._model.config.framing.length :]
            window = np.array(row.window, np.int64)[:, None]
            parameters, _ = self._model.engine.run(window, self._model.engine.zeros(1))
            out.append(parameters[-1, 0])
        self.parameters = np.stack(out)

    def read_all(self, symbols: np.ndarray) -> Iterator[np.ndarray]:
        """Read [N] steps in the only row; yields [n, P] blocks of the parameters before each of them."""
        if self.rows != 1:
            raise ValueError("only a reader of one row can read a known sequence")
        for at in range(0, len(symbols), BLOCK):
            block = np.asarray(symbols[at : at + BLOCK]).astype(np.int64)
            if self._model.config.framing.name == "stream":
                yield self._read_block(block)
            else:
                out = []
                for symbol in block:
                    out.append(self.parameters[0])
                    self.read(symbol[None])
                yield np.stack(out)

    def _read_block(self, block: np.ndarray) -> np.ndarray:
        """A block of a stream in as few calls as its unit beginnings allow."""
        row = self._rows[0]
        pieces = np.split(block, np.flatnonzero([row.read(int(s)) for s in block]) + 1)
        out = [self.parameters]
        for n, piece in enumerate(pieces):
            ends_unit = n + 1 < len(pieces)
            seen = piece[:-1] if ends_unit else piece  # a unit's last step is never fed: the state is zeroed after it
            if len(seen):
                parameters, self._state = self._model.engine.run(seen[:, None], self._state)
                out.append(parameters[:, 0])
            if ends_unit:
                self._state = self._model.engine.zeros(1)
                self._feed(np.array([self._model.codec.steps.start]))
                out.append(self.parameters)
        parameters = np.concatenate(out)
        self.parameters = parameters[-1:]
        return parameters[:-1]


class Units:
    """Finds, as steps are read, where units begin according to the model's reset policy."""

    def __init__(self, model: Model) -> None:
        policy = model.policy
        self._every = policy.every
        self._in_unit = 0
        self._decoder: Decoder | None = model.codec.decoder() if policy.rule else None
        self._scanner: Scanner | None = policy.scanner() if policy.rule else None

    def copy(self) -> Self:
        other = copy.copy(self)
        other._decoder, other._scanner = copy.copy(self._decoder), copy.copy(self._scanner)
        return other

    def read(self, symbol: int) -> bool:
        """Take note of a step; True if a unit begins after it."""
        self._in_unit += 1
        begins = self._in_unit == self._every
        if self._scanner is not None and self._decoder is not None:
            begins = bool(self._scanner.feed(self._decoder.feed(symbol)))
        if begins:
            self._in_unit = 0
        return begins


class _Row(Units):
    """What one row must remember beside the network's state."""

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.predicted = 0  # one-to-many: steps since the state was last zero
        self.window = [model.codec.steps.start]

    def read(self, symbol: int) -> bool:
        self.predicted += 1
        return super().read(symbol)
