"""What music adds to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rhapsode.console.modality import Modality
from rhapsode.modalities.music.cli.compose import compose


class Music(Modality):
    name, noun, verb = "music", "music", "compose"

    def commands(self) -> Mapping[str, Callable[..., None]]:
        return {"compose": compose}
