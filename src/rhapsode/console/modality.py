"""What a modality adds to the command line: a class in `modalities/NAME/modality.py`, found by the registry.

The commands name no modality. Where kinds of data differ, they ask the modality.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.console.contents import Contents, Found
    from rhapsode.data.codecs.codec import Codec
    from rhapsode.demos.bench import Case
    from rhapsode.inference.model import Model

Options = Mapping[str, Any]
"""Name → `Annotated[TYPE | None, typer.Option(...)]`. None is: not given."""


class Modality:
    """One kind of data that people have. Its module imports nothing heavy: help must come at once."""

    name: ClassVar[str]
    """That of its folder."""

    noun: ClassVar[str]
    """Its models in messages, e.g. `music`: a model of music."""

    verb: ClassVar[str]
    """The command that draws from its models, e.g. `compose`."""

    def commands(self) -> Mapping[str, Callable[..., None]]:
        """Name → function with typer's annotations, of the commands that it brings, the verb among them."""
        return {}

    def demo(self) -> tuple[str, Callable[..., None]] | None:
        """The name that `rhapsode demo NAME` knows it by, and the command; None if there is no demo."""
        return None

    def training(self) -> Options:
        """Options that `train` has for it."""
        return {}

    def codec_options(self, given: dict[str, Any], codec: type[Codec]) -> dict[str, Any]:
        """Those that were given, as options of the codec. Raises `UserError` for values that cannot be."""
        return given

    def inspecting(self) -> Options:
        """Options that `inspect` has for it."""
        return {}

    def contents(self, found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents | None:
        """What `inspect` says of data that one of its codecs reads, or nearly reads; None if it has nothing to say.

        given: its options that were given. overwrite: whether files that they name may be replaced. Raises `UserError`.
        """
        return None

    def about(self, model: Model) -> Mapping[str, Any]:
        """What `inspect` says of a model: of its steps."""
        return {"steps": model.codec.to_json()}

    def beside(self, path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
        """What `inspect` says of a file of `checkpoint.save` that its training or its commands left beside a model;
        None if it is none of these. Raises `UserError`."""
        return None

    def bench(self) -> Sequence[Case]:
        """What `bench` measures of it: training and drawing."""
        return ()

    def figures(self, quality: Mapping[str, Any]) -> Sequence[str]:
        """Of `Codec.quality`: lines for people."""
        return ()
