"""What a modality adds to the command line: a class in `modalities/NAME/modality.py`, found by the registry.

The commands know nothing of music, pens or voices. Where kinds of data differ, they ask the modality.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rhapsode.console.contents import Contents

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.data.codecs.codec import Codec
    from rhapsode.data.sources import Sources
    from rhapsode.inference.model import Model


class Modality:
    """One kind of data that people have. Its module imports nothing heavy: help must come at once."""

    name: ClassVar[str]
    """That of its folder."""

    noun: ClassVar[str]
    """Its models in messages, e.g. `music`: a model of music."""

    verb: ClassVar[str]
    """The command that draws from its models: generate, write, compose, speak."""

    def commands(self) -> Mapping[str, Callable[..., None]]:
        """Name → function with typer's annotations, of the commands that it brings, the verb among them."""
        return {}

    def demo(self) -> tuple[str, Callable[..., None]] | None:
        """The name that `rhapsode demo NAME` knows it by, and the command; None if there is no demo."""
        return None

    def training(self) -> Mapping[str, Any]:
        """Name → type with typer's annotation, of the options that `train` has for it. They are options of codecs."""
        return {}

    def codec_options(self, given: dict[str, Any], codec: type[Codec]) -> dict[str, Any]:
        """Those options as the codec wants them. Raises `UserError` for values that cannot be."""
        return given

    def contents(self, codec: type[Codec], sources: Sources, name: str) -> Contents:
        """What `inspect` says of data that one of its codecs reads. Raises `UserError`."""
        raise NotImplementedError

    def about(self, model: Model) -> Mapping[str, Any]:
        """What `inspect` says of a model, besides what all models have."""
        return {}

    def beside(self, path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
        """What `inspect` says of a file of `checkpoint.save` that its training or its commands left beside a model;
        None if it is none of these. Raises `UserError`."""
        return None

    def figures(self, quality: Mapping[str, Any]) -> Sequence[str]:
        """Of `Codec.quality`: lines for people."""
        return ()
