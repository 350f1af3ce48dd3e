"""What handwriting adds to the command line."""

from __future__ import annotations

from rhapsode.console.modality import Modality


class Ink(Modality):
    name, noun, verb = "ink", "handwriting", "write"
