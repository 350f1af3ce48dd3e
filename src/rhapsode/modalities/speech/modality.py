"""What speech adds to the command line."""

from __future__ import annotations

from rhapsode.console.modality import Modality


class Speech(Modality):
    name, noun, verb = "speech", "speech", "speak"
