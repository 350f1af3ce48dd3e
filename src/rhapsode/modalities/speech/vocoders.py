"""The vocoders, by name."""

from __future__ import annotations

from importlib.util import find_spec

from rhapsode.errors import choice
from rhapsode.modalities.speech.acoustics import HIGHEST, LOWEST, Vocoder
from rhapsode.modalities.speech.lsp import Lsp
from rhapsode.modalities.speech.world import World

NAMES = (World.name, Lsp.name)


def available() -> tuple[str, ...]:
    """Names of those whose packages are installed, the best first: the one to take if none is asked for."""
    return NAMES if find_spec("pyworld") else (Lsp.name,)


def vocoder(name: str = "", lowest: float = LOWEST, highest: float = HIGHEST) -> Vocoder:
    """The vocoder of that name; the first of `available()` if it is empty. lowest, highest: Hz, where it seeks F0.

    Raises `UserError`.
    """
    name = name or available()[0]
    if name not in NAMES:
        raise choice("vocoder", name, NAMES)
    return World(lowest, highest) if name == World.name else Lsp(lowest, highest)
