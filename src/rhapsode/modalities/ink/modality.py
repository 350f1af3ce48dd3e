"""What handwriting adds to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rhapsode.console.modality import Modality
from rhapsode.modalities.ink.cli.ink import ink
from rhapsode.modalities.ink.cli.recognise import recognise
from rhapsode.modalities.ink.cli.write import write

if TYPE_CHECKING:
    import numpy as np

    from rhapsode.console.contents import Contents, Found
    from rhapsode.demos.bench import Case
    from rhapsode.export._target import Order
    from rhapsode.serving.endpoint import Endpoint
    from rhapsode.studio.brought import Brought, Place


class InkModality(Modality):
    name, noun, verb = "ink", "handwriting", "write"
    views = {name: f"modalities/ink/studio/{name}.js" for name in ("ink", "teach")}

    def commands(self) -> Mapping[str, Callable[..., None]]:
        return {"write": write, "recognise": recognise, "ink": ink}

    def demo(self) -> tuple[str, Callable[..., None]]:
        from rhapsode.modalities.ink.cli.demo import handwriting

        return "handwriting", handwriting

    def endpoint(self) -> Endpoint[Any, Any]:
        from rhapsode.modalities.ink.serving import ENDPOINT

        return ENDPOINT

    def views_of(self, info: Mapping[str, Any]) -> Sequence[str]:
        teachable = bool(info.get("codec", {}).get("alphabet"))
        return [name for name in self.views if teachable or name != "teach"]

    def studio(self, place: Place) -> Brought:
        from rhapsode.modalities.ink.pad.hands import hands

        return hands(place)

    def bench(self) -> Sequence[Case]:
        from rhapsode.modalities.ink.bench import cases

        return cases()

    def contents(self, found: Found, given: Mapping[str, Any], overwrite: bool) -> Contents | None:
        from rhapsode.modalities.ink.cli.inspecting import contents

        return contents(found)

    def beside(self, path: Path, info: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> Mapping[str, Any] | None:
        from rhapsode.modalities.ink.cli.inspecting import beside

        return beside(path, info)

    def page(self, order: Order) -> bytes:
        from rhapsode.modalities.ink.web import ink_page

        return ink_page(order)
