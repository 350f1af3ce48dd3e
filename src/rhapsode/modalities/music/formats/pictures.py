"""Piano rolls as pictures (`.svg`, `.png`). They are only written."""

from __future__ import annotations

from rhapsode.files.formats import Format
from rhapsode.modalities.music import roll
from rhapsode.modalities.music.tune import Tune


def _svg(tune: Tune) -> bytes:
    return roll.svg(tune)


def _png(tune: Tune) -> bytes:
    return roll.png(tune)


FORMAT = Format[Tune](writes={".svg": _svg, ".png": _png})
