"""What speech adds to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rhapsode.console.modality import Modality
from rhapsode.modalities.speech.cli.speak import speak


class Speech(Modality):
    name, noun, verb = "speech", "speech", "speak"

    def commands(self) -> Mapping[str, Callable[..., None]]:
        return {"speak": speak}
