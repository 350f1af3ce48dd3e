"""Tunes → files: the suffix says in which format, to be played, heard, read or seen."""

from __future__ import annotations

import os
from pathlib import Path

from rhapsode.files.place import place
from rhapsode.modalities.music.read import FORMATS
from rhapsode.modalities.music.tune import Tune

SUFFIXES = FORMATS.suffixes
NOTATION = tuple(suffix for suffix in SUFFIXES if FORMATS.options(suffix) == ["loop"])
"""Suffixes of notation, which has no loudness, and whose bars depend on whether a tune is a loop."""
encode = FORMATS.encode


def save(
    tune: Tune, path: str | os.PathLike[str], font: str | os.PathLike[str] | None = None, *, loop: bool = False
) -> None:
    """Write a tune to a file, wholly or not at all; a WAV with the sounds of a SoundFont, if one is given.

    loop: it is to be played again and again: a WAV goes round, see `synth.render`; notation has full bars alone.
    Raises `UserError`.
    """
    path = Path(path)
    place(path, contents(tune, path.suffix, font, loop=loop))


def contents(tune: Tune, suffix: str, font: str | os.PathLike[str] | None = None, *, loop: bool = False) -> bytes:
    """What `save` writes into a file with this suffix. Raises `UserError`."""
    allowed = FORMATS.options(suffix)
    options = {name: value for name, value in (("font", font), ("loop", loop)) if name in allowed}
    return encode(tune, suffix, **options)
