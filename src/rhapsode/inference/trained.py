"""A trained network, with everything that is needed to run it. Reading, generation, scoring and compression are
functions of it; `rhapsode.inference.model` adds them as methods.

Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from rhapsode.config import ModelConfig
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.codecs.stored import codec_from_json
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.framing import framing_of
from rhapsode.data.resets import ResetPolicy
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.nn.engine import Engine, OnnxEngine
from rhapsode.nn.heads.categorical import Categorical
from rhapsode.nn.network import Network
from rhapsode.nn.operations import part
from rhapsode.steps.text import Text


class Trained:
    """The contents of a model file, ready to run. Immutable."""

    def __init__(
        self,
        config: ModelConfig,
        weights: Mapping[str, np.ndarray],
        checksum: str = "",
        path: Path | None = None,
        digest: str = "",
    ):
        """checksum: of the file at `path`, if there is one. digest: see `digest`; if empty, it is computed."""
        self.config = config
        self.weights = weights
        self.checksum = checksum
        self.path = path
        self._digest = digest
        self.codec = codec_from_json(config.codec)
        self.network = Network(config.network, self.codec.steps, self.codec.text, self.codec.covariates)
        self.head = self.network.bound(weights)
        self.framing = framing_of(config.framing)
        self.policy = ResetPolicy.parse(config.reset)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that its predictions depend on: weights and configuration. 64 hexadecimal digits.

        Facts about the training are not included, so the same run on the same machine gives the same digest. Settings
        that the file does not name are not included either, so new settings of later versions change no digest.
        """
        if self._digest:
            return self._digest
        named = self.config.model_dump(mode="json", exclude_unset=True, exclude={"format", "facts"})
        return checkpoint.digest(json.dumps(named, ensure_ascii=False, sort_keys=True), self.weights)

    @cached_property
    def engine(self) -> Engine:
        """Runs the network."""
        return OnnxEngine(self.network.graph(self.weights))

    @cached_property
    def _encoder(self) -> Engine | None:
        encoder = self.network.encoder
        return OnnxEngine(encoder.graph(part(self.weights, "encoder"))) if encoder else None

    def encoded(self, covariates: np.ndarray) -> np.ndarray:
        """The encoder's output [N, E] float32 for the covariates of all steps of a unit [N, D]. Without an encoder, the
        covariates themselves."""
        if self._encoder is None or not len(covariates):
            return covariates
        return self._encoder.run(covariates[:, None].astype(np.float32), self._encoder.zeros(1))[0][:, 0]

    @property
    def text(self) -> Text | None:
        """The kind of the texts that the network attends to, if it attends to any."""
        return self.codec.text if self.network.attention else None

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
                f"this needs a model of whole records, not of text; the codec of this one is {self.codec.name!r}."
            )
        return self.codec

    @property
    def end(self) -> int | None:
        """The symbol that ends a document, if the model knows one and the policy has a use for it."""
        return None if self.policy.lines else self.codec.end
