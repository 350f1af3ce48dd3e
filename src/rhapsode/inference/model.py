"""A trained model, and everything that can be done with it, as methods of one class.

    model = Model.load("models/book")
    print(model.generate("Once upon a time", length=300)[0].text)

Needs no torch.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from rhapsode.config import ModelConfig, make
from rhapsode.data.codecs.output import NO_TEXT
from rhapsode.data.codecs.stored import codec_from_json
from rhapsode.data.framing import framing_of
from rhapsode.data.guide import NOTHING
from rhapsode.errors import UserError
from rhapsode.files import checkpoint, format1
from rhapsode.inference import adapt as adaptation
from rhapsode.inference import beam as searching
from rhapsode.inference import compress as packing
from rhapsode.inference import generate as generation
from rhapsode.inference import score as scoring
from rhapsode.inference.novelty import novelty
from rhapsode.inference.reader import Reader, as_bytes
from rhapsode.inference.score_records import score_records
from rhapsode.inference.trained import KEPT, Trained
from rhapsode.nn import quantised
from rhapsode.nn.network import Network


class Model(Trained):
    """A trained model. Make one with `Model.load`. Immutable."""

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Model:
        """The model in a folder or file. Raises `UserError` for anything else."""
        file = checkpoint.locate(path)
        info, mark, names = checkpoint.load_info(file)
        try:
            config = make(ModelConfig, format1.upgraded(info), "its configuration")
            framing_of(config.framing)
        except UserError as error:
            raise UserError(f"{file}: {error}") from None
        codec = codec_from_json(config.codec)
        network = Network(config.network, codec.steps, codec.text, codec.covariates)
        if codec.covariates and (config.framing.name, config.reset) != (network.framing, "document"):
            raise UserError(
                f"{file}: with codec {codec.name}, the framing must be {network.framing} and the reset policy "
                f"document; they are {config.framing.name} and {config.reset}. The file was not written by rhapsode. "
                "Train again."
            )
        digest = ""
        if info.get("format") == 1:
            tensors, digest = format1.load(file, info, network.shapes, mark)
        elif config.arithmetic == "float32":
            tensors = checkpoint.load_tensors(file, network.shapes, mark)
        else:
            kept = any(name.startswith(f"{KEPT}.") for name in names)
            tensors = _integers(file, network, kept, mark)
        for name, value in tensors.items():
            real = value.dtype == np.float32 or config.arithmetic == "integers"
            if not real or not np.isfinite(value).all():
                raise UserError(f"{file}: weight {name!r} is not made of finite float32 numbers. Train again.")
        return Model(config, tensors, mark, file, digest)

    def reader(self, rows: int = 1, text: np.ndarray = NO_TEXT, covariates: np.ndarray = NOTHING) -> Reader:
        """A reader of `rows` sequences that has read nothing yet. text: [U] symbols that go with each of them;
        covariates: [D] float32 of the first step, `encoded`."""
        return Reader(self, rows, text, covariates)

    # Each is written in a module of its own, as a function of the model.
    generate = generation.generate
    stream = generation.stream
    beam = searching.beam
    score = scoring.score
    score_records = score_records
    compress = packing.compress
    decompress = packing.decompress
    adapted = adaptation.adapted
    novelty = novelty

    def state(self, text: bytes | str) -> list[dict[str, np.ndarray]]:
        """The state of the network after it has read `text` from the start.

        Returns the state of each layer, first layer first: part of the cell → [H] float32.
        Single cells may have a meaning, e.g. that a quotation is open (Karpathy et al. 2015):

            model.state('He said, "')[0]["c"][17]   # the first layer's memory cell 17

        If a unit of the reset policy ends with the text, this is the state in which the next one begins.
        Raises `UserError` for halves of surrogate pairs.
        """
        symbols = self.text_codec.encode(as_bytes(text, "text"))
        reader = self.reader()
        for _ in reader.read_all(symbols):
            pass
        return [{name: part[0] for name, part in layer.items()} for layer in reader.state]


def _integers(path: Path, network: Network, kept: bool, mark: str) -> dict[str, np.ndarray]:
    """The tensors of a model file in whole numbers. kept: float32 weights are beside them. Raises `UserError`."""
    wanted = quantised.shapes(network)
    if kept:
        wanted |= {f"{KEPT}.{name}": (shape, np.float32) for name, shape in network.shapes.items()}
    shapes = {name: shape for name, (shape, _) in wanted.items()}
    tensors = checkpoint.load_tensors(path, shapes, mark, {name: kind for name, (_, kind) in wanted.items()})
    try:
        quantised.check(network, tensors)
    except UserError as error:
        raise UserError(f"{path}: {error}. No training gives such weights. Train again.") from None
    return tensors
