"""What music adds to the command line."""

from __future__ import annotations

from rhapsode.console.modality import Modality


class Music(Modality):
    name, noun, verb = "music", "music", "compose"
