"""What `rhapsode bench` measures of handwriting."""

from __future__ import annotations

import string

from rhapsode.demos.bench import Case
from rhapsode.modalities.ink.codecs.strokes import Strokes
from rhapsode.modalities.ink.moves import Moves

LAYERS, WIDTH = 2, 256
ROWS, WINDOW = 64, 32
"""The batch of short budgets."""


def cases() -> list[Case]:
    """Graves's window, alone and fed back."""
    codec = Strokes(Moves((0.0, 0.0), (1.0, 1.0)), 1, string.ascii_letters, 0.05, None)
    shape, name = {"layers": LAYERS, "width": WIDTH}, f"{LAYERS}x{WIDTH}"
    networks = {
        name: {**shape, "attention": {"feedback": False}},
        f"{name} fed back": {**shape, "attention": {"feedback": True}},
    }
    return [Case(codec, networks, (ROWS, WINDOW), "abcdefghij" * 9)]
