"""Tunes → files: the suffix says in which format, to be played, heard, read or seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rhapsode.errors import choice
from rhapsode.files.place import place
from rhapsode.modalities.music import roll, soundfont, synth
from rhapsode.modalities.music.formats import abc, midi, musicxml, own
from rhapsode.modalities.music.page import page
from rhapsode.modalities.music.tune import Tune
from rhapsode.modalities.music.voicing import accompanied, is_lead_sheet


def _abc(tune: Tune, *, loop: bool = False) -> bytes:
    return abc.dumps(tune, whole=loop).encode(errors="replace")


def _musicxml(tune: Tune, *, loop: bool = False) -> bytes:
    return musicxml.dumps(tune, whole=loop).encode(errors="replace")


def _line(tune: Tune) -> bytes:
    return f"{own.dumps(tune)}\n".encode()


def _midi(tune: Tune) -> bytes:
    return midi.dumps(accompanied(tune))


def _wav(tune: Tune) -> bytes:
    return synth.wav(tune, chords=is_lead_sheet(tune))


def _html(tune: Tune) -> bytes:
    return page(tune, midi=_midi(tune))


WRITERS: dict[str, Callable[[Tune], bytes]] = {
    ".mid": _midi,
    ".midi": _midi,
    ".abc": _abc,
    ".musicxml": _musicxml,
    ".jsonl": _line,
    ".wav": _wav,
    ".svg": roll.svg,
    ".png": roll.png,
    ".html": _html,
}
"""What makes the contents of a file, by its suffix."""
NOTATION: dict[str, Callable[..., bytes]] = {".abc": _abc, ".musicxml": _musicxml}
"""Those that write a pick-up without its rests, unless it is a loop's."""


def encode(tune: Tune, suffix: str) -> bytes:
    """The contents of a file with this suffix. Raises `UserError` for one that is not in `WRITERS`."""
    if suffix.lower() not in WRITERS:
        raise choice("kind of file", suffix, WRITERS)
    return WRITERS[suffix.lower()](tune)


def save(
    tune: Tune, path: str | os.PathLike[str], font: str | os.PathLike[str] | None = None, *, loop: bool = False
) -> None:
    """Write a tune to a file, wholly or not at all; a WAV with the sounds of a SoundFont, if one is given.

    loop: it is to be played again and again: a WAV goes round, see `synth.render`; notation has full bars alone.
    Raises `UserError`.
    """
    path = Path(path)
    if loop and path.suffix.lower() in NOTATION:
        place(path, NOTATION[path.suffix.lower()](tune, loop=True))
    elif path.suffix.lower() != ".wav":
        place(path, encode(tune, path.suffix))
    elif font is not None:
        place(path, soundfont.wav(tune, font, chords=is_lead_sheet(tune), loop=loop))
    else:
        place(path, synth.wav(tune, chords=is_lead_sheet(tune), loop=loop))
