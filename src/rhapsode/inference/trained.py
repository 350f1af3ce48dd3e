"""A trained network, with everything that is needed to run it. Reading, generation, scoring and compression are
functions of it; `rhapsode.inference.model` adds them as methods.

Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from rhapsode.config import ModelConfig
from rhapsode.data.codecs.records import RecordCodec
from rhapsode.data.codecs.stored import codec_from_json
from rhapsode.data.codecs.text import TextCodec
from rhapsode.data.framing import framing_of
from rhapsode.data.resets import ResetPolicy
from rhapsode.data.text_index import TextIndex
from rhapsode.errors import UserError
from rhapsode.files import checkpoint
from rhapsode.nn import compiled, quantised
from rhapsode.nn.engine import Engine, OnnxEngine
from rhapsode.nn.heads._symbols import OfSymbols
from rhapsode.nn.network import Network
from rhapsode.nn.operations import part
from rhapsode.nn.program import encoder_program, program
from rhapsode.steps.text import Text

KEPT = "float32"
"""What the names of float32 weights begin with that are beside integers in a model file: `float32.layer0.input`."""


class Trained:
    """The contents of a model file, ready to run. Immutable."""

    def __init__(
        self,
        config: ModelConfig,
        tensors: Mapping[str, np.ndarray],
        checksum: str = "",
        path: Path | None = None,
        digest: str = "",
    ):
        """tensors: float32 weights; or, where the arithmetic is integers, what `quantised` makes of them.
        checksum: of the file at `path`, if there is one. digest: see `digest`; if empty, it is computed."""
        self.config = config
        self.tensors = tensors
        self.checksum = checksum
        self.path = path
        self._digest = digest
        self.codec = codec_from_json(config.codec)
        self.network = Network(config.network, self.codec.steps, self.codec.text, self.codec.covariates)
        self.head = self.network.bound(tensors)  # whose own weights are float32 always
        self.framing = framing_of(config.framing)
        self.policy = ResetPolicy.parse(config.reset)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that its predictions depend on: tensors and configuration. 64 hexadecimal digits.

        Facts about the training are not included, so the same run on the same machine gives the same digest. Settings
        that the file does not name are not included either, so new settings of later versions change no digest.
        """
        if self._digest:
            return self._digest
        named = self.config.model_dump(mode="json", exclude_unset=True, exclude={"format", "facts"})
        return checkpoint.digest(json.dumps(named, ensure_ascii=False, sort_keys=True), self._computed)

    @property
    def _computed(self) -> dict[str, np.ndarray]:
        """The tensors that it is computed with."""
        return {name: one for name, one in self.tensors.items() if not name.startswith(f"{KEPT}.")}

    @property
    def whole(self) -> bool:
        """Whether its arithmetic is that of whole numbers."""
        return self.config.arithmetic == "integers"

    @cached_property
    def weights(self) -> Mapping[str, np.ndarray]:
        """The weights by the names of `Network.shapes`, float32. Of a model in whole numbers, those that training left,
        if they were kept; else what the whole numbers stand for."""
        if not self.whole:
            return self.tensors
        return part(self.tensors, KEPT) or quantised.real(self.network, self.tensors)

    def quantised(self, keep: bool = False) -> Self:
        """The same model in whole numbers. keep: float32 weights are beside them. Raises `Unfit`."""
        tensors = self._computed if self.whole else quantised.quantise(self.network, self.weights)
        if keep:
            tensors |= {f"{KEPT}.{name}": weight for name, weight in self.weights.items()}
        return type(self)(self.config.model_copy(update={"arithmetic": "integers"}), tensors)

    def save(self, path: Path) -> str:
        """Write the model file, and return its checksum. Raises `UserError` if the disk refuses it."""
        return checkpoint.save(path, self.config.model_dump(), self.tensors)

    @cached_property
    def engine(self) -> Engine:
        """Runs the network."""
        if self.whole:
            return compiled.engine(self.network, self.tensors, program(self.network))
        return OnnxEngine(self.network.graph(self.weights))

    @cached_property
    def _encoder(self) -> Engine | None:
        encoder = self.network.encoder
        if encoder and self.whole:
            return compiled.engine(self.network, self.tensors, encoder_program(encoder))
        return OnnxEngine(encoder.graph(part(self.weights, "encoder"))) if encoder else None

    def encoded(self, covariates: np.ndarray) -> np.ndarray:
        """The encoder's output [N, E] float32 for the covariates of all steps of a unit [N, D]. Without an encoder, the
        covariates themselves."""
        if self._encoder is None or not len(covariates):
            return covariates
        return self._encoder.run(covariates[:, None].astype(np.float32), self._encoder.zeros(1))[0][:, 0]

    @cached_property
    def index(self) -> TextIndex:
        """The training index beside a model of text, in which copies are found. Raises `UserError` if there is none, if
        it is damaged, and if it is another model's."""
        path = checkpoint.index(self.path.parent) if self.path and self.text_codec else None
        if path is None:
            raise UserError(
                f"it is not known on which text {self.path or 'the model'} was trained: {checkpoint.INDEX} is not "
                "beside it. Train again with --index, or copy that file there."
            )
        found = TextIndex.load(path)
        if found.info["data"][-1:] != [self.config.facts.get("data_digest")]:
            raise UserError(
                f"{path} is of another text than {self.path} was trained on. Train again, or copy the right one there."
            )
        return found

    @property
    def text(self) -> Text | None:
        """The kind of the texts that the network attends to, if it attends to any."""
        return self.codec.text if self.network.attention else None

    @property
    def categorical(self) -> OfSymbols:
        """The head, if it gives every symbol a probability. Raises `UserError`."""
        if not isinstance(self.head, OfSymbols):
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
    def licence(self) -> str:
        """The licence of the model, if its owner has said one; else empty."""
        return str(self.config.facts.get("licence", ""))

    @property
    def end(self) -> int | None:
        """The symbol that ends a document, if the model knows one and the policy has a use for it."""
        return None if self.policy.lines else self.codec.end
