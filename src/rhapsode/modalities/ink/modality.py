"""What handwriting adds to the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rhapsode.console.modality import Modality
from rhapsode.modalities.ink.cli.ink import ink
from rhapsode.modalities.ink.cli.recognise import recognise
from rhapsode.modalities.ink.cli.write import write


class Ink(Modality):
    name, noun, verb = "ink", "handwriting", "write"

    def commands(self) -> Mapping[str, Callable[..., None]]:
        return {"write": write, "recognise": recognise, "ink": ink}
