"""What text adds to the command line."""

from __future__ import annotations

from rhapsode.console.modality import Modality


class Text(Modality):
    name, noun, verb = "text", "text", "generate"
