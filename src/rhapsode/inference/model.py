"""A trained model and all that is done with it: codec, network, reset policy and framing in one place.

    model = Model.load("models/book")
    print(model.generate("Once upon a time", length=300)[0].text)

Needs no torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from rhapsode.config import ModelConfig, make
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.codecs.stored import codec_from_json
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.inference import compress as packing
from rhapsode.inference import generate as generation
from rhapsode.inference import score as scoring
from rhapsode.inference.reader import Reader, as_bytes
from rhapsode.nn.engine import Engine
from rhapsode.nn.heads.categorical import Categorical
from rhapsode.nn.network import Network
from rhapsode.steps import Text


class Model:
    """What a model file holds, and what can be done with it. Make one with `Model.load`. Immutable."""

    def __init__(
        self, config: ModelConfig, weights: Mapping[str, np.ndarray], checksum: str = "", path: Path | None = None
    ):
        """checksum: of the file at `path`, where there is one."""
        self.config = config
        self.weights = weights
        self.checksum = checksum
        self.path = path
        self.codec = codec_from_json(config.codec)
        self.network = Network(config.network, self.codec.steps, self.codec.text, self.codec.covariates)
        self.head = self.network.bound(weights)
        self.policy = ResetPolicy.parse(config.reset)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Model:
        """The model in a folder or file. Raises `UserError` for anything else."""
        file = checkpoint.locate(path)
        info, mark, _ = checkpoint.load_info(file)
        config = make(ModelConfig, info, f"{file}: its configuration")
        codec = codec_from_json(config.codec)
        network = Network(config.network, codec.steps, codec.text, codec.covariates)
        if codec.covariates and (config.framing.name, config.reset) != (network.framing, "document"):
            raise UserError(
                f"{file}: with codec {codec.name}, the framing must be {network.framing} and the reset policy "
                f"document; they are {config.framing.name} and {config.reset}. The file was not written by rhapsode. "
                "Train again."
            )
        weights = checkpoint.load_tensors(file, network.shapes, mark)
        for name, value in weights.items():
            if value.dtype != np.float32 or not np.isfinite(value).all():
                raise UserError(f"{file}: weight {name!r} is not made of finite float32 numbers. Train again.")
        return Model(config, weights, mark, file)

    @cached_property
    def digest(self) -> str:
        """What it predicts by, in one number, 64 hexadecimal digits: SHA-256 of its weights and of its configuration.

        Facts about its training are not in it, so the same run on the same machine makes the same digest. Nor is any
        setting that its file does not name: one that later versions of Rhapsode bring changes no digest.
        """
        named = self.config.model_dump(mode="json", exclude_unset=True, exclude={"format", "facts"})
        return checkpoint.digest(json.dumps(named, ensure_ascii=False, sort_keys=True), self.weights)

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.network.graph(self.weights))

    @cached_property
    def _context(self) -> Engine | None:
        context = self.network.context
        return Engine(context.graph(context.own(self.weights))) if context else None

    def encoded(self, covariates: np.ndarray) -> np.ndarray:
        """What is given with all steps of a unit [N, D], as the network's context makes it [N, C] float32; unchanged
        where there is none."""
        if self._context is None or not len(covariates):
            return covariates
        return self._context.run(covariates[:, None].astype(np.float32), self._context.zeros(1))[0][:, 0]

    @property
    def text(self) -> Text | None:
        """The kind of the texts that the model writes to, if it attends to any."""
        return self.codec.text if self.network.condition else None

    @property
    def categorical(self) -> Categorical:
        """The head, if it gives every symbol a probability. Raises `UserError`."""
        if not isinstance(self.head, Categorical):
            raise UserError(f"this needs a model of symbols; the steps of this one have head {self.head.name!r}.")
        return self.head

    @property
    def text_codec(self) -> TextCodec:
        """The codec, if it is one of text. Raises `UserError`."""
        if not isinstance(self.codec, TextCodec):
            raise UserError(f"this needs a model of text; the codec of this one is {self.codec.name!r}.")
        return self.codec

    @property
    def record_codec(self) -> RecordCodec:
        """The codec, if it is one of records. Raises `UserError`."""
        if not isinstance(self.codec, RecordCodec):
            raise UserError(
                f"this needs a model of drawings or the like; the codec of this one is {self.codec.name!r}."
            )
        return self.codec

    @property
    def end(self) -> int | None:
        """The symbol that ends a document, if the model knows one and the policy has a use for it."""
        return self.codec.end if isinstance(self.codec, TextCodec) and not self.policy.lines else None

    def reader(self, rows: int = 1, text: np.ndarray | None = None, covariates: np.ndarray | None = None) -> Reader:
        """A reader of `rows` sequences that has read nothing yet. text: [U] symbols that go with each of them; given:
        [D] float32 that go with the first step, `encoded`."""
        return Reader(self, rows, text, covariates)

    # Each is written in a module of its own, as a function of the model.
    generate = generation.generate
    stream = generation.stream
    score = scoring.score
    score_records = scoring.score_records
    compress = packing.compress
    decompress = packing.decompress

    def state(self, text: bytes | str) -> list[dict[str, np.ndarray]]:
        """What the network remembers once it has read `text` from the start.

        Returns each layer's state, first layer first: the parts of its cell by name, [H] float32.
        Single cells may mean something, e.g. that a quotation is open (Karpathy et al. 2015):

            model.state('He said, "')[0]["c"][17]   # the first layer's memory cell 17

        If a unit of the reset policy ends with the text, this is the state in which the next one begins.
        Raises `UserError` for halves of surrogate pairs.
        """
        symbols = self.text_codec.encode(as_bytes(text, "text"))
        reader = self.reader()
        for _ in reader.read_all(symbols):
            pass
        return [{name: part[0] for name, part in layer.items()} for layer in reader.state]
