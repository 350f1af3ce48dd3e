"""What music adds to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.console.modality import Modality, Options
from rhapsode.modalities.music.cli.compose import compose

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.console.contents import Contents, Found
    from rhapsode.export._target import Order
    from rhapsode.inference.model import Model
    from rhapsode.serving.endpoint import Endpoint


class MusicModality(Modality):
    name, noun, verb = "music", "music", "compose"
    views = {"compose": "modalities/music/studio/compose.js"}

    def commands(self) -> Mapping[str, Callable[..., None]]:
        return {"compose": compose}

    def demo(self) -> tuple[str, Callable[..., None]]:
        from rhapsode.modalities.music.cli.demo import music

        return "music", music

    def inspecting(self) -> Options:
        return {
            "beside": Annotated[str | None, typer.Option(metavar="FILE", help="Compare with the tunes of this file.")],
            "picture": Annotated[
                str | None, typer.Option(metavar="FILE.png", help="With --beside: write a picture of the comparison.")
            ],
            "against": Annotated[
                str | None,
                typer.Option(
                    metavar="MODEL", help="Count notes in a row that are copied from the training tunes of this model."
                ),
            ],
        }

    def contents(self, found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents | None:
        from rhapsode.modalities.music.cli.inspecting import contents

        return contents(found, given, overwrite)

    def about(self, model: Model) -> Mapping[str, Any]:
        from rhapsode.modalities.music.cli.inspecting import about

        return {**about(model), **super().about(model)}

    def beside(self, path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
        from rhapsode.modalities.music.cli.inspecting import beside

        return beside(path, info, tensors)

    def novelty(self, model: Model, sources: Sequence[str], asked: Mapping[str, Any]) -> Contents:
        from rhapsode.modalities.music.cli.inspecting import novelty

        return novelty(model, sources)

    def endpoint(self) -> Endpoint[Any, Any]:
        from rhapsode.modalities.music.serving import ENDPOINT

        return ENDPOINT

    def page(self, order: Order) -> bytes:
        from rhapsode.modalities.music.web import music_page

        return music_page(order)
