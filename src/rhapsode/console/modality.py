"""The base class of modalities. Each is a class in `modalities/NAME/modality.py`, which the registry finds.

Commands name no modality. Where modalities differ, the command asks the modality.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rhapsode.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.console.contents import Contents, Found
    from rhapsode.data.codecs.codec import Codec
    from rhapsode.demos.bench import Case
    from rhapsode.export._target import Order
    from rhapsode.inference.model import Model
    from rhapsode.serving.endpoint import Endpoint
    from rhapsode.studio.brought import Brought, Place

Options = Mapping[str, Any]
"""Name → `Annotated[TYPE | None, typer.Option(...)]`. The value None means that the option was not given."""


class Modality:
    """One kind of data that people have. Its module must import nothing heavy, so that `--help` is fast."""

    name: ClassVar[str]
    """The name of its folder."""

    noun: ClassVar[str]
    """The name of its data in messages, e.g. `music` for `a model of music`."""

    verb: ClassVar[str]
    """The command that generates from its models, e.g. `compose`."""

    task: ClassVar[str] = ""
    """What its models do, as the Hugging Face Hub calls it; empty if the Hub has no word for it."""

    views: ClassVar[Mapping[str, str]] = {}
    """The pages of the studio for its models, the main one first: name → its script, by its path in the package."""

    def commands(self) -> Mapping[str, Callable[..., None]]:
        """Name → function with typer's annotations, for all its commands, the verb among them."""
        return {}

    def demo(self) -> tuple[str, Callable[..., None]] | None:
        """The NAME of `rhapsode demo NAME`, and the command; None if there is no demo."""
        return None

    def training(self) -> Options:
        """Its options of `train`."""
        return {}

    def codec_options(self, given: dict[str, Any], codec: type[Codec]) -> dict[str, Any]:
        """The options of `train` that were given, as options of the codec. Raises `UserError` for impossible values."""
        return given

    def inspecting(self) -> Options:
        """Its options of `inspect`."""
        return {}

    def contents(self, found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents | None:
        """The description by `inspect` of data that one of its codecs reads, or nearly reads; None if it has none.

        given: its options that were given. overwrite: whether files that they name may be replaced.
        Raises `UserError`.
        """
        return None

    def about(self, model: Model) -> Mapping[str, Any]:
        """The description by `inspect` of a model's steps."""
        return {"steps": model.codec.to_json()}

    def beside(self, path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
        """The description by `inspect` of a file of `checkpoint.save` that its training or its commands put beside a
        model; None if it is no such file. Raises `UserError`."""
        return None

    def novelty(self, model: Model, sources: Sequence[str], asked: Mapping[str, Any]) -> Contents:
        """What of these sources is copied from the training data of the model. asked: the options of `novelty`, which
        are for text. Raises `UserError`, also for models that have no training index."""
        raise UserError(f"models of {self.noun} have no training index in which copies could be found.")

    def page(self, order: Order) -> bytes:
        """A page of HTML on which a model of it runs. Raises `UserError` for a model that has none."""
        raise UserError(f"there is no page for models of {self.noun}. rhapsode export --help names the other forms.")

    def endpoint(self) -> Endpoint[Any, Any] | None:
        """The path of `rhapsode serve` that does what its verb does; None for that of texts."""
        return None

    def views_of(self, info: Mapping[str, Any]) -> Sequence[str]:
        """Those of its views that a model has. info: of its file."""
        return list(self.views)

    def studio(self, place: Place) -> Brought | None:
        """What it adds to the paths of the studio, for its views; None for nothing."""
        return None

    def bench(self) -> Sequence[Case]:
        """What `bench` measures of it: training and drawing."""
        return ()

    def figures(self, quality: Mapping[str, Any]) -> Sequence[str]:
        """The result of `Codec.quality` as lines for people."""
        return ()
