"""Tunes → files: the suffix says in which format, to be played, heard, read or seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rhapsode.errors import choice
from rhapsode.exchange.place import place
from rhapsode.music import roll, synth
from rhapsode.music.formats import abc, midi, musicxml, own
from rhapsode.music.page import page
from rhapsode.music.tune import Tune


def _abc(tune: Tune) -> bytes:
    return abc.dumps(tune).encode()


def _musicxml(tune: Tune) -> bytes:
    return musicxml.dumps(tune).encode()


def _line(tune: Tune) -> bytes:
    return f"{own.dumps(tune)}\n".encode()


def _html(tune: Tune) -> bytes:
    return page(tune, midi=midi.dumps(tune))


WRITERS: dict[str, Callable[[Tune], bytes]] = {
    ".mid": midi.dumps,
    ".midi": midi.dumps,
    ".abc": _abc,
    ".musicxml": _musicxml,
    ".jsonl": _line,
    ".wav": synth.wav,
    ".svg": roll.svg,
    ".png": roll.png,
    ".html": _html,
}
"""What makes the contents of a file, by its suffix."""


def encode(tune: Tune, suffix: str) -> bytes:
    """The contents of a file with this suffix. Raises `UserError` for one that is not in `WRITERS`."""
    if suffix.lower() not in WRITERS:
        raise choice("kind of file", suffix, WRITERS)
    return WRITERS[suffix.lower()](tune)


def save(tune: Tune, path: str | os.PathLike[str]) -> None:
    """Write a tune to a file, wholly or not at all. Raises `UserError`."""
    path = Path(path)
    place(path, encode(tune, path.suffix))
