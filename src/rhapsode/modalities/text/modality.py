"""What text adds to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rhapsode.console.modality import Modality
from rhapsode.modalities.text.cli.generate import generate


class Text(Modality):
    name, noun, verb = "text", "text", "generate"

    def commands(self) -> Mapping[str, Callable[..., None]]:
        return {"generate": generate}
