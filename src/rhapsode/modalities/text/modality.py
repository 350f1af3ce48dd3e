"""What text adds to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rhapsode.console.modality import Modality, Options
from rhapsode.console.options import Encoding
from rhapsode.modalities.text.cli.generate import generate

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.console.contents import Contents, Found
    from rhapsode.export._target import Order
    from rhapsode.inference.model import Model


class TextModality(Modality):
    name, noun, verb = "text", "text", "generate"
    task = "text-generation"
    views = {name: f"modalities/text/studio/{name}.js" for name in ("write", "look")}

    def commands(self) -> Mapping[str, Callable[..., None]]:
        return {"generate": generate}

    def demo(self) -> tuple[str, Callable[..., None]]:
        from rhapsode.modalities.text.cli.demo import text

        return "text", text

    def inspecting(self) -> Options:
        return {
            "encoding": Encoding,
            "as_text": Annotated[
                bool | None,
                typer.Option(
                    "--as-text", help="Only the text of web pages, notebooks, Markdown and mail, as for train."
                ),
            ],
        }

    def contents(self, found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents | None:
        from rhapsode.modalities.text.cli.inspecting import contents

        return contents(found, given.get("encoding"), bool(given.get("as_text")))

    def about(self, model: Model) -> Mapping[str, Any]:
        from rhapsode.modalities.text.cli.inspecting import about

        return about(model)

    def beside(self, path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
        from rhapsode.modalities.text.cli.inspecting import beside

        return beside(path, info, tensors)

    def novelty(self, model: Model, sources: Sequence[str], asked: Mapping[str, Any]) -> Contents:
        from rhapsode.modalities.text.cli.novelty import contents

        return contents(model, sources, asked)

    def page(self, order: Order) -> bytes:
        from rhapsode.modalities.text.web import text_page

        return text_page(order)
